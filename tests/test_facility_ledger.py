"""What plugins are given of the ledger, out of the store, on both kinds of database."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection

from parloir.api import Balance, Holder, LedgerRefused
from parloir.calls.accounts import FacilityLedger
from parloir.store import audit, residents, visitors
from tests.ledger_desk import CENT, START, LedgerDesk
from tests.plugin_facility import answer

T = TypeVar("T")


@dataclass(frozen=True)
class Nested:
    """A store within the test's own transaction that undoes what failed, as the gateway's does."""

    connection: Connection

    async def run(self, work: Callable[[Connection], T]) -> T:
        return self.run_now(work)

    def run_now(self, work: Callable[[Connection], T]) -> T:
        with self.connection.begin_nested():
            return work(self.connection)


class Rig:
    """The facility north with a resident, a visitor and their accounts."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.desk = LedgerDesk()
        self.ledger = FacilityLedger("billing", "north", Nested(connection), lambda: self.desk.now)
        bob = residents.add(connection, facility="north", number="1001", name="Bob Roe", unit="A")
        ann = visitors.add(connection, facility="north", reference="V7", name="Ann Doe")
        self.bob, self.ann = f"resident:{bob.id}", f"visitor:{ann.id}"

    def pay(self, amount: int, event: str = "d1", account: str | None = None) -> bool:
        work = self.ledger.deposit(
            account or self.bob, amount, event=event, provider="kiosk", by="clerk", reason="cash"
        )
        return answer(work)

    def call(self, id: str, held: int, charge: int, taxes: dict[str, int] | None = None) -> None:
        self.desk.open(self.connection, id)
        self.desk.hold(self.connection, id, held, self.bob)
        self.desk.settle(self.connection, id, charge, taxes)

    def refused(self, work: Callable[[], Coroutine[Any, Any, bool]]) -> str:
        with pytest.raises(LedgerRefused) as refused:
            answer(work())
        return refused.value.code


@pytest.fixture
def rig(connection: Connection) -> Rig:
    return Rig(connection)


def test_people_are_found_by_the_facilitys_own_number_for_them(rig: Rig) -> None:
    assert answer(rig.ledger.account(Holder.RESIDENT, "1001")) == rig.bob
    assert answer(rig.ledger.account(Holder.VISITOR, "V7")) == rig.ann
    assert answer(rig.ledger.account(Holder.VISITOR, "1001")) is None
    assert answer(rig.ledger.account(Holder.FACILITY, "")) == "facility"


def test_a_deposit_is_posted_once_and_audited_under_the_plugins_name(rig: Rig) -> None:
    assert [rig.pay(500 * CENT), rig.pay(500 * CENT)] == [True, False]
    assert answer(rig.ledger.balance(rig.bob)) == Balance(500 * CENT, 0)
    [record] = audit.list(rig.connection)
    assert (record.actor, record.action) == ("plugin:billing clerk", "ledger.deposit")
    assert (record.facts["amount"], record.facts["reason"]) == (500 * CENT, "cash")


def test_what_cannot_be_posted_says_why(rig: Rig) -> None:
    rig.pay(500 * CENT)
    ledger = rig.ledger
    give = {"event": "w1", "by": "clerk", "reason": "released"}
    assert rig.refused(lambda: ledger.withdraw(rig.bob, 501 * CENT, **give)) == "not_enough"
    assert rig.refused(lambda: ledger.withdraw(rig.bob, 0, **give)) == "bad_amount"
    assert rig.refused(lambda: ledger.withdraw("pocket", 1, **give)) == "no_such_account"
    assert rig.refused(lambda: ledger.refund("c9", CENT, **give)) == "not_charged"
    assert rig.refused(lambda: ledger.deposit(rig.bob, CENT, event="d1", provider="kiosk", by="x")) == "event_used"
    assert rig.refused(lambda: ledger.deposit(rig.bob, CENT, event="e" * 500, provider="kiosk", by="x")) == "too_long"
    assert answer(ledger.balance(rig.bob)) == Balance(500 * CENT, 0)
    assert rig.desk.faults(rig.connection) == []


@pytest.mark.parametrize(
    "account", ["resident:nobody", "visitor:nobody", "revenue", "held:c1", "nonsense", "resident:"]
)
def test_nothing_is_paid_in_to_nobody(rig: Rig, account: str) -> None:
    work = rig.ledger.deposit(account, CENT, event="d2", provider="kiosk", by="clerk")
    assert rig.refused(lambda: work) == "no_such_account"


def test_somebody_of_another_facility_is_nobody_here(rig: Rig) -> None:
    south = visitors.add(rig.connection, facility="south", name="Eve Poe")
    assert rig.refused(
        lambda: rig.ledger.deposit(f"visitor:{south.id}", CENT, event="d1", provider="kiosk", by="clerk")
    ) == ("no_such_account")


def test_a_holders_entries_add_up_to_their_balance(rig: Rig) -> None:
    rig.pay(500 * CENT)
    rig.call("c1", 100 * CENT, 60 * CENT, {"state": 3 * CENT})
    answer(rig.ledger.refund("c1", 21 * CENT, event="r1", by="clerk", reason="no sound"))
    rig.desk.open(rig.connection, "c2")
    rig.desk.hold(rig.connection, "c2", 40 * CENT, rig.bob)
    answer(rig.ledger.withdraw(rig.bob, 10 * CENT, event="w1", by="clerk", reason="released"))
    entries = answer(rig.ledger.entries(rig.bob))
    assert [(each.kind, each.amount // CENT, each.set_aside // CENT) for each in entries] == [
        ("deposit", 500, 0),
        ("hold", 0, 100),
        ("charge", -63, -100),
        ("refund", 21, 0),
        ("hold", 0, 40),
        ("withdrawal", -10, 0),
    ]
    assert entries[2].taxes == (("state", 3 * CENT),)
    balance = answer(rig.ledger.balance(rig.bob))
    assert balance == Balance(408 * CENT, 40 * CENT)
    assert sum(each.amount for each in entries) == balance.total
    assert sum(each.set_aside for each in entries) == balance.held
    assert rig.desk.faults(rig.connection) == []


def test_charges_tell_what_was_given_back_since(rig: Rig) -> None:
    rig.pay(500 * CENT)
    rig.call("c1", 100 * CENT, 60 * CENT, {"state": 3 * CENT})
    rig.desk.now += timedelta(days=1)
    rig.call("c2", 100 * CENT, 30 * CENT)
    rig.call("c3", 100 * CENT, 0)
    answer(rig.ledger.refund("c1", 63 * CENT, event="r1", by="clerk", reason="no sound"))
    first, second = answer(rig.ledger.charges())
    assert (first.call, first.amount, first.total, first.refunded) == ("c1", 60 * CENT, 63 * CENT, 63 * CENT)
    assert (second.call, second.account, second.refunded) == ("c2", rig.bob, 0)
    assert answer(rig.ledger.charges(before=START + timedelta(hours=1))) == (first,)
    assert answer(rig.ledger.charges(after=START + timedelta(hours=1))) == (second,)
    assert answer(rig.ledger.charges(call="c2", account=rig.bob)) == (second,)
    assert answer(rig.ledger.charges(account=rig.ann)) == ()
    assert rig.refused(lambda: rig.ledger.refund("c1", CENT, event="r2", by="clerk", reason="again")) == "over_charge"


def test_accounts_name_their_holders_and_their_last_movement(rig: Rig) -> None:
    rig.pay(500 * CENT)
    rig.desk.now += timedelta(days=3)
    rig.pay(7 * CENT, "d2", rig.ann)
    rig.pay(1 * CENT, "d3", "facility")
    found = {each.id: each for each in answer(rig.ledger.accounts())}
    assert set(found) == {rig.bob, rig.ann, "facility"}
    assert (found[rig.bob].name, found[rig.bob].reference, found[rig.bob].moved) == ("Bob Roe", "1001", START)
    assert (found[rig.ann].name, found[rig.ann].balance.available) == ("Ann Doe", 7 * CENT)
    assert found["facility"].holder is Holder.FACILITY


def test_all_balances_at_once_are_those_of_each_also_beside_checkpoints(rig: Rig) -> None:
    def check() -> None:
        found = {each.id: each.balance for each in answer(rig.ledger.accounts())}
        assert found == {id: answer(rig.ledger.balance(id)) for id in found}

    check()
    rig.pay(500 * CENT)
    check()
    rig.call("c1", 100 * CENT, 60 * CENT)
    rig.desk.checkpoint(rig.connection)
    check()
    rig.pay(7 * CENT, "d2", rig.ann)
    rig.desk.checkpoint(rig.connection)
    rig.desk.open(rig.connection, "c2")
    rig.desk.hold(rig.connection, "c2", 40 * CENT, rig.bob)
    rig.pay(3 * CENT, "d3", "facility")
    check()
    assert answer(rig.ledger.balance(rig.bob)) == Balance(400 * CENT, 40 * CENT)
