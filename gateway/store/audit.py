"""The audit chain: who did what to whom, each record bound to the one before it by a hash."""

import builtins
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Integer, LargeBinary, Select, cast, insert, select

from parloir.store import locks
from parloir.store.anchor import Head
from parloir.store.staff_tables import audit

START = "0" * 64
"""What the first record follows."""
APPENDED = "parloir.audit.appended"
BATCH = 1000


@dataclass(frozen=True)
class Record:
    """One act: its number from 1, when (UTC), by whom, what was done to what, and facts (JSON-able, no secrets).

    `hash` is SHA-256 (hex) over the canonical JSON of the rest and of the previous record's hash.
    """

    number: int
    at: datetime
    actor: str
    action: str
    subject: str
    facts: Mapping[str, Any]
    hash: str

    def plain(self) -> dict[str, Any]:
        """The record as JSON can hold it."""
        return {
            "number": self.number,
            "at": self.at.isoformat(),
            "actor": self.actor,
            "action": self.action,
            "subject": self.subject,
            "facts": dict(self.facts),
            "hash": self.hash,
        }


@dataclass(frozen=True)
class Fault:
    """One place where the chain is not what was written: the record's number, and what is wrong there."""

    number: int
    what: str

    def __str__(self) -> str:
        return f"record {self.number}: {self.what}"


def append(
    connection: Connection,
    actor: str,
    action: str,
    subject: str,
    facts: Mapping[str, Any] | None = None,
    *,
    at: datetime | None = None,
) -> Record:
    """Add an act to the chain, in the transaction that does it; `at` is now if not given."""
    locks.hold(connection, locks.AUDIT)
    last = head(connection)
    moment = datetime.now(UTC) if at is None else at.astimezone(UTC)
    row = {
        "number": last.count + 1,
        "at": moment.isoformat(timespec="microseconds"),
        "actor": actor,
        "action": action,
        "subject": subject,
        "facts": _canonical(dict(facts or {})),
        "previous": last.hash,
    }
    row["hash"] = _hash(row)
    connection.execute(insert(audit).values(row))
    connection.info[APPENDED] = True
    return _record(row)


def head(connection: Connection) -> Head:
    """Where the chain ends; Head(0, START) for an empty one."""
    row = connection.execute(select(audit.c.number, audit.c.hash).order_by(audit.c.number.desc()).limit(1)).first()
    return Head(0, START) if row is None else Head(row.number, row.hash)


def list(
    connection: Connection, *, subject: str | None = None, after: int = 0, limit: int = 200
) -> builtins.list[Record]:
    """Records in their order, from the one after number `after`."""
    query = select(audit).where(audit.c.number > after).order_by(audit.c.number).limit(limit)
    if subject is not None:
        query = query.where(audit.c.subject == subject)
    return [_record(dict(row)) for row in connection.execute(query).mappings()]


def numbered(connection: Connection, numbers: Iterable[int]) -> dict[int, Record]:
    """The records of these numbers that there are."""
    rows = connection.execute(select(audit).where(audit.c.number.in_(sorted(numbers)))).mappings()
    return {row["number"]: _record(dict(row)) for row in rows}


def verify(connection: Connection, anchor: Head | None = None) -> builtins.list[Fault]:
    """All that is wrong with the chain, an empty list if nothing is.

    It finds a changed, removed, added or reordered record; a cut tail only with the anchor's `Head`.
    """
    faults: builtins.list[Fault] = []
    expected, previous = 1, START
    for row in _rows(connection):
        faults.extend(_faults(row, expected, previous))
        if anchor is not None and row["number"] == anchor.count and row["hash"] != anchor.hash:
            faults.append(Fault(row["number"], "is not the record that the anchor saw: the chain was written anew"))
        expected, previous = row["number"] + 1, row["hash"]
    if anchor is not None and expected <= anchor.count:
        faults.append(Fault(expected, f"missing, and all after it: the anchor saw {anchor.count} records"))
    return faults


def has_appended(connection: Connection) -> bool:
    """Whether the transaction may have added to the chain."""
    return APPENDED in connection.info


def forget_appended(connection: Connection) -> None:
    """A transaction begins."""
    connection.info.pop(APPENDED, None)


def _faults(row: Mapping[str, Any], expected: int, previous: str) -> Iterator[Fault]:
    number = row["number"]
    if number > expected:
        yield Fault(expected, "missing" if number == expected + 1 else f"missing, and all up to record {number - 1}")
    elif number < expected or row["previous"] != previous:
        yield Fault(number, "does not follow the record before it: one of them was changed, added or moved")
    if row["hash"] != _hash(row):
        yield Fault(number, "was changed after it was written")


def _rows(connection: Connection) -> Iterator[Mapping[str, Any]]:
    query = _bytes() if connection.dialect.name == "sqlite" else select(audit)
    rows = connection.execute(query.order_by(audit.c.number), execution_options={"yield_per": BATCH})
    for row in rows.mappings():
        yield {name: _text(value) if isinstance(value, bytes) else value for name, value in row.items()}


def _bytes() -> Select[*tuple[Any, ...]]:
    """The chain as it lies in the file: SQLite keeps text that is not UTF-8, and then refuses to read it."""
    texts = [cast(column, LargeBinary).label(column.name) for column in audit.c if column.name != "number"]
    return select(cast(audit.c.number, Integer).label("number"), *texts)


def _text(value: bytes) -> str:
    return value.decode(errors="surrogateescape")


def _hash(row: Mapping[str, Any]) -> str:
    names = ("number", "at", "actor", "action", "subject", "facts", "previous")
    return sha256(_canonical([row[name] for name in names]).encode()).hexdigest()


def _canonical(value: Any) -> str:
    """JSON in its one shortest spelling: keys sorted, no spaces, ASCII. Raises ValueError for NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def _record(row: Mapping[str, Any]) -> Record:
    return Record(
        number=row["number"],
        at=datetime.fromisoformat(row["at"]),
        actor=row["actor"],
        action=row["action"],
        subject=row["subject"],
        facts=json.loads(row["facts"]),
        hash=row["hash"],
    )
