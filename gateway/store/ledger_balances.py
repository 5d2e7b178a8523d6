"""Balances: what the postings to an account come to, summed from its last checkpoint on."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select, union_all

from parloir.store import ledger_accounts
from parloir.store.ledger_errors import Insufficient
from parloir.store.ledger_tables import ledger_accounts as ledger_accounts_table
from parloir.store.ledger_tables import ledger_balances, ledger_checkpoints, ledger_holds, ledger_postings


@dataclass(frozen=True)
class Balance:
    """What an account may spend, and what is set aside for calls of its that are not settled; micro-dollars."""

    available: int
    held: int


def available(connection: Connection, facility: str, account: str, through: int | None = None) -> int:
    """What an account comes to, up to an entry or (None) now, in micro-dollars; 0 for one that is not there."""
    theirs = (ledger_balances.c.facility == facility) & (ledger_balances.c.account == account)
    last = select(ledger_balances.c.through, ledger_balances.c.balance).where(theirs)
    if through is not None:
        last = last.where(ledger_balances.c.through <= through)
    known = connection.execute(last.order_by(ledger_balances.c.through.desc()).limit(1)).first()
    start, balance = (known.through, known.balance) if known else (0, 0)
    columns = ledger_postings.c
    later = (columns.facility == facility) & (columns.account == account) & (columns.entry > start)
    if through is not None:
        later &= columns.entry <= through
    return int(balance + (connection.execute(select(func.sum(columns.amount)).where(later)).scalar() or 0))


def of(connection: Connection, facility: str, account: str) -> Balance:
    """What an account may spend, and what is held of it."""
    theirs = (ledger_holds.c.facility == facility) & (ledger_holds.c.payer == account)
    held = connection.execute(select(func.sum(ledger_holds.c.amount)).where(theirs)).scalar()
    return Balance(available(connection, facility, account), int(held or 0))


def of_holders(connection: Connection, facility: str) -> dict[str, Balance]:
    """The same for every account of a resident, a visitor or the facility, by its id: two queries for all of them."""
    holders, kept = ledger_accounts.HOLDERS, ledger_balances.c
    newest = select(kept.account, func.max(kept.through).label("through")).where(kept.facility == facility)
    last = newest.group_by(kept.account).subquery()
    same = (kept.account == last.c.account) & (kept.through == last.c.through) & (kept.facility == facility)
    checkpoint = select(func.coalesce(func.max(ledger_checkpoints.c.through), 0)).scalar_subquery()
    later = (ledger_postings.c.facility == facility) & (ledger_postings.c.entry > checkpoint)
    parts = union_all(
        select(kept.account, kept.balance.label("part")).join(last, same),
        select(ledger_postings.c.account, ledger_postings.c.amount).where(later),
    ).subquery()
    theirs = (ledger_accounts_table.c.facility == facility) & ledger_accounts_table.c.kind.in_(holders)
    sums = select(ledger_accounts_table.c.id, func.coalesce(func.sum(parts.c.part), 0)).where(theirs)
    sums = sums.outerjoin_from(ledger_accounts_table, parts, parts.c.account == ledger_accounts_table.c.id)
    holds = select(ledger_holds.c.payer, func.sum(ledger_holds.c.amount)).where(ledger_holds.c.facility == facility)
    held = {row[0]: int(row[1]) for row in connection.execute(holds.group_by(ledger_holds.c.payer))}
    rows = connection.execute(sums.group_by(ledger_accounts_table.c.id))
    return {row[0]: Balance(int(row[1]), held.get(row[0], 0)) for row in rows}


def spendable(connection: Connection, facility: str, account: str, wanted: int = 0) -> int:
    """Lock a holder's account until the transaction ends, and answer what it may spend.

    Raises NoSuchAccount, and Insufficient where that is less than `wanted`; the facility's own account may always owe.
    """
    kind, _ = ledger_accounts.parse(account)
    ledger_accounts.lock(connection, facility, account)
    found = available(connection, facility, account)
    if found < wanted and kind is not ledger_accounts.AccountKind.FACILITY:
        raise Insufficient(account, found, wanted)
    return found
