"""Checkpoints: balances as of an entry, with a digest over all entries up to it that the audit chain remembers.

So balances are found fast, and the ledger cannot be changed behind it without the chain saying so.
"""

import builtins
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from parloir.store import audit, ledger_balances, ledger_rows, locks
from parloir.store.ledger_accounts import AccountKind
from parloir.store.ledger_rows import Digest
from parloir.store.ledger_tables import (
    ledger_accounts,
    ledger_checkpoints,
    ledger_entries,
    ledger_postings,
)
from parloir.store.ledger_tables import ledger_balances as balances

MOST = 2000
"""How many entries one checkpoint takes in, so that no other write waits long for it."""
ACTION = "ledger.checkpoint"


@dataclass(frozen=True)
class Checkpoint:
    """One checkpoint, from number 1 on: it takes in so many entries, up to the id `through`; `digest` goes on from the
    one before. `audit_number` is its record in the audit chain."""

    number: int
    through: int
    entries: int
    digest: str
    at: datetime
    audit_number: int


def settled(connection: Connection) -> int:
    """The id up to which all entries are there, for good: waits for those being written. A transaction of its own."""
    locks.hold(connection, locks.LEDGER)
    return connection.execute(select(func.max(ledger_entries.c.id))).scalar() or 0


def take(connection: Connection, through: int, at: datetime) -> Checkpoint | None:
    """Take in the entries since the last checkpoint up to `through`, as `settled` gave it, at most MOST of them.

    None where there are none. Take one after the other until it is.
    """
    locks.hold(connection, locks.CHECKPOINT)
    before = last(connection)
    number, start, digest = (before.number, before.through, before.digest) if before else (0, 0, ledger_rows.START)
    ids = select(ledger_entries.c.id).where(ledger_entries.c.id > start, ledger_entries.c.id <= through)
    newest = ids.order_by(ledger_entries.c.id).limit(MOST).subquery()
    end = connection.execute(select(func.max(newest.c.id))).scalar()
    if end is None:
        return None
    running = Digest(digest)
    for rows in ledger_rows.walk(connection, start, end):
        for row in rows:
            running.take(row)
    facts = facts_of(number + 1, end, running.count, running.hex)
    record = audit.append(connection, "parloir", ACTION, f"ledger checkpoint {number + 1}", facts, at=at)
    checkpoint = Checkpoint(number + 1, end, running.count, running.hex, at, record.number)
    connection.execute(insert(ledger_checkpoints).values(vars(checkpoint)))
    _keep_balances(connection, checkpoint, start)
    return checkpoint


def last(connection: Connection) -> Checkpoint | None:
    """The newest checkpoint; None before the first."""
    query = select(ledger_checkpoints).order_by(ledger_checkpoints.c.number.desc()).limit(1)
    row = connection.execute(query).mappings().first()
    return None if row is None else Checkpoint(**{str(name): value for name, value in row.items()})


def list(connection: Connection) -> builtins.list[Checkpoint]:
    """All checkpoints in their order."""
    rows = connection.execute(select(ledger_checkpoints).order_by(ledger_checkpoints.c.number)).mappings()
    return [Checkpoint(**{str(name): value for name, value in row.items()}) for row in rows]


def facts_of(number: int, through: int, entries: int, digest: str) -> Mapping[str, Any]:
    """What the audit chain remembers of a checkpoint."""
    return {"number": number, "through": through, "entries": entries, "digest": digest}


def _keep_balances(connection: Connection, checkpoint: Checkpoint, start: int) -> None:
    """The balances of the accounts that these entries moved; those held for one call are soon 0 and not worth it."""
    moved = select(ledger_postings.c.facility, ledger_postings.c.account).join(
        ledger_accounts,
        (ledger_accounts.c.facility == ledger_postings.c.facility)
        & (ledger_accounts.c.id == ledger_postings.c.account),
    )
    some = moved.where(
        ledger_postings.c.entry > start,
        ledger_postings.c.entry <= checkpoint.through,
        ledger_accounts.c.kind != AccountKind.HELD,
    )
    rows = [
        {
            "facility": facility,
            "account": account,
            "through": checkpoint.through,
            "checkpoint": checkpoint.number,
            "balance": ledger_balances.available(connection, facility, account, checkpoint.through),
        }
        for facility, account in connection.execute(some.distinct()).all()
    ]
    if rows:
        connection.execute(insert(balances), rows)
