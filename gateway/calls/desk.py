"""The desk: pages enter their rooms here, calls begin and end, and staff book, look and intervene."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import ensureDeferred

from parloir.calls import cut_off
from parloir.calls.acts import Acts
from parloir.calls.attendant import Attendant
from parloir.calls.bookings import Bookings, Search, Wish
from parloir.calls.bridge import Bridge
from parloir.calls.consent import Consent
from parloir.calls.estimates import Estimates
from parloir.calls.expiry import Expiry
from parloir.calls.facilities import Facilities
from parloir.calls.handset import Handset, HandsetMedia
from parloir.calls.listening import Listening
from parloir.calls.live import Around, LiveCall, Terms
from parloir.calls.lounge import Lounge
from parloir.calls.proposal import proposal
from parloir.calls.reason import MISSED, Reason, ServiceClosing, VisitCancelled
from parloir.calls.receipts import Receipts
from parloir.calls.recording import Place, Recordings, Rule
from parloir.calls.relays import Relays
from parloir.calls.room import Page, Presence, Room
from parloir.calls.rooms import Rooms
from parloir.calls.shelf import Shelf
from parloir.calls.stations import NotServed, Phones, Station, Stations
from parloir.calls.till import Till
from parloir.calls.timeline import Timelines
from parloir.calls.usual_browser import USUAL
from parloir.calls.view import ELSEWHERE, View
from parloir.calls.wall import Wall
from parloir.config import caps
from parloir.policy.answers import Slot
from parloir.policy.decision import Decision
from parloir.sip.session import Incoming, Session, SessionEvents
from parloir.store import calls as rows
from parloir.store import timeline
from parloir.store.calls import Call, CallClass, WayIn
from parloir.store.database import Database
from parloir.store.errors import CarriedElsewhere, VisitOver
from parloir.store.logins import Logins
from parloir.store.timeline import Entry
from parloir.store.visits import Visit, VisitState
from parloir.webrtc.signalling import IceServer

SWEEP = 15.0


@dataclass(frozen=True)
class DeskTerms:
    """What the configuration settles for all calls; seconds. `advertise` says which address a phone sends media to.

    `recordings` is where they lie; `recording_ends_call` whether a failed one ends its call, by facility. `node` is
    this gateway's name among those on its database.
    """

    advertise: Callable[[str], str]
    ice_servers: Callable[[str], tuple[IceServer, ...]]
    relay_only: bool = False
    rejoin_window: float = 60.0
    recordings: Place | None = None
    recording_ends_call: Rule = lambda facility: False
    node: str = "gateway"


@dataclass
class Desk:
    """All rooms and calls of this gateway. Implements what the web asks of it (web.desk.Desk)."""

    reactor: Any
    database: Database
    timelines: Timelines
    relays: Relays
    phones: Phones
    stations: Stations
    facilities: Facilities
    terms: DeskTerms
    logins: Logins | None = None
    live: dict[str, LiveCall] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    closing: bool = False
    on_idle: Callable[[], None] | None = None

    def __post_init__(self) -> None:
        self.bookings = Bookings(self.database, self.timelines, self.stations, self.facilities)
        self.recordings = Recordings(
            self.reactor, self.timelines, self.terms.recordings, self.terms.recording_ends_call
        )
        self.shelf = Shelf(self.reactor, self.timelines, self.facilities, self.stations, self.terms.recordings)
        self.expiry = Expiry(
            self.reactor, self.timelines, self.facilities, self.stations, self.terms.recordings, self.shelf.forget
        )
        self.listening = Listening(self.timelines, self.facilities, self.live)
        self.acts = Acts(self.timelines, self.facilities, self.live)
        self.relays.news = (self.recordings, self.listening, self.acts.speeches)
        self.wall = Wall(self.reactor, self.live, self.stations, self.listening, self.acts)
        self.timelines.happened = self.wall.happened
        self.till = Till(self.timelines, caps.shipped, self.live.__contains__)
        self.estimates = Estimates(self.reactor, self.bookings, self.till)
        self.rooms = Rooms(
            self.reactor,
            self.bookings.now,
            self.stations,
            self.facilities,
            self.terms.ice_servers,
            self.terms.relay_only,
            self._ready,
            self.estimates.tell,
        )
        self.receipts = Receipts(self.database, self.facilities, self.timelines.log)
        self.attendant = Attendant(
            self.reactor, self.bookings, self.timelines.log, self.rooms.of, self._begin, self._menu, self.logins
        )
        self.consent = Consent(self.timelines)
        self.lounge = Lounge(self.bookings, lambda visit: self.rooms.waiting(visit, self.lounge.forget))
        self.attendant.lounge = self.lounge

    async def start(self) -> None:
        """Close the records of calls that an earlier run left open, and begin to mark visits whose time is over."""
        await cut_off.close(self.timelines, self.terms.node)
        await self.recordings.start(self.terms.node)
        self.shelf.start()
        await self._sweep()

    async def _sweep(self) -> None:
        for work in (self.bookings.close_overdue, self.till.sweep, self.receipts.catch_up):
            try:
                await work()
            except Exception as error:
                self.timelines.log("store.failed", error=str(error))
        self.rooms.tidy()
        if not self.closing:
            self.reactor.callLater(SWEEP, lambda: ensureDeferred(self._sweep()))

    # What staff do.

    async def add_visit(self, wish: Wish) -> Visit:
        """Book a visit; raises UnknownStation, VisitInThePast, VisitDenied, StationTaken, NoSuchPerson."""
        return await self.bookings.add(wish)

    async def list_visits(
        self, facility: str | None = None, station: str | None = None, states: Sequence[VisitState] | None = None
    ) -> list[Visit]:
        """Visits, earliest first."""
        return await self.bookings.search(facility, station, states)

    async def get_visit(self, id: str) -> Visit:
        """One visit; raises NoSuchVisit."""
        return await self.bookings.get(id)

    async def open_slots(self, wanted: Search) -> Sequence[Slot]:
        """The times that could be booked, earliest first; raises UnknownFacility, NoSuch."""
        return await self.bookings.open_slots(wanted)

    async def cancel_visit(self, id: str, reason: str) -> Visit:
        """Cancel a visit, ending its call if there is one; raises NoSuchVisit, VisitOver."""
        return await self.cancelled(id, VisitCancelled(reason))

    async def cancelled(self, id: str, why: Reason) -> Visit:
        """Cancel a visit for this reason; raises NoSuchVisit, VisitOver."""
        visit = await self.bookings.cancel(id, why)
        if room := self.rooms.get(id):
            room.visit = visit
            room.call.end(why) if room.call is not None else room.over(why)
        return visit

    async def list_calls(self, live: bool | None = None) -> Sequence[View]:
        """Live calls, ended ones, or both, the newest first."""
        return [self._view(row) for row in await self.database.run(lambda c: rows.list(c, live=live))]

    async def get_call(self, id: str) -> View:
        """One call; raises NoSuchCall."""
        return self._view(await self.database.run(lambda connection: rows.get(connection, id)))

    def _view(self, row: Call) -> View:
        return View.of(row, self.live, self.terms.node)

    async def timeline(self, call: str) -> Sequence[Entry]:
        """All that happened to a call."""
        return await self.database.run(lambda connection: timeline.of(connection, call))

    async def end_call(self, id: str, reason: str, by: str) -> None:
        """End a live call, with staff's reason; raises NoSuchCall, CarriedElsewhere."""
        view = await self.get_call(id)
        if view.state == ELSEWHERE:
            raise CarriedElsewhere(id, view.call.node or "")
        await self.acts.end(by, id, reason)

    # What visitors and phones do.

    async def enter(self, token: str, page: Page) -> Presence | None:
        """Let a page in by its link's token; None for a stranger's.

        Raises VisitOver for a visit that is over, once the page was told what that has cost.
        """
        visit = await self.bookings.by_token(token)
        if visit is None:
            room = await self.lounge.enter(token)
            return room.enter(page) if room is not None else None
        if visit.id not in self.rooms and (not visit.is_open or visit.end <= self.bookings.now()):
            await self.receipts.tell(visit, page.send)
            raise VisitOver(visit)
        room = self.rooms.of(visit)
        presence = room.enter(page)
        ensureDeferred(self.receipts.tell_room(visit, room))
        return presence

    async def _announced(self, call: LiveCall) -> None:
        """Both have heard what may be done to their call: it is begun."""
        await self.recordings.record(call)
        self.listening.keep_attended(call)

    def incoming(self, incoming: Incoming) -> None:
        """A station dials."""
        self.attendant.incoming(incoming)

    def _ready(self, room: Room) -> None:
        """A visitor has joined and the time has come: connect the phone that dialled, or ring it."""
        if self.closing:
            room.over(ServiceClosing())
            return
        incoming = self.attendant.take(room.visit)
        if incoming is not None or room.visit.rings:
            self._begin(room, incoming)

    def _begin(self, room: Room, incoming: Incoming | None) -> None:
        visit = room.visit
        station = self.stations.get(visit.facility, visit.station)
        way_in = WayIn.INSIDE if incoming else WayIn.SCHEDULED
        id, opened = secrets.token_hex(8), self.bookings.now()
        handset = incoming if isinstance(incoming, Handset) else None
        if handset is not None:
            handset.calling = True
        around = Around(
            self.reactor,
            self.timelines,
            room.say,
            decide=lambda: self._decide(id, room, station, way_in, "pin" if handset else "visit"),
            bridge=lambda call, privileged: self._bridge(call, privileged, room, station, handset),
            find=lambda: self._find(station, incoming),
            invite=lambda sdp, events: self._invite(station, sdp, events, visit.visitor),
            over=lambda call: self._over(call, room, handset),
            record=self._announced,
            recorded=self.recordings.finished,
            consent=self.consent.ask if handset else None,
            block=self.consent.block,
            fare=self.till.fare,
        )
        terms = Terms(station.language, station.video, self.terms.rejoin_window, station.tone)
        call = LiveCall(id, visit, terms, around, incoming)
        self.live[id] = call
        room.began(call)
        self.rooms.setdefault(visit.id, room)
        place, node = (visit.facility, visit.station), self.terms.node
        self.timelines.opened(Call(id, visit.id, *place, way_in, CallClass.UNKNOWN, opened, node=node))
        self.bookings.mark(visit, VisitState.ACTIVE)
        call.begin()

    async def _decide(self, id: str, room: Room, station: Station, way_in: WayIn, identified: str) -> Decision:
        """What the facility's policies make of the call, from all who take part in it, and what it costs them."""
        facility = self.facilities.get(room.visit.facility)
        call = await proposal(
            self.database,
            facility,
            station,
            room.visit,
            id=id,
            way_in=way_in,
            pictured=room.offer is not None and room.pictured,
            at=self.bookings.now(),
            identified=identified,
        )
        if id in self.live:
            self.live[id].shown = call
        decision = await facility.policies.decide(call)
        return await self.till.reserve(call, decision) if id in self.live else decision

    def _menu(self, media: HandsetMedia, station: Station) -> Bridge:
        """A phone's media while it is in the menu: of the kind that nobody can listen to or record."""
        name, advertise = f"menu-{secrets.token_hex(8)}", self.terms.advertise
        return Bridge(
            name, True, self.relays, media, advertise, station.language, USUAL, station.terms, station.prompts
        )

    def _bridge(
        self, call: LiveCall, privileged: bool, room: Room, station: Station, handset: Handset | None
    ) -> Bridge:
        assert room.offer is not None
        return Bridge(
            call.id,
            privileged,
            self.relays,
            call.media,
            self.terms.advertise,
            station.language,
            room.offer,
            station.terms,
            station.prompts,
            handset.bridge if handset else None,
        )

    async def _invite(self, station: Station, sdp: str, events: SessionEvents, caller: str) -> Session:
        if station.target is None:
            raise NotServed(f"station {station.name} has no address")
        return await self.phones.invite(station.target, sdp, events, caller)

    async def _find(self, station: Station, incoming: Incoming | None) -> str:
        """The IP literal that the phone is at; raises Unreachable, NotServed."""
        if incoming is not None:
            return incoming.remote.host
        if station.target is None:
            raise NotServed(f"station {station.name} has no address")
        return await self.phones.find(station.target)

    def _over(self, call: LiveCall, room: Room, handset: Handset | None = None) -> None:
        reason = call.call.reason
        assert reason is not None
        self.listening.call_over(call.id)
        self.acts.call_over(call.id)
        del self.live[call.id]
        self.ended[reason.name] = self.ended.get(reason.name, 0) + 1
        missed = handset is not None and not handset.taken and isinstance(reason, MISSED)
        if room.visit.is_open and not self.lounge.has(room):
            again = (reason.again or missed) and self.bookings.now() < call.visit.end
            self.bookings.mark(call.visit, VisitState.SCHEDULED if again else VisitState.DONE)
        if self.lounge.has(room):
            self.bookings.mark(call.visit, VisitState.DONE)
            self.rooms.pop(call.visit.id, None)
            self.lounge.leave(room)
        room.missed(reason) if missed else room.over(reason)
        if handset is not None:
            handset.returned(reason)
        ensureDeferred(self._settle(call.id, reason, call.visit, room))
        self._idle()

    async def _settle(self, call: str, reason: Reason, visit: Visit, room: Room) -> None:
        """Only when all that happened to it is stored is a call charged, and the page told."""
        self.till.settling.add(call)
        await self.timelines.finished(call, reason.name)
        await self.till.settle(call)
        await self.receipts.tell_room(visit, room)
        self._idle()

    # The end of the gateway.

    def drain(self) -> None:
        """Take no new calls, and tell those in progress that they will end."""
        self.closing = True
        self.attendant.close()
        for call in list(self.live.values()):
            call.closing()
        self._idle()

    def _idle(self) -> None:
        if self.closing and not self.live and not self.till.settling and self.on_idle is not None:
            self.on_idle()

    def end_all(self) -> None:
        """End every call now, and take none."""
        self.closing = True
        self.attendant.close()
        for call in list(self.live.values()):
            call.end(ServiceClosing())
        self._idle()
