"""Each facility's policies in this gateway: loaded from the configuration, loaded anew, asked for their health."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection
from twisted.internet.defer import ensureDeferred
from twisted.internet.threads import deferToThread

from parloir import wiring
from parloir.calls import alarms
from parloir.calls.accounts import FacilityLedger
from parloir.calls.actions import FacilityActions, Hand
from parloir.calls.facilities import Facilities, Facility
from parloir.calls.journal import FacilityJournal, Run
from parloir.calls.outbox import Listeners, Outbox
from parloir.calls.premises import Premises
from parloir.calls.records import FacilityRecords
from parloir.calls.stations import Stations
from parloir.calls.tasks import Tasks
from parloir.calls.timeline import Timelines
from parloir.config import caps
from parloir.config.schema import Config
from parloir.config.schema import Facility as Configured
from parloir.policy import facility as given
from parloir.policy import loader, rates
from parloir.policy.discovery import installed
from parloir.policy.gateway_store import GatewayStore
from parloir.policy.hooks import REMOTE_DEADLINE
from parloir.policy.pace import Pace
from parloir.policy.values import Alert
from parloir.store import plugin_tables
from parloir.store.database import Database

T = TypeVar("T")
HEALTH = 10.0
NEWS = 0.2


def _now() -> datetime:
    return datetime.now(UTC)


class Rules:
    """The policies of every facility. `health` is what the plugins last said of themselves, by facility and plugin."""

    def __init__(self, config: Config, reactor: Any, database: Database, timelines: Timelines, hand: Hand) -> None:
        self.facilities = Facilities({})
        self.health: dict[str, bool] = {}
        self._config = config
        self._reactor = reactor
        self._database = database
        self._timelines = timelines
        self._hand = hand
        self._tasks: list[Tasks] = []
        self._closed = False
        self._pace = Pace(reactor)
        self._waking: Any = None
        timelines.written = self.wake
        keep = timedelta(days=config.gateway.news_days)
        self._outbox = Outbox(reactor, self._run("journal"), self._listeners, keep, _now, timelines.log)

    async def load(self, config: Config | None = None) -> None:
        """Load every facility's plugins; the ones before stay when any is wrong. Raises PluginErrors."""
        wanted = config or self._config
        stations = wiring.stations(wanted)
        deadline = wanted.gateway.plugin_deadline
        patience = loader.Patience(deadline, max(deadline, REMOTE_DEADLINE))
        made = {id: await self._facility(id, each, stations, patience) for id, each in wanted.facilities.items()}
        await self._outbox.enrol({id: each.policies.listeners for id, each in made.items()})
        before = self.facilities.all()
        self.facilities.replace(made)
        self._config = wanted
        self._stop_tasks()
        for facility in before:
            await facility.policies.close()
        for facility in made.values():
            facility.policies.tell()
            self._tasks.append(Tasks(facility.policies, self._reactor))
            self._tasks[-1].start()
        if not before:
            self._look()
            self._outbox.begin()

    async def _facility(
        self, id: str, configured: Configured, stations: Stations, patience: loader.Patience
    ) -> Facility:
        found = installed()
        for name in configured.plugins:
            await self._prepare(name, found)
        surroundings = replace(self._surroundings(id, configured, stations), patience=patience)
        policies = await deferToThread(loader.load, configured.plugins, surroundings, found)
        language = wiring.language(configured.language)
        return Facility(id, configured.name, configured.timezone, configured.rates.tier, language, policies)

    async def _prepare(self, name: str, found: Any) -> None:
        """Make the plugin's own tables; what is wrong with it is said when it is loaded."""
        if name not in found:
            return
        plugin = await deferToThread(loader.plugin_class, name, found)
        if not isinstance(plugin, type):
            return
        try:
            metadata = await deferToThread(loader.tables, name, plugin)
        except Exception:
            return
        await self._database.run(lambda connection: plugin_tables.prepare(connection, name, metadata))

    def _surroundings(self, id: str, configured: Configured, stations: Stations) -> loader.Surroundings:
        premises = Premises(
            id,
            configured.timezone,
            configured.rates.tier,
            wiring.language(configured.language),
            stations,
        )

        run = self._run(f"plugins:{id}")
        store = GatewayStore(self._reactor, run)
        facility = given.Facility(
            id=id,
            name=configured.name,
            timezone=ZoneInfo(configured.timezone),
            tier=premises.tier,
            language=premises.language,
            store=store,
            records=FacilityRecords(premises, store, _now),
            now=_now,
            raise_alert=lambda alert: self._reactor.callFromThread(self._keep, id, alert),
            actions=FacilityActions("parloir", premises, self._reactor, run, self._hand),
            stations={name: station.unit for name, station in configured.stations.items()},
            ledger=FacilityLedger("parloir", id, store, _now),
        )
        return loader.Surroundings(
            facility,
            self._reactor,
            FacilityJournal(premises, self._run("journal"), _now),
            pace=self._pace,
            ceiling=lambda call: rates.legal_cap(caps.shipped(), call),
            actions=lambda plugin: FacilityActions(plugin, premises, self._reactor, run, self._hand),
            ledger=lambda plugin: FacilityLedger(plugin, id, store, _now),
        )

    def _run(self, lane: str) -> Run:
        def run(work: Callable[[Connection], T]) -> Awaitable[T]:
            return self._database.run(work, lane)

        return run

    def _keep(self, facility: str, alert: Alert) -> None:
        """Keep an alert, and say it in the log."""
        self._timelines.log("alert", facility=facility, severity=alert.severity.value, why=alert.code, text=alert.text)
        ensureDeferred(
            self._database.run(lambda connection: alarms.put(connection, facility, alert, _now()))
        ).addErrback(lambda failure: self._timelines.log("store.failed", error=failure.getErrorMessage()))

    def _listeners(self) -> Listeners:
        return {facility.id: facility.policies.listeners for facility in self.facilities.all()}

    def wake(self) -> None:
        """There may be news for plugins: tell them soon, once for many events."""
        if self._waking is None and not self._closed:
            self._waking = self._reactor.callLater(NEWS, self._tell)

    def _tell(self) -> None:
        self._waking = None
        for facility in self.facilities.all():
            facility.policies.tell()

    def _look(self) -> None:
        if not self._closed:
            ensureDeferred(self._ask_health()).addBoth(lambda _: self._reactor.callLater(HEALTH, self._look))

    async def _ask_health(self) -> None:
        said: dict[str, bool] = {}
        for facility in self.facilities.all():
            health = await facility.policies.health()
            said |= {f"{facility.id}.{plugin}": well for plugin, well in health.items()}
        self.health = said
        self.wake()  # what staff or another process wrote has no event of ours

    async def close(self) -> None:
        """Take the plugins down."""
        self._closed = True
        if self._waking is not None:
            self._waking.cancel()
        self._outbox.close()
        self._stop_tasks()
        for facility in self.facilities.all():
            await facility.policies.close()

    def _stop_tasks(self) -> None:
        for tasks in self._tasks:
            tasks.close()
        self._tasks.clear()
