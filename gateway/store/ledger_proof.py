"""The proof that the ledger is as it was written and comes to 0: all that is wrong with it, from the store alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from parloir.store import audit, ledger_accounts, ledger_checkpoints, ledger_evidence, ledger_rows
from parloir.store.ledger_accounts import AccountKind
from parloir.store.ledger_books import Books, Fault
from parloir.store.ledger_checkpoints import Checkpoint
from parloir.store.ledger_rows import Digest, Row
from parloir.store.ledger_tables import ledger_balances, ledger_entries, ledger_holds, ledger_postings
from parloir.store.tables import calls

PATIENCE = timedelta(minutes=5)
"""How long after its end a call may still have its hold, where its settlement is under way."""


@dataclass(frozen=True)
class Proof:
    """What was looked at, and all that is wrong. `checked` is how many of the entries a checkpoint covers."""

    entries: int
    checked: int
    checkpoints: int
    open_holds: int
    faults: tuple[Fault, ...]


def verify(connection: Connection, now: datetime) -> Proof:
    """Go through the whole ledger; `connection` only reads, all as of one moment."""
    newest = connection.execute(select(func.max(ledger_entries.c.id))).scalar() or 0
    books = Books()
    faults = [*_accounts(connection)]
    points = ledger_checkpoints.list(connection)
    start, covered, digest = 0, 0, ledger_rows.START
    for point in points:
        passage = _Passage(connection, books, start, point.through, digest)
        faults += passage.faults()
        faults += _checkpoint(connection, point, passage, books)
        start, covered, digest = max(start, point.through), covered + passage.digest.count, passage.digest.hex
    faults += _Passage(connection, books, start, newest, digest).faults()
    faults += _missing_checkpoints(points)
    faults += _whole(connection, books)
    faults += _holds(connection, books, now)
    faults += ledger_evidence.without_entry(connection)
    return Proof(books.entries, covered, len(points), len(books.held), tuple(faults))


class _Passage:
    """The entries between two checkpoints, looked at once: their faults, digest, and which accounts they move."""

    def __init__(self, connection: Connection, books: Books, after: int, through: int, digest: str) -> None:
        self.connection = connection
        self.books = books
        self.span = after, through
        self.digest = Digest(digest)
        self.moved: set[tuple[str, str]] = set()

    def faults(self) -> Iterator[Fault]:
        for rows in ledger_rows.walk(self.connection, *self.span):
            for row in rows:
                yield from self.books.take(row)
                self._note(row)
            yield from ledger_evidence.faults(self.connection, rows)

    def _note(self, row: Row) -> None:
        self.digest.take(row)
        self.moved |= {(facility, account) for facility, account, _ in row.postings}


def _accounts(connection: Connection) -> Iterator[Fault]:
    for account in ledger_accounts.misnamed(connection):
        yield Fault(f"account {account}", "is of another kind or owner than its name says")


def _checkpoint(connection: Connection, point: Checkpoint, passage: _Passage, books: Books) -> Iterator[Fault]:
    where = f"checkpoint {point.number}"
    if (point.entries, point.digest) != (passage.digest.count, passage.digest.hex):
        yield Fault(where, "does not agree with its entries: one of them was changed, removed or added since")
    record = audit.numbered(connection, {point.audit_number}).get(point.audit_number)
    facts = ledger_checkpoints.facts_of(point.number, point.through, point.entries, point.digest)
    told = record is not None and (record.action, record.facts, record.at)
    if told != (ledger_checkpoints.ACTION, facts, point.at):
        yield Fault(where, f"is not what record {point.audit_number} of the audit chain tells")
    kept = select(ledger_balances).where(ledger_balances.c.checkpoint == point.number)
    found = {(row["facility"], row["account"]): row for row in connection.execute(kept).mappings()}
    lasting = {each for each in passage.moved if not each[1].startswith(f"{AccountKind.HELD}:")}
    for key in sorted(found.keys() | lasting):
        balance = found.get(key)
        right = books.balances.get(key, 0)
        if balance is None or (balance["balance"], balance["through"]) != (right, point.through):
            yield Fault(where, f"has {key[0]} {key[1]} at {balance and balance['balance']}: it was {right}")


def _missing_checkpoints(points: Sequence[Checkpoint]) -> Iterator[Fault]:
    for expected, point in enumerate(points, 1):
        if point.number != expected:
            yield Fault(f"checkpoint {expected}", "missing")
            return


def _whole(connection: Connection, books: Books) -> Iterator[Fault]:
    if books.total:
        yield Fault("the ledger", f"comes to {books.total} and not to 0")
    count = connection.execute(select(func.count()).select_from(ledger_postings)).scalar() or 0
    if count != books.postings:
        yield Fault("the ledger", f"has {count} postings, of which {books.postings} belong to an entry")


def _holds(connection: Connection, books: Books, now: datetime) -> Iterator[Fault]:
    kept = {row["call"]: row for row in connection.execute(select(ledger_holds)).mappings()}
    for call in sorted(kept.keys() | books.held.keys()):
        row, pending = kept.get(call), books.held.get(call)
        if pending is None:
            yield Fault(f"call {call}", "has a hold that no open entry accounts for")
        elif row is None or any(row[name] != value for name, value in vars(pending).items()):
            yield Fault(f"call {call}", f"has a hold other than entry {pending.entry} says")
    ended = select(calls.c.id).where(calls.c.id.in_(select(ledger_holds.c.call)), calls.c.ended < now - PATIENCE)
    for call in connection.execute(ended.order_by(calls.c.id)).scalars():
        yield Fault(f"call {call}", "has ended and its hold is still open")
    expired = select(ledger_holds.c.call).where(ledger_holds.c.expires < now - PATIENCE)
    for call in connection.execute(expired.order_by(ledger_holds.c.call)).scalars():
        yield Fault(f"call {call}", "has an expired hold that is still open")
