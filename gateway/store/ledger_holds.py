"""Holds: money set aside for a call before it is connected, and settled once after it has ended.

Each step is one transaction with its event of the call's timeline, and done again changes nothing.
"""

import builtins
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, bindparam, delete, insert, or_, select

from parloir.store import ledger, ledger_accounts, ledger_balances, timeline
from parloir.store.ledger import Draft, Entry, Evidence, Kind
from parloir.store.ledger_errors import BadAmount, EventTaken, NoHold, OverHold
from parloir.store.ledger_tables import ledger_holds
from parloir.store.tables import calls

BY = "parloir"
PLACED = "hold_placed"
CHARGED = "charged"
RELEASED = "hold_released"
_MINE = select(ledger_holds).where(ledger_holds.c.call == bindparam("of")).with_for_update()
_DONE = delete(ledger_holds).where(ledger_holds.c.call == bindparam("of"))


@dataclass(frozen=True)
class Hold:
    """What is set aside for a call that is not settled: from whose account, how much (micro-dollars), until when."""

    call: str
    facility: str
    payer: str
    amount: int
    entry: int
    expires: datetime


@dataclass(frozen=True)
class Settlement:
    """What became of a call's hold: charged for the call, for each tax by its code, and given back; micro-dollars.

    `fresh` is False where this was settled before.
    """

    call: str
    facility: str
    payer: str
    charge: int
    taxes: Mapping[str, int]
    released: int
    entry: int
    fresh: bool

    @property
    def total(self) -> int:
        """The call and the taxes on it."""
        return self.charge + sum(self.taxes.values())


def event_of_hold(call: str) -> str:
    """The ledger's event of a call's hold."""
    return f"hold:{call}"


def event_of_settlement(call: str) -> str:
    """The ledger's event of a call's settlement: its charge, or the release of its hold."""
    return f"settle:{call}"


def place(
    connection: Connection,
    *,
    facility: str,
    call: str,
    payer: str,
    amount: int,
    expires: datetime,
    at: datetime,
    monotonic: int,
    facts: Mapping[str, Any] | None = None,
) -> Hold:
    """Set money aside for a call, and say so in its timeline (`hold_placed`, with `facts`: the terms of its price).

    A facility that pays holds 0, so that its call is settled as every other. A call that has its hold, or is settled,
    keeps it as it was. Raises Insufficient, NoSuchAccount, BadAmount; EventTaken where another payer's was placed.
    """
    if type(amount) is not int or amount < 0 or (amount == 0 and payer != ledger_accounts.FACILITY):
        raise BadAmount(amount)
    ledger.join(connection)
    ledger_accounts.open(connection, facility, {payer, *([ledger_accounts.held(call)] if amount else [])}, at)
    ledger_accounts.lock(connection, facility, payer)
    before = ledger.find(connection, facility, event_of_hold(call))
    if before is not None:
        return _placed_before(before, payer)
    ledger_balances.spendable(connection, facility, payer, amount)
    told = {**(facts or {}), "payer": payer, "amount": amount, "expires": expires.isoformat()}
    event = timeline.append(connection, call, PLACED, told, at, monotonic)
    entry = ledger.post(
        connection,
        Draft(
            facility=facility,
            event=event_of_hold(call),
            kind=Kind.HOLD,
            account=payer,
            moves={payer: -amount, ledger_accounts.held(call): amount},
            evidence=Evidence(timeline=event.number),
            at=at,
            by=BY,
            call=call,
            expires=expires,
        ),
    )
    hold = Hold(call, facility, payer, amount, entry.id, expires)
    connection.execute(insert(ledger_holds).values(vars(hold)))
    return hold


def settle(
    connection: Connection,
    call: str,
    *,
    charge: int,
    taxes: Mapping[str, int] | None = None,
    at: datetime,
    monotonic: int,
    facts: Mapping[str, Any] | None = None,
    reason: str = "",
) -> Settlement:
    """Take what a call cost out of its hold and give the rest back, and say so in its timeline, with `facts`.

    The event is `charged`, or `hold_released` where the call costs nothing. A call that is settled stays as it was,
    whatever is said now. Raises NoHold, OverHold, BadAmount.
    """
    due = {code: tax for code, tax in (taxes or {}).items() if tax}
    _check([charge, *due.values()])
    ledger.join(connection)
    hold = _take(connection, call)
    if hold is None:
        return _settled_before(connection, call)
    total = charge + sum(due.values())
    if total > hold.amount and hold.payer != ledger_accounts.FACILITY:
        raise OverHold(call, hold.amount, total)
    connection.execute(_DONE, {"of": call})
    moves = _settling(hold, charge, due)
    ledger_accounts.open(connection, hold.facility, moves, at)
    told = {**(facts or {}), "payer": hold.payer, "held": hold.amount, "charge": charge, "taxes": due}
    told |= {"total": total, "released": max(0, hold.amount - total), "reason": reason}
    event = timeline.append(connection, call, CHARGED if total else RELEASED, told, at, monotonic)
    entry = ledger.post(
        connection,
        Draft(
            facility=hold.facility,
            event=event_of_settlement(call),
            kind=Kind.CHARGE if total else Kind.RELEASE,
            account=hold.payer,
            moves=moves,
            evidence=Evidence(timeline=event.number),
            at=at,
            by=BY,
            call=call,
            reason=reason,
        ),
    )
    return settlement_of(entry, fresh=True)


def lock(connection: Connection, calls: Iterable[str]) -> None:
    """Before several calls are settled in one transaction: wait for whoever settles any of them."""
    ledger.join(connection)
    theirs = select(ledger_holds.c.call).where(ledger_holds.c.call.in_(tuple(calls))).order_by(ledger_holds.c.call)
    connection.execute(theirs.with_for_update()).all()


def of(connection: Connection, call: str) -> Hold | None:
    """The open hold of a call; None where there is none, or it is settled."""
    found = _list(connection, ledger_holds.c.call == call)
    return found[0] if found else None


def settlement(connection: Connection, facility: str, call: str) -> Settlement | None:
    """What became of a call's hold; None where it is not settled, or never had one."""
    entry = ledger.find(connection, facility, event_of_settlement(call))
    return None if entry is None else settlement_of(entry)


def settlement_of(entry: Entry, *, fresh: bool = False) -> Settlement:
    """What an entry of kind CHARGE or RELEASE says of its call."""
    assert entry.call is not None
    parts = {ledger_accounts.parse(account): amount for account, amount in entry.moves.items()}
    taxes = {owner: amount for (kind, owner), amount in parts.items() if kind is ledger_accounts.AccountKind.TAX}
    return Settlement(
        call=entry.call,
        facility=entry.facility,
        payer=entry.account,
        charge=entry.moves.get(ledger_accounts.REVENUE, 0),
        taxes=taxes,
        released=max(0, entry.moves.get(entry.account, 0)),
        entry=entry.id,
        fresh=fresh,
    )


def list(connection: Connection, facility: str | None = None) -> builtins.list[Hold]:
    """All open holds, of one facility or of all, in the order they were placed."""
    return _list(connection, *([] if facility is None else [ledger_holds.c.facility == facility]))


def due(connection: Connection, now: datetime, limit: int = 200) -> builtins.list[Hold]:
    """Open holds that ought to be none: their call has ended, or their time is over; in the order they were placed."""
    ended = select(calls.c.id).where(calls.c.id == ledger_holds.c.call, calls.c.ended.is_not(None)).exists()
    return _list(connection, or_(ended, ledger_holds.c.expires <= now), limit=limit)


def _list(connection: Connection, *where: ColumnElement[bool], limit: int | None = None) -> builtins.list[Hold]:
    query = select(ledger_holds).where(*where).order_by(ledger_holds.c.entry).limit(limit)
    return [_hold(row) for row in connection.execute(query).mappings()]


def _take(connection: Connection, call: str) -> Hold | None:
    """The open hold, which is this transaction's alone from now on."""
    row = connection.execute(_MINE, {"of": call}).mappings().first()
    return None if row is None else _hold(row)


def _hold(row: RowMapping) -> Hold:
    return Hold(**{str(name): value for name, value in row.items()})


def _settling(hold: Hold, charge: int, taxes: Mapping[str, int]) -> dict[str, int]:
    moves = {ledger_accounts.REVENUE: charge} | {ledger_accounts.tax(code): tax for code, tax in taxes.items()}
    total = charge + sum(taxes.values())
    moves |= {ledger_accounts.held(hold.call): -hold.amount, hold.payer: hold.amount - total}
    return {account: amount for account, amount in moves.items() if amount}


def _settled_before(connection: Connection, call: str) -> Settlement:
    row = connection.execute(select(calls.c.facility).where(calls.c.id == call)).scalar()
    found = settlement(connection, row, call) if row is not None else None
    if found is None:
        raise NoHold(call)
    return found


def _placed_before(entry: Entry, payer: str) -> Hold:
    if entry.account != payer:
        raise EventTaken(entry.event, entry.id)
    assert entry.call is not None
    assert entry.expires is not None
    amount = entry.moves.get(ledger_accounts.held(entry.call), 0)
    return Hold(entry.call, entry.facility, payer, amount, entry.id, entry.expires)


def _check(amounts: Sequence[object]) -> None:
    for amount in amounts:
        if type(amount) is not int or amount < 0:
            raise BadAmount(amount)
