"""Suspensions: a resident's or a visitor's visits are stopped for a time. They never hold for privileged ones."""

import builtins
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, insert, select, update

from parloir.store import audit, span
from parloir.store.errors import NoSuch
from parloir.store.people_tables import suspensions


@dataclass(frozen=True)
class Suspension:
    """Whose visits are stopped: a resident's, a visitor's, or (both given) those of the two with each other."""

    id: str
    facility: str
    resident: str | None
    visitor: str | None
    reason: str
    entered_by: str
    start: datetime
    finish: datetime | None = None


def enter(
    connection: Connection,
    *,
    facility: str,
    reason: str,
    by: str,
    start: datetime,
    finish: datetime | None = None,
    resident: str | None = None,
    visitor: str | None = None,
) -> Suspension:
    """Stop someone's visits; goes into the audit chain. Raises ValueError unless it says whose."""
    if not (resident or visitor):
        raise ValueError("a suspension names a resident, a visitor or both")
    suspension = Suspension(secrets.token_hex(8), facility, resident, visitor, reason, by, start, finish)
    connection.execute(insert(suspensions).values(asdict(suspension)))
    facts = {"resident": resident, "visitor": visitor, "reason": reason}
    audit.append(connection, by, "suspension.entered", f"suspension {suspension.id}", facts)
    return suspension


def end(connection: Connection, id: str, *, by: str, now: datetime) -> None:
    """Let them visit again; goes into the audit chain. Raises NoSuch."""
    standing = (suspensions.c.id == id) & (suspensions.c.finish.is_(None) | (suspensions.c.finish > now))
    if connection.execute(update(suspensions).where(standing).values(finish=now)).rowcount == 0:
        raise NoSuch("suspension in force", id)
    audit.append(connection, by, "suspension.ended", f"suspension {id}", at=now)


def between(
    connection: Connection, resident: str | None, visitors: Iterable[str], at: datetime
) -> builtins.list[Suspension]:
    """Those in force that stop a visit of these visitors with that resident."""
    return _matching(connection, resident, visitors, span.holds(suspensions, at))


def within(
    connection: Connection,
    facility: str,
    resident: str | None,
    visitors: Iterable[str],
    after: datetime,
    before: datetime,
) -> builtins.list[Suspension]:
    """A facility's that stop a visit of these visitors with that resident at some time of a span."""
    here = suspensions.c.facility == facility
    return _matching(connection, resident, visitors, here & span.overlaps(suspensions, after, before))


def _matching(
    connection: Connection, resident: str | None, visitors: Iterable[str], when: ColumnElement[bool]
) -> builtins.list[Suspension]:
    whose = suspensions.c.resident.is_(None) | (suspensions.c.resident == resident)
    with_whom = suspensions.c.visitor.is_(None) | suspensions.c.visitor.in_(tuple(visitors))
    rows = connection.execute(select(suspensions).where(whose, with_whom, when).order_by(suspensions.c.id)).mappings()
    return [Suspension(**{str(name): value for name, value in row.items()}) for row in rows]
