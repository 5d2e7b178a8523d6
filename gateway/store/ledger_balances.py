"""Balances: what the postings to an account come to, summed from its last checkpoint on."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from parloir.store import ledger_accounts
from parloir.store.ledger_errors import Insufficient
from parloir.store.ledger_tables import ledger_balances, ledger_holds, ledger_postings


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
