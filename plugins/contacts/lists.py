"""Residents' lists as they are stored, and each change of them with who made it and why."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from .listing import Change, Listed
from .tables import changes, listed, moment, seconds


@dataclass(frozen=True)
class Entry:
    """A change of a resident's list. `counts` says whether it is one of the changes the resident has."""

    at: datetime
    entered_by: str
    counts: bool
    added: tuple[str, ...]
    removed: tuple[str, ...]
    why: str


def get(connection: Connection, facility: str, resident: str) -> tuple[Listed, ...]:
    """A resident's list, in the resident's order."""
    query = select(listed).where(listed.c.facility == facility, listed.c.resident == resident)
    rows = connection.execute(query.order_by(listed.c.place))
    return tuple(Listed(row.visitor, row.name, row.label) for row in rows)


def put(connection: Connection, facility: str, resident: str, change: Change, entry: Entry) -> None:
    """Store a changed list, and that it was changed."""
    connection.execute(delete(listed).where(listed.c.facility == facility, listed.c.resident == resident))
    rows: list[dict[str, Any]] = [
        {"facility": facility, "resident": resident, "place": place, **asdict(each)}
        for place, each in enumerate(change.new)
    ]
    if rows:
        connection.execute(insert(listed), rows)
    connection.execute(
        insert(changes).values(
            facility=facility,
            resident=resident,
            at=seconds(entry.at),
            entered_by=entry.entered_by,
            counts=int(entry.counts),
            added=list(entry.added),
            removed=list(entry.removed),
            why=entry.why,
        )
    )


def history(connection: Connection, facility: str, resident: str) -> tuple[Entry, ...]:
    """Every change of a resident's list, the latest first."""
    query = select(changes).where(changes.c.facility == facility, changes.c.resident == resident)
    return tuple(
        Entry(moment(row.at), row.entered_by, bool(row.counts), tuple(row.added), tuple(row.removed), row.why)
        for row in connection.execute(query.order_by(changes.c.at.desc(), changes.c.number.desc()))
    )
