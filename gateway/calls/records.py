"""What the gateway remembers of a facility, for its plugins to count."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from parloir.calls import circle, history, parties
from parloir.calls.history import AT_ONCE
from parloir.calls.premises import Premises
from parloir.policy.facility import Store
from parloir.policy.participants import Relationship
from parloir.policy.values import Call, Suspension, Visit
from parloir.store import calls, relationships, separations, suspensions, visitors, visits
from parloir.store.visitors import VisitorStatus
from parloir.store.visits import Visit as VisitRow

KEPT_OUT = {VisitorStatus.BLOCKED: "kept out by staff", VisitorStatus.CLOSED: "no longer a visitor here"}


@dataclass(frozen=True)
class FacilityRecords:
    """A facility's records (policy.facility.Records); `store` does the work wherever the plugin runs."""

    premises: Premises
    store: Store
    now: Callable[[], datetime]

    async def visits(
        self,
        *,
        resident: str | None = None,
        visitor: str | None = None,
        station: str | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
    ) -> tuple[Visit, ...]:
        """Visits of every state that overlap the span, earliest first."""

        def find(connection: Connection) -> tuple[Visit, ...]:
            found = visits.list(
                connection,
                facility=self.premises.facility,
                resident=resident,
                visitor=visitor,
                station=station,
                after=after,
                before=before,
                limit=None,
            )
            return self._shown(connection, found)

        return await self.store.run(find)

    async def calls(
        self,
        *,
        resident: str | None = None,
        visitor: str | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
    ) -> tuple[Call, ...]:
        """Calls that were opened in the span, earliest first, each with its talked and held seconds."""

        def find(connection: Connection) -> tuple[Call, ...]:
            found = calls.opened(
                connection, self.premises.facility, resident=resident, visitor=visitor, after=after, before=before
            )
            return history.read(connection, self.premises, found, self.now())

        return await self.store.run(find)

    async def relationships(self, resident: str) -> tuple[tuple[str, Relationship], ...]:
        """Everybody on record with a resident: visitor's id and relationship."""
        now = self.now()

        def find(connection: Connection) -> tuple[tuple[str, Relationship], ...]:
            found = relationships.of_resident(connection, resident)
            return tuple((tie.visitor, circle.tie_of(tie, now)) for tie in found)

        return await self.store.run(find)

    async def separated(self, resident: str) -> tuple[str, ...]:
        """The residents whom a separation in force keeps apart from this one."""
        now = self.now()

        def find(connection: Connection) -> tuple[str, ...]:
            return tuple(sorted({each.other(resident) for each in separations.of_resident(connection, resident, now)}))

        return await self.store.run(find)

    async def suspended(
        self, *, resident: str | None, visitors: Sequence[str], after: datetime, before: datetime
    ) -> tuple[Suspension, ...]:
        """Suspensions of the resident or any of the visitors that overlap the span; visitors kept out are suspended."""

        def find(connection: Connection) -> tuple[Suspension, ...]:
            found = suspensions.within(connection, self.premises.facility, resident, visitors, after, before)
            return (*map(_suspension, found), *_kept_out(connection, visitors, after))

        return await self.store.run(find)

    def _shown(self, connection: Connection, found: Sequence[VisitRow]) -> tuple[Visit, ...]:
        now, premises = self.now(), self.premises
        shown: list[Visit] = []
        for start in range(0, len(found), AT_ONCE):
            some = found[start : start + AT_ONCE]
            people = circle.of_visits(connection, some)
            for visit in some:
                unit, media = premises.unit(visit.station), premises.media(visit.station)
                shown.append(parties.shown(people, visit, unit=unit, media=media, now=now, zone=premises.zone))
        return tuple(shown)


def _suspension(row: suspensions.Suspension) -> Suspension:
    return Suspension(
        resident=row.resident, visitor=row.visitor, reason=row.reason[:500], start=row.start, finish=row.finish
    )


def _kept_out(connection: Connection, ids: Sequence[str], since: datetime) -> list[Suspension]:
    known = visitors.several(connection, ids)
    return [
        Suspension(visitor=row.id, reason=KEPT_OUT[row.status], start=since)
        for row in known.values()
        if row.status in KEPT_OUT
    ]
