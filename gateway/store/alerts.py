"""Alerts: what staff have to know, until one of them says that they do."""

import builtins
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, insert, select, update

from parloir.store import happenings
from parloir.store.errors import NoSuch
from parloir.store.happenings import Hook
from parloir.store.staff_tables import alerts

LONGEST = 1000


class Severity(StrEnum):
    """How much an alert matters: to be read some time, soon, or at once."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True)
class Alert:
    """One alert, of one facility or of the whole gateway (None), and who acknowledged it when (UTC)."""

    id: int
    at: datetime
    facility: str | None
    severity: Severity
    text: str
    acknowledged: datetime | None = None
    acknowledged_by: str | None = None


def add(
    connection: Connection,
    *,
    at: datetime,
    facility: str | None,
    severity: Severity,
    text: str,
    code: str = "alert",
    subject: str = "",
) -> Alert:
    """Raise an alert; its text is cut where it is too long. Plugins are told, with its code and what it is about."""
    text = text[:LONGEST]
    values = {"at": at, "facility": facility, "severity": severity, "text": text}
    key = connection.execute(insert(alerts).values(values)).inserted_primary_key
    assert key is not None
    told = {"severity": severity, "code": code, "text": text, "subject": subject}
    happenings.append(connection, facility, Hook.ALERT, str(key[0]), code, told, at=at)
    return Alert(key[0], at, facility, severity, text)


def get(connection: Connection, id: int) -> Alert:
    """One alert; raises NoSuch."""
    row = connection.execute(select(alerts).where(alerts.c.id == id)).mappings().first()
    if row is None:
        raise NoSuch("alert", str(id))
    return Alert(**{**row, "severity": Severity(row["severity"])})


def list(
    connection: Connection, *, facility: str | None = None, waiting: bool = False, after: int = 0, limit: int = 200
) -> builtins.list[Alert]:
    """Alerts of a facility and of the whole gateway, or of all (None), the newest first; `waiting`: those that nobody
    acknowledged; `after`: those with a greater id."""
    query = select(alerts).where(alerts.c.id > after).order_by(alerts.c.id.desc()).limit(limit)
    if facility is not None:
        query = query.where(alerts.c.facility.is_(None) | (alerts.c.facility == facility))
    if waiting:
        query = query.where(alerts.c.acknowledged.is_(None))
    rows = connection.execute(query).mappings()
    return [Alert(**{**row, "severity": Severity(row["severity"])}) for row in rows]


def acknowledge(connection: Connection, id: int, *, by: str, now: datetime) -> None:
    """One of staff knows; the first who says so stays on record. Raises NoSuch."""
    here = alerts.c.id == id
    if connection.execute(select(alerts.c.id).where(here)).first() is None:
        raise NoSuch("alert", str(id))
    unknown = here & alerts.c.acknowledged.is_(None)
    connection.execute(update(alerts).where(unknown).values(acknowledged=now, acknowledged_by=by))
