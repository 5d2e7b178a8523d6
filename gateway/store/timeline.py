"""A call's timeline: what happened to it, in order, never changed afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from parloir.store.tables import events


@dataclass(frozen=True)
class Entry:
    """One event: its number in the call from 1, when (UTC, and monotonic nanoseconds of that run), what."""

    call: str
    number: int
    wall: datetime
    monotonic: int
    kind: str
    data: Mapping[str, Any]


def append(
    connection: Connection, call: str, kind: str, data: Mapping[str, Any], wall: datetime, monotonic: int
) -> Entry:
    """Add one event to a call; `data` is JSON-able and holds no secret."""
    last = connection.execute(select(func.max(events.c.number)).where(events.c.call == call)).scalar()
    entry = Entry(call, (last or 0) + 1, wall, monotonic, kind, dict(data))
    connection.execute(
        insert(events).values(
            call=call, number=entry.number, wall=wall, monotonic=monotonic, kind=kind, data=entry.data
        )
    )
    return entry


def of(connection: Connection, call: str) -> list[Entry]:
    """A call's events in their order."""
    rows = connection.execute(select(events).where(events.c.call == call).order_by(events.c.number)).mappings()
    return [Entry(row["call"], row["number"], row["wall"], row["monotonic"], row["kind"], row["data"]) for row in rows]
