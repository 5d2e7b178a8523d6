"""Holds: money set aside for a call before it is connected, and settled once after it has ended.

Each step is one transaction with its event of the call's timeline, and done again changes nothing.
"""

import builtins
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
_THOSE = ledger_holds.c.call.in_(bindparam("those", expanding=True))
_MINE = select(ledger_holds).where(_THOSE).order_by(ledger_holds.c.call).with_for_update()
_DONE = delete(ledger_holds).where(_THOSE)


@dataclass(frozen=True)
class Hold:
    """What is set aside for a call that is not settled: from whose account, how much (micro-dollars), until when."""

    call: str
    facility: str
    payer: str
    amount: int
    entry: int
    expires: datetime


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be set aside for a call: from whose account, how much (micro-dollars), until when.

    `facts` are told in its timeline with that: the terms of its price.
    """

    call: str
    facility: str
    payer: str
    amount: int
    expires: datetime
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Due:
    """What a call that has ended comes to: for the call, for each tax by its code; micro-dollars.

    `facts` and `reason` are told in its timeline with that.
    """

    call: str
    charge: int
    taxes: Mapping[str, int] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""

    @property
    def total(self) -> int:
        """The call and the taxes on it."""
        return self.charge + sum(self.taxes.values())


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


def place(connection: Connection, wanted: Wanted, *, at: datetime, monotonic: int) -> Hold:
    """Set money aside for a call, and say so in its timeline (`hold_placed`).

    A facility that pays holds 0, so that its call is settled as every other. A call that has its hold, or is settled,
    keeps it as it was. Raises Insufficient, NoSuchAccount, BadAmount; EventTaken where another payer's was placed.
    """
    facility, call, payer, amount = wanted.facility, wanted.call, wanted.payer, wanted.amount
    if type(amount) is not int or amount < 0 or (amount == 0 and payer != ledger_accounts.FACILITY):
        raise BadAmount(amount)
    ledger.join(connection)
    ledger_accounts.open(connection, facility, {payer, *([ledger_accounts.held(call)] if amount else [])}, at)
    ledger_accounts.lock(connection, facility, payer)
    before = ledger.find(connection, facility, event_of_hold(call))
    if before is not None:
        return _placed_before(before, payer)
    ledger_balances.spendable(connection, facility, payer, amount)
    told = {**wanted.facts, "payer": payer, "amount": amount, "expires": wanted.expires.isoformat()}
    event = timeline.append(connection, call, PLACED, told, at, monotonic)
    entry = ledger.post(connection, _holding(wanted, event.number, at))
    hold = Hold(call, facility, payer, amount, entry.id, wanted.expires)
    connection.execute(insert(ledger_holds).values(vars(hold)))
    return hold


def settle(connection: Connection, due: Due, *, at: datetime, monotonic: int) -> Settlement:
    """Take what a call cost out of its hold and give the rest back, and say so in its timeline.

    The event is `charged`, or `hold_released` where the call costs nothing. A call that is settled stays as it was,
    whatever is said now. Raises NoHold, OverHold, BadAmount.
    """
    return settle_all(connection, [due], at=at, monotonic=monotonic)[0]


def settle_all(
    connection: Connection, dues: Sequence[Due], *, at: datetime, monotonic: int
) -> builtins.list[Settlement]:
    """Settle several calls, each named once, as `settle` does one: all, or, where it raises, none that may be kept."""
    ledger.join(connection)
    holds = take(connection, [due.call for due in dues])
    fresh = {due.call: (holds[due.call], due) for due in dues if due.call in holds}
    settled = _settle(connection, fresh, at, monotonic) if fresh else {}
    return [settled.get(due.call) or _settled_before(connection, due.call) for due in dues]


def _settle(
    connection: Connection, fresh: Mapping[str, tuple[Hold, Due]], at: datetime, monotonic: int
) -> dict[str, Settlement]:
    moves = {call: _settling(hold, due) for call, (hold, due) in fresh.items()}
    connection.execute(_DONE, {"those": tuple(fresh)})
    for facility in {hold.facility for hold, _ in fresh.values()}:
        theirs = [moves[call] for call, (hold, _) in fresh.items() if hold.facility == facility]
        ledger_accounts.open(connection, facility, {account for each in theirs for account in each}, at)
    news = {call: (CHARGED if due.total else RELEASED, _told(hold, due)) for call, (hold, due) in fresh.items()}
    events = timeline.append_all(connection, news, at, monotonic)
    drafts = [
        Draft(
            facility=hold.facility,
            event=event_of_settlement(call),
            kind=Kind.CHARGE if due.total else Kind.RELEASE,
            account=hold.payer,
            moves=moves[call],
            evidence=Evidence(timeline=events[call].number),
            at=at,
            by=BY,
            call=call,
            reason=due.reason,
        )
        for call, (hold, due) in fresh.items()
    ]
    return {entry.call or "": settlement_of(entry, fresh=True) for entry in ledger.post_all(connection, drafts)}


def take(connection: Connection, those: Iterable[str]) -> dict[str, Hold]:
    """The open holds of these calls, which are this transaction's alone from now on; waits for whoever settles any."""
    rows = connection.execute(_MINE, {"those": tuple(those)}).mappings()
    return {row["call"]: _hold(row) for row in rows}


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


def _hold(row: RowMapping) -> Hold:
    return Hold(**{str(name): value for name, value in row.items()})


def _holding(wanted: Wanted, number: int, at: datetime) -> Draft:
    """The entry that sets it aside, proven by the event of that number."""
    return Draft(
        facility=wanted.facility,
        event=event_of_hold(wanted.call),
        kind=Kind.HOLD,
        account=wanted.payer,
        moves={wanted.payer: -wanted.amount, ledger_accounts.held(wanted.call): wanted.amount},
        evidence=Evidence(timeline=number),
        at=at,
        by=BY,
        call=wanted.call,
        expires=wanted.expires,
    )


def _settling(hold: Hold, due: Due) -> dict[str, int]:
    """What a settlement moves; raises BadAmount, OverHold."""
    _check([due.charge, *due.taxes.values()])
    if due.total > hold.amount and hold.payer != ledger_accounts.FACILITY:
        raise OverHold(due.call, hold.amount, due.total)
    moves = {ledger_accounts.REVENUE: due.charge}
    moves |= {ledger_accounts.tax(code): tax for code, tax in due.taxes.items()}
    moves |= {ledger_accounts.held(hold.call): -hold.amount, hold.payer: hold.amount - due.total}
    return {account: amount for account, amount in moves.items() if amount}


def _told(hold: Hold, due: Due) -> dict[str, Any]:
    taxes = {code: tax for code, tax in due.taxes.items() if tax}
    told = {**due.facts, "payer": hold.payer, "held": hold.amount, "charge": due.charge, "taxes": taxes}
    return told | {"total": due.total, "released": max(0, hold.amount - due.total), "reason": due.reason}


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
