"""People, visits and calls for the tests of plugins: whole as they are, and each fact can be given by name."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from parloir.api import (
    BookedBy,
    Call,
    Relationship,
    RelationshipKind,
    RelationshipState,
    Resident,
    Visit,
    Visitor,
    WayIn,
)

ZONE = "America/Chicago"
NOON = datetime(2026, 3, 4, 18, 0, tzinfo=UTC)
"""A Wednesday, noon in ZONE."""


def local(text: str, zone: str = ZONE) -> datetime:
    """What a wall clock in that zone shows, as `2026-03-04 18:30`, in UTC. Raises ValueError for other text.

    Of an hour that the clock shows twice it is the first.
    """
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def resident(id: str = "r1", **facts: Any) -> Resident:
    """A resident in unit A."""
    return Resident(**{"id": id, "name": f"Resident {id}", "unit": "A", "status": "in custody"} | facts)


def relationship(
    kind: RelationshipKind = RelationshipKind.FAMILY,
    state: RelationshipState = RelationshipState.APPROVED,
    resident: str | None = "r1",
    expires: datetime | None = None,
) -> Relationship:
    """A tie to a resident: approved family of `resident()`."""
    return Relationship(kind=kind, state=state, resident=resident, expires=expires)


def visitor(id: str = "v1", *relationships: Relationship, **facts: Any) -> Visitor:
    """A visitor with these relationships; without any, approved family of `resident()`."""
    return Visitor(**{"id": id, "name": f"Visitor {id}", "relationships": relationships or (relationship(),)} | facts)


def attorney(id: str = "counsel", state: RelationshipState = RelationshipState.APPROVED, **facts: Any) -> Visitor:
    """The attorney of `resident()`."""
    return visitor(id, relationship(RelationshipKind.ATTORNEY, state), **facts)


def visit(*visitors: Visitor, start: datetime = NOON, minutes: int = 30, **facts: Any) -> Visit:
    """A visit that its visitor booked three days before; `id=None` makes it one that is only asked for."""
    given: dict[str, Any] = {
        "id": "visit-1",
        "facility": "north",
        "station": "pod-a-1",
        "unit": "A",
        "resident": resident(),
        "visitors": visitors or (visitor(),),
        "start": start,
        "end": start + timedelta(minutes=minutes),
        "asked_at": start - timedelta(days=3),
        "booked_by": BookedBy.VISITOR,
        "state": "scheduled",
    }
    return Visit(**given | facts)


def call(*visitors: Visitor, at: datetime | None = None, visit: Visit | None = None, **facts: Any) -> Call:
    """A call that begins at `at`: from inside to family, or of a visit, with the visit's people, phone and start."""
    moment = at or (visit.start if visit else NOON)
    given: dict[str, Any] = {
        "id": "call-1",
        "facility": "north",
        "timezone": ZONE,
        "way_in": WayIn.INSIDE,
        "station": "pod-a-1",
        "unit": "A",
        "resident": resident(),
        "visitors": visitors or (visitor(),),
        "at": moment,
        "opened": moment,
    }
    if visit is not None:
        of_visit = ("facility", "station", "unit", "resident", "media", *(() if visitors else ("visitors",)))
        given |= {"way_in": WayIn.SCHEDULED, "visit": visit} | {name: getattr(visit, name) for name in of_visit}
    return Call(**given | facts)
