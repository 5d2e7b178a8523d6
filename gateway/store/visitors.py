"""Visitors: the people outside, by the facility that knows them and its reference for them."""

import builtins
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy import Connection, RowMapping, insert, select, update
from sqlalchemy.exc import IntegrityError

from parloir.store.errors import NoSuch, Taken
from parloir.store.people_tables import visitors

OF_AGE = 18


class VisitorStatus(StrEnum):
    """Whether someone may visit at all: yes, kept out by staff, or no longer known."""

    ACTIVE = "active"
    BLOCKED = "blocked"
    CLOSED = "closed"


@dataclass(frozen=True)
class Visitor:
    """One person outside. `reference` is the facility's own name for them, or their id where it gave none."""

    id: str
    facility: str
    reference: str
    name: str
    born: date | None = None
    email: str | None = None
    phone: str | None = None
    language: str | None = None
    status: VisitorStatus = VisitorStatus.ACTIVE

    def is_minor(self, on: date) -> bool:
        """Whether they are under 18 on a day; someone born on 29 February comes of age on 1 March."""
        return self.born is not None and (on.year - self.born.year, on.month, on.day) < (
            OF_AGE,
            self.born.month,
            self.born.day,
        )


def add(
    connection: Connection,
    *,
    facility: str,
    name: str,
    reference: str | None = None,
    born: date | None = None,
    email: str | None = None,
    phone: str | None = None,
    language: str | None = None,
    status: VisitorStatus = VisitorStatus.ACTIVE,
) -> Visitor:
    """Write down someone new; raises Taken for a reference that the facility has already given."""
    id = secrets.token_hex(8)
    visitor = Visitor(id, facility, reference or id, name, born, email, phone, language, status)
    try:
        with connection.begin_nested():
            put(connection, [visitor])
    except IntegrityError:
        raise Taken("visitor's reference", visitor.reference) from None
    return visitor


def put(connection: Connection, those: Iterable[Visitor]) -> None:
    """Write down many at once, all of them new, under ids of the caller's."""
    if rows := [_columns(visitor) for visitor in those]:
        connection.execute(insert(visitors), rows)


def change(connection: Connection, visitor: Visitor) -> None:
    """Write someone down as they are now; their facility and reference stay. Raises NoSuch."""
    columns = {name: value for name, value in _columns(visitor).items() if name not in ("id", "facility", "reference")}
    if connection.execute(update(visitors).where(visitors.c.id == visitor.id).values(columns)).rowcount == 0:
        raise NoSuch("visitor", visitor.id)


def get(connection: Connection, id: str) -> Visitor:
    """The one of that id; raises NoSuch."""
    row = connection.execute(select(visitors).where(visitors.c.id == id)).mappings().first()
    if row is None:
        raise NoSuch("visitor", id)
    return visitor_of(row)


def several(connection: Connection, ids: Iterable[str]) -> dict[str, Visitor]:
    """Those of these ids that there are."""
    rows = connection.execute(select(visitors).where(visitors.c.id.in_(tuple(ids)))).mappings()
    return {row["id"]: visitor_of(row) for row in rows}


def by_reference(connection: Connection, facility: str, reference: str) -> Visitor | None:
    """The one whom the facility knows by that reference."""
    query = select(visitors).where(visitors.c.facility == facility, visitors.c.reference == reference)
    row = connection.execute(query).mappings().first()
    return None if row is None else visitor_of(row)


def list(
    connection: Connection, facility: str, *, status: VisitorStatus | None = None, limit: int | None = 200
) -> builtins.list[Visitor]:
    """A facility's visitors by name."""
    query = select(visitors).where(visitors.c.facility == facility).order_by(visitors.c.name, visitors.c.id)
    if status is not None:
        query = query.where(visitors.c.status == status)
    return [visitor_of(row) for row in connection.execute(query.limit(limit)).mappings()]


def _columns(visitor: Visitor) -> dict[str, object]:
    return {
        "id": visitor.id,
        "facility": visitor.facility,
        "reference": visitor.reference,
        "name": visitor.name,
        "born": visitor.born,
        "email": visitor.email,
        "phone": visitor.phone,
        "language": visitor.language,
        "status": visitor.status,
    }


def visitor_of(row: RowMapping) -> Visitor:
    """A visitor from their row."""
    return Visitor(
        id=row["id"],
        facility=row["facility"],
        reference=row["reference"],
        name=row["name"],
        born=row["born"],
        email=row["email"],
        phone=row["phone"],
        language=row["language"],
        status=VisitorStatus(row["status"]),
    )
