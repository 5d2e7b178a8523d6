"""Separations: residents who may not be visited at the same time or place, such as co-defendants."""

import builtins
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from parloir.store import audit, span
from parloir.store.errors import NoSuch
from parloir.store.people_tables import separations


@dataclass(frozen=True)
class Separation:
    """Two residents, by id, who are kept apart, and why. Times in UTC."""

    id: str
    first: str
    second: str
    reason: str
    entered_by: str
    start: datetime
    finish: datetime | None = None

    def other(self, resident: str) -> str:
        """The one from whom this resident is kept."""
        return self.second if resident == self.first else self.first


def enter(
    connection: Connection,
    *,
    first: str,
    second: str,
    reason: str,
    by: str,
    start: datetime,
    finish: datetime | None = None,
) -> Separation:
    """Keep two residents apart from now on; goes into the audit chain."""
    separation = Separation(secrets.token_hex(8), first, second, reason, by, start, finish)
    connection.execute(insert(separations).values(asdict(separation)))
    facts = {"first": first, "second": second, "reason": reason}
    audit.append(connection, by, "separation.entered", f"separation {separation.id}", facts)
    return separation


def end(connection: Connection, id: str, *, by: str, now: datetime) -> None:
    """Keep them apart no longer; goes into the audit chain. Raises NoSuch."""
    standing = (separations.c.id == id) & span.holds(separations, now)
    if connection.execute(update(separations).where(standing).values(finish=now)).rowcount == 0:
        raise NoSuch("separation in force", id)
    audit.append(connection, by, "separation.ended", f"separation {id}", at=now)


def of_resident(connection: Connection, resident: str, now: datetime) -> builtins.list[Separation]:
    """What a resident is under now."""
    theirs = (separations.c.first == resident) | (separations.c.second == resident)
    rows = connection.execute(select(separations).where(theirs, span.holds(separations, now)).order_by("id")).mappings()
    return [Separation(**{str(name): value for name, value in row.items()}) for row in rows]
