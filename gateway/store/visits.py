"""Visits: who may call which station when, found by link token or by the code dialled on the phone."""

import builtins
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, RowMapping, Select, insert, select, update

from parloir.store import happenings, locks
from parloir.store.calls import CallClass
from parloir.store.errors import NoSuchVisit, StationTaken, VisitOver
from parloir.store.happenings import Hook
from parloir.store.people_tables import visit_visitors
from parloir.store.tables import visits
from parloir.store.text import can_be_kept

ZERO = timedelta(0)


class VisitState(StrEnum):
    """Where a visit stands. The first two are open: it may still be held."""

    SCHEDULED = "scheduled"
    ACTIVE = "active"
    DONE = "done"
    CANCELLED = "cancelled"
    MISSED = "missed"


OPEN = (VisitState.SCHEDULED, VisitState.ACTIVE)
TOLD = {VisitState.CANCELLED: "cancelled", VisitState.MISSED: "missed", VisitState.DONE: "held"}
"""How a visit's end is told to plugins."""


class BookedBy(StrEnum):
    """Who asked for a visit. Staff vouch for those they book."""

    STAFF = "staff"
    VISITOR = "visitor"
    RESIDENT = "resident"
    PLUGIN = "plugin"


@dataclass(frozen=True)
class Visit:
    """One visit. `code` is dialled on its station, `token` is the secret of its link; `rings` says whether the
    station rings when the visitor joins, or waits to dial. `resident` is the id of the one it is with, if known;
    `call_class` is what staff said the visit is, if they did."""

    id: str
    facility: str
    station: str
    visitor: str
    start: datetime
    minutes: int
    code: str = field(repr=False)
    token: str = field(repr=False)
    state: VisitState = VisitState.SCHEDULED
    rings: bool = True
    resident: str | None = None
    booked_by: BookedBy = BookedBy.STAFF
    call_class: CallClass | None = None

    @property
    def end(self) -> datetime:
        """When its time is over."""
        return self.start + timedelta(minutes=self.minutes)

    @property
    def is_open(self) -> bool:
        """Whether it may still be held."""
        return self.state in OPEN


def add(
    connection: Connection,
    *,
    facility: str,
    station: str,
    visitor: str,
    start: datetime,
    minutes: int,
    rings: bool = True,
    resident: str | None = None,
    booked_by: BookedBy = BookedBy.STAFF,
    call_class: CallClass | None = None,
) -> Visit:
    """Schedule a visit with a fresh code and token; raises StationTaken where an open visit overlaps it."""
    taken = _codes_where_free(connection, facility, station, start, start + timedelta(minutes=minutes))
    visit = Visit(
        id=secrets.token_hex(8),
        facility=facility,
        station=station,
        visitor=visitor,
        start=start,
        minutes=minutes,
        code=_fresh_code(taken),
        token=secrets.token_urlsafe(24),
        rings=rings,
        resident=resident,
        booked_by=booked_by,
        call_class=call_class,
    )
    connection.execute(insert(visits).values(**_columns(visit)))
    _tell(connection, visit, "booked", by=booked_by)
    return visit


def move(connection: Connection, id: str, station: str, start: datetime, minutes: int) -> Visit:
    """Give a scheduled visit another station or time; its link stays, and its code where it is free there.

    Raises NoSuchVisit, VisitOver for one that has begun or is closed, and StationTaken.
    """
    visit = _locked(connection, id)
    if visit.state is not VisitState.SCHEDULED:
        raise VisitOver(visit)
    end = start + timedelta(minutes=minutes)
    taken = _codes_where_free(connection, visit.facility, station, start, end, but=id)
    code = _fresh_code(taken) if visit.code in taken else visit.code
    moved = replace(visit, station=station, start=start, minutes=minutes, code=code)
    connection.execute(update(visits).where(visits.c.id == id).values(_columns(moved)))
    _tell(connection, moved, "moved", station=visit.station, start=visit.start.isoformat(), minutes=visit.minutes)
    return moved


def get(connection: Connection, id: str) -> Visit:
    """The visit of that id; raises NoSuchVisit."""
    visit = _first(connection, select(visits).where(visits.c.id == id)) if can_be_kept(id) else None
    if visit is None:
        raise NoSuchVisit(id)
    return visit


def several(connection: Connection, ids: Iterable[str]) -> dict[str, Visit]:
    """Those of these ids that there are."""
    return {visit.id: visit for visit in _all(connection, select(visits).where(visits.c.id.in_(tuple(ids))))}


def by_token(connection: Connection, token: str) -> Visit | None:
    """The visit whose link that is, in whatever state; None for a stranger's."""
    return _first(connection, select(visits).where(visits.c.token == token)) if can_be_kept(token) else None


def by_code(
    connection: Connection, facility: str, station: str, code: str, now: datetime, early: timedelta = ZERO
) -> Visit | None:
    """The open visit that this station may have by dialling `code` now, from `early` before its start to its end."""
    if not can_be_kept(code):
        return None
    in_time = _open_at(facility, station).where(visits.c.start <= now + early, visits.c.finish > now)
    return _first(connection, in_time.where(visits.c.code == code))


def due(connection: Connection, now: datetime) -> builtins.list[Visit]:
    """The scheduled visits whose time has come and is not over, earliest first."""
    scheduled = select(visits).where(visits.c.state == VisitState.SCHEDULED)
    return _all(connection, scheduled.where(visits.c.start <= now, visits.c.finish > now).order_by(visits.c.start))


def overdue(connection: Connection, now: datetime) -> builtins.list[Visit]:
    """The open visits whose time is over, earliest first: to be marked done or missed."""
    return _all(
        connection,
        select(visits).where(visits.c.state.in_(OPEN), visits.c.finish <= now).order_by(visits.c.start),
    )


def list(
    connection: Connection,
    *,
    facility: str | None = None,
    station: str | None = None,
    states: Iterable[VisitState] | None = None,
    resident: str | None = None,
    visitor: str | None = None,
    after: datetime | None = None,
    before: datetime | None = None,
    limit: int | None = 200,
) -> builtins.list[Visit]:
    """Visits by start, earliest first: those that end after `after` and start before `before`.

    `resident` and `visitor` are ids of people on record.
    """
    query = select(visits).order_by(visits.c.start, visits.c.id).limit(limit)
    if facility is not None:
        query = query.where(visits.c.facility == facility)
    if station is not None:
        query = query.where(visits.c.station == station)
    if states is not None:
        query = query.where(visits.c.state.in_(tuple(states)))
    if resident is not None:
        query = query.where(visits.c.resident == resident)
    if visitor is not None:
        theirs = select(visit_visitors.c.visit).where(visit_visitors.c.visitor == visitor)
        query = query.where(visits.c.id.in_(theirs))
    if after is not None:
        query = query.where(visits.c.finish > after)
    if before is not None:
        query = query.where(visits.c.start < before)
    return _all(connection, query)


def set_state(connection: Connection, id: str, state: VisitState) -> Visit:
    """Move an open visit on, and answer it as it is then; raises NoSuchVisit, or VisitOver for a closed one."""
    visit = _locked(connection, id)
    if visit.state == state:
        return visit
    if not visit.is_open:
        raise VisitOver(visit)
    connection.execute(update(visits).where(visits.c.id == id).values(state=state))
    if state in TOLD:
        _tell(connection, visit, TOLD[state])
    return get(connection, id)


def _locked(connection: Connection, id: str) -> Visit:
    visit = _first(connection, select(visits).where(visits.c.id == id).with_for_update()) if can_be_kept(id) else None
    if visit is None:
        raise NoSuchVisit(id)
    return visit


def _codes_where_free(
    connection: Connection, facility: str, station: str, start: datetime, end: datetime, but: str = ""
) -> set[str]:
    """The codes in use at a station that is free then, for all but one visit; raises StationTaken."""
    locks.hold(connection, f"station {facility}/{station}")
    others = _open_at(facility, station).where(visits.c.id != but)
    other = _first(connection, others.where(visits.c.start < end, visits.c.finish > start).order_by(visits.c.start))
    if other is not None:
        raise StationTaken(other)
    return {row["code"] for row in connection.execute(others).mappings()}


def _tell(connection: Connection, visit: Visit, kind: str, **data: object) -> None:
    happenings.append(connection, visit.facility, Hook.VISIT, visit.id, kind, data)


def _open_at(facility: str, station: str) -> Select[*tuple[object, ...]]:
    return select(visits).where(visits.c.facility == facility, visits.c.station == station, visits.c.state.in_(OPEN))


def _fresh_code(taken: set[str]) -> str:
    while (code := f"{secrets.randbelow(1_000_000):06}") in taken:
        pass
    return code


def _columns(visit: Visit) -> dict[str, object]:
    return {
        "id": visit.id,
        "facility": visit.facility,
        "station": visit.station,
        "visitor": visit.visitor,
        "start": visit.start,
        "finish": visit.end,
        "minutes": visit.minutes,
        "code": visit.code,
        "token": visit.token,
        "state": visit.state,
        "rings": visit.rings,
        "resident": visit.resident,
        "booked_by": visit.booked_by,
        "call_class": visit.call_class,
    }


def _first(connection: Connection, query: Select[*tuple[object, ...]]) -> Visit | None:
    row = connection.execute(query.limit(1)).mappings().first()
    return None if row is None else _visit(row)


def _all(connection: Connection, query: Select[*tuple[object, ...]]) -> builtins.list[Visit]:
    return [_visit(row) for row in connection.execute(query).mappings()]


def _visit(row: RowMapping) -> Visit:
    return Visit(
        id=row["id"],
        facility=row["facility"],
        station=row["station"],
        visitor=row["visitor"],
        start=row["start"],
        minutes=row["minutes"],
        code=row["code"],
        token=row["token"],
        state=VisitState(row["state"]),
        rings=row["rings"],
        resident=row["resident"],
        booked_by=BookedBy(row["booked_by"]),
        call_class=CallClass(row["call_class"]) if row["call_class"] else None,
    )
