"""What happened beside calls, kept for plugins: to visits, to residents, and the alerts.

It is written in the transaction that did it, and numbered later, in one row with the events of calls: whoever writes
waits for nobody, and what becomes visible late comes late in the order.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, ScalarSelect, delete, func, insert, select, update

from parloir.store import locks
from parloir.store.staff_tables import plugin_cursors
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


def number(connection: Connection, most: int | None = None) -> None:
    """Give what is stored and has no place yet its place behind all events and happenings that have one.

    Where `most` is given, so many at most: the first.
    """
    fresh = select(happenings.c.id).where(happenings.c.sequence.is_(None)).order_by(happenings.c.id).limit(most)
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


def clear(connection: Connection, facility: str, heard: int | None, before: datetime, most: int) -> int:
    """Remove a facility's happenings up to the place `heard` (None: all) from `before` that time, the first so many.

    Answers how many went. The one in the last place of all stays: the next would be given its number again. What is of
    all facilities goes when every plugin that ever listened has heard it.
    """
    number(connection, most)
    end = last(connection)
    everywhere = select(func.min(plugin_cursors.c.position)).scalar_subquery()
    theirs = happenings.c.facility == facility
    if heard is not None:
        theirs &= happenings.c.sequence <= heard
    of_all = happenings.c.facility.is_(None) & (happenings.c.sequence <= func.coalesce(everywhere, end))
    old = (happenings.c.sequence < end) & (happenings.c.at < before)
    going = select(happenings.c.id).where(old, theirs | of_all).order_by(happenings.c.sequence).limit(most)
    return connection.execute(delete(happenings).where(happenings.c.id.in_(going))).rowcount


def last(connection: Connection) -> int:
    """The place of the last of all events and happenings; 0 before the first. Hold locks.TIMELINE to go on from it."""
    return max(place or 0 for place in connection.execute(select(*places())).one())


def places() -> tuple[ScalarSelect[int | None], ...]:
    """What `last` takes the greatest of, for a query that asks for more at once."""
    return tuple(select(func.max(table.c.sequence)).scalar_subquery() for table in (events, happenings))
