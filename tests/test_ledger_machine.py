"""Deposits, holds, settlements, refunds, expiry in any order, with crashes at any statement, replays, clock steps."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection, Engine, event

from parloir.store import ledger_holds
from parloir.store.database import connect, transaction
from parloir.store.errors import StoreError
from parloir.store.ledger_balances import Balance
from tests.ledger_desk import CENT, RESIDENT, VISITOR, LedgerDesk

HOLDERS = (RESIDENT, VISITOR, "facility")
AMOUNTS = st.integers(1, 40).map(lambda cents: cents * CENT) | st.integers(1, 400_000)
CALLS = st.sampled_from([f"c{number}" for number in range(6)])
EVENTS = st.sampled_from([f"e{number}" for number in range(8)])
CRASHES = st.none() | st.tuples(st.integers(0, 24), st.booleans())
"""Where the process dies: at which statement, before or after it; None: nowhere. The last "statement" is the commit."""

Act = Callable[[LedgerDesk, Connection], object]


class Crash(Exception):
    """The process dies here."""


class Fuse:
    """Dies at a statement, or when it is asked to commit; what is not committed is gone."""

    def __init__(self, engine: Engine) -> None:
        self.left: int | None = None
        self.after = False
        event.listen(engine, "before_cursor_execute", partial(self._statement, False))
        event.listen(engine, "after_cursor_execute", partial(self._statement, True))
        event.listen(engine, "commit", self._commit)

    def set(self, crash: tuple[int, bool] | None) -> None:
        self.left, self.after = crash or (None, False)

    def _statement(self, after: bool, connection: Connection, cursor: object, statement: str, *_: Any) -> None:
        if self.left is None or after != self.after or statement.startswith("BEGIN"):
            return
        if self.left == 0:
            raise Crash
        self.left -= 1

    def _commit(self, connection: Connection) -> None:
        if self.left == 0:
            raise Crash
        self.left = None


class Ledger:
    """What the ledger must say, kept in the plainest way."""

    def __init__(self) -> None:
        self.balances = dict.fromkeys((*HOLDERS, "revenue", "tax:city", "withdrawals", "deposits:kiosk"), 0)
        self.calls: set[str] = set()
        self.held: dict[str, tuple[str, int]] = {}
        self.charged: dict[str, tuple[str, int]] = {}
        self.refunded: dict[str, int] = {}
        self.events: dict[str, tuple[object, ...]] = {}

    def move(self, source: str, target: str, amount: int) -> None:
        self.balances[source] -= amount
        self.balances[target] += amount

    def once(self, event: str, *what: object) -> bool:
        """Whether the event is new; the same again moves nothing, and another under its name is refused."""
        known = self.events.get(event)
        if known is not None and known != what:
            raise StoreError(event)
        self.events[event] = what
        return known is None

    def spend(self, event: str, account: str, amount: int) -> None:
        if event not in self.events and account != "facility" and self.balances[account] < amount:
            raise StoreError(account)


class LedgerMachine(RuleBasedStateMachine):
    """Every rule does one thing to the ledger and to the plain one, or to neither."""

    source: ClassVar[Path]
    crashes: ClassVar[int] = 0

    @initialize()
    def begin(self) -> None:
        file = self.source.with_name("machine.sqlite3")
        for suffix in ("", "-wal", "-shm"):
            Path(f"{file}{suffix}").unlink(missing_ok=True)
        shutil.copyfile(self.source, file)
        self.engine = connect(f"sqlite:///{file}")
        self.fuse = Fuse(self.engine)
        self.desk = LedgerDesk()
        self.plain = Ledger()
        self.done: list[tuple[Act, Callable[[], None]]] = []

    def teardown(self) -> None:
        if hasattr(self, "engine"):
            self.check()
            self.engine.dispose()

    def do(self, act: Act, said: Callable[[], None], crash: tuple[int, bool] | None = None) -> None:
        """Do it on both; a crash undoes it, and both refuse the same."""
        refused = False
        self.fuse.set(crash)
        try:
            with transaction(self.engine, None) as connection:
                act(self.desk, connection)
        except Crash:
            type(self).crashes += 1
            self.fuse.set(None)
            self.engine.dispose()
            return
        except StoreError:
            refused = True
        finally:
            self.fuse.set(None)
        if refused:
            with pytest.raises(StoreError):
                said()
        else:
            said()
            self.done.append((act, said))

    @rule(amount=AMOUNTS, account=st.sampled_from(HOLDERS), event=EVENTS, crash=CRASHES)
    def deposit(self, amount: int, account: str, event: str, crash: tuple[int, bool] | None) -> None:
        def said() -> None:
            if self.plain.once(event, "deposit", account, amount):
                self.plain.move("deposits:kiosk", account, amount)

        self.do(lambda desk, connection: desk.deposit(connection, amount, event, account), said, crash)

    @rule(amount=AMOUNTS, account=st.sampled_from(HOLDERS), event=EVENTS, crash=CRASHES)
    def withdraw(self, amount: int, account: str, event: str, crash: tuple[int, bool] | None) -> None:
        def said() -> None:
            self.plain.spend(event, account, amount)
            if self.plain.once(event, "withdraw", account, amount):
                self.plain.move(account, "withdrawals", amount)

        self.do(lambda desk, connection: desk.withdraw(connection, amount, event, account), said, crash)

    @rule(call=CALLS, amount=AMOUNTS, payer=st.sampled_from(HOLDERS), crash=CRASHES)
    def hold(self, call: str, amount: int, payer: str, crash: tuple[int, bool] | None) -> None:
        held = 0 if payer == "facility" else amount

        def act(desk: LedgerDesk, connection: Connection) -> None:
            if call not in self.plain.calls:
                desk.open(connection, call)
            desk.hold(connection, call, held, payer)

        def said() -> None:
            self.plain.calls.add(call)
            known = self.plain.events.get(f"hold:{call}")
            if known is not None and known != (payer,):
                raise StoreError(call)
            self.plain.spend(f"hold:{call}", payer, held)
            if self.plain.once(f"hold:{call}", payer):
                self.plain.balances[payer] -= held
                self.plain.held[call] = payer, held

        if payer != "facility" and call not in self.plain.calls and self.plain.balances[payer] < held:
            return  # a call that is refused is not opened either
        self.do(act, said, crash)

    @rule(call=CALLS, share=st.integers(0, 12), taxed=st.booleans(), crash=CRASHES)
    def settle(self, call: str, share: int, taxed: bool, crash: tuple[int, bool] | None) -> None:
        """Charge some tenths of what is held: more than ten is refused."""
        held = self.plain.held.get(call, ("", 0))[1] or 100_000
        charge, tax = held * share // 10, held // 100 if taxed and share else 0

        def said() -> None:
            if call not in self.plain.held:
                if call not in self.plain.charged:
                    raise StoreError(call)
                return
            payer, amount = self.plain.held[call]
            if payer != "facility" and charge + tax > amount:
                raise StoreError(call)
            del self.plain.held[call]
            self.plain.balances[payer] += amount
            self.plain.move(payer, "revenue", charge)
            self.plain.move(payer, "tax:city", tax)
            self.plain.charged[call] = payer, charge + tax

        self.do(lambda desk, connection: desk.settle(connection, call, charge, {"city": tax}), said, crash)

    @rule(call=CALLS, amount=AMOUNTS, event=EVENTS, crash=CRASHES)
    def refund(self, call: str, amount: int, event: str, crash: tuple[int, bool] | None) -> None:
        def said() -> None:
            payer, total = self.plain.charged.get(call, ("", 0))
            known = event in self.plain.events
            if not total or (not known and self.plain.refunded.get(call, 0) + amount > total):
                raise StoreError(call)
            if self.plain.once(event, "refund", call, amount):
                self.plain.refunded[call] = self.plain.refunded.get(call, 0) + amount
                self.plain.balances[payer] += amount

        self.do(lambda desk, connection: desk.refund(connection, call, amount, event), said, crash)

    @rule(crash=CRASHES)
    def expire(self, crash: tuple[int, bool] | None) -> None:
        """Time goes by until holds are over, and what was forgotten is released."""
        self.desk.now += timedelta(hours=3)
        over: list[str] = []

        def act(desk: LedgerDesk, connection: Connection) -> None:
            over[:] = [hold.call for hold in ledger_holds.due(connection, desk.now)]
            for call in over:
                desk.settle(connection, call, 0)

        def said() -> None:
            for call in over:
                payer, amount = self.plain.held.pop(call)
                self.plain.balances[payer] += amount
                self.plain.charged[call] = payer, 0

        self.do(act, said, crash)

    @rule(crash=CRASHES)
    def checkpoint(self, crash: tuple[int, bool] | None) -> None:
        self.do(lambda desk, connection: desk.checkpoint(connection), lambda: None, crash)
        self.check()

    @precondition(lambda self: bool(getattr(self, "done", [])))
    @rule(data=st.data(), crash=CRASHES)
    def replay(self, data: st.DataObject, crash: tuple[int, bool] | None) -> None:
        """Anything that was done before comes again, whatever has happened since."""
        self.do(*data.draw(st.sampled_from(self.done)), crash)

    @rule(seconds=st.integers(-200_000, 200_000))
    def step_the_clock(self, seconds: int) -> None:
        self.desk.now += timedelta(seconds=seconds)

    @invariant()
    def balances_are_the_same(self) -> None:
        if not hasattr(self, "engine"):
            return
        with transaction(self.engine, None) as connection:
            found = {account: self.desk.balance(connection, account) for account in self.plain.balances}
        for account in (*HOLDERS, "withdrawals", "deposits:kiosk"):
            held = sum(amount for payer, amount in self.plain.held.values() if payer == account)
            assert (found[account].available, found[account].held) == (self.plain.balances[account], held)
        taken = found["revenue"].available + found["tax:city"].available
        expected = self.plain.balances["revenue"] + self.plain.balances["tax:city"]
        assert taken == expected - sum(self.plain.refunded.values())

    def check(self) -> None:
        with transaction(self.engine, None) as connection:
            wrong = self.desk.faults(connection)
        assert [fault for fault in wrong if "expired hold" not in fault] == []


def test_the_ledger_says_what_a_plain_one_says_whatever_happens(migrated: Path, tmp_path: Path) -> None:
    class Machine(LedgerMachine):
        source = tmp_path / "store.sqlite3"

    shutil.copyfile(migrated, Machine.source)
    slow = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        Machine, settings=settings(max_examples=15, stateful_step_count=40, deadline=None, suppress_health_check=slow)
    )
    assert Machine.crashes


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_at_any_statement_of_any_step_leaves_nothing_half_done(
    migrated: Path, tmp_path: Path, after: bool
) -> None:
    """Each step is tried with a crash at every one of its statements and at its commit, until it is done."""
    file = tmp_path / "store.sqlite3"
    shutil.copyfile(migrated, file)
    engine = connect(f"sqlite:///{file}")
    fuse, desk, crashes = Fuse(engine), LedgerDesk(), 0
    accounts = (RESIDENT, "revenue", "tax:city", "withdrawals", "deposits:kiosk")

    def begin(connection: Connection) -> None:
        desk.open(connection, "c1")
        desk.hold(connection, "c1", 50 * CENT)

    steps: list[Callable[[Connection], object]] = [
        lambda connection: desk.deposit(connection, 100 * CENT),
        begin,
        lambda connection: desk.settle(connection, "c1", 20 * CENT, {"city": CENT}),
        lambda connection: desk.refund(connection, "c1", 21 * CENT, "r1"),
        lambda connection: desk.checkpoint(connection),
        lambda connection: desk.withdraw(connection, 30 * CENT, "w1"),
    ]

    def look() -> list[Balance]:
        with transaction(engine, None) as connection:
            assert desk.faults(connection) == []
            return [desk.balance(connection, account) for account in accounts]

    for step in steps:
        before = look()
        for number in count():
            fuse.set((number, after))
            try:
                with transaction(engine, None) as connection:
                    step(connection)
                break
            except Crash:
                crashes += 1
            finally:
                fuse.set(None)
            assert look() == before
    assert crashes > 40
    assert [balance.available for balance in look()] == [70 * CENT, 0, 0, 30 * CENT, -100 * CENT]
    engine.dispose()
