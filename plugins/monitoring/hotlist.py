"""The hot list: whose calls staff are told of, once for each call."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import uuid4

from sqlalchemy import Connection, insert, select, update

from parloir.api import Call

from .settings import HotList, digits
from .tables import hot, told


class HotKind(StrEnum):
    """What an entry names."""

    RESIDENT = "resident"
    VISITOR = "visitor"
    NUMBER = "number"


@dataclass(frozen=True)
class Entry:
    """One entry, by whom and why."""

    id: str
    kind: HotKind
    value: str
    why: str
    entered_by: str


def names(call: Call) -> frozenset[tuple[HotKind, str]]:
    """Everybody in a call, as entries name them."""
    resident = [(HotKind.RESIDENT, call.resident.id)] if call.resident else []
    visitors = [(HotKind.VISITOR, each.id) for each in call.visitors]
    numbers = [(HotKind.NUMBER, digits(each.phone)) for each in call.visitors if digits(each.phone)]
    return frozenset((*resident, *visitors, *numbers))


def configured(settings: HotList) -> frozenset[tuple[HotKind, str]]:
    """What the configuration names."""
    return frozenset(
        (
            *((HotKind.RESIDENT, each) for each in settings.residents),
            *((HotKind.VISITOR, each) for each in settings.visitors),
            *((HotKind.NUMBER, digits(each)) for each in settings.numbers),
        )
    )


def entries(connection: Connection, facility: str) -> tuple[Entry, ...]:
    """What staff have entered and not lifted, in the order of the values."""
    query = select(hot).where(hot.c.facility == facility, hot.c.lifted.is_(None)).order_by(hot.c.value, hot.c.id)
    return tuple(
        Entry(row["id"], HotKind(row["kind"]), row["value"], row["why"], row["entered_by"])
        for row in connection.execute(query).mappings()
    )


def enter(
    connection: Connection, facility: str, kind: HotKind, value: str, *, why: str, by: str, now: datetime
) -> Entry:
    """Add an entry; numbers are kept as their digits."""
    kept = digits(value) if kind is HotKind.NUMBER else value
    entry = Entry(uuid4().hex, kind, kept, why, by)
    connection.execute(
        insert(hot).values(
            id=entry.id,
            facility=facility,
            kind=kind.value,
            value=kept,
            why=why,
            entered_by=by,
            start=int(now.timestamp()),
        )
    )
    return entry


def lift(connection: Connection, facility: str, id: str, *, by: str, now: datetime) -> bool:
    """Take an entry away; whether it was there."""
    mine = (hot.c.facility == facility, hot.c.id == id, hot.c.lifted.is_(None))
    done = connection.execute(update(hot).where(*mine).values(lifted=int(now.timestamp()), lifted_by=by))
    return done.rowcount == 1


def news(
    connection: Connection, facility: str, call: Call, settings: HotList, now: datetime
) -> Sequence[tuple[HotKind, str]]:
    """Who of a call is on the list; nobody the second time that it is asked of the same call."""
    listed: Iterable[tuple[HotKind, str]] = ((each.kind, each.value) for each in entries(connection, facility))
    found = sorted(names(call) & (configured(settings) | frozenset(listed)))
    if not found:
        return ()
    mine = (told.c.facility == facility, told.c.call == call.id)
    if connection.execute(select(told.c.call).where(*mine)).first() is not None:
        return ()
    connection.execute(insert(told).values(facility=facility, call=call.id, at=int(now.timestamp())))
    return found
