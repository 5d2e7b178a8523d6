"""Money that comes and goes beside calls: deposits, withdrawals and refunds, each with a record in the audit chain."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from parloir.store import audit, ledger, ledger_accounts, ledger_balances, ledger_holds
from parloir.store.ledger import Draft, Entry, Evidence, Kind
from parloir.store.ledger_accounts import HOLDERS, AccountKind
from parloir.store.ledger_errors import BadAmount, EventTaken, NoSuchAccount, OverRefund

MOST = 100_000_000_000_000
"""What may move at once, in micro-dollars: a hundred million dollars."""


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """What moves money beside calls: an event, once for ever, and who says so, when and why."""

    facility: str
    event: str
    by: str
    at: datetime
    reason: str = ""


def deposit(connection: Connection, occasion: Occasion, *, account: str, amount: int, provider: str) -> Entry:
    """Money that a payment provider took in is now an account's; it goes into the audit chain.

    The same event again posts nothing and answers the entry that there is. Raises NoSuchAccount, BadAmount, EventTaken.
    """
    source = ledger_accounts.name(AccountKind.DEPOSITS, provider)
    moves = {account: _amount(amount), source: -amount}
    draft = _draft(occasion, account, Kind.DEPOSIT, moves)
    return _once(connection, draft, lambda: None, {"provider": provider, "amount": amount})


def withdraw(connection: Connection, occasion: Occasion, *, account: str, amount: int) -> Entry:
    """A holder takes their funds back; it goes into the audit chain.

    The same event again posts nothing and answers the entry that there is. Raises Insufficient, NoSuchAccount,
    BadAmount, EventTaken.
    """
    moves = {account: -_amount(amount), ledger_accounts.WITHDRAWALS: amount}
    draft = _draft(occasion, account, Kind.WITHDRAWAL, moves)

    def check() -> None:
        ledger_balances.spendable(connection, occasion.facility, account, amount)

    return _once(connection, draft, check, {"amount": amount})


def refund(connection: Connection, occasion: Occasion, *, call: str, amount: int) -> Entry:
    """Give back some of what a call was charged, its taxes in their proportion; it goes into the audit chain.

    The same event again posts nothing and answers the entry that there is. Raises OverRefund for more than was charged
    less what was refunded, BadAmount, EventTaken.
    """
    _amount(amount)
    ledger.join(connection)
    charged = ledger_holds.settlement(connection, occasion.facility, call)
    if charged is None or not charged.total:
        raise OverRefund(call, 0, amount)
    ledger_accounts.lock(connection, occasion.facility, charged.payer)
    before = refunded(connection, occasion.facility, call)
    parts = {ledger_accounts.REVENUE: charged.charge}
    parts |= {ledger_accounts.tax(code): tax for code, tax in sorted(charged.taxes.items())}
    earlier, now = shares(parts, before), shares(parts, before + amount)
    moves = {charged.payer: amount} | {part: earlier[part] - now[part] for part in parts}
    draft = _draft(occasion, charged.payer, Kind.REFUND, moves, call)

    def check() -> None:
        if before + amount > charged.total:
            raise OverRefund(call, charged.total - before, amount)

    return _once(connection, draft, check, {"call": call, "amount": amount})


def refunded(connection: Connection, facility: str, call: str) -> int:
    """What has been given back of a call's charge, in micro-dollars."""
    return sum(
        each.moves.get(each.account, 0) for each in ledger.list(connection, facility, call=call, kinds=[Kind.REFUND])
    )


def shares(parts: Mapping[str, int], amount: int) -> dict[str, int]:
    """An amount split in proportion to parts, exactly, no share being more than its part; nothing is rounded away."""
    total, passed, given = sum(parts.values()), 0, 0
    split: dict[str, int] = {}
    for name, part in parts.items():
        passed += part
        split[name] = passed * amount // total - given
        given += split[name]
    return split


def _once(connection: Connection, draft: Draft, check: Callable[[], None], facts: Mapping[str, object]) -> Entry:
    """Post it with its audit record, unless its event was posted before."""
    ledger.join(connection)
    ledger_accounts.open(connection, draft.facility, {draft.account, *draft.moves}, draft.at)
    ledger_accounts.lock(connection, draft.facility, draft.account)
    if known := ledger.find(connection, draft.facility, draft.event):
        return _same(known, draft)
    check()
    subject = f"account {draft.facility} {draft.account}"
    told = {**facts, "event": draft.event, "reason": draft.reason}
    record = audit.append(connection, draft.by, f"ledger.{draft.kind}", subject, told, at=draft.at)
    return ledger.post(connection, Draft(**{**vars(draft), "evidence": Evidence(audit=record.number)}))


def _same(known: Entry, draft: Draft) -> Entry:
    """The entry of the same event; a refund's split depends on those before it, its amount does not."""
    for each in ("kind", "account", "call"):
        if getattr(known, each) != getattr(draft, each):
            raise EventTaken(known.event, known.id)
    if known.moves.get(draft.account) != draft.moves[draft.account]:
        raise EventTaken(known.event, known.id)
    return known


def _draft(occasion: Occasion, account: str, kind: Kind, moves: Mapping[str, int], call: str | None = None) -> Draft:
    if ledger_accounts.parse(account)[0] not in HOLDERS:
        raise NoSuchAccount(account)
    return Draft(**vars(occasion), kind=kind, account=account, moves=moves, evidence=Evidence(), call=call)


def _amount(amount: int) -> int:
    if type(amount) is not int or not 0 < amount <= MOST:
        raise BadAmount(amount)
    return amount
