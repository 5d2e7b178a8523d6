"""The gateway's composition root: opens the store, starts the children, and ties calls, phones and pages together."""

import gc
import signal
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic_ns
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.threads import deferToThread
from twisted.protocols import amp
from twisted.python.failure import Failure

from parloir import __version__, wiring
from parloir.calls.bookkeeper import Bookkeeper
from parloir.calls.desk import Desk, DeskTerms
from parloir.calls.hand import DeskHand
from parloir.calls.relays import RelayLocator, Relays
from parloir.calls.switchboard import Switchboard
from parloir.calls.timeline import Clock, Timelines
from parloir.children import Child
from parloir.config import loader
from parloir.config.at_start import left_until_restart
from parloir.config.schema import Config
from parloir.errors import ParloirError
from parloir.log import Log
from parloir.policy import check
from parloir.policy.errors import PluginErrors
from parloir.relay.commands import Configure
from parloir.rules import Rules
from parloir.sip.agent import UserAgent
from parloir.sip.errors import SipError
from parloir.store.anchor import Anchor
from parloir.store.database import Database
from parloir.store.dialogs import Dialogs
from parloir.store.logins import Logins
from parloir.store.phones import Bans, Bindings
from parloir.tracing import Tracing
from parloir.web.metrics import Metrics
from parloir.web.office import Office
from parloir.web.officer import Guardroom
from parloir.web.recordings import Archive
from parloir.web.site import Web

LAST_WORDS = 3.0


class RelayOwner:
    """Configures relays as they come up, and gives them to the calls."""

    def __init__(self, config: Config, relays: Relays) -> None:
        self.config = config
        self.relays = relays

    def locator(self, index: int) -> amp.CommandLocator:
        """What answers a relay's news."""
        return RelayLocator(self.relays, index)

    async def came_up(self, index: int, child: amp.AMP) -> None:
        """Tell a relay its addresses; it carries calls from then on."""
        settings = wiring.relay_settings(self.config, index)
        await child.callRemote(Configure, settings=settings)  # type: ignore[no-untyped-call]
        self.relays.came_up(index, child)

    def went_down(self, index: int) -> None:
        """A relay's calls end."""
        self.relays.went_down(index)


class LineOwner:
    """Gives lines to the user agent."""

    def __init__(self, agent: UserAgent) -> None:
        self.agent = agent

    def locator(self, index: int) -> amp.CommandLocator:
        """What answers a line's news."""
        return self.agent.line_locator(index)

    async def came_up(self, index: int, child: amp.AMP) -> None:
        """A line takes calls from now on."""
        await self.agent.line_up(index, child)

    def went_down(self, index: int) -> None:
        """A line's calls end."""
        self.agent.line_down(index)


class Service:
    """One running gateway."""

    def __init__(self, config: Config, file: Path, reactor: Any, log: Log) -> None:
        self.config = config
        self._configured = config.facilities
        self.file = file
        self.reactor = reactor
        self.log = log
        self.status = 0
        self.children: list[Child] = []
        self.stopping = False
        anchor = Anchor.within(config.gateway.data_dir)
        self.database = Database.open(config.gateway.database or config.gateway.data_dir, reactor, anchor)
        self.relays = Relays()
        self.agent = self._user_agent(config)
        self.tracing = Tracing(config, self.agent.where)
        self.switchboard = Switchboard(config, self.agent)
        self.agent.on_wire = self.tracing.saw
        self.timelines = Timelines(self.database, Clock(lambda: datetime.now(UTC), monotonic_ns), log)
        self.rules = Rules(config, reactor, self.database, self.timelines, DeskHand(lambda: self.desk))
        self.logins = Logins(self.database, reactor)
        self.desk: Desk = Desk(
            reactor,
            self.database,
            self.timelines,
            self.relays,
            self.agent,
            wiring.stations(config),
            self.rules.facilities,
            DeskTerms(
                wiring.advertise(config, self.agent.trunk_at),
                wiring.ice_servers(config),
                config.webrtc.relay_only,
                config.gateway.rejoin_window,
                wiring.recordings(config),
                self._ends_unrecorded,
                wiring.node(config),
            ),
            self.logins,
        )
        self.bookkeeper = Bookkeeper(reactor, self.database, self.timelines.clock.wall, log)
        self.web = self._web(config)

    def _user_agent(self, config: Config) -> UserAgent:
        agent = UserAgent(
            self.reactor,
            wiring.sip_settings(config),
            wiring.trusted(config),
            Dialogs(self.database, wiring.node(config)),
            lambda incoming: self.desk.incoming(incoming),
            self.log,
            Bindings(self.database, wiring.node(config)),
            Bans(self.database),
        )
        agent.replace_logins(wiring.logins(config))
        agent.replace_trunks(wiring.trunks(config))
        return agent

    def _ends_unrecorded(self, facility: str) -> bool:
        """Whether a facility wants no call to go on whose recording has failed."""
        known = self._configured.get(facility)
        return known is not None and known.recording.on_failure == "end"

    def _web(self, config: Config) -> Web:
        gateway = config.gateway
        metrics = Metrics()
        metrics.gauge("parloir_calls_live", "Calls in progress.", lambda: len(self.desk.live))
        metrics.gauge("parloir_calls_ended", "Calls ended, by reason.", self._ended)
        metrics.gauge("parloir_phones_registered", "Stations whose phone is registered.", self.agent.registered)
        metrics.gauge("parloir_trunk_up", "Whether a trunk answers, and knows us where it has to.", self._trunks_up)
        metrics.gauge("parloir_sip_connections", "Phones' connections open, by transport.", self._connections)
        metrics.gauge("parloir_sip_connections_cut", "Phones' connections cut or not let in, by why.", self._cut)
        metrics.gauge("parloir_sip_dropped", "SIP messages dropped without an answer, by why.", self._dropped)
        metrics.gauge("parloir_sip_bans", "Addresses that are banned now.", lambda: len(self.agent.bans()))
        metrics.gauge("parloir_children_up", "Child processes that are up, by kind.", self._up)
        return Web(
            self.desk,
            host=gateway.http.host,
            port=gateway.http.port,
            public_url=gateway.public_url,
            token_file=gateway.token_file,
            certificate=gateway.tls.certificate if gateway.tls else None,
            key=gateway.tls.key if gateway.tls else None,
            trusted_proxies=gateway.trusted_proxies,
            metrics=metrics,
            health=self._health,
            trace=self.tracing.of,
            board=self.switchboard,
            office=Office(self.logins, self.database, self.rules.facilities),
            guardroom=Guardroom(self.desk.wall, self.desk.acts),
            archive=Archive(self.desk.shelf, self.desk.expiry, self.desk.listening),
            reactor=self.reactor,
        )

    def _ended(self) -> Mapping[tuple[tuple[str, str], ...], float]:
        return {(("reason", name),): float(count) for name, count in self.desk.ended.items()}

    def _trunks_up(self) -> Mapping[tuple[tuple[str, str], ...], float]:
        links = self.agent.trunks()
        return {(("facility", f), ("trunk", name)): float(link.serves) for (f, name), link in links.items()}

    def _dropped(self) -> Mapping[tuple[tuple[str, str], ...], float]:
        return {(("why", why),): float(count) for why, count in sorted(self.agent.counters.items())}

    def _connections(self) -> Mapping[tuple[tuple[str, str], ...], float]:
        return {(("transport", name),): float(count) for name, count in self.agent.connections.items()}

    def _cut(self) -> Mapping[tuple[tuple[str, str], ...], float]:
        return {(("why", why),): float(count) for why, count in sorted(self.agent.cut.items())}

    def _up(self) -> Mapping[tuple[tuple[str, str], ...], float]:
        kinds = {child.name for child in self.children}
        return {(("kind", k),): float(sum(c.up for c in self.children if c.name == k)) for k in sorted(kinds)}

    def _health(self) -> Mapping[str, bool]:
        return {f"{child.name}-{child.index}": child.up for child in self.children} | self.rules.health

    async def start(self) -> None:
        """Bring every part up, then say that the gateway is ready. Raises PluginErrors."""
        await self.rules.load()
        await self.desk.start()
        self.bookkeeper.begin()
        await self.agent.start()
        relays, lines = RelayOwner(self.config, self.relays), LineOwner(self.agent)
        for index in range(self.config.webrtc.relays):
            self._child("relay", "parloir.relay.main", index, relays)
        for index in range(self.agent.line_count):
            self._child("line", "parloir.sip.line_main", index, lines)
        self._take_signals()
        host, port = await self.web.listen()
        self.log("listening", http=f"{host}:{port}")
        for child in self.children:
            await child.ready
        gc.collect()
        gc.freeze()  # what calls leave is then collected often, and cheaply
        gc.collect()
        self.log("ready", version=__version__, http=f"{host}:{port}", url=self.config.gateway.public_url)

    def _child(self, name: str, module: str, index: int, owner: RelayOwner | LineOwner) -> None:
        child = Child(self.reactor, name, module, index, owner, self.log)
        self.children.append(child)
        child.start()

    def _take_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.reactor.callFromThread(self.terminate))
        signal.signal(signal.SIGHUP, lambda *_: self.reactor.callFromThread(self.reload))

    def reload(self) -> None:
        """Read the configuration again: stations and policies change, live calls do not."""
        ensureDeferred(self._reload()).addErrback(self._fault)

    async def _reload(self) -> None:
        examination = await deferToThread(loader.examine, self.file)
        config, wrong = examination.config, examination.problems
        if config is not None:
            wrong = await deferToThread(check.problems, config.facilities, examination.place)
        if config is None or wrong:
            self.log("reload.refused", problems=[str(problem) for problem in wrong])
            return
        try:
            await self.rules.load(config)
        except PluginErrors as errors:
            self.log("reload.refused", problems=[str(problem) for problem in errors.problems])
            return
        self.desk.stations.replace(wiring.stations(config))
        self.agent.stations.replace(wiring.trusted(config))
        self.tracing.config = self.switchboard.config = config
        self.agent.replace_logins(wiring.logins(config))
        self.agent.replace_trunks(wiring.trunks(config))
        self.agent.settle(wiring.sip_settings(config))
        self.agent.renew_certificate()
        self._configured = config.facilities
        if waiting := left_until_restart(self.config, config):
            self.log("reload.needs_restart", keys=waiting)
        self.log("reloaded")

    def terminate(self) -> None:
        """Drain: no new calls, live ones told and ended in time. Called again, stop at once."""
        if self.desk.closing:
            self.log("stopping", why="signalled twice")
            self.stop()
            return
        self.log("draining", calls=len(self.desk.live), seconds=self.config.gateway.drain)
        self.reactor.callLater(self.config.gateway.drain, self.desk.end_all)
        self.reactor.callLater(self.config.gateway.drain + LAST_WORDS, self.stop)
        self.desk.on_idle = lambda: self.reactor.callLater(0, self.stop)
        self.desk.drain()

    def stop(self) -> None:
        """Take everything down and leave."""
        if self.stopping:
            return
        self.stopping = True
        ensureDeferred(self._stop()).addErrback(self._fault).addBoth(lambda _: self._leave())

    async def _stop(self) -> None:
        self.bookkeeper.close()
        await self._end_calls()
        await self.web.close()
        await self.agent.stop()
        await self.rules.close()
        gone = [Deferred[None]() for _ in self.children]
        for child, over in zip(self.children, gone, strict=True):
            child.stop(lambda over=over: over.callback(None))  # type: ignore[misc]
        self.reactor.callLater(LAST_WORDS, self._kill)
        for over in gone:
            await over
        await self.logins.close()
        await self.database.close()

    async def _end_calls(self) -> None:
        """End every call and wait until each page has been told, though not for ever."""
        quiet: Deferred[None] = Deferred()

        def over() -> None:
            if not quiet.called:
                quiet.callback(None)

        self.desk.on_idle = over
        patience = self.reactor.callLater(LAST_WORDS, over)
        self.desk.end_all()
        await quiet
        if patience.active():
            patience.cancel()

    def _kill(self) -> None:
        for child in self.children:
            child.kill()

    def _fault(self, failure: Failure) -> None:
        self.log("fault", text=failure.getErrorMessage(), trace=failure.getTraceback()[-4000:])

    def _leave(self) -> None:
        self.log("stopped")
        self.reactor.stop()

    def failed(self, failure: Failure) -> None:
        """The gateway could not start."""
        self.status = 1
        if isinstance(failure.value, ParloirError | SipError | CannotListenError | OSError):
            print(f"parloir: {failure.getErrorMessage()}", file=sys.stderr)
        else:
            self._fault(failure)
        self.stop()
