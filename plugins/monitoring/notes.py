"""What officers write down about calls, confidential ones too. A note is never changed or removed."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, select

from . import tables


@dataclass(frozen=True)
class Note:
    """One note; UTC."""

    at: datetime
    entered_by: str
    text: str


def of(connection: Connection, facility: str, call: str) -> tuple[Note, ...]:
    """A call's notes, the earliest first."""
    mine = (tables.notes.c.facility == facility, tables.notes.c.call == call)
    query = select(tables.notes).where(*mine).order_by(tables.notes.c.number)
    return tuple(
        Note(datetime.fromtimestamp(row["at"], UTC), row["entered_by"], row["text"])
        for row in connection.execute(query).mappings()
    )


def add(connection: Connection, facility: str, call: str, text: str, *, by: str, now: datetime) -> None:
    """Write one down."""
    connection.execute(
        insert(tables.notes).values(facility=facility, call=call, at=int(now.timestamp()), entered_by=by, text=text)
    )
