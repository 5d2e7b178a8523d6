"""Reconciliation: that the ledger, the calls' timelines and the calls' records tell the same of every charge."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from parloir.calls.quote import Bill, Quote
from parloir.calls.reason import ENDINGS
from parloir.calls.talk import Talk
from parloir.config.caps import Caps
from parloir.policy import price
from parloir.policy.answers import Ending
from parloir.store import calls, ledger, ledger_holds, timeline
from parloir.store.calls import Call, CallClass
from parloir.store.ledger import Entry as Posted
from parloir.store.ledger import Kind
from parloir.store.ledger_books import Fault
from parloir.store.ledger_errors import NoSuchAccount
from parloir.store.ledger_holds import Settlement
from parloir.store.timeline import Entry

AT_ONCE = 200
ENDED = (Kind.CHARGE, Kind.RELEASE)


@dataclass(frozen=True)
class Reconciliation:
    """What a facility's calls of some time came to, by the ledger and by their timelines; seconds and micro-dollars.

    `talked` is all two-way media, `paid` that of the calls that were charged, `open_holds` those of the calls not
    settled yet.
    """

    calls: int
    talked: int
    charged: int
    paid: int
    charge: int
    taxes: int
    refunded: int
    open_holds: int
    faults: tuple[Fault, ...]


def faults(connection: Connection, caps: Caps, after: int = 0) -> Iterator[Fault]:
    """All settlements, from the entry after `after` on, that are not what their call's timeline and rate come to."""
    settled = (entry for entry in ledger.walk(connection, after) if entry.kind in ENDED)
    try:
        while some := list(islice(settled, AT_ONCE)):
            yield from _faults(connection, caps, some)
    except (ValueError, NoSuchAccount, DatabaseError) as error:
        yield Fault("the ledger", f"cannot be reconciled further: {type(error).__name__}")


def reconcile(
    connection: Connection, caps: Caps, facility: str, after: datetime | None = None, before: datetime | None = None
) -> Reconciliation:
    """A facility's calls that began from `after` up to `before` (UTC), counted, and all that does not agree."""
    found = calls.opened(connection, facility, after=after, before=before)
    counts = dict.fromkeys(("calls", "talked", "charged", "paid", "charge", "taxes", "refunded", "open_holds"), 0)
    wrong: list[Fault] = []
    for start in range(0, len(found), AT_ONCE):
        some = found[start : start + AT_ONCE]
        told = timeline.of_calls(connection, [call.id for call in some], last_of="quality")
        posted = ledger.of_calls(connection, [call.id for call in some])
        for call in some:
            for name, number in _counted(told[call.id], posted[call.id]).items():
                counts[name] += number
            settled = [entry for entry in posted[call.id] if entry.kind in ENDED]
            wrong += [fault for entry in settled for fault in _judged(caps, call, told[call.id], entry)]
            if not posted[call.id]:
                wrong += _unheld(call, told[call.id])
    return Reconciliation(**counts, faults=tuple(wrong))


def _counted(told: Sequence[Entry], posted: Sequence[Posted]) -> Mapping[str, int]:
    seconds = Talk.of(told).seconds
    settled = [ledger_holds.settlement_of(entry) for entry in posted if entry.kind in ENDED]
    charged = any(each.total for each in settled)
    return {
        "calls": 1,
        "talked": seconds,
        "charged": int(charged),
        "paid": seconds if charged else 0,
        "charge": sum(each.charge for each in settled),
        "taxes": sum(each.total - each.charge for each in settled),
        "refunded": sum(each.moves[each.account] for each in posted if each.kind is Kind.REFUND),
        "open_holds": int(bool(posted) and not settled),
    }


def _faults(connection: Connection, caps: Caps, settled: Sequence[Posted]) -> Iterator[Fault]:
    ids = [entry.call for entry in settled if entry.call is not None]
    rows, told = calls.several(connection, ids), timeline.of_calls(connection, ids, last_of="quality")
    for entry in settled:
        call = rows.get(entry.call or "")
        if call is None:
            yield Fault(f"entry {entry.id}", "settles a call that there is no record of")
            continue
        yield from _judged(caps, call, told[call.id], entry)


def _judged(caps: Caps, call: Call, told: Sequence[Entry], entry: Posted) -> Iterator[Fault]:
    """What is wrong with one settlement."""
    where = f"call {call.id}"
    settled = ledger_holds.settlement_of(entry)
    held = next((event for event in told if event.kind == ledger_holds.PLACED), None)
    event = next((event for event in told if event.number == entry.evidence.timeline), None)
    if held is None or event is None:
        yield Fault(where, "is settled without its events of the timeline")
        return
    try:
        quote, bill = Quote.of(held.data), Bill.of(event.data)
    except (ValidationError, KeyError, TypeError):
        yield Fault(where, "has no terms of its price in its timeline")
        return
    yield from (Fault(where, what) for what in _charge(quote, bill, settled, caps))
    yield from (Fault(where, what) for what in _facts(quote, bill, call, told, caps))
    if settled.total and call.call_class is not CallClass.ORDINARY:
        yield Fault(where, f"is {call.call_class} and was charged {settled.total}")


def _charge(quote: Quote, bill: Bill, settled: Settlement, caps: Caps) -> Iterator[str]:
    """How the charge differs from what its own terms come to, or the caps as they are known now."""
    right = quote.charge(bill)
    if (settled.charge, dict(settled.taxes)) != (right.amount, {code: tax for code, tax in right.taxes if tax}):
        yield f"was charged {settled.total}: its terms come to {right.total}"
    if bill.day is not None and settled.charge:
        cap = caps.cap(bill.day, quote.tier, bill.medium.value).per_minute
        if settled.charge > price.floor_cents(cap * bill.seconds):
            yield f"was charged {settled.charge} for {bill.seconds} s: over the cap of {cap} a minute"
    if bill.cap is not None and settled.charge > price.floor_cents(bill.cap * bill.seconds):
        yield f"was charged {settled.charge} for {bill.seconds} s: over its own cap of {bill.cap} a minute"


def _facts(quote: Quote, bill: Bill, call: Call, told: Sequence[Entry], caps: Caps) -> Iterator[str]:
    """How the bill differs from what the timeline and the call's record tell."""
    talk = Talk.of(told)
    right = quote.bill(
        caps,
        seconds=talk.seconds,
        answered=talk.answered,
        video=talk.video is True,
        ending=ENDINGS.get(call.reason or "", Ending.FACILITY_FAULT),
    )
    for name in ("seconds", "medium", "day", "ending", "waived"):
        found, expected = getattr(bill, name), getattr(right, name)
        if found != expected:
            yield f"was settled with {name} {found}: its timeline and record say {expected}"


def _unheld(call: Call, told: Sequence[Entry]) -> Iterator[Fault]:
    """A call that had a price and talked, and of which the ledger knows nothing."""
    decided: Mapping[str, Any] = next((entry.data for entry in told if entry.kind == "decided"), {})
    if decided.get("hold") and Talk.of(told).seconds:
        yield Fault(f"call {call.id}", f"was to be held {decided['hold']} for, and the ledger has no entry of it")
