"""The SIP side as the rest of the gateway uses it: rings phones, takes their calls, and owns the line pool."""

import re
import socket
from collections import Counter
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.protocols import amp

from parloir.rtp.description import Address
from parloir.sip import dialog as dialogs
from parloir.sip import left_over
from parloir.sip.edge import Edge
from parloir.sip.errors import SipError, Unreachable
from parloir.sip.flow import Flow
from parloir.sip.lines import Lines
from parloir.sip.local import plain
from parloir.sip.message import Response
from parloir.sip.outgoing import Login, OutgoingLeg
from parloir.sip.session import Dialog, DialogStore, Incoming, Session, SessionEvents
from parloir.sip.settings import Settings
from parloir.sip.stations import Station, Stations
from parloir.sip.surroundings import Log
from parloir.sip.transport import Observer
from parloir.sip.uri import Uri

FAREWELL = 2.0
_CREDENTIALS = re.compile(rb"(?im)^((?:proxy-)?authorization[ \t]*:).*$")


class Target(Protocol):
    """A phone's SIP address: user may be empty, host a name or an IP literal."""

    @property
    def user(self) -> str: ...

    @property
    def host(self) -> str: ...

    @property
    def port(self) -> int: ...


class UserAgent:
    """Sessions with phones, over `line_count` line processes that the program around it starts and hands over.

    `on_wire` is shown every datagram to and from phones ("in" or "out", peer, bytes), credentials taken out.
    """

    def __init__(
        self,
        reactor: Any,
        settings: Settings,
        stations: Iterable[Station],
        dialog_store: DialogStore,
        incoming: Callable[[Incoming], None],
        log: Log,
    ) -> None:
        self._reactor = reactor
        self._log = log
        self._dialogs = dialog_store
        self.stations = Stations(stations)
        self.lines = Lines(settings, log, reactor)
        self.edge = Edge(reactor, settings, self.stations, dialog_store, self.lines, incoming, log)
        self.edge.sockets.observe = self._wire
        self.on_wire: Observer | None = None

    @property
    def line_count(self) -> int:
        """How many lines are wanted."""
        return self.lines.count

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where phones reach us, once started."""
        return self.edge.sockets.addresses

    @property
    def counters(self) -> Counter[str]:
        """Datagrams that went unanswered: from a "stranger", or "malformed"."""
        return self.edge.counters

    def _wire(self, way: str, peer: Address, data: bytes) -> None:
        if self.on_wire is not None:
            self.on_wire(way, peer, _CREDENTIALS.sub(rb"\1 withheld", data))

    async def start(self) -> None:
        """Take the ports, and end what an earlier run left behind. Lines may come up after this."""
        self.edge.open(self._reactor)
        for dialog in await self._dialogs.left_over():
            left_over.end(self.edge, dialog)

    async def stop(self) -> None:
        """End every session, give the phones a moment to hear of it, and close the ports."""
        for leg in list(self.edge.legs.values()):
            leg.end(480)
        deadline = self._reactor.seconds() + FAREWELL
        while self.edge.legs and self._reactor.seconds() < deadline:
            pause: Deferred[None] = Deferred()
            self._reactor.callLater(0.02, pause.callback, None)
            await pause
        await self.edge.close()

    async def invite(
        self,
        target: Target,
        sdp: str,
        events: SessionEvents,
        caller: str = "",
        urgent: bool = False,
        login: Login = ("", ""),
    ) -> Session:
        """Ring a phone with this offer; `login` answers a challenge. An urgent call may have the reserved slots.

        Raises NoFreeLine where none came free in time, and Unreachable for a host that does not resolve or that no listener can send to.
        """
        peer = Address(await self._resolve(target.host), target.port)
        flow = self.edge.sockets.flow(peer)
        id = dialogs.token()
        slot = await self.lines.reserve_soon(id, self.edge.kept(target.user, urgent))
        uri = Uri(target.user, target.host, target.port)
        leg = OutgoingLeg(self.edge, id, slot, flow, uri, sdp, events, caller[:128], login)
        self.edge.enter(leg)
        self._log("sip.inviting", session=id, peer=str(flow.peer.host), line=slot.line)
        self._reactor.callLater(0, leg.start)
        return leg

    async def _resolve(self, host: str) -> str:
        try:
            return plain(host)
        except ValueError:
            pass
        pool = self._reactor.getThreadPool()
        try:
            found = await deferToThreadPool(self._reactor, pool, socket.getaddrinfo, host, None, 0, socket.SOCK_DGRAM)
        except OSError as error:
            raise Unreachable(host, f"does not resolve ({error.strerror})") from None
        usable = sorted({str(entry[4][0]) for entry in found}, key=lambda literal: ip_address(literal).version)
        return plain(usable[0])

    def line_locator(self, index: int) -> amp.CommandLocator:
        """What answers that line's own commands."""
        return self.lines.locator(index)

    async def line_up(self, index: int, child: amp.AMP) -> None:
        """Take a fresh line into service; AMP's errors when it cannot serve."""
        await self.lines.came_up(index, child)

    def line_down(self, index: int) -> None:
        """That line is gone: end its calls."""
        self.lines.went_down(index)
