"""The book of visits: booking, cancelling, finding by link or code, and marking those whose time is over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection
from twisted.internet.defer import ensureDeferred

from parloir.calls import parties
from parloir.calls.facilities import Facilities, UnknownFacility, VisitDenied
from parloir.calls.reason import Reason
from parloir.calls.stations import Station, Stations
from parloir.calls.timeline import Timelines
from parloir.errors import ParloirError
from parloir.policy.answers import CallClass, Slot
from parloir.policy.values import BookedBy
from parloir.policy.values import Visit as Proposed
from parloir.store import calls, engagements, participants, relationships, sessions, visits
from parloir.store.database import Database
from parloir.store.engagements import Engaged, Party
from parloir.store.errors import VisitOver
from parloir.store.visits import Visit, VisitState


class VisitInThePast(ParloirError):
    """A visit that would already be over cannot be booked; give a later start or more minutes."""

    field = "start"

    def __init__(self, end: datetime) -> None:
        super().__init__(f"this visit would have ended at {end:%Y-%m-%d %H:%M} UTC, which is past")


@dataclass(frozen=True)
class Wish:
    """A visit that somebody asks for. `visitor` is the name on its page; `resident` and `visitors` are ids of people
    on record, if they are; `call_class` is what staff say it is, if they do."""

    facility: str
    station: str
    visitor: str
    start: datetime
    minutes: int
    rings: bool = True
    resident: str | None = None
    visitors: tuple[str, ...] = ()
    booked_by: BookedBy = BookedBy.STAFF
    call_class: CallClass | None = None

    @property
    def end(self) -> datetime:
        """When its time would be over."""
        return self.start + timedelta(minutes=self.minutes)


@dataclass(frozen=True)
class Search:
    """Times that somebody asks for, between two moments; `resident` and `visitors` are ids of people on record."""

    facility: str
    after: datetime
    before: datetime
    minutes: int
    resident: str | None = None
    visitors: tuple[str, ...] = ()


@dataclass
class Bookings:
    """All visits of this gateway."""

    database: Database
    timelines: Timelines
    stations: Stations
    facilities: Facilities

    def now(self) -> datetime:
        """UTC."""
        return self.timelines.clock.wall()

    async def add(self, wish: Wish) -> Visit:
        """Book a visit; raises UnknownStation, VisitInThePast, VisitDenied, StationTaken, NoSuchPerson."""
        station = self.stations.get(wish.facility, wish.station)
        if wish.end <= self.now():
            raise VisitInThePast(wish.end)
        visit = None
        while visit is None:
            # Who is booked meanwhile may have used up what this visit was allowed for: it is asked for again.
            engaged = await self._authorize(wish, station)
            visit = await self._book(wish, engaged)
        self.timelines.log("visit.added", visit=visit.id, facility=wish.facility, station=wish.station)
        return visit

    async def _book(self, wish: Wish, engaged: Engaged) -> Visit | None:
        """The visit; None where those who take part are not engaged any more as they were."""

        def book(connection: Connection) -> Visit | None:
            party = self._party(connection, wish)
            engagements.hold(connection, party)
            if engagements.of(connection, party) != engaged:
                return None
            visit = visits.add(
                connection,
                facility=wish.facility,
                station=wish.station,
                visitor=wish.visitor,
                start=wish.start,
                minutes=wish.minutes,
                rings=wish.rings,
                resident=wish.resident,
                booked_by=visits.BookedBy(wish.booked_by.value),
                call_class=calls.CallClass(wish.call_class.value) if wish.call_class else None,
            )
            participants.put(connection, visit.id, wish.visitors)
            return visit

        return await self.database.run(book)

    def _party(self, connection: Connection, wish: Wish) -> Party:
        return engagements.party(connection, wish.resident, frozenset(wish.visitors), self.now())

    async def _authorize(self, wish: Wish, station: Station) -> Engaged:
        """Ask the facility's policies; answers how those who take part were engaged before. Raises VisitDenied."""
        facility = self.facilities.get(wish.facility)

        def propose(connection: Connection) -> tuple[Proposed, Engaged]:
            engaged = engagements.of(connection, self._party(connection, wish))
            proposed = parties.proposed(
                connection,
                facility=wish.facility,
                station=wish.station,
                unit=station.unit,
                media=station.media,
                resident=wish.resident,
                visitors=wish.visitors,
                start=wish.start,
                minutes=wish.minutes,
                named=wish.visitor,
                booked_by=wish.booked_by,
                call_class=wish.call_class,
                now=self.now(),
                zone=ZoneInfo(facility.timezone),
            )
            return proposed, engaged

        proposed, engaged = await self.database.run(propose)
        ruling = await facility.policies.authorize_visit(proposed)
        if ruling.denial is not None:
            self.timelines.log("visit.denied", facility=wish.facility, station=wish.station, why=ruling.denial.code)
            raise VisitDenied(ruling.denial, facility.language)
        return engaged

    async def search(
        self, facility: str | None = None, station: str | None = None, states: Sequence[VisitState] | None = None
    ) -> list[Visit]:
        """Visits, earliest first."""
        return await self.database.run(
            lambda connection: visits.list(connection, facility=facility, station=station, states=states)
        )

    async def get(self, id: str) -> Visit:
        """One visit; raises NoSuchVisit."""
        return await self.database.run(lambda connection: visits.get(connection, id))

    async def open_slots(self, wanted: Search) -> tuple[Slot, ...]:
        """The times that could be booked, as the facility's policies offer them; raises UnknownFacility, NoSuch."""
        try:
            facility = self.facilities.get(wanted.facility)
        except KeyError:
            raise UnknownFacility(wanted.facility) from None
        search = await self.database.run(
            lambda connection: parties.searching(
                connection,
                facility=wanted.facility,
                stations=tuple(station.name for station in self.stations.of(wanted.facility)),
                resident=wanted.resident,
                visitors=wanted.visitors,
                after=max(wanted.after, self.now()),
                before=wanted.before,
                minutes=wanted.minutes,
                now=self.now(),
                zone=ZoneInfo(facility.timezone),
            )
        )
        return await facility.policies.open_slots(search)

    async def cancel(self, id: str, why: Reason) -> Visit:
        """Cancel a visit; raises NoSuchVisit, VisitOver."""
        visit = await self.database.run(lambda connection: visits.set_state(connection, id, VisitState.CANCELLED))
        self.timelines.log("visit.cancelled", visit=id, reason=why.name, **why.facts())
        return visit

    async def by_token(self, token: str) -> Visit | None:
        """The visit whose link this is."""
        return await self.database.run(lambda connection: visits.by_token(connection, token))

    async def by_code(self, facility: str, station: str, code: str) -> Visit | None:
        """The visit that this station may have now by dialling this code."""
        return await self.database.run(
            lambda connection: visits.by_code(connection, facility, station, code, self.now())
        )

    def mark(self, visit: Visit, state: VisitState) -> None:
        """Move a visit on; one that was closed meanwhile stays as it is."""

        def move(connection: Connection) -> None:
            try:
                visits.set_state(connection, visit.id, state)
            except VisitOver:
                return

        ensureDeferred(self.database.run(move)).addErrback(self._failed)

    async def close_overdue(self) -> None:
        """Mark what time has ended: visits as done if they had a call and missed if not, relationships, sessions."""

        def close(connection: Connection) -> None:
            for visit in visits.overdue(connection, self.now()):
                held = bool(calls.list(connection, visit=visit.id, limit=1))
                visits.set_state(connection, visit.id, VisitState.DONE if held else VisitState.MISSED)
            relationships.expire(connection, self.now())
            sessions.sweep(connection, self.now())

        await self.database.run(close)

    def _failed(self, failure: object) -> None:
        self.timelines.log("store.failed", error=str(failure))
