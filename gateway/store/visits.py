"""Visits: who may call which station when, found by link token or by the code dialled on the phone."""

import builtins
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, RowMapping, Select, insert, select, update

from parloir.store import locks
from parloir.store.errors import NoSuchVisit, StationTaken, VisitOver
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


@dataclass(frozen=True)
class Visit:
    """One visit. `code` is dialled on its station, `token` is the secret of its link; `rings` says whether the
    station rings when the visitor joins, or waits to dial. `resident` is the id of the one it is with, if known."""

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
) -> Visit:
    """Schedule a visit with a fresh code and token; raises StationTaken where an open visit overlaps it."""
    locks.hold(connection, f"station {facility}/{station}")
    end = start + timedelta(minutes=minutes)
    here = _open_at(facility, station)
    other = _first(connection, here.where(visits.c.start < end, visits.c.finish > start).order_by(visits.c.start))
    if other is not None:
        raise StationTaken(other)
    visit = Visit(
        id=secrets.token_hex(8),
        facility=facility,
        station=station,
        visitor=visitor,
        start=start,
        minutes=minutes,
        code=_fresh_code(row["code"] for row in connection.execute(here).mappings()),
        token=secrets.token_urlsafe(24),
        rings=rings,
        resident=resident,
    )
    connection.execute(insert(visits).values(**_columns(visit)))
    return visit


def get(connection: Connection, id: str) -> Visit:
    """The visit of that id; raises NoSuchVisit."""
    visit = _first(connection, select(visits).where(visits.c.id == id)) if can_be_kept(id) else None
    if visit is None:
        raise NoSuchVisit(id)
    return visit


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
    after: datetime | None = None,
    before: datetime | None = None,
    limit: int = 200,
) -> builtins.list[Visit]:
    """Visits by start, earliest first: those that end after `after` and start before `before`."""
    query = select(visits).order_by(visits.c.start, visits.c.id).limit(limit)
    if facility is not None:
        query = query.where(visits.c.facility == facility)
    if station is not None:
        query = query.where(visits.c.station == station)
    if states is not None:
        query = query.where(visits.c.state.in_(tuple(states)))
    if after is not None:
        query = query.where(visits.c.finish > after)
    if before is not None:
        query = query.where(visits.c.start < before)
    return _all(connection, query)


def set_state(connection: Connection, id: str, state: VisitState) -> Visit:
    """Move an open visit on, and answer it as it is then; raises NoSuchVisit, or VisitOver for a closed one."""
    if not can_be_kept(id):
        raise NoSuchVisit(id)
    visit = _first(connection, select(visits).where(visits.c.id == id).with_for_update())
    if visit is None:
        raise NoSuchVisit(id)
    if visit.state == state:
        return visit
    if not visit.is_open:
        raise VisitOver(visit)
    connection.execute(update(visits).where(visits.c.id == id).values(state=state))
    return get(connection, id)


def _open_at(facility: str, station: str) -> Select[*tuple[object, ...]]:
    return select(visits).where(visits.c.facility == facility, visits.c.station == station, visits.c.state.in_(OPEN))


def _fresh_code(taken: Iterable[str]) -> str:
    used = set(taken)
    while (code := f"{secrets.randbelow(1_000_000):06}") in used:
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
    )
