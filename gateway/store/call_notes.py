"""What staff wrote about a call, live or over. The database refuses to change or remove it."""

import builtins
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, exists, insert, select

from parloir.store.tables import call_notes as notes
from parloir.store.text import can_be_kept

LONGEST = 1000


@dataclass(frozen=True)
class Note:
    """A note about the whole of a call; UTC."""

    id: int
    call: str
    text: str
    made: datetime
    made_by: str


def is_fit(text: str) -> bool:
    """Whether a text can be a note: it says something, in LONGEST characters at most, that both databases can hold."""
    return bool(text.strip()) and len(text) <= LONGEST and can_be_kept(text)


def add(connection: Connection, call: str, text: str, made: datetime, made_by: str) -> Note:
    """Write one down; `text` must be fit."""
    values = {"call": call, "text": text, "made": made, "made_by": made_by}
    key = connection.execute(insert(notes).values(values)).inserted_primary_key
    assert key is not None
    return Note(key[0], call, text, made, made_by)


def list(connection: Connection, call: str) -> builtins.list[Note]:
    """A call's notes, in the order they were made."""
    query = select(notes).where(notes.c.call == call).order_by(notes.c.id)
    return [Note(**row) for row in connection.execute(query).mappings()]


def saying(text: str, call: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a note on the call of that column says that."""
    return exists().where(notes.c.call == call, notes.c.text.icontains(text, autoescape=True))
