"""Logins that fail: a few are free, then each one locks for longer, up to a limit.

An attempt counts as failed from its beginning until it is shown to be right, so that many at once, or a crash, win
no further guesses.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Table, select, update

from parloir.store.errors import LockedOut


@dataclass(frozen=True)
class Terms:
    """How many failures in a row are free, how long the next one locks, and the longest that any does."""

    free: int = 4
    first: timedelta = timedelta(minutes=1)
    longest: timedelta = timedelta(hours=1)

    def locked_until(self, failures: int, now: datetime) -> datetime | None:
        """When the next attempt may come, after so many failures in a row; None for at once."""
        beyond = failures - self.free
        if beyond <= 0:
            return None
        doublings = min(beyond - 1, (self.longest // self.first).bit_length())
        return now + min(self.first * (1 << doublings), self.longest)


TERMS = Terms()


def begin(connection: Connection, table: Table, id: str, now: datetime, terms: Terms = TERMS) -> None:
    """Count an attempt to log in as someone in a table with `attempts` and `locked`; raises LockedOut."""
    row = connection.execute(select(table.c.attempts, table.c.locked).where(table.c.id == id).with_for_update()).one()
    if row.locked is not None and now < row.locked:
        raise LockedOut(row.locked)
    failures = row.attempts + 1
    locked = terms.locked_until(failures, now)
    connection.execute(update(table).where(table.c.id == id).values(attempts=failures, locked=locked))


def clear(connection: Connection, table: Table, id: str) -> None:
    """The attempt was right, or someone with the right to do so lets them in again."""
    connection.execute(update(table).where(table.c.id == id).values(attempts=0, locked=None))
