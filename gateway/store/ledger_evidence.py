"""What proves each entry: its call's timeline or the audit chain, which must tell the same, and tell nothing more."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import Connection, select
from sqlalchemy.exc import DatabaseError

from parloir.store import audit, ledger_accounts, ledger_holds, timeline
from parloir.store.ledger import Kind
from parloir.store.ledger_books import Fault
from parloir.store.ledger_rows import Row
from parloir.store.ledger_tables import ledger_checkpoints, ledger_entries
from parloir.store.staff_tables import audit as records
from parloir.store.tables import events

Key = TypeVar("Key")
Found = TypeVar("Found")

TOLD = {
    Kind.HOLD: ledger_holds.PLACED,
    Kind.CHARGE: ledger_holds.CHARGED,
    Kind.RELEASE: ledger_holds.RELEASED,
}
"""The timeline's event that each kind of entry has."""
ACT = "ledger."
"""What the audit chain's records of money begin with."""


def faults(connection: Connection, rows: Sequence[Row]) -> Iterator[Fault]:
    """Entries whose evidence is missing, or says something else."""
    readable = [row for row in rows if row.columns is not None]
    places = sorted({_place(row) for row in readable if row.columns and row.columns["timeline_number"]})
    numbers = sorted({row.columns["audit_number"] for row in readable if row.columns} - {None})
    happened = _found(lambda some: timeline.at(connection, some), places)
    acts = _found(lambda some: audit.numbered(connection, some), numbers)
    for row in readable:
        assert row.columns is not None
        if row.columns["timeline_number"] is not None:
            event = happened.get(_place(row))
            said = event is not None and event.kind == TOLD.get(row.columns["kind"]) and _tells(event, row)
            if not said:
                yield Fault(f"entry {row.id}", f"is not what event {row.columns['timeline_number']} of its call tells")
            continue
        act = acts.get(row.columns["audit_number"])
        if act is None or act.action != f"{ACT}{row.columns['kind']}" or not _records(act, row):
            yield Fault(f"entry {row.id}", f"is not what record {row.columns['audit_number']} of the audit chain tells")


def without_entry(connection: Connection) -> Iterator[Fault]:
    """What the timelines and the audit chain tell of money, and the ledger does not have."""
    known = select(ledger_entries.c.id).where(
        ledger_entries.c.call == events.c.call, ledger_entries.c.timeline_number == events.c.number
    )
    told = select(events.c.call, events.c.number, events.c.kind).where(events.c.kind.in_(TOLD.values()))
    for event in connection.execute(told.where(~known.exists()).order_by(events.c.sequence)):
        yield Fault(f"call {event.call}", f"event {event.number} ({event.kind}) has no entry")
    entries = select(ledger_entries.c.audit_number).where(ledger_entries.c.audit_number.is_not(None))
    checkpoints = select(ledger_checkpoints.c.audit_number)
    acts = select(records.c.number, records.c.action).where(records.c.action.startswith(ACT, autoescape=True))
    missing = acts.where(records.c.number.not_in(entries), records.c.number.not_in(checkpoints))
    for act in connection.execute(missing.order_by(records.c.number)):
        yield Fault(f"record {act.number} of the audit chain", f"{act.action} has no entry")


def _found(read: Callable[[Sequence[Key]], Mapping[Key, Found]], keys: Sequence[Key]) -> dict[Key, Found]:
    """What there is of these and can be read."""
    try:
        return dict(read(keys))
    except (ValueError, DatabaseError):
        half = len(keys) // 2
        return {**_found(read, keys[:half]), **_found(read, keys[half:])} if half else {}


def _place(row: Row) -> tuple[str, int]:
    assert row.columns is not None
    return str(row.columns["call"]), int(row.columns["timeline_number"] or 0)


def _tells(event: timeline.Entry, row: Row) -> bool:
    """Whether an event of the timeline says just what an entry does."""
    assert row.columns is not None
    data, entry = event.data, row.columns
    moves = {account: amount for _, account, amount in row.postings}
    held = abs(moves.get(ledger_accounts.held(str(entry["call"])), 0))
    told = (event.wall, data.get("payer"), data.get("reason", ""), data.get("expires"), ledger_holds.BY)
    expires = entry["expires"].isoformat() if entry["expires"] else None
    if told != (entry["at"], entry["account"], entry["reason"], expires, entry["by"]):
        return False
    if entry["kind"] == Kind.HOLD:
        return bool(data.get("amount") == held)
    taxes = {ledger_accounts.tax(code): tax for code, tax in dict(data.get("taxes", {})).items()}
    taken = {**taxes, ledger_accounts.REVENUE: data.get("charge")}
    income = {each: moves.get(each, 0) for each in taken}
    return data.get("held") == held and income == taken and data.get("total") == sum(income.values())


def _records(act: audit.Record, row: Row) -> bool:
    """Whether a record of the audit chain says just what an entry does."""
    assert row.columns is not None
    facts, entry = act.facts, row.columns
    moved = sum(amount for _, account, amount in row.postings if account == entry["account"])
    told = [facts.get(name) for name in ("event", "amount", "call", "reason", "expires")]
    posted = [entry["event"], abs(moved), entry["call"], entry["reason"], entry["expires"]]
    subject = f"account {entry['facility']} {entry['account']}"
    return told == posted and (act.subject, act.actor, act.at) == (subject, entry["by"], entry["at"])
