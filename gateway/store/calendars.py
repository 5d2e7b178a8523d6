"""A facility's calendar: blackouts, lockdowns, counts, holidays and what else plugins keep there."""

import builtins
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from parloir.store import audit, span
from parloir.store.errors import NoSuch
from parloir.store.staff_tables import calendar_entries


@dataclass(frozen=True)
class Entry:
    """One span in UTC, for the whole facility or just a unit, a station or a resident (by id).

    `kind` is a word of whoever keeps it, `data` is JSON-able. `finish` None: until further notice.
    """

    id: str
    facility: str
    kind: str
    title: str
    start: datetime
    finish: datetime | None
    entered_by: str
    unit: str | None = None
    station: str | None = None
    resident: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


def enter(
    connection: Connection,
    *,
    facility: str,
    kind: str,
    title: str,
    start: datetime,
    finish: datetime | None,
    by: str,
    unit: str | None = None,
    station: str | None = None,
    resident: str | None = None,
    data: Mapping[str, Any] | None = None,
) -> Entry:
    """Write down a span; goes into the audit chain."""
    id = secrets.token_hex(8)
    entry = Entry(id, facility, kind, title, start, finish, by, unit, station, resident, dict(data or {}))
    connection.execute(insert(calendar_entries).values(asdict(entry)))
    facts = {"facility": facility, "kind": kind, "title": title, "unit": unit, "station": station}
    audit.append(connection, by, "calendar.entered", f"calendar {id}", facts)
    return entry


def end(connection: Connection, id: str, *, by: str, now: datetime) -> None:
    """Let a span be over now, or never begin; goes into the audit chain. Raises NoSuch."""
    open = calendar_entries.c.finish.is_(None) | (calendar_entries.c.finish > now)
    here = (calendar_entries.c.id == id) & open
    if connection.execute(update(calendar_entries).where(here).values(finish=now)).rowcount == 0:
        raise NoSuch("calendar entry that is not over", id)
    audit.append(connection, by, "calendar.ended", f"calendar {id}", at=now)


def between(
    connection: Connection, facility: str, after: datetime, before: datetime, *, kind: str | None = None
) -> builtins.list[Entry]:
    """A facility's entries that overlap a span, earliest first."""
    query = select(calendar_entries).where(
        calendar_entries.c.facility == facility, span.overlaps(calendar_entries, after, before)
    )
    if kind is not None:
        query = query.where(calendar_entries.c.kind == kind)
    rows = connection.execute(query.order_by(calendar_entries.c.start, calendar_entries.c.id)).mappings()
    return [Entry(**{str(name): value for name, value in row.items()}) for row in rows]
