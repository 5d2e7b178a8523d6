"""The desk: visits are booked and ended here, pages enter their rooms, phones dial in, and calls begin."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Connection
from twisted.internet.defer import ensureDeferred

from parloir.calls.bridge import Bridge
from parloir.calls.codes import CodeGuard
from parloir.calls.live import LiveCall, Terms
from parloir.calls.reason import OfficerEnded, Reason, ServiceClosing, VisitCancelled
from parloir.calls.relays import Relays
from parloir.calls.room import Page, Presence, Room
from parloir.calls.timeline import Timelines
from parloir.errors import ParloirError
from parloir.sip.session import Incoming, Session, SessionEvents
from parloir.store import calls as call_rows
from parloir.store import timeline as timeline_rows
from parloir.store import visits as visit_rows
from parloir.store.calls import Call, CallClass, WayIn
from parloir.store.database import Database
from parloir.store.errors import VisitOver
from parloir.store.timeline import Entry
from parloir.store.visits import Visit, VisitState
from parloir.webrtc.signalling import IceServer

SWEEP = 15.0
VISITOR_MAY_COME = 45.0


class UnknownStation(ParloirError):
    """The facility or the station is not in the configuration; `parloir check` lists what is wrong with it."""

    def __init__(self, facility: str, station: str, field: str) -> None:
        super().__init__(f"no station {station} in facility {facility} is configured")
        self.field = field


class VisitInThePast(ParloirError):
    """A visit that would already be over cannot be booked; give a later start or more minutes."""

    field = "start"

    def __init__(self, end: datetime) -> None:
        super().__init__(f"this visit would have ended at {end:%Y-%m-%d %H:%M} UTC, which is past")


class Target(Protocol):
    """A phone's SIP address."""

    @property
    def user(self) -> str: ...

    @property
    def host(self) -> str: ...

    @property
    def port(self) -> int: ...


@dataclass(frozen=True)
class StationTerms:
    """What calls need to know of a station; `target` is None for one that cannot be rung by this version."""

    facility: str
    facility_name: str
    language: str
    video: bool
    target: Target | None


class Phones(Protocol):
    """The SIP side, as the desk uses it."""

    async def invite(self, target: Target, sdp: str, events: SessionEvents, caller: str = "") -> Session: ...


@dataclass(frozen=True)
class View:
    """A call as remembered, and where it stands."""

    call: Call
    state: str


@dataclass
class Desk:
    """All visits, rooms and calls of this gateway. Implements what the web asks of it (web.desk.Desk)."""

    reactor: Any
    database: Database
    timelines: Timelines
    relays: Relays
    phones: Phones
    stations: dict[tuple[str, str], StationTerms]
    advertise: Callable[[str], str]
    notice: Callable[[str], str]
    ice_servers: Callable[[str], tuple[IceServer, ...]]
    relay_only: bool = False
    rejoin_window: float = 60.0
    visitor_may_come: float = VISITOR_MAY_COME
    codes: CodeGuard = field(default_factory=CodeGuard)
    rooms: dict[str, Room] = field(default_factory=dict)
    live: dict[str, LiveCall] = field(default_factory=dict)
    dialled: dict[str, Incoming] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    closing: bool = False
    on_idle: Callable[[], None] | None = None

    def now(self) -> datetime:
        """UTC."""
        return self.timelines.clock.wall()

    async def start(self) -> None:
        """Close the records of calls that a previous run left open, and begin to mark visits whose time is over."""
        for call in await self.database.run(lambda connection: call_rows.list(connection, live=True, limit=100_000)):
            self.timelines.event(call.id, "gateway_restarted")
            await self.timelines.finished(call.id, "GatewayRestarted")
        self._sweep()

    def _sweep(self) -> None:
        def mark(connection: Connection) -> list[str]:
            over = visit_rows.overdue(connection, self.now())
            for visit in over:
                held = any(True for _ in call_rows.list(connection, visit=visit.id, limit=1))
                visit_rows.set_state(connection, visit.id, VisitState.DONE if held else VisitState.MISSED)
            return [visit.id for visit in over]

        async def sweep() -> None:
            for id in await self.database.run(mark):
                room = self.rooms.get(id)
                if room is not None and room.page is None and room.call is None:
                    del self.rooms[id]

        ensureDeferred(sweep()).addErrback(lambda f: self.timelines.log("store.failed", error=f.getErrorMessage()))
        if not self.closing:
            self.reactor.callLater(SWEEP, self._sweep)

    # Visits.

    async def add_visit(
        self, facility: str, station: str, visitor: str, start: datetime, minutes: int, rings: bool
    ) -> Visit:
        """Book a visit; raises UnknownStation, VisitInThePast, StationTaken."""
        if (facility, station) not in self.stations:
            known = any(facility == f for f, _ in self.stations)
            raise UnknownStation(facility, station, "station" if known else "facility")
        if (end := start + timedelta(minutes=minutes)) <= self.now():
            raise VisitInThePast(end)
        visit = await self.database.run(
            lambda connection: visit_rows.add(
                connection,
                facility=facility,
                station=station,
                visitor=visitor,
                start=start,
                minutes=minutes,
                rings=rings,
            )
        )
        self.timelines.log("visit.added", visit=visit.id, facility=facility, station=station)
        return visit

    async def list_visits(
        self, facility: str | None = None, station: str | None = None, states: Sequence[VisitState] | None = None
    ) -> list[Visit]:
        """Visits, earliest first."""
        return await self.database.run(
            lambda connection: visit_rows.list(connection, facility=facility, station=station, states=states)
        )

    async def cancel_visit(self, id: str, reason: str) -> Visit:
        """Cancel a visit, ending its call if there is one; raises NoSuchVisit, VisitOver."""
        visit = await self.database.run(lambda c: visit_rows.set_state(c, id, VisitState.CANCELLED))
        self.timelines.log("visit.cancelled", visit=id, why=reason)
        room = self.rooms.get(id)
        if room is not None:
            room.visit = visit
            self._close_room(room, VisitCancelled(reason))
        return visit

    def _close_room(self, room: Room, reason: Reason) -> None:
        room.call.end(reason) if room.call is not None else room.over(reason)

    # Calls.

    async def list_calls(self, live: bool | None = None) -> Sequence[View]:
        """Live calls, ended ones, or both, the newest first."""
        rows = await self.database.run(lambda connection: call_rows.list(connection, live=live))
        return [self._view(row) for row in rows]

    async def get_call(self, id: str) -> View:
        """One call; raises NoSuchCall."""
        return self._view(await self.database.run(lambda connection: call_rows.get(connection, id)))

    def _view(self, row: Call) -> View:
        return View(row, self.live[row.id].state.value if row.id in self.live else "ended")

    async def timeline(self, call: str) -> Sequence[Entry]:
        """All that happened to a call."""
        return await self.database.run(lambda connection: timeline_rows.of(connection, call))

    async def end_call(self, id: str, reason: str, by: str) -> None:
        """End a live call, with staff's reason; raises NoSuchCall."""
        await self.get_call(id)
        if call := self.live.get(id):
            call.end(OfficerEnded(by, reason))

    # Pages.

    async def enter(self, token: str, page: Page) -> Presence | None:
        """Let a page in by its link's token; None for a stranger's. Raises VisitOver for a visit that is over."""
        visit = await self.database.run(lambda connection: visit_rows.by_token(connection, token))
        if visit is None:
            return None
        room = self.rooms.get(visit.id)
        if room is None:
            if not visit.is_open or visit.end <= self.now():
                raise VisitOver(visit)
            room = self.rooms[visit.id] = self._room(visit)
        return room.enter(page)

    def _room(self, visit: Visit) -> Room:
        terms = self.stations.get((visit.facility, visit.station))
        return Room(
            visit,
            terms.facility_name if terms else visit.facility,
            terms.language if terms else "en",
            self.reactor,
            self.now,
            self._ready,
            lambda: self.ice_servers(visit.id),
            self.relay_only,
        )

    def _ready(self, room: Room) -> None:
        """A visitor has joined and the time has come: connect the phone that dialled, or ring it."""
        if self.closing:
            room.over(ServiceClosing())
            return
        incoming = self.dialled.pop(room.visit.id, None)
        if incoming is not None or room.visit.rings:
            self._begin(room, incoming)

    # Phones.

    def incoming(self, incoming: Incoming) -> None:
        """A station dials: let it in by its visit's code."""
        ensureDeferred(self._dialled(incoming)).addErrback(
            lambda failure: (
                self.timelines.log("dial.failed", error=failure.getErrorMessage()),
                incoming.reject(500),
            )
        )

    async def _dialled(self, incoming: Incoming) -> None:
        station = (incoming.facility, incoming.station)
        name, code = "/".join(station), incoming.dialled
        if self.closing:
            incoming.reject(503, "Closing")
            return
        if self.codes.paused(name, self.reactor.seconds()):
            self.timelines.log("dial.paused", facility=station[0], station=station[1])
            incoming.reject(403, "Too many wrong codes")
            return
        visit = None
        if len(code) == 6 and code.isascii() and code.isdigit():
            visit = await self.database.run(lambda c: visit_rows.by_code(c, *station, code, self.now()))
        if visit is None:
            began = self.codes.missed(name, self.reactor.seconds())
            self.timelines.log("dial.wrong_code", facility=station[0], station=station[1], pause=began)
            incoming.reject(404, "No such visit")
            return
        self.codes.matched(name)
        self._connect(incoming, self.rooms.setdefault(visit.id, self._room(visit)))

    def _connect(self, incoming: Incoming, room: Room) -> None:
        id = room.visit.id
        if room.call is not None or id in self.dialled:
            incoming.reject(486, "Visit in progress")
        elif room.joined:
            self._begin(room, incoming)
        else:
            self.dialled[id] = incoming
            incoming.on_cancel(lambda end: self._forget_dialled(id, incoming))
            incoming.ring()
            self.timelines.log("dial.waiting", visit=id)
            self.reactor.callLater(self.visitor_may_come, self._nobody_came, id, incoming)

    def _forget_dialled(self, id: str, incoming: Incoming) -> bool:
        if self.dialled.get(id) is not incoming:
            return False
        del self.dialled[id]
        return True

    def _nobody_came(self, id: str, incoming: Incoming) -> None:
        if self._forget_dialled(id, incoming):
            incoming.reject(480, "The visitor is not here")

    # The way of a call.

    def _begin(self, room: Room, incoming: Incoming | None) -> None:
        visit = room.visit
        terms = self.stations[visit.facility, visit.station]
        call = LiveCall(
            secrets.token_hex(8),
            visit,
            lambda call: self._bridge(call, room, terms),
            Terms(
                terms.language,
                self.notice(terms.language),
                terms.video,
                incoming.remote.host if incoming else terms.target.host if terms.target else "",
                self.rejoin_window,
            ),
            self.reactor,
            self.timelines,
            room.say,
            lambda sdp, events: self._invite(terms, sdp, events, visit.visitor),
            lambda call: self._over(call, room),
            incoming,
        )
        way_in = WayIn.INSIDE if incoming else WayIn.SCHEDULED
        self.live[call.id] = call
        room.began(call)
        self.timelines.opened(
            Call(call.id, visit.id, visit.facility, visit.station, way_in, CallClass.ORDINARY, self.now())
        )
        self._mark(visit, VisitState.ACTIVE)
        call.begin()

    def _bridge(self, call: LiveCall, room: Room, terms: StationTerms) -> Bridge:
        assert room.offer is not None
        return Bridge(call.id, False, self.relays, call, self.advertise, terms.language, room.offer)

    async def _invite(self, terms: StationTerms, sdp: str, events: SessionEvents, caller: str) -> Session:
        if terms.target is None:
            raise UnknownStation(terms.facility, "without an address", "station")
        return await self.phones.invite(terms.target, sdp, events, caller)

    def _over(self, call: LiveCall, room: Room) -> None:
        reason = call.call.reason
        assert reason is not None
        del self.live[call.id]
        self.ended[reason.name] = self.ended.get(reason.name, 0) + 1
        over = self.now() >= call.visit.end or not reason.again
        if room.visit.is_open:
            self._mark(call.visit, VisitState.DONE if over else VisitState.SCHEDULED)
        room.over(reason)
        if self.closing and not self.live and self.on_idle is not None:
            self.on_idle()

    def _mark(self, visit: Visit, state: VisitState) -> None:
        async def mark() -> None:
            try:
                room = self.rooms.get(visit.id)
                marked = await self.database.run(lambda connection: visit_rows.set_state(connection, visit.id, state))
                if room is not None:
                    room.visit = marked
            except VisitOver:
                pass  # cancelled meanwhile: that stands

        ensureDeferred(mark()).addErrback(lambda f: self.timelines.log("store.failed", error=f.getErrorMessage()))

    # The end of the gateway.

    def drain(self) -> None:
        """Take no new calls, and tell those in progress that they will end."""
        self.closing = True
        for incoming in self.dialled.values():
            incoming.reject(503, "Closing")
        self.dialled.clear()
        for call in list(self.live.values()):
            call.closing()
        if not self.live and self.on_idle is not None:
            self.on_idle()

    def end_all(self) -> None:
        """End every call now."""
        for call in list(self.live.values()):
            call.end(ServiceClosing())
