"""The SIP side as the rest of the gateway uses it: rings phones, takes their calls, and owns the line pool."""

import re
import socket
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from ipaddress import ip_address
from random import random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.protocols import amp

from parloir.rtp.description import Address
from parloir.sip import dialog as dialogs
from parloir.sip import left_over
from parloir.sip.ban import Ban, BanStore
from parloir.sip.binding import Binding, BindingStore
from parloir.sip.edge import NOWHERE, Edge
from parloir.sip.errors import Unreachable
from parloir.sip.flow import Flow, by
from parloir.sip.lines import Lines
from parloir.sip.local import plain
from parloir.sip.logins import StationLogin
from parloir.sip.outgoing import OutgoingLeg
from parloir.sip.servers import Names, Servers
from parloir.sip.session import DialogStore, Incoming, Session, SessionEvents
from parloir.sip.settings import Settings
from parloir.sip.sightings import Sighting
from parloir.sip.stations import Station, Stations
from parloir.sip.surroundings import Log
from parloir.sip.target import Registered, Target, Through, Way
from parloir.sip.transport import Observer
from parloir.sip.trunk import Place, Trunk
from parloir.sip.trunk_link import TrunkLink
from parloir.sip.uri import Uri

FAREWELL = 2.0
_CREDENTIALS = re.compile(rb"(?im)^((?:proxy-)?authorization[ \t]*:|a=crypto:|k=).*$")


class UserAgent:
    """Sessions with phones, over `line_count` line processes that the program around it starts and hands over.

    `on_wire` is shown every message to and from phones ("in" or "out", peer, bytes), credentials and media's keys
    taken out.
    """

    def __init__(
        self,
        reactor: Any,
        settings: Settings,
        stations: Iterable[Station],
        dialog_store: DialogStore,
        incoming: Callable[[Incoming], None],
        log: Log,
        bindings: BindingStore = NOWHERE,
        bans: BanStore = NOWHERE,
    ) -> None:
        self._reactor = reactor
        self._log = log
        self._dialogs = dialog_store
        self.stations = Stations(stations)
        self.lines = Lines(settings, log, reactor)
        self.edge = Edge(reactor, settings, self.stations, dialog_store, self.lines, incoming, log, bindings, bans)
        self.edge.sockets.observe = self._wire
        self.edge.trunks.locate = self._locate
        self._servers = Servers(reactor, Names(reactor).services, self._resolve, random)
        self.on_wire: Observer | None = None
        self._unheard: tuple[Address, bytes] | None = None

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
        """Messages that were dropped, by why: "malformed", or a parloir.sip.admission.Verdict."""
        return self.edge.counters

    @property
    def connections(self) -> Mapping[str, int]:
        """How many connections are open, by transport."""
        return self.edge.sockets.connections

    @property
    def cut(self) -> Counter[str]:
        """How many connections were cut or not let in, by why."""
        return self.edge.sockets.counters

    def where(self, facility: str, station: str) -> list[Address]:
        """Where the phone of a station that registers here is now."""
        return [Flow.parse(binding.flow).peer for binding in self.edge.registrations.of(facility, station)]

    def _wire(self, way: str, peer: Address, data: bytes) -> None:
        """Show what is said; of a stranger's messages just those that are answered."""
        if self.on_wire is None:
            return
        if way == "in" and not self.edge.knows(peer.host):
            self._unheard = (peer, data)
            return
        stranger, self._unheard = self._unheard, None
        if stranger is not None and way == "out" and stranger[0] == peer:
            self.on_wire("in", peer, _CREDENTIALS.sub(rb"\1 withheld", stranger[1]))
        self.on_wire(way, peer, _CREDENTIALS.sub(rb"\1 withheld", data))

    async def start(self) -> None:
        """Take the ports, and end what an earlier run left behind. Lines may come up after this."""
        self.edge.open(self._reactor)
        await self.edge.registrations.restore()
        self.edge.trunks.start()
        for dialog in await self._dialogs.left_over():
            left_over.end(self.edge, dialog)

    def renew_certificate(self) -> None:
        """Read the files of `sip.tls` again; connections that are up go on as they are."""
        self.edge.sockets.renew_certificate()

    async def stop(self) -> None:
        """End every session, give the phones a moment to hear of it, and close the ports."""
        for leg in list(self.edge.legs.values()):
            leg.end(480)
        self.edge.trunks.stop()
        deadline = self._reactor.seconds() + FAREWELL
        while (self.edge.legs or self.edge.trunks.leaving) and self._reactor.seconds() < deadline:
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
    ) -> Session:
        """Ring a phone with this offer. An urgent call may have the reserved slots.

        Raises NoFreeLine where none came free in time, and Unreachable for a host that does not resolve, that no
        listener can send to, or a phone that is not registered.
        """
        way, id = await self._way(target), dialogs.token()
        slot = await self.lines.reserve_soon(id, self.edge.kept(way.uri.user, urgent))
        leg = OutgoingLeg(self.edge, id, slot, way, sdp, events, caller[:128])
        self.edge.enter(leg)
        self._log("sip.inviting", session=id, peer=way.flow.peer.host, line=slot.line)
        self._reactor.callLater(0, leg.start)
        return leg

    async def _way(self, target: Target) -> Way:
        if isinstance(target, Registered):
            return self.edge.registrations.way(target, self.edge.sockets.has)
        if isinstance(target, Through):
            return await self.edge.trunks.way(target)
        peer = Address(await self._resolve(target.host), target.port)
        flow = self.edge.sockets.flow(peer, target.transport)
        return Way(flow, Uri(target.user, target.host, target.port, by(target.transport)))

    async def find(self, target: Target) -> str:
        """The IP literal that a target is at now; raises Unreachable."""
        return (await self._way(target)).flow.peer.host

    async def _locate(self, place: Place) -> tuple[Address, ...]:
        """The servers at a PBX's place, in the order in which they are to be tried."""
        if place.portless:
            return await self._servers.of(place.host, place.transport, place.port)
        return (Address(await self._resolve(place.host), place.port),)

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

    def settle(self, settings: Settings) -> None:
        """Take other settings from now on, all but listeners, connections and slots, which hold from the start."""
        self.edge.settings = settings
        self.edge.registrations.settle(settings)

    def replace_logins(self, logins: list[StationLogin]) -> None:
        """Let the phones of these stations register, and no others."""
        self.edge.registrations.replace(logins)

    def registered(self) -> int:
        """How many stations have a phone that is registered."""
        doors = self.edge.registrations
        return sum(bool(doors.of(*owner)) for owner in doors.logins.owners)

    def trunks(self) -> Mapping[tuple[str, str], TrunkLink]:
        """The trunks at work, by facility and name."""
        return self.edge.trunks.links

    def trunk_at(self, host: str) -> tuple[str, str] | None:
        """The facility and name of the trunk at a host (an IP literal)."""
        return next((owner for owner, link in self.edge.trunks.links.items() if link.is_at(host)), None)

    def bindings(self, facility: str, station: str) -> tuple[Binding, ...]:
        """Where the phones that are registered as a station are, the newest first."""
        return self.edge.registrations.of(facility, station)

    def is_open(self, flow: Flow) -> bool:
        """Whether the connection that a phone registered on is there; always so by UDP."""
        return self.edge.sockets.has(flow)

    def sighting(self, address: Address, transport: str) -> Sighting | None:
        """What was heard last from a known phone or PBX at that address; by TCP and TLS, from any port of its host."""
        return self.edge.sightings.of(address, any_port=transport != "udp")

    def bans(self) -> list[Ban]:
        """The bans in force, the first to end first."""
        return self.edge.registrations.bans()

    def lift(self, host: str) -> bool:
        """End a ban; whether there was one."""
        return self.edge.registrations.lift(host)

    def replace_trunks(self, trunks: Iterable[Trunk]) -> None:
        """Take these PBXs from now on."""
        self.edge.trunks.replace(trunks)

    def line_locator(self, index: int) -> amp.CommandLocator:
        """What answers that line's own commands."""
        return self.lines.locator(index)

    async def line_up(self, index: int, child: amp.AMP) -> None:
        """Take a fresh line into service; AMP's errors when it cannot serve."""
        await self.lines.came_up(index, child)

    def line_down(self, index: int) -> None:
        """That line is gone: end its calls."""
        self.lines.went_down(index)
