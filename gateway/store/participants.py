"""Who takes part in a visit: the resident stands in the visit itself, its visitors here."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from parloir.store import span
from parloir.store.people_tables import visit_visitors, visitors
from parloir.store.tables import visits
from parloir.store.visitors import Visitor, visitor_of
from parloir.store.visits import OPEN


def put(connection: Connection, visit: str, visitors: Iterable[str]) -> None:
    """Say who the visitors of a visit are, by their ids, in place of those there were."""
    connection.execute(delete(visit_visitors).where(visit_visitors.c.visit == visit))
    rows = [{"visit": visit, "visitor": visitor} for visitor in dict.fromkeys(visitors)]
    if rows:
        connection.execute(insert(visit_visitors), rows)


def of_visit(connection: Connection, visit: str) -> list[Visitor]:
    """The visitors of a visit, by name."""
    query = select(visitors).join(visit_visitors).where(visit_visitors.c.visit == visit)
    return [visitor_of(row) for row in connection.execute(query.order_by(visitors.c.name, visitors.c.id)).mappings()]


def of_visits(connection: Connection, ids: Iterable[str]) -> dict[str, list[str]]:
    """The ids of the visitors of many visits."""
    found: dict[str, list[str]] = {id: [] for id in ids}
    rows = connection.execute(select(visit_visitors).where(visit_visitors.c.visit.in_(tuple(found))))
    for visit, visitor in sorted(tuple(row) for row in rows):
        found[visit].append(visitor)
    return found


def busy(connection: Connection, after: datetime, before: datetime, *, resident: str | None, by: Iterable[str]) -> bool:
    """Whether the resident, or one of the visitors (by id), has an open visit that overlaps this span anywhere."""
    theirs: ColumnElement[bool] = visits.c.id.in_(
        select(visit_visitors.c.visit).where(visit_visitors.c.visitor.in_(tuple(by)))
    )
    if resident is not None:
        theirs |= visits.c.resident == resident
    query = select(visits.c.id).where(theirs, visits.c.state.in_(OPEN), span.overlaps(visits, after, before))
    return connection.execute(query.limit(1)).first() is not None
