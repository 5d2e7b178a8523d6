"""The plugin's table of what calls used."""

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from .cost import Traffic
from .tables import moment, seconds, traffic


def put(connection: Connection, facility: str, used: Traffic) -> None:
    """Remember what a call used, once: told again it changes nothing."""
    if connection.execute(select(traffic.c.call).where(traffic.c.call == used.call)).first():
        return
    connection.execute(
        insert(traffic).values(
            call=used.call,
            facility=facility,
            at=seconds(used.at),
            seconds=used.seconds,
            octets=used.octets,
            cpu_milliseconds=used.cpu,
        )
    )


def within(connection: Connection, facility: str, after: datetime, before: datetime) -> tuple[Traffic, ...]:
    """The calls of a time, earliest first."""
    those = select(traffic).where(
        traffic.c.facility == facility, traffic.c.at >= seconds(after), traffic.c.at < seconds(before)
    )
    return tuple(
        Traffic(row.call, moment(row.at), row.seconds, row.octets, row.cpu_milliseconds)
        for row in connection.execute(those.order_by(traffic.c.at, traffic.c.call))
    )


def forget(connection: Connection, facility: str, before: datetime) -> int:
    """Delete what is older; how many calls that were."""
    old = delete(traffic).where(traffic.c.facility == facility, traffic.c.at < seconds(before))
    return connection.execute(old).rowcount
