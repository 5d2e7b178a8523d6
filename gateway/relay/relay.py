"""A relay: every bridge of one process over one switch."""

import socket
from collections.abc import Callable
from pathlib import Path
from time import monotonic_ns, time
from typing import Any

from twisted.logger import Logger

from parloir.relay.bridge import BEATS, Bridge
from parloir.relay.browsers import Browsers
from parloir.relay.commands import NoSuchBridge, Refused, RelaySettings
from parloir.relay.entries import Punt, PuntKind
from parloir.relay.party_clock import OwnClock
from parloir.relay.player import Player, Prompts
from parloir.relay.ports import Ports, bind
from parloir.relay.services import News, Services
from parloir.relay.switch import Switch
from parloir.rtp.flow import Leg as Party

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
            ntp=OwnClock(time(), clock()),
            clock=clock,
        )
        self._bridges: dict[str, Bridge] = {}
        self._owners: dict[int, tuple[Bridge, Party]] = {}
        self._log = Logger()
        self._opened = 0
        self._beat = 0

    async def warm(self) -> None:
        """Encode the notice in every language beforehand."""
        await self._services.prompts.warm("notice")

    def open(self, name: str, privileged: bool) -> None:
        """Make a bridge. Raises Refused if there is one of that name."""
        if name in self._bridges:
            raise Refused(f"there is a bridge {name!r} already")
        self._opened += 1
        self._bridges[name] = Bridge(name, privileged, self._opened % SLOTS, self._services, self._news)

    def bridge(self, name: str) -> Bridge:
        """A bridge by its name. Raises NoSuchBridge."""
        try:
            return self._bridges[name]
        except KeyError:
            raise NoSuchBridge(name) from None

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
        lost = self._browsers.lost(now / 1e9)
        for bridge in [bridge for bridge in self._bridges.values() if bridge.slot == self._beat]:
            try:
                bridge.attend(now, lost)
            except Exception:
                self._log.failure("attending to bridge {bridge}", bridge=bridge.name)

    def close(self) -> None:
        """End every bridge and close every socket."""
        for name in list(self._bridges):
            self._bridges.pop(name).close()
        self.switch.close()

    def _handle(self, punt: Punt) -> None:
        if punt.kind in (PuntKind.STUN, PuntKind.DTLS):
            leg = self._browsers.take(punt)
            if leg is not None:
                self._alive(leg.name)
            return
        bridge, party = self._owner(punt)
        if bridge is not None and party is not None:
            bridge.take(punt, party)

    def _alive(self, leg: str) -> None:
        bridge = self._bridges.get(leg.rpartition("#")[0])
        if bridge is not None:
            bridge.alive(leg)

    def _owner(self, punt: Punt) -> tuple[Bridge, Party] | tuple[None, None]:
        if punt.subject not in self._owners:
            self._owners = {
                number: (bridge, party) for bridge in self._bridges.values() for number, party in bridge.numbers()
            }
        return self._owners.get(punt.subject, (None, None))
