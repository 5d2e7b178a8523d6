"""What staff note of a recording: bookmarks at a place in it, and notes about all of it."""

import builtins
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from parloir.store.errors import NoSuch
from parloir.store.recording_tables import recording_marks as marks


@dataclass(frozen=True)
class Mark:
    """A bookmark, `at` so many milliseconds into the recording; or a note about the whole of it (None)."""

    id: int
    recording: str
    at: int | None
    text: str
    made: datetime
    made_by: str


def add(connection: Connection, recording: str, at: int | None, text: str, made: datetime, made_by: str) -> Mark:
    """Note something."""
    values = {"recording": recording, "at": at, "text": text, "made": made, "made_by": made_by}
    key = connection.execute(insert(marks).values(values)).inserted_primary_key
    assert key is not None
    return Mark(key[0], recording, at, text, made, made_by)


def list(connection: Connection, recording: str) -> builtins.list[Mark]:
    """A recording's bookmarks and notes, in the order they were made."""
    query = select(marks).where(marks.c.recording == recording).order_by(marks.c.id)
    return [Mark(**row) for row in connection.execute(query).mappings()]


def remove(connection: Connection, recording: str, id: int) -> Mark:
    """Take a bookmark or note away; raises NoSuch."""
    found = next((mark for mark in list(connection, recording) if mark.id == id), None)
    if found is None:
        raise NoSuch("mark", str(id))
    connection.execute(delete(marks).where(marks.c.id == id))
    return found
