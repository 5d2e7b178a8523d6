"""The ledger's accounts: whose money it is, by a name that says so."""

import builtins
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite

from parloir.store.ledger_errors import NoSuchAccount
from parloir.store.ledger_tables import ledger_accounts, ledger_entries
from parloir.store.text import can_be_kept


class AccountKind(StrEnum):
    """Whose money it is. What flows in from the world is below 0, what is owed to someone above it.

    RESIDENT and VISITOR never go below 0; FACILITY may, for it then owes. HELD is one call's, 0 again once it is
    settled.
    """

    RESIDENT = "resident"
    VISITOR = "visitor"
    FACILITY = "facility"
    HELD = "held"
    REVENUE = "revenue"
    TAX = "tax"
    DEPOSITS = "deposits"
    WITHDRAWALS = "withdrawals"


ALONE = frozenset({AccountKind.FACILITY, AccountKind.REVENUE, AccountKind.WITHDRAWALS})
"""Kinds of which a facility has one account, named as the kind; the others are `KIND:OWNER`."""
HOLDERS = (AccountKind.RESIDENT, AccountKind.VISITOR, AccountKind.FACILITY)
"""Whoever pays for calls."""
PREPAID = (AccountKind.RESIDENT, AccountKind.VISITOR)
"""Who cannot spend what they have not got."""
FACILITY = AccountKind.FACILITY.value
REVENUE = AccountKind.REVENUE.value
WITHDRAWALS = AccountKind.WITHDRAWALS.value

_THERE = select(ledger_accounts.c.id).where(
    ledger_accounts.c.facility == bindparam("of"), ledger_accounts.c.id.in_(bindparam("ids", expanding=True))
)


@dataclass(frozen=True)
class Account:
    """One account of a facility: `id` is `KIND:OWNER`, or the kind alone. `opened` is UTC."""

    facility: str
    id: str
    kind: AccountKind
    owner: str
    opened: datetime


def name(kind: AccountKind, owner: str = "") -> str:
    """The id of an account."""
    return f"{kind.value}:{owner}" if owner else kind.value


def parse(id: str) -> tuple[AccountKind, str]:
    """The kind and the owner in an account's id; raises NoSuchAccount for what is none."""
    word, colon, owner = id.partition(":")
    try:
        kind = AccountKind(word)
    except ValueError:
        raise NoSuchAccount(id) from None
    lone = kind in ALONE
    if bool(owner) is lone or bool(colon) is lone or len(owner) > 80 or not can_be_kept(id):
        raise NoSuchAccount(id)
    return kind, owner


def held(call: str) -> str:
    """The account of what is set aside for a call."""
    return name(AccountKind.HELD, call)


def tax(code: str) -> str:
    """The account of what is taken for a tax."""
    return name(AccountKind.TAX, code)


def open(connection: Connection, facility: str, ids: Iterable[str], at: datetime) -> None:
    """See that these accounts are there; raises NoSuchAccount for an id that is none."""
    wanted = {id: parse(id) for id in sorted(set(ids))}
    there = set(connection.execute(_THERE, {"of": facility, "ids": tuple(wanted)}).scalars())
    rows = [
        {"facility": facility, "id": id, "kind": kind, "owner": owner, "opened": at}
        for id, (kind, owner) in wanted.items()
        if id not in there
    ]
    if rows:
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        connection.execute(insert(ledger_accounts).on_conflict_do_nothing(), rows)


def lock(connection: Connection, facility: str, id: str) -> None:
    """Let nobody else spend from an account until the transaction ends; waits for whoever does."""
    one = (ledger_accounts.c.facility == facility) & (ledger_accounts.c.id == id)
    connection.execute(select(ledger_accounts.c.id).where(one).with_for_update(key_share=True)).first()


def list(
    connection: Connection, facility: str | None = None, kinds: Iterable[AccountKind] = HOLDERS
) -> builtins.list[Account]:
    """The accounts of some kinds, of one facility or (None) of all, in the order of their ids."""
    query = select(ledger_accounts).where(ledger_accounts.c.kind.in_(tuple(kinds)))
    if facility is not None:
        query = query.where(ledger_accounts.c.facility == facility)
    return [
        Account(row.facility, row.id, AccountKind(row.kind), row.owner, row.opened)
        for row in connection.execute(query.order_by(ledger_accounts.c.facility, ledger_accounts.c.id))
    ]


def misnamed(connection: Connection) -> Iterator[str]:
    """Accounts whose row says something else than their id, which nothing here writes."""
    columns = (ledger_accounts.c.facility, ledger_accounts.c.id, ledger_accounts.c.kind, ledger_accounts.c.owner)
    for row in connection.execute(select(*columns).order_by(*columns[:2])):
        try:
            right = parse(row.id) == (row.kind, row.owner)
        except NoSuchAccount:
            right = False
        if not right:
            yield f"{row.facility} {row.id}"


def moved(connection: Connection, facility: str) -> dict[str, datetime]:
    """When the last entry of each of a facility's holders was made; an account without entries is left out."""
    last = select(ledger_entries.c.account, func.max(ledger_entries.c.at)).where(ledger_entries.c.facility == facility)
    return {row[0]: row[1] for row in connection.execute(last.group_by(ledger_entries.c.account))}
