"""What happened beside calls, kept for plugins: to visits, to residents, and the alerts.

It is written in the transaction that did it, and numbered later, in one row with the events of calls: whoever writes
waits for nobody, and what becomes visible late comes late in the order.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, ScalarSelect, func, insert, select, update

from parloir.store import locks
from parloir.store.tables import events, happenings


class Hook(StrEnum):
    """Which kind of news it is."""

    VISIT = "visit_event"
    PERSON = "person_event"
    ALERT = "alert"


@dataclass(frozen=True)
class News:
    """What to keep: of which facility (None: of all), about whom or what (its id), and what happened."""

    facility: str | None
    subject: str
    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One happening, and its place among the events."""

    facility: str | None
    hook: Hook
    subject: str
    kind: str
    at: datetime
    data: Mapping[str, Any]
    sequence: int


def append(
    connection: Connection,
    facility: str | None,
    hook: Hook,
    subject: str,
    kind: str,
    data: Mapping[str, Any],
    *,
    at: datetime | None = None,
) -> None:
    """Keep something that happened; `data` is JSON-able, `at` is now if not given."""
    append_all(connection, hook, [News(facility, subject, kind, data)], at=at)


def append_all(connection: Connection, hook: Hook, news: Iterable[News], *, at: datetime | None = None) -> None:
    """Keep much that happened at once."""
    moment = at or datetime.now(UTC)
    if rows := [{**vars(each), "data": dict(each.data), "hook": hook, "at": moment} for each in news]:
        connection.execute(insert(happenings), rows)


def number(connection: Connection) -> None:
    """Give what is stored and has no place yet its place behind all events and happenings that have one."""
    fresh = select(happenings.c.id).where(happenings.c.sequence.is_(None)).order_by(happenings.c.id)
    if connection.execute(fresh.limit(1)).first() is None:
        return
    locks.hold(connection, locks.TIMELINE)
    for place, id in enumerate(connection.execute(fresh).scalars().all(), last(connection) + 1):
        connection.execute(update(happenings).where(happenings.c.id == id).values(sequence=place))


def after(connection: Connection, facility: str, sequence: int, limit: int = 200) -> list[Row]:
    """What has happened to a facility after `sequence`, in its order."""
    query = select(happenings).where(happenings.c.sequence > sequence)
    theirs = query.where(happenings.c.facility.is_(None) | (happenings.c.facility == facility))
    rows = connection.execute(theirs.order_by(happenings.c.sequence).limit(limit)).mappings()
    return [
        Row(row["facility"], Hook(row["hook"]), row["subject"], row["kind"], row["at"], row["data"], row["sequence"])
        for row in rows
    ]


def last(connection: Connection) -> int:
    """The place of the last of all events and happenings; 0 before the first. Hold locks.TIMELINE to go on from it."""
    return max(place or 0 for place in connection.execute(select(*places())).one())


def places() -> tuple[ScalarSelect[int | None], ...]:
    """What `last` takes the greatest of, for a query that asks for more at once."""
    return tuple(select(func.max(table.c.sequence)).scalar_subquery() for table in (events, happenings))
