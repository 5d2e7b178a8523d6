"""Legal holds: as long as one is in force, nothing erases the recording."""

import builtins
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from parloir.store.recording_tables import recording_holds as holds


@dataclass(frozen=True)
class Hold:
    """One hold: why, by whom and since when (UTC), and when it was lifted by whom."""

    id: int
    recording: str
    reason: str
    placed: datetime
    placed_by: str
    lifted: datetime | None = None
    lifted_by: str | None = None


def place(connection: Connection, recording: str, reason: str, at: datetime, by: str) -> Hold:
    """Hold a recording. Several holds are several reasons: each is lifted by itself."""
    values = {"recording": recording, "reason": reason, "placed": at, "placed_by": by}
    key = connection.execute(insert(holds).values(values)).inserted_primary_key
    assert key is not None
    return Hold(key[0], recording, reason, at, by)


def lift(connection: Connection, recording: str, at: datetime, by: str) -> builtins.list[Hold]:
    """Lift all holds in force; which they were."""
    found = in_force(connection, [recording])
    query = update(holds).where(holds.c.recording == recording, holds.c.lifted.is_(None))
    connection.execute(query.values(lifted=at, lifted_by=by))
    return found


def list(connection: Connection, recording: str) -> builtins.list[Hold]:
    """All holds a recording ever had."""
    query = select(holds).where(holds.c.recording == recording).order_by(holds.c.id)
    return [Hold(**row) for row in connection.execute(query).mappings()]


def in_force(connection: Connection, recordings: Iterable[str]) -> builtins.list[Hold]:
    """The holds in force on any of these recordings."""
    query = select(holds).where(holds.c.recording.in_(tuple(recordings)), holds.c.lifted.is_(None)).order_by(holds.c.id)
    return [Hold(**row) for row in connection.execute(query).mappings()]
