"""A call's timeline: what happened to it, in order, never changed afterwards."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, func, insert, select, tuple_

from parloir.store import happenings, locks
from parloir.store.tables import calls, events

_NUMBER = select(func.max(events.c.number)).where(events.c.call == bindparam("of")).scalar_subquery()
_LAST = select(_NUMBER, *happenings.places())
_NUMBERS = (
    select(events.c.call, func.max(events.c.number))
    .where(events.c.call.in_(bindparam("those", expanding=True)))
    .group_by(events.c.call)
)
_ADD = insert(events)


@dataclass(frozen=True)
class Entry:
    """One event: its number in the call from 1, when (UTC, and monotonic nanoseconds of that run), what.

    `sequence` is its place among the events of all calls: they become visible in that order.
    """

    call: str
    number: int
    wall: datetime
    monotonic: int
    kind: str
    data: Mapping[str, Any]
    sequence: int = 0


def append(
    connection: Connection, call: str, kind: str, data: Mapping[str, Any], wall: datetime, monotonic: int
) -> Entry:
    """Add one event to a call; `data` is JSON-able and holds no secret."""
    locks.hold(connection, locks.TIMELINE)
    number, *places = connection.execute(_LAST, {"of": call}).one()
    sequence = max(place or 0 for place in places) + 1
    entry = Entry(call, (number or 0) + 1, wall, monotonic, kind, dict(data), sequence)
    connection.execute(_ADD, vars(entry))
    return entry


def append_all(
    connection: Connection, news: Mapping[str, tuple[str, Mapping[str, Any]]], wall: datetime, monotonic: int
) -> dict[str, Entry]:
    """Add one event to each of several calls at once: by the call's id its kind and data, as `append` takes them."""
    if not news:
        return {}
    locks.hold(connection, locks.TIMELINE)
    sequence = happenings.last(connection)
    numbers: dict[str, int] = {row[0]: row[1] for row in connection.execute(_NUMBERS, {"those": tuple(news)})}
    entries = {
        call: Entry(call, numbers.get(call, 0) + 1, wall, monotonic, kind, dict(data), place)
        for place, (call, (kind, data)) in enumerate(news.items(), sequence + 1)
    }
    connection.execute(_ADD, [vars(entry) for entry in entries.values()])
    return entries


def of(connection: Connection, call: str) -> list[Entry]:
    """A call's events in their order."""
    rows = connection.execute(select(events).where(events.c.call == call).order_by(events.c.number)).mappings()
    return [_entry(row) for row in rows]


def of_calls(connection: Connection, those: Iterable[str], last_of: str | None = None) -> dict[str, list[Entry]]:
    """The events of several calls, each call's in their order; of the kind `last_of` only the last one of each."""
    found: dict[str, list[Entry]] = {call: [] for call in those}
    theirs = events.c.call.in_(tuple(found))
    query = select(events).where(theirs).order_by(events.c.call, events.c.number)
    if last_of is not None:
        frequent = select(events.c.call, func.max(events.c.number)).where(theirs, events.c.kind == last_of)
        last = tuple_(events.c.call, events.c.number).in_(frequent.group_by(events.c.call))
        query = query.where((events.c.kind != last_of) | last)
    for row in connection.execute(query).mappings():
        found[row["call"]].append(_entry(row))
    return found


def at(connection: Connection, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Entry]:
    """Those events, by their call and number, that there are."""
    query = select(events).where(tuple_(events.c.call, events.c.number).in_(sorted(places)))
    return {(row["call"], row["number"]): _entry(row) for row in connection.execute(query).mappings()}


def after(connection: Connection, facility: str, sequence: int, limit: int = 200) -> list[Entry]:
    """A facility's events of all calls that came after `sequence`, in their order: what a plugin has not yet heard."""
    query = select(events).join(calls).where(calls.c.facility == facility, events.c.sequence > sequence)
    return [_entry(row) for row in connection.execute(query.order_by(events.c.sequence).limit(limit)).mappings()]


def _entry(row: RowMapping) -> Entry:
    return Entry(row["call"], row["number"], row["wall"], row["monotonic"], row["kind"], row["data"], row["sequence"])
