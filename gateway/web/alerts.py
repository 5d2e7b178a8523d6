"""Alerts for staff: listed as far as their facilities go, and acknowledged by name."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection

from parloir.store import alerts
from parloir.store.alerts import Alert
from parloir.store.database import Database
from parloir.store.errors import NoSuch
from parloir.store.staff import Staff
from parloir.web import reach
from parloir.web.errors import Refused
from parloir.web.office import LANE
from parloir.web.sessions import utc

MOST = 200
LARGEST = 2**31 - 1


class Alerts:
    """The store's alerts; those of the whole gateway concern everybody."""

    def __init__(self, database: Database, now: Callable[[], datetime] = utc) -> None:
        self._database = database
        self._now = now

    async def list(self, who: Staff, facility: str | None, waiting: bool, after: int) -> list[Alert]:
        """The newest alerts, of one facility or of all that this person works at, and of the whole gateway."""

        def read(connection: Connection) -> dict[int, Alert]:
            wanted = [facility] if facility is not None or not who.facilities else sorted(who.facilities)
            return {
                alert.id: alert
                for each in wanted
                for alert in alerts.list(connection, facility=each, waiting=waiting, after=after, limit=MOST)
            }

        found = await self._database.run(read, LANE)
        return [found[id] for id in sorted(found, reverse=True)[:MOST]]

    async def acknowledge(self, who: Staff, id: str) -> Alert:
        """Put on record that this person knows. Raises Refused (403, 404)."""
        number = int(id) if id.isascii() and id.isdigit() and len(id) < 11 else LARGEST + 1

        def write(connection: Connection) -> Alert:
            if number > LARGEST:
                raise NoSuch("alert", id)
            alert = alerts.get(connection, number)
            if alert.facility is not None:
                reach.require(who, alert.facility)
            alerts.acknowledge(connection, number, by=who.user, now=self._now())
            return alerts.get(connection, number)

        try:
            return await self._database.run(write, LANE)
        except NoSuch as error:
            raise Refused(404, "no_such_alert", "there is no such alert") from error
