"""The till: sets money aside before a call is connected, and settles it from the call's timeline when it has ended."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection

from parloir.calls.fare import Fare
from parloir.calls.quote import Quote
from parloir.calls.reason import ENDINGS
from parloir.calls.settling import Settling
from parloir.calls.talk import Talk
from parloir.calls.timeline import Timelines
from parloir.config.caps import Caps
from parloir.policy import rates
from parloir.policy.answers import Cap, CapKind, DenialKind, Ending, Payer, PayerKind
from parloir.policy.decision import BALANCE, CORE, Decision, Denial
from parloir.policy.spoken import duration, say
from parloir.policy.spoken import price as dollars
from parloir.policy.trail import Asked
from parloir.policy.values import Call
from parloir.store import calls, ledger, ledger_balances, ledger_holds, timeline
from parloir.store.ledger_accounts import FACILITY
from parloir.store.ledger_holds import CHARGED, PLACED, RELEASED, Due, Settlement, Wanted
from parloir.store.timeline import Entry

Work = Callable[[Connection, Call, Decision, str], Decision]
RULE = "money is set aside before a call is connected; it ends when that is used up"
WARN = (60, 10)
"""Seconds before the money is used up at which both parties are told."""
GRACE = timedelta(hours=1)
"""How much longer than a call may last its money is held for it, where nothing else is heard of the call."""


class Till:
    """Takes the calls' money. `live` says whether this gateway has a call in progress."""

    def __init__(self, timelines: Timelines, caps: Callable[[], Caps], live: Callable[[str], bool]) -> None:
        self._timelines = timelines
        self._caps = caps
        self._live = live
        self._together = Settling(timelines.database, self._settle)
        self.settling: set[str] = set()

    async def reserve(self, call: Call, decision: Decision) -> Decision:
        """The decision with money set aside for the call and a limit to what that pays; a denial where it pays nothing.

        What is free, and what was denied, stays as it is.
        """
        return await self._agreed(call, decision, self._place)

    async def foresee(self, call: Call, decision: Decision) -> Decision:
        """The decision as `reserve` would make it now; nothing is set aside."""
        return await self._agreed(call, decision, self._look)

    def fare(self, call: Call, decision: Decision) -> Fare | None:
        """What the call comes to as it goes on; None where nothing was set aside for it."""
        if decision.paid is None:
            return None
        return Fare(Quote.agreed(decision, call.tier, call.timezone), self._caps())

    async def _agreed(self, call: Call, decision: Decision, work: "Work") -> Decision:
        if decision.denials or decision.rate is None or rates.is_free(decision.rate):
            return decision
        account = account_of(decision.payer, call)
        if account is None:
            code = "no_payer" if decision.payer is None else "wrong_payer"
            staff = say(decision.payer) if decision.payer else "no plugin names a payer"
            return _denied(decision, Denial(CORE, DenialKind.FACILITY, code, staff=staff))
        return await self._timelines.database.run(lambda connection: work(connection, call, decision, account))

    def _look(self, connection: Connection, call: Call, decision: Decision, account: str) -> Decision:
        balance = None if account == FACILITY else ledger_balances.available(connection, call.facility, account)
        quote = Quote.within(balance, decision, call.tier, call.timezone)
        if quote is None:
            return _denied(decision, _too_low(account, balance))
        return _held(decision, account, 0 if balance is None else quote.most.total, quote.seconds)

    def _place(self, connection: Connection, call: Call, decision: Decision, account: str) -> Decision:
        balance = None
        if account != FACILITY:
            ledger.join(connection)
            balance = ledger_balances.spendable(connection, call.facility, account)
        quote = Quote.within(balance, decision, call.tier, call.timezone)
        if quote is None:
            return _denied(decision, _too_low(account, balance))
        amount = 0 if balance is None else quote.most.total
        if balance is None or amount:
            now = self._timelines.clock.wall()
            wanted = Wanted(
                call=call.id,
                facility=call.facility,
                payer=account,
                amount=amount,
                expires=now + timedelta(seconds=quote.seconds) + GRACE,
                facts=quote.facts(),
            )
            ledger_holds.place(connection, wanted, at=now, monotonic=self._timelines.clock.monotonic())
        return _held(decision, account, amount, quote.seconds)

    async def settle(self, call: str) -> Settlement | None:
        """Charge a call that has ended what its timeline comes to, and give the rest back; None if none was held.

        Done again it changes nothing. What fails is said in the log, and tried again by `sweep`.
        """
        self.settling.add(call)
        try:
            settled = await self._together.settle(call)
        except Exception as error:
            self._timelines.log("till.failed", call=call, error=f"{type(error).__name__}: {error}")
            return None
        finally:
            self.settling.discard(call)
        if settled is not None and settled.fresh:
            event = CHARGED if settled.total else RELEASED
            self._timelines.log(f"call.{event}", call=call, total=settled.total, released=settled.released)
            self._timelines.written()
        return settled

    def _settle(self, connection: Connection, some: Sequence[str]) -> Sequence[Settlement | None]:
        ledger.join(connection)
        held = ledger_holds.take(connection, some)
        rows, entries = calls.several(connection, some), timeline.of_calls(connection, held)
        dues = [self._due(rows[call], entries[call]) for call in held]
        now, monotonic = self._timelines.clock.wall(), self._timelines.clock.monotonic()
        settled = {each.call: each for each in ledger_holds.settle_all(connection, dues, at=now, monotonic=monotonic)}
        return [settled.get(call) or ledger_holds.settlement(connection, rows[call].facility, call) for call in some]

    def _due(self, row: calls.Call, entries: Sequence[Entry]) -> Due:
        """What a call's timeline comes to, on the terms on which its money was set aside."""
        quote = Quote.of(next(entry.data for entry in entries if entry.kind == PLACED))
        talk = Talk.of(entries)
        bill = quote.bill(
            self._caps(),
            seconds=talk.seconds,
            answered=talk.answered,
            video=talk.video is True,
            ending=ENDINGS.get(row.reason or "", Ending.FACILITY_FAULT),
        )
        charge = quote.charge(bill)
        return Due(call=row.id, charge=charge.amount, taxes=dict(charge.taxes), facts=bill.facts())

    async def sweep(self) -> None:
        """Settle what is left over: calls that ended, here or elsewhere, and holds whose time is over."""
        now = self._timelines.clock.wall()
        due = await self._timelines.database.run(lambda connection: ledger_holds.due(connection, now))
        for hold in due:
            if not self._live(hold.call) and hold.call not in self.settling:
                await self.settle(hold.call)


def account_of(payer: Payer | None, call: Call) -> str | None:
    """The ledger's account that pays: the facility's, or that of one who takes part; None where it is neither."""
    if payer is None:
        return None
    residents = [f"resident:{call.resident.id}"] if call.resident else []
    theirs = {
        PayerKind.FACILITY: [FACILITY],
        PayerKind.RESIDENT: residents,
        PayerKind.VISITOR: [f"visitor:{each.id}" for each in call.visitors],
    }.get(payer.kind, [])
    if payer.account is None:
        return theirs[0] if theirs else None
    return payer.account if payer.account in theirs else None


def _too_low(account: str, balance: int | None) -> Denial:
    staff = f"{account} has {dollars(max(0, balance or 0))}"
    return Denial(CORE, DenialKind.BALANCE, "balance_too_low", staff=staff)


def _denied(decision: Decision, denial: Denial) -> Decision:
    asked = Asked("set_aside", RULE, f"denied by {denial.plugin} ({denial.code})", notes=(denial.staff,))
    return replace(decision, denials=(denial,), trail=(*decision.trail, asked))


def _held(decision: Decision, account: str, amount: int, seconds: int) -> Decision:
    if account == FACILITY:
        return replace(decision, trail=(*decision.trail, Asked("set_aside", RULE, "nothing: the facility pays")))
    sooner = decision.limit.seconds is None or seconds < decision.limit.seconds
    cap = Cap(seconds, CapKind.HARD, BALANCE, WARN if sooner else ())
    asked = Asked("set_aside", RULE, f"{dollars(amount)} of {account}, for {duration(seconds)}")
    limit = decision.limit.within(cap)
    return replace(decision, hold=amount, paid=cap, limit=limit, trail=(*decision.trail, asked))
