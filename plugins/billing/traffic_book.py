"""The plugin's table of what calls carried."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, Row, delete, insert, select, update

from parloir.api import Medium

from .tables import moment, seconds, traffic
from .traffic import Traffic

AT_ONCE = 500


def put(connection: Connection, facility: str, carried: Traffic) -> None:
    """Remember what a call has carried so far. Told twice it counts once, and told late it takes nothing back."""
    mine = traffic.c.call == carried.call
    known = connection.execute(select(traffic.c.seconds, traffic.c.octets).where(mine)).first()
    values = {
        "seconds": carried.seconds,
        "medium": carried.medium.value,
        "privileged": carried.privileged,
        "octets": carried.octets,
        "cpu_milliseconds": carried.cpu,
    }
    if known is None:
        made = insert(traffic).values(call=carried.call, facility=facility, at=seconds(carried.at), **values)
        connection.execute(made)
    elif (known.seconds, known.octets) < (carried.seconds, carried.octets):
        connection.execute(update(traffic).where(mine).values(values))


def within(connection: Connection, facility: str, after: datetime, before: datetime) -> tuple[Traffic, ...]:
    """The calls of a time, earliest first."""
    those = select(traffic).where(
        traffic.c.facility == facility, traffic.c.at >= seconds(after), traffic.c.at < seconds(before)
    )
    return tuple(map(_traffic, connection.execute(those.order_by(traffic.c.at, traffic.c.call))))


def of_calls(connection: Connection, ids: Iterable[str]) -> dict[str, Traffic]:
    """Those of these calls that are known."""
    wanted, found = sorted(set(ids)), dict[str, Traffic]()
    for start in range(0, len(wanted), AT_ONCE):
        those = select(traffic).where(traffic.c.call.in_(wanted[start : start + AT_ONCE]))
        found |= {row.call: _traffic(row) for row in connection.execute(those)}
    return found


def forget(connection: Connection, facility: str, before: datetime) -> int:
    """Delete what is older; how many calls that were."""
    old = delete(traffic).where(traffic.c.facility == facility, traffic.c.at < seconds(before))
    return connection.execute(old).rowcount


def _traffic(row: Row[tuple[object, ...]]) -> Traffic:
    return Traffic(
        call=row.call,
        at=moment(row.at),
        seconds=row.seconds,
        medium=Medium(row.medium),
        privileged=row.privileged,
        octets=row.octets,
        cpu=row.cpu_milliseconds,
    )
