"""The plugin's table: seconds talked, a row for each call that counted. Moments are seconds since 1970 UTC."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, MetaData, String, Table, delete, insert, select
from sqlalchemy import update as change

from parloir.api import Medium, WayIn

from .talk import Talk

metadata = MetaData()

talks = Table(
    "limits_talks",
    metadata,
    Column("call", String(64), primary_key=True),
    Column("facility", String(64), nullable=False),
    Column("resident", String(64), nullable=False),
    Column("began", BigInteger, nullable=False),
    Column("ended", BigInteger, nullable=False),
    Column("seconds", Integer, nullable=False),
    Column("medium", String(16), nullable=False),
    Column("way_in", String(16), nullable=False),
    Index("ix_limits_talks_resident_began", "resident", "began"),
)


def put(connection: Connection, facility: str, talk: Talk) -> None:
    """Remember a call's seconds. Told twice it counts once, and told late it takes nothing back."""
    known = connection.execute(select(talks.c.seconds).where(talks.c.call == talk.call)).scalar()
    values = _values(talk)
    if known is None:
        connection.execute(insert(talks).values(call=talk.call, facility=facility, **values))
    elif known <= talk.seconds:
        connection.execute(change(talks).where(talks.c.call == talk.call).values(values))


def since(connection: Connection, facility: str, resident: str, start: datetime) -> tuple[Talk, ...]:
    """A resident's calls that were answered at or after a moment, earliest first."""
    query = select(talks).where(
        talks.c.facility == facility, talks.c.resident == resident, talks.c.began >= _seconds(start)
    )
    return tuple(
        Talk(
            call=row.call,
            resident=row.resident,
            began=datetime.fromtimestamp(row.began, UTC),
            ended=datetime.fromtimestamp(row.ended, UTC),
            seconds=row.seconds,
            medium=Medium(row.medium),
            way_in=WayIn(row.way_in),
        )
        for row in connection.execute(query.order_by(talks.c.began, talks.c.call))
    )


def forget(connection: Connection, facility: str, before: datetime) -> int:
    """Delete what no quota counts any more; how many calls that were."""
    old = delete(talks).where(talks.c.facility == facility, talks.c.ended < _seconds(before))
    return connection.execute(old).rowcount


def _values(talk: Talk) -> dict[str, Any]:
    return {
        "resident": talk.resident,
        "began": _seconds(talk.began),
        "ended": _seconds(talk.ended),
        "seconds": talk.seconds,
        "medium": talk.medium.value,
        "way_in": talk.way_in.value,
    }


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
