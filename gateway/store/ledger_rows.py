"""Entries as they lie in the database, whatever is in them: what a digest is made of, and a proof looks at."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Select, select
from sqlalchemy.exc import DatabaseError

from parloir.store.ledger_tables import ledger_entries, ledger_postings

START = "0" * 64
"""What the first digest goes on from."""
AT_ONCE = 500
COLUMNS = (
    "id",
    "facility",
    "event",
    "kind",
    "account",
    "call",
    "timeline_number",
    "audit_number",
    "at",
    "by",
    "reason",
    "expires",
)


@dataclass(frozen=True)
class Row:
    """One entry: its columns by their names, and its postings (facility, account, amount). None: it is unreadable."""

    id: int
    columns: Mapping[str, Any] | None
    postings: tuple[tuple[Any, Any, Any], ...] = ()

    @property
    def line(self) -> bytes:
        """The entry in its one spelling: JSON, ASCII, times in UTC."""
        if self.columns is None:
            return b"unreadable"
        values = [_plain(self.columns[name]) for name in COLUMNS]
        moves = [[_plain(each) for each in posting] for posting in self.postings]
        return json.dumps([*values, moves], separators=(",", ":")).encode()


def walk(connection: Connection, after: int, through: int) -> Iterator[Sequence[Row]]:
    """All entries after the one id up to the other, rising, so many at once."""
    while after < through:
        ids = select(ledger_entries.c.id).where(ledger_entries.c.id > after, ledger_entries.c.id <= through)
        some = connection.execute(ids.order_by(ledger_entries.c.id).limit(AT_ONCE)).scalars().all()
        if not some:
            return
        yield _rows(connection, some)
        after = some[-1]


class Digest:
    """SHA-256 over the digest before and the rows taken, and how many they are."""

    def __init__(self, previous: str) -> None:
        self.count = 0
        self._running = sha256(previous.encode())

    def take(self, row: Row) -> None:
        """One more row."""
        self.count += 1
        self._running.update(b"\n" + row.line)

    @property
    def hex(self) -> str:
        """What it comes to."""
        return self._running.hexdigest()


def _rows(connection: Connection, ids: Sequence[int]) -> list[Row]:
    """These entries; where one cannot be read, the others are."""
    try:
        return _read(connection, ids)
    except (ValueError, TypeError, DatabaseError):
        if len(ids) == 1:
            return [Row(ids[0], None)]
    half = len(ids) // 2
    return [*_rows(connection, ids[:half]), *_rows(connection, ids[half:])]


def _read(connection: Connection, ids: Sequence[int]) -> list[Row]:
    entries: Select[*tuple[Any, ...]] = select(ledger_entries).where(ledger_entries.c.id.in_(ids))
    columns = ledger_postings.c
    query = select(columns.entry, columns.facility, columns.account, columns.amount).where(columns.entry.in_(ids))
    moved: dict[int, list[tuple[Any, Any, Any]]] = {id: [] for id in ids}
    for posting in connection.execute(query.order_by(columns.entry, columns.account)):
        moved[posting.entry].append((posting.facility, posting.account, posting.amount))
    rows = connection.execute(entries.order_by(ledger_entries.c.id)).mappings()
    return [Row(row["id"], dict(row), tuple(moved[row["id"]])) for row in rows]


def _plain(value: Any) -> Any:
    return value.isoformat(timespec="microseconds") if isinstance(value, datetime) else value
