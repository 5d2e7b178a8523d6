"""The border: public sockets on one side, the lines on the other, and the legs between them."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure

from parloir.rtp.description import Address
from parloir.sip import dialog as dialogs
from parloir.sip import left_over, midcall, reception
from parloir.sip.admission import Verdict
from parloir.sip.ban import BanStore
from parloir.sip.binding import BindingStore, Nowhere
from parloir.sip.crowd import Standing
from parloir.sip.dummy import SESSION_HEADER
from parloir.sip.errors import MalformedMessage, SipError
from parloir.sip.flow import Face, Flow
from parloir.sip.incoming import IncomingLeg
from parloir.sip.leg import Leg
from parloir.sip.lines import Lines
from parloir.sip.message import Request, Response, parse
from parloir.sip.peers import Peers
from parloir.sip.refusal import refusal
from parloir.sip.registrations import Registrations
from parloir.sip.session import DialogStore, Incoming
from parloir.sip.settings import Listener, Settings
from parloir.sip.sightings import Sightings
from parloir.sip.slots import Slot
from parloir.sip.stations import Station, Stations
from parloir.sip.surroundings import Clock, Log
from parloir.sip.transactions import Asked, Transactions
from parloir.sip.transport import Sockets
from parloir.sip.trunks import Trunks
from parloir.sip.uri import Uri

RETRY_AFTER = "10"
NOWHERE = Nowhere()


class Edge:
    """Takes every datagram to the leg it belongs to. Strangers get silence, and are counted in `counters`."""

    def __init__(
        self,
        clock: Clock,
        settings: Settings,
        stations: Stations,
        dialog_store: DialogStore,
        lines: Lines,
        incoming: Callable[[Incoming], None],
        log: Log,
        bindings: BindingStore = NOWHERE,
        bans: BanStore = NOWHERE,
    ) -> None:
        self.clock = clock
        self.settings = settings
        self.stations = stations
        self.dialogs = dialog_store
        self.lines = lines
        self.log = log
        self.counters: Counter[str] = Counter()
        self.legs: dict[str, Leg] = {}
        self._incoming = incoming
        self._by_dialog: dict[tuple[str, str], Leg] = {}
        self._peers = Peers()
        self.registrations = Registrations(settings, bindings, bans, log)
        self.registrations.spares = self._is_named
        self.sightings = Sightings()
        self.sockets = Sockets(settings.listen, settings.product, self.from_phone, settings.streams, log)
        self.sockets.standing = self.standing
        self.inner_sockets = Sockets((Listener("127.0.0.1", 0),), settings.product, self.from_line)
        self.outer = Transactions(
            clock, self.sockets, dialogs.token, self._phone_asks, self._phone_acknowledges, self._phone_answers
        )
        self.trunks = Trunks(clock, self.outer, self.sockets, log)
        self.inner = Transactions(clock, self.inner_sockets, dialogs.token, self._line_asks, self._line_acknowledges)
        self.sockets.on_lost = self._connection_lost
        self.sockets.on_unreachable = self.outer.unreachable
        lines.on_lost = self._line_lost
        lines.on_freed = self._line_freed

    def open(self, reactor: Any) -> None:
        """Take all ports."""
        self.sockets.bind(reactor)
        self.inner_sockets.bind(reactor)
        self.lines.edge_port = self.inner_sockets.addresses[0].port

    async def close(self) -> None:
        """Stop all clocks and give the ports back."""
        self.outer.close()
        self.inner.close()
        await self.sockets.close()
        await self.inner_sockets.close()

    def face(self, flow: Flow) -> Face:
        """What the peer at the other end of a flow reads of us."""
        return self.sockets.face(flow)

    def send(self, flow: Flow, message: Request) -> None:
        """Send what belongs to no transaction: an ACK for a 2xx."""
        self.sockets.send(flow, bytes(message))

    def standing(self, host: str) -> Standing:
        """What a host that wants to connect is to us."""
        if self.registrations.banned(host):
            return Standing.UNWELCOME
        if self.knows(host):
            return Standing.KNOWN
        return Standing.STRANGER if self.registrations.welcomes else Standing.UNWELCOME

    def knows(self, host: str) -> bool:
        """Whether a host is one that we talk with."""
        named = self._is_named(host) or self.registrations.knows(host)
        return named or self._peers.knows(host, self.clock.seconds())

    def _is_named(self, host: str) -> bool:
        """Whether the configuration names that host as a phone's or a PBX's."""
        return self.stations.knows(host) or self.trunks.knows(host)

    def _connection_lost(self, flow: Flow) -> None:
        self.registrations.lost(flow)
        self.outer.lost(flow)

    def expect(self, peer: Address) -> None:
        """Listen to a host that we have something to say to."""
        self._peers.met(peer.host, self.clock.seconds())

    def enter(self, leg: Leg) -> None:
        """A leg begins."""
        self.legs[leg.id] = leg
        self._by_dialog[leg.call_id, leg.tag] = leg
        self._peers.began(leg.id, leg.remote.host)

    def leave(self, leg: Leg) -> None:
        """Nothing more is owed to a leg's phone."""
        self.legs.pop(leg.id, None)
        self._by_dialog.pop((leg.call_id, leg.tag), None)
        self._peers.ended(leg.id, self.clock.seconds())
        self.dialogs.forget(leg.id)

    # What phones send.

    def from_phone(self, flow: Flow, data: bytes) -> None:
        """Take in a datagram of the world's."""
        known = self.knows(flow.peer.host)
        verdict = self.registrations.judge(flow, known, data)
        if verdict is not Verdict.IN:
            self._turn_away(flow, known, verdict)
            return
        if not data.strip(b"\r\n\0 \t"):
            return
        try:
            message = parse(data)
            if not self._from_somebody(message, flow, known):
                self._turn_away(flow, known, Verdict.STRANGER)
                return
            if known:
                self.sightings.note(flow.peer, message, self.registrations.now)
            self.outer.received(message, flow)
        except SipError as error:
            self.counters["malformed"] += 1
            self.log("sip.malformed", peer=str(flow.peer.host), why=str(error))
            answer = refusal(data, self.settings.product) if known else None
            if answer is not None:
                self.sockets.send(flow, answer)

    def _turn_away(self, flow: Flow, known: bool, verdict: Verdict) -> None:
        self.counters[verdict.value] += 1
        if not known or verdict is Verdict.BANNED:
            self.sockets.drop(flow)

    def _from_somebody(self, message: Request | Response, flow: Flow, known: bool) -> bool:
        """Whether a message may be answered: a stranger's only if it registers one of our stations."""
        if isinstance(message, Response):
            return known
        begins = message.recipient.tag is None and message.method not in ("ACK", "CANCEL")
        if begins and message.method == "REGISTER" and self.registrations.logins.registering(message) is not None:
            return True
        if not known or not begins:
            return known
        return self.trunks.knows(flow.peer.host) or self._station(message, flow) is not None

    def _station(self, request: Request, flow: Flow) -> Station | None:
        """Whose phone a request comes from; a login's word for it is still to be proved."""
        try:
            user = Uri.parse(request.sender.uri).user
        except MalformedMessage:
            user = ""
        if self.trunks.is_exactly(flow.peer):
            return self.trunks.identify(flow.peer, request)
        found = self.stations.identify(flow.peer, user) or self.trunks.identify(flow.peer, request)
        login = self.registrations.logins.calling(request)
        if found is None and login is not None and self.registrations.knows(flow.peer.host):
            found = Station(login.facility, login.station, flow.peer, user, login=login)
        return found

    def _leg_of(self, request: Request, flow: Flow) -> Leg | None:
        """The leg whose dialog a request names, if it comes from that leg's phone."""
        leg = self._by_dialog.get((request.call_id, request.recipient.tag or ""))
        if leg is None or leg.remote.host != flow.peer.host:
            return None
        return leg if leg.knows(request.sender.tag) else None

    def kept(self, number: str, urgent: bool = False) -> int:
        """How many slots a call from or to that number must leave free."""
        return 0 if urgent or number in self.settings.urgent else self.settings.reserved

    def _phone_answers(self, response: Response, flow: Flow) -> None:
        """A response to nothing that we know of."""
        known = (response.call_id, response.sender.tag or "") in self._by_dialog
        if not known and response.cseq.method == "INVITE" and 200 <= response.status < 300:
            left_over.refuse(self, response, flow)

    def _phone_asks(self, asked: Asked) -> None:
        request = asked.request
        try:
            if request.recipient.tag is None:
                self._asks_outside(asked)
                return
            leg = self._leg_of(request, asked.source)
            if leg is None:
                asked.respond(481)
            else:
                midcall.requested(leg, asked)
        except MalformedMessage as error:
            asked.respond(400, phrase=f"Bad {error.where}")

    def _asks_outside(self, asked: Asked) -> None:
        looped = reception.looped(asked.request, asked.face)
        login = self.registrations.logins.registering(asked.request)
        if asked.request.method == "REGISTER" and login is not None and looped is None:
            self.registrations.registered(asked, login)
            return
        verdict = looped or reception.outside(asked.request)
        if verdict is None:
            self._called(asked)
            return
        attempt = reception.transfer(asked.request)
        if attempt is not None:
            self._transfer_refused(asked.request, *attempt)
        asked.respond(verdict.status, *verdict.headers)

    def _transfer_refused(self, request: Request, by: str, target: str) -> None:
        """Tell the call that was to be taken over, where the attempt names one of ours (RFC 3891, RFC 4538)."""
        leg = self._by_dialog.get(reception.replaced(request))
        self.log("sip.transfer_refused", session=leg.id if leg else "", by=by)
        if leg is not None and leg.events is not None and not leg.over:
            leg.events.transfer_refused(leg, by, target)

    def _called(self, asked: Asked) -> None:
        """A station's call: it gets a slot, at once or after a moment, or is refused."""
        request, station = asked.request, self._station(asked.request, asked.source)
        if station is None:
            caller = self.trunks.caller(asked.source.peer, request)
            self.log("sip.unmatched", peer=asked.source.peer.host, caller=caller)
            asked.respond(403)
        elif self._merged(request):
            asked.respond(482)
        elif station.login is None or self.registrations.vouches(asked, station.login):
            meant = self.trunks.dialled(asked.source.peer, request) if station.trunk else None
            number, id = meant or reception.dialled(request), dialogs.token()
            waiting = self.lines.reserve_soon(id, self.kept(number))
            asked.cancelled = waiting.cancel
            waiting.addCallbacks(
                lambda slot: self._take_in(asked, slot, id, station, number),
                lambda failure: self._full(asked, station, failure),
            )
            waiting.addErrback(lambda failure: self._failed(asked, id, failure))

    def _full(self, asked: Asked, station: Station, failure: Failure) -> None:
        """No slot came free: a trunk may try elsewhere, a phone says that it cannot now."""
        if failure.check(CancelledError) is None:  # type: ignore[no-untyped-call]
            self.log("sip.full", station=f"{station.facility}/{station.station}", why=failure.getErrorMessage())
            asked.respond(503 if station.trunk else 480, ("Retry-After", RETRY_AFTER))

    def _failed(self, asked: Asked, session: str, failure: Failure) -> None:
        self.lines.release(session)
        error = failure.value
        if isinstance(error, MalformedMessage):
            asked.respond(400, phrase=f"Bad {error.where}")
        else:
            self.log("sip.failed", session=session, method="INVITE", error=failure.getErrorMessage())
            asked.respond(500)

    def _take_in(self, asked: Asked, slot: Slot, id: str, station: Station, number: str) -> None:
        leg = IncomingLeg(self, id, slot, asked, (station.facility, station.station), number)
        leg.login = self.trunks.login(asked.source.peer) if station.trunk else None
        self.enter(leg)
        self.log("sip.incoming", session=leg.id, station=f"{leg.facility}/{leg.station}")
        try:
            leg.start()
            self._incoming(leg)
        except Exception as error:
            self.log("sip.failed", session=leg.id, method="INVITE", error=f"{type(error).__name__}: {error}")
            leg.reject(500)

    def _merged(self, request: Request) -> bool:
        """Whether the same INVITE has come before by another way (RFC 3261 section 8.2.2.2)."""
        return any(
            isinstance(leg, IncomingLeg)
            and (leg.call_id, leg.early.remote_tag) == (request.call_id, request.sender.tag)
            and leg.invite_number == request.cseq.number
            for leg in self.legs.values()
        )

    def _phone_acknowledges(self, request: Request, flow: Flow) -> None:
        leg = self._leg_of(request, flow)
        if leg is not None:
            leg.acknowledged(request)

    # What lines send.

    def from_line(self, flow: Flow, data: bytes) -> None:
        """Take in a datagram of this host's."""
        if self.lines.line_at(flow.peer.port) is None or not data.strip(b"\r\n\0 \t"):
            return
        try:
            self.inner.received(parse(data), flow)
        except SipError as error:
            self.log("sip.malformed", peer="line", why=str(error))

    def _line_asks(self, asked: Asked) -> None:
        request = asked.request
        named = request.all(SESSION_HEADER)
        leg = self.legs.get(named[0]) if named else self._inner_leg(request)
        if leg is None:
            asked.respond(200 if request.method == "BYE" else 481)
        else:
            leg.line.requested(asked)

    def _inner_leg(self, request: Request) -> Leg | None:
        return next((leg for leg in self.legs.values() if leg.line.has(request.call_id)), None)

    def _line_acknowledges(self, request: Request, flow: Flow) -> None:
        leg = self._inner_leg(request)
        if leg is not None:
            leg.line.acknowledged()

    def _line_lost(self, line: int) -> None:
        for leg in list(self.legs.values()):
            if leg.line.slot.line == line:
                leg.lost()

    def _line_freed(self, session: str, status: int) -> None:
        leg = self.legs.get(session)
        if leg is not None:
            leg.line_leaves(f"ended by the line: {status}")
