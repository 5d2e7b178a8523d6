"""The ledger: entries that move money between accounts and come to 0, each posted once, never changed afterwards.

Amounts are whole micro-dollars. What deposits, holds and settles is in the modules of those names; all post here.
"""

import builtins
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby

from sqlalchemy import Connection, RowMapping, Select, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from parloir.store import locks
from parloir.store.ledger_errors import CannotKeep, EventTaken, Unbalanced
from parloir.store.ledger_tables import ledger_entries, ledger_postings
from parloir.store.text import can_be_kept

AT_ONCE = 500
LONGEST = {"event": 200, "by": 128, "reason": 200}
"""How many characters of each are kept."""

_ADD = {
    dialect.__name__.rpartition(".")[2]: dialect.insert(ledger_entries)
    .on_conflict_do_nothing()
    .returning(ledger_entries.c.id, ledger_entries.c.facility, ledger_entries.c.event)
    for dialect in (postgresql, sqlite)
}
_MOVE = insert(ledger_postings)


class Kind(StrEnum):
    """What an entry does for the account it is of.

    HOLD sets money aside for a call. CHARGE takes what the call cost out of that and gives the rest back; RELEASE gives
    all of it back.
    """

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    HOLD = "hold"
    CHARGE = "charge"
    RELEASE = "release"
    REFUND = "refund"


@dataclass(frozen=True)
class Evidence:
    """What proves an entry: the number of an event of its call's timeline, or of a record of the audit chain."""

    timeline: int | None = None
    audit: int | None = None


@dataclass(frozen=True, kw_only=True)
class Draft:
    """An entry to be posted. `event` names what happened, once for ever; `account` is the holder's whose entry it is.

    `moves` adds to each account (below 0: takes from it), and comes to 0.
    """

    facility: str
    event: str
    kind: Kind
    account: str
    moves: Mapping[str, int]
    evidence: Evidence
    at: datetime
    by: str
    call: str | None = None
    reason: str = ""
    expires: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Entry(Draft):
    """An entry as it was posted. `id` rises, with gaps."""

    id: int


def post(connection: Connection, draft: Draft) -> Entry:
    """Post an entry; raises Unbalanced, CannotKeep, and EventTaken where it was posted before.

    Whoever posts has joined and opened the accounts before; who takes money from a holder has locked the account too,
    and looked at its balance and for the event.
    """
    return post_all(connection, [draft])[0]


def post_all(connection: Connection, drafts: Sequence[Draft]) -> builtins.list[Entry]:
    """Post several entries as `post` does one, all or, where it raises, none that may be kept."""
    moves = [_moved(draft) for draft in drafts]
    rows = connection.execute(_ADD[connection.dialect.name], [_row(draft) for draft in drafts])
    ids = {(row.facility, row.event): int(row.id) for row in rows}
    for draft in drafts:
        if (draft.facility, draft.event) not in ids:
            before = find(connection, draft.facility, draft.event)
            raise EventTaken(draft.event, before.id if before else 0)
    entries = [
        Entry(**{**vars(draft), "moves": each}, id=ids[draft.facility, draft.event])
        for draft, each in zip(drafts, moves, strict=True)
    ]
    postings = [
        {"entry": entry.id, "facility": entry.facility, "account": account, "amount": amount}
        for entry in entries
        for account, amount in entry.moves.items()
    ]
    if postings:
        connection.execute(_MOVE, postings)
    return entries


def _moved(draft: Draft) -> dict[str, int]:
    """What an entry moves, but for zeros, once it is seen to be one that can be posted."""
    moves = {account: amount for account, amount in sorted(draft.moves.items()) if amount}
    total = sum(moves.values())
    if total or {type(amount) for amount in moves.values()} - {int}:
        raise Unbalanced(draft.event, total)
    for what, longest in LONGEST.items():
        if not can_be_kept(str(vars(draft)[what])) or len(vars(draft)[what]) > longest:
            raise CannotKeep(what, longest)
    return moves


def join(connection: Connection) -> None:
    """Begin to write in the ledger: before any lock on an account, the timeline or the audit chain."""
    locks.share(connection, locks.LEDGER)


def find(connection: Connection, facility: str, event: str) -> Entry | None:
    """The entry of an event; None where it was not posted."""
    found = _read(
        connection, select(ledger_entries).where(ledger_entries.c.facility == facility, ledger_entries.c.event == event)
    )
    return found[0] if found else None


def list(
    connection: Connection,
    facility: str,
    *,
    account: str | None = None,
    call: str | None = None,
    kinds: Iterable[Kind] | None = None,
    after: datetime | None = None,
    before: datetime | None = None,
    limit: int | None = None,
) -> builtins.list[Entry]:
    """A facility's entries from `after` up to `before`, in their order: of one holder's account, or of one call."""
    query = select(ledger_entries).where(ledger_entries.c.facility == facility).order_by(ledger_entries.c.id)
    if account is not None:
        query = query.where(ledger_entries.c.account == account)
    if call is not None:
        query = query.where(ledger_entries.c.call == call)
    if kinds is not None:
        query = query.where(ledger_entries.c.kind.in_(tuple(kinds)))
    if after is not None:
        query = query.where(ledger_entries.c.at >= after)
    if before is not None:
        query = query.where(ledger_entries.c.at < before)
    return _read(connection, query.limit(limit))


def of_calls(connection: Connection, calls: Iterable[str]) -> dict[str, builtins.list[Entry]]:
    """The entries of several calls, each call's in their order."""
    found: dict[str, builtins.list[Entry]] = {call: [] for call in calls}
    query = select(ledger_entries).where(ledger_entries.c.call.in_(tuple(found))).order_by(ledger_entries.c.id)
    for entry in _read(connection, query):
        found[entry.call or ""].append(entry)
    return found


def walk(connection: Connection, after: int = 0, through: int | None = None) -> Iterator[Entry]:
    """Every facility's entries in their order, from the one after `after`, read piece by piece."""
    while True:
        query = select(ledger_entries).where(ledger_entries.c.id > after).order_by(ledger_entries.c.id)
        if through is not None:
            query = query.where(ledger_entries.c.id <= through)
        entries = _read(connection, query.limit(AT_ONCE))
        yield from entries
        if len(entries) < AT_ONCE:
            return
        after = entries[-1].id


def _read(connection: Connection, query: Select[*tuple[object, ...]]) -> builtins.list[Entry]:
    rows = connection.execute(query).mappings().all()
    moves: dict[int, dict[str, int]] = {}
    for start in range(0, len(rows), AT_ONCE):
        moves |= _moves(connection, [row["id"] for row in rows[start : start + AT_ONCE]])
    return [_entry(row, moves.get(row["id"], {})) for row in rows]


def _moves(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, int]]:
    columns = ledger_postings.c
    query = select(columns.entry, columns.account, columns.amount).where(columns.entry.in_(ids))
    rows = connection.execute(query.order_by(columns.entry, columns.account))
    return {entry: {row.account: row.amount for row in some} for entry, some in groupby(rows, lambda row: int(row[0]))}


def _row(draft: Draft) -> dict[str, object]:
    row = {**vars(draft), "timeline_number": draft.evidence.timeline, "audit_number": draft.evidence.audit}
    del row["moves"], row["evidence"]
    return row


def _entry(row: RowMapping, moves: Mapping[str, int]) -> Entry:
    return Entry(
        id=row["id"],
        facility=row["facility"],
        event=row["event"],
        kind=Kind(row["kind"]),
        account=row["account"],
        moves=moves,
        evidence=Evidence(row["timeline_number"], row["audit_number"]),
        at=row["at"],
        by=row["by"],
        call=row["call"],
        reason=row["reason"],
        expires=row["expires"],
    )
