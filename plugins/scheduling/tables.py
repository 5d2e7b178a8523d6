"""What scheduling keeps itself: closures that staff entered, and missed visits that they excused.

Moments are whole seconds since 1970, UTC.
"""

import secrets
from datetime import UTC, datetime

from sqlalchemy import BigInteger, Column, Connection, MetaData, RowMapping, String, Table, insert, select, update

from .closure import Closure, ClosureKind

metadata = MetaData()

closures = Table(
    "scheduling_closures",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("facility", String(64), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("unit", String(200)),
    Column("start", BigInteger, nullable=False),
    Column("finish", BigInteger),
    Column("why", String(500), nullable=False),
    Column("entered_by", String(64), nullable=False),
    Column("lifted", BigInteger),
    Column("lifted_by", String(64)),
)

excuses = Table(
    "scheduling_excuses",
    metadata,
    Column("facility", String(64), primary_key=True),
    Column("visit", String(32), primary_key=True),
    Column("why", String(500), nullable=False),
    Column("entered_by", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
)


def add_closure(
    connection: Connection,
    facility: str,
    *,
    kind: ClosureKind,
    unit: str | None,
    start: datetime,
    finish: datetime | None,
    why: str,
    by: str,
) -> Closure:
    """Enter a closure."""
    id = secrets.token_hex(8)
    connection.execute(
        insert(closures).values(
            id=id,
            facility=facility,
            kind=kind,
            unit=unit,
            start=_seconds(start),
            finish=None if finish is None else _seconds(finish),
            why=why,
            entered_by=by,
        )
    )
    return _closure(connection.execute(select(closures).where(closures.c.id == id)).mappings().one())


def lift_closure(connection: Connection, facility: str, id: str, by: str, now: datetime) -> bool:
    """End a closure now; False if there is none of that id that still holds."""
    those = update(closures).where(closures.c.id == id, closures.c.facility == facility, closures.c.lifted.is_(None))
    those = those.where(closures.c.finish.is_(None) | (closures.c.finish > _seconds(now)))
    return connection.execute(those.values(lifted=_seconds(now), lifted_by=by)).rowcount > 0


def closures_after(connection: Connection, facility: str, after: datetime) -> tuple[Closure, ...]:
    """The closures of a facility that hold at some time after that, earliest first."""
    moment = _seconds(after)
    those = select(closures).where(closures.c.facility == facility).order_by(closures.c.start, closures.c.id)
    for end in (closures.c.finish, closures.c.lifted):
        those = those.where(end.is_(None) | (end > moment))
    return tuple(map(_closure, connection.execute(those).mappings()))


def excuse(connection: Connection, facility: str, visit: str, why: str, by: str, now: datetime) -> bool:
    """Count a missed visit no longer; False if it was excused before."""
    here = (excuses.c.facility == facility, excuses.c.visit == visit)
    if connection.execute(select(excuses.c.visit).where(*here)).first():
        return False
    row = {"facility": facility, "visit": visit, "why": why, "entered_by": by, "at": _seconds(now)}
    connection.execute(insert(excuses).values(row))
    return True


def excused(connection: Connection, facility: str) -> frozenset[str]:
    """The visits whose missing does not count."""
    return frozenset(connection.execute(select(excuses.c.visit).where(excuses.c.facility == facility)).scalars())


def _closure(row: RowMapping) -> Closure:
    return Closure(
        id=row["id"],
        kind=ClosureKind(row["kind"]),
        unit=row["unit"],
        start=_moment(row["start"]),
        finish=None if row["finish"] is None else _moment(row["finish"]),
        why=row["why"],
        by=row["entered_by"],
        lifted=None if row["lifted"] is None else _moment(row["lifted"]),
    )


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
