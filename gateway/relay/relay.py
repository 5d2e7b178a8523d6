"""A relay: every bridge of one process over one switch."""

import socket
from collections.abc import Callable
from pathlib import Path
from time import monotonic_ns, process_time_ns, time
from typing import Any

from twisted.logger import Logger

from parloir.relay.bodies import RelaySettings
from parloir.relay.bridge import BEATS, Bridge
from parloir.relay.browsers import Browsers
from parloir.relay.commands import NoSuchBridge, Refused
from parloir.relay.effort import Effort
from parloir.relay.entries import Punt, PuntKind
from parloir.relay.ordinary import OrdinaryBridge
from parloir.relay.party_clock import OwnClock
from parloir.relay.player import Player, Prompts
from parloir.relay.ports import Ports, bind
from parloir.relay.recorder import Recorder
from parloir.relay.services import News, Services
from parloir.relay.switch import Switch

SLOTS = 10
"""Each beat attends to one bridge in so many, so that media never waits for all of them at once."""
BEAT = 1 / (BEATS * SLOTS)
"""Seconds from one beat to the next."""
SHARED_BUFFER = 1 << 22
"""Bytes the kernel may queue on the socket that all browsers share."""


class Relay:
    """Bridges by name. `reactor` gives callLater and threads, `clock` monotonic nanoseconds.

    Raises OSError where the browsers' socket cannot be bound.
    """

    def __init__(
        self, reactor: Any, settings: RelaySettings, news: News, clock: Callable[[], int] = monotonic_ns
    ) -> None:
        self._news = news
        self._clock = clock
        fd = bind(settings.webrtc_host, settings.webrtc_port, SHARED_BUFFER)
        self.switch = Switch(clock)
        with socket.socket(fileno=socket.dup(fd)) as bound:
            self.port: int = bound.getsockname()[1]
        self.switch.add_socket(fd, shared=True)
        self._browsers = Browsers(self.switch, fd, self.port, settings.public_addresses)
        self._services = Services(
            settings=settings,
            switch=self.switch,
            ports=Ports(settings.rtp_first, settings.rtp_last, settings.port_rest),
            prompts=Prompts(reactor, Path(settings.prompts)),
            player=Player(self.switch, reactor.callLater, clock),
            browsers=self._browsers,
            recorder=Recorder(reactor.callFromThread),
            ntp=OwnClock(time(), clock()),
            clock=clock,
            later=reactor.callLater,
        )
        self._bridges: dict[str, Bridge] = {}
        self._owners: dict[int, tuple[Bridge, str]] = {}
        self._log = Logger()
        self._opened = 0
        self._beat = 0
        self._effort = Effort(process_time_ns())

    async def warm(self) -> None:
        """Encode the notice in every language beforehand."""
        await self._services.prompts.warm("notice")

    def open(self, name: str, privileged: bool) -> None:
        """Make a bridge. Raises Refused if there is one of that name."""
        if name in self._bridges:
            raise Refused(f"there is a bridge {name!r} already")
        self._opened += 1
        kind = Bridge if privileged else OrdinaryBridge
        self._bridges[name] = kind(name, self._opened % SLOTS, self._services, self._news)

    def bridge(self, name: str) -> Bridge:
        """A bridge by its name. Raises NoSuchBridge."""
        try:
            return self._bridges[name]
        except KeyError:
            raise NoSuchBridge(name) from None

    def open_to_taps(self, name: str) -> OrdinaryBridge:
        """A bridge that may be listened to or recorded. Raises NoSuchBridge, or Refused for a privileged one."""
        bridge = self.bridge(name)
        if not isinstance(bridge, OrdinaryBridge):
            raise Refused("the call is privileged: it has no way to be heard by others")
        return bridge

    def hand_on(self, source: str, target: str) -> None:
        """Let one bridge go on with the phone of another. Raises NoSuchBridge, or Refused and nothing is changed."""
        giver, taker = self.bridge(source), self.bridge(target)
        if taker.has_phone:
            raise Refused("the phone leg is open already")
        taker.take_phone(*giver.give_phone())
        self._owners.clear()

    def forget(self, name: str) -> None:
        """A bridge was closed."""
        self._bridges.pop(name, None)
        self._owners.clear()

    def handle_punts(self) -> None:
        """Deal with all that the switch has handed up; a fault over one is logged and stops no other."""
        for punt in self.switch.take_punts():
            try:
                self._handle(punt)
            except Exception:
                self._log.failure("what the switch handed up: {kind}", kind=punt.kind.value)

    def beat(self) -> None:
        """Attend to the bridges whose turn it is; to be called every BEAT seconds."""
        now = self._clock()
        self._beat = (self._beat + 1) % SLOTS
        if self._beat == 0:
            self._share_out()
        lost = self._browsers.lost(now / 1e9)
        for bridge in [bridge for bridge in self._bridges.values() if bridge.slot == self._beat]:
            try:
                bridge.attend(now, lost)
            except Exception:
                self._log.failure("attending to bridge {bridge}", bridge=bridge.name)

    def _share_out(self) -> None:
        """Say what each bridge cost."""
        carried = {name: bridge.carried for name, bridge in self._bridges.items()}
        for name, spent in self._effort.share(process_time_ns(), carried).items():
            self._bridges[name].spend(spent)

    def close(self) -> None:
        """End every bridge and close every socket."""
        for name in list(self._bridges):
            self._bridges.pop(name).close()
        self._services.recorder.stop()
        self.switch.close()

    def _handle(self, punt: Punt) -> None:
        if punt.kind in (PuntKind.STUN, PuntKind.DTLS):
            leg = self._browsers.take(punt)
            if leg is not None:
                self._alive(leg.name)
            return
        bridge, whose = self._owner(punt)
        if bridge is not None and whose is not None:
            bridge.take(punt, whose)

    def _alive(self, leg: str) -> None:
        bridge = self._bridges.get(leg.rpartition("#")[0])
        if bridge is not None:
            bridge.alive(leg)

    def _owner(self, punt: Punt) -> tuple[Bridge, str] | tuple[None, None]:
        if punt.subject not in self._owners:
            self._owners = {
                number: (bridge, whose) for bridge in self._bridges.values() for number, whose in bridge.numbers()
            }
        return self._owners.get(punt.subject, (None, None))
