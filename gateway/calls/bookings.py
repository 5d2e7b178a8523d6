"""The book of visits: booking, cancelling, finding by link or code, and marking those whose time is over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection
from twisted.internet.defer import ensureDeferred

from parloir.calls.stations import Stations
from parloir.calls.timeline import Timelines
from parloir.errors import ParloirError
from parloir.store import calls, visits
from parloir.store.database import Database
from parloir.store.errors import VisitOver
from parloir.store.visits import Visit, VisitState


class VisitInThePast(ParloirError):
    """A visit that would already be over cannot be booked; give a later start or more minutes."""

    field = "start"

    def __init__(self, end: datetime) -> None:
        super().__init__(f"this visit would have ended at {end:%Y-%m-%d %H:%M} UTC, which is past")


@dataclass
class Bookings:
    """All visits of this gateway."""

    database: Database
    timelines: Timelines
    stations: Stations

    def now(self) -> datetime:
        """UTC."""
        return self.timelines.clock.wall()

    async def add(self, facility: str, station: str, visitor: str, start: datetime, minutes: int, rings: bool) -> Visit:
        """Book a visit; raises UnknownStation, VisitInThePast, StationTaken."""
        self.stations.get(facility, station)
        if (end := start + timedelta(minutes=minutes)) <= self.now():
            raise VisitInThePast(end)

        def book(connection: Connection) -> Visit:
            return visits.add(
                connection,
                facility=facility,
                station=station,
                visitor=visitor,
                start=start,
                minutes=minutes,
                rings=rings,
            )

        visit = await self.database.run(book)
        self.timelines.log("visit.added", visit=visit.id, facility=facility, station=station)
        return visit

    async def search(
        self, facility: str | None = None, station: str | None = None, states: Sequence[VisitState] | None = None
    ) -> list[Visit]:
        """Visits, earliest first."""
        return await self.database.run(
            lambda connection: visits.list(connection, facility=facility, station=station, states=states)
        )

    async def cancel(self, id: str, reason: str) -> Visit:
        """Cancel a visit; raises NoSuchVisit, VisitOver."""
        visit = await self.database.run(lambda connection: visits.set_state(connection, id, VisitState.CANCELLED))
        self.timelines.log("visit.cancelled", visit=id, why=reason)
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

    async def close_overdue(self) -> list[str]:
        """Mark the visits whose time is over, done if they had a call and missed if not; answers their ids."""

        def close(connection: Connection) -> list[str]:
            over = visits.overdue(connection, self.now())
            for visit in over:
                held = bool(calls.list(connection, visit=visit.id, limit=1))
                visits.set_state(connection, visit.id, VisitState.DONE if held else VisitState.MISSED)
            return [visit.id for visit in over]

        return await self.database.run(close)

    def _failed(self, failure: object) -> None:
        self.timelines.log("store.failed", error=str(failure))
