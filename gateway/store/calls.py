"""Calls as they are remembered: one row each, opened when they begin and finished when they end."""

import builtins
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, RowMapping, insert, select, update

from parloir.store import nodes
from parloir.store.errors import ClassFixed, NoSuchCall
from parloir.store.people_tables import visit_visitors
from parloir.store.tables import calls, visits
from parloir.store.text import can_be_kept


class WayIn(StrEnum):
    """Who began the call: a scheduled visit's time, or the phone inside."""

    SCHEDULED = "scheduled"
    INSIDE = "inside"


class CallClass(StrEnum):
    """What the call is before the law, fixed before media exists: a privileged one is never heard by others.

    UNKNOWN: not decided yet, or never; such a call has no media.
    """

    ORDINARY = "ordinary"
    PRIVILEGED = "privileged"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Call:
    """One call. `ended` and `reason` (the typed reason's name) are None while it lives; `node` is the gateway that
    carries it, where there are several. Times in UTC."""

    id: str
    visit: str | None
    facility: str
    station: str
    way_in: WayIn
    call_class: CallClass
    opened: datetime
    ended: datetime | None = None
    reason: str | None = None
    node: str | None = None


def add(connection: Connection, call: Call) -> None:
    """Remember a call that begins."""
    connection.execute(
        insert(calls).values(
            {
                "id": call.id,
                "visit": call.visit,
                "facility": call.facility,
                "station": call.station,
                "way_in": call.way_in,
                "class": call.call_class,
                "opened": call.opened,
                "ended": call.ended,
                "reason": call.reason,
                "node": call.node,
            }
        )
    )


def classify(connection: Connection, id: str, call_class: CallClass) -> None:
    """Set the class of a call whose class is unknown, once and for good; raises NoSuchCall, or ClassFixed."""
    unknown = (calls.c.id == id) & (calls.c["class"] == CallClass.UNKNOWN)
    if connection.execute(update(calls).where(unknown).values({"class": call_class})).rowcount == 0:
        raise ClassFixed(id, get(connection, id).call_class)


def finish(connection: Connection, id: str, ended: datetime, reason: str) -> None:
    """Write down a call's end; a call that has ended keeps its first reason. Raises NoSuchCall."""
    get(connection, id)
    connection.execute(
        update(calls).where(calls.c.id == id, calls.c.ended.is_(None)).values(ended=ended, reason=reason)
    )


def get(connection: Connection, id: str) -> Call:
    """The call of that id; raises NoSuchCall."""
    row = connection.execute(select(calls).where(calls.c.id == id)).mappings().first() if can_be_kept(id) else None
    if row is None:
        raise NoSuchCall(id)
    return _call(row)


def list(
    connection: Connection, *, live: bool | None = None, visit: str | None = None, limit: int = 200
) -> builtins.list[Call]:
    """Calls, the newest first: live ones, ended ones, or both (None)."""
    query = select(calls).order_by(calls.c.opened.desc(), calls.c.id).limit(limit)
    if live is not None:
        query = query.where(calls.c.ended.is_(None) if live else calls.c.ended.is_not(None))
    if visit is not None:
        query = query.where(calls.c.visit == visit)
    return [_call(row) for row in connection.execute(query).mappings()]


def left_open(connection: Connection, node: str) -> builtins.list[Call]:
    """The calls that live, of this node alone: when it starts, those that its earlier run was cut off in."""
    query = select(calls).where(calls.c.ended.is_(None), nodes.own(connection, calls.c.node, node))
    return [_call(row) for row in connection.execute(query.order_by(calls.c.opened)).mappings()]


def several(connection: Connection, ids: Iterable[str]) -> dict[str, Call]:
    """Those of these ids that there are."""
    return {
        row["id"]: _call(row) for row in connection.execute(select(calls).where(calls.c.id.in_(tuple(ids)))).mappings()
    }


def opened(
    connection: Connection,
    facility: str,
    *,
    resident: str | None = None,
    visitor: str | None = None,
    after: datetime | None = None,
    before: datetime | None = None,
) -> builtins.list[Call]:
    """A facility's calls that began from `after` up to `before`, earliest first; with people by their ids."""
    query = select(calls).where(calls.c.facility == facility).order_by(calls.c.opened, calls.c.id)
    if resident is not None:
        query = query.where(calls.c.visit.in_(select(visits.c.id).where(visits.c.resident == resident)))
    if visitor is not None:
        theirs = select(visit_visitors.c.visit).where(visit_visitors.c.visitor == visitor)
        query = query.where(calls.c.visit.in_(theirs))
    if after is not None:
        query = query.where(calls.c.opened >= after)
    if before is not None:
        query = query.where(calls.c.opened < before)
    return [_call(row) for row in connection.execute(query).mappings()]


def _call(row: RowMapping) -> Call:
    return Call(
        id=row["id"],
        visit=row["visit"],
        facility=row["facility"],
        station=row["station"],
        way_in=WayIn(row["way_in"]),
        call_class=CallClass(row["class"]),
        opened=row["opened"],
        ended=row["ended"],
        reason=row["reason"],
        node=row["node"],
    )
