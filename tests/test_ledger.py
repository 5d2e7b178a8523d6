"""The ledger: each event moves money once, holds come before charges, and nobody spends what they have not got."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, Table, delete, update
from sqlalchemy.exc import IntegrityError, OperationalError

from parloir.store import ledger, ledger_accounts, ledger_balances, ledger_holds, ledger_payments, timeline
from parloir.store.database import connect
from parloir.store.ledger import Draft, Evidence, Kind
from parloir.store.ledger_balances import Balance
from parloir.store.ledger_errors import (
    BadAmount,
    CannotKeep,
    EventTaken,
    Insufficient,
    NoHold,
    NoSuchAccount,
    OverHold,
    OverRefund,
    Unbalanced,
)
from parloir.store.ledger_holds import Due
from parloir.store.ledger_tables import ledger_accounts as accounts_table
from parloir.store.ledger_tables import ledger_entries, ledger_postings
from tests.databases import Server
from tests.ledger_desk import CENT, RESIDENT, START, VISITOR, LedgerDesk

desk = LedgerDesk()


def events(connection: Connection, call: str) -> list[tuple[str, object]]:
    return [(entry.kind, entry.data.get("total", entry.data.get("amount"))) for entry in timeline.of(connection, call)]


def test_a_call_is_held_for_then_charged_and_the_rest_given_back(connection: Connection) -> None:
    desk.open(connection, "c1")
    desk.deposit(connection, 100 * CENT)
    desk.hold(connection, "c1", 30 * CENT)
    assert desk.balance(connection) == Balance(70 * CENT, 30 * CENT)
    settled = desk.settle(connection, "c1", 12 * CENT, {"city": CENT, "state": 0})
    assert (settled.charge, settled.taxes, settled.released, settled.fresh) == (
        12 * CENT,
        {"city": CENT},
        17 * CENT,
        True,
    )
    assert desk.balance(connection) == Balance(87 * CENT, 0)
    assert desk.balance(connection, "revenue").available == 12 * CENT
    assert desk.balance(connection, "tax:city").available == CENT
    assert desk.balance(connection, "deposits:kiosk").available == -100 * CENT
    assert events(connection, "c1") == [("hold_placed", 30 * CENT), ("charged", 13 * CENT)]
    assert desk.faults(connection) == []


def test_a_call_that_costs_nothing_gives_all_of_its_hold_back(connection: Connection) -> None:
    desk.open(connection, "c1")
    desk.deposit(connection, 30 * CENT)
    desk.hold(connection, "c1", 30 * CENT)
    assert desk.settle(connection, "c1", 0).released == 30 * CENT
    assert desk.balance(connection) == Balance(30 * CENT, 0)
    assert events(connection, "c1")[-1] == ("hold_released", 0)
    assert desk.faults(connection) == []


def test_everything_done_twice_is_done_once(connection: Connection) -> None:
    desk.open(connection, "c1")
    for _ in range(2):
        entry = desk.deposit(connection, 100 * CENT)
        hold = desk.hold(connection, "c1", 30 * CENT)
        desk.settle(connection, "c1", 12 * CENT)
        desk.refund(connection, "c1", 2 * CENT, "r1")
        desk.withdraw(connection, 50 * CENT, "w1")
    later = desk.settle(connection, "c1", 0)
    assert (later.charge, later.fresh) == (12 * CENT, False)
    assert desk.hold(connection, "c1", 5 * CENT) == hold
    assert desk.deposit(connection, 100 * CENT) == entry
    assert desk.balance(connection) == Balance(40 * CENT, 0)
    assert [kind for kind, _ in events(connection, "c1")] == ["hold_placed", "charged"]
    kinds = [entry.kind for entry in ledger.list(connection, "north")]
    assert kinds == [Kind.DEPOSIT, Kind.HOLD, Kind.CHARGE, Kind.REFUND, Kind.WITHDRAWAL]
    assert desk.faults(connection) == []


def test_of_calls_settled_together_one_that_was_settled_stays_as_it_was(connection: Connection) -> None:
    desk.deposit(connection, 100 * CENT)
    for call in ("c1", "c2"):
        desk.open(connection, call)
        desk.hold(connection, call, 30 * CENT)
    first = desk.settle(connection, "c1", 12 * CENT)
    dues = [Due(call="c1", charge=20 * CENT), Due(call="c2", charge=5 * CENT)]
    settled = ledger_holds.settle_all(connection, dues, at=desk.now, monotonic=desk.monotonic)
    assert [(each.call, each.charge, each.fresh) for each in settled] == [
        ("c1", 12 * CENT, False),
        ("c2", 5 * CENT, True),
    ]
    assert settled[0].entry == first.entry
    assert desk.balance(connection) == Balance(83 * CENT, 0)
    assert desk.faults(connection) == []


def test_an_event_that_comes_back_with_other_facts_is_refused(connection: Connection) -> None:
    desk.open(connection, "c1")
    desk.deposit(connection, 100 * CENT)
    desk.hold(connection, "c1", 30 * CENT)
    with pytest.raises(EventTaken, match="the event d1 is entry"):
        desk.deposit(connection, 99 * CENT)
    with pytest.raises(EventTaken):
        desk.deposit(connection, 100 * CENT, account=VISITOR)
    with pytest.raises(EventTaken):
        desk.withdraw(connection, 100 * CENT, "d1")
    with pytest.raises(EventTaken):
        desk.hold(connection, "c1", 30 * CENT, "facility")


def test_nobody_spends_what_is_held_or_not_there(connection: Connection) -> None:
    for call in ("c1", "c2"):
        desk.open(connection, call)
    desk.deposit(connection, 30 * CENT)
    desk.hold(connection, "c1", 20 * CENT)
    with pytest.raises(Insufficient) as refused:
        desk.hold(connection, "c2", 10 * CENT + 1)
    assert (refused.value.available, refused.value.wanted) == (10 * CENT, 10 * CENT + 1)
    with pytest.raises(Insufficient):
        desk.withdraw(connection, 11 * CENT, "w1")
    with pytest.raises(OverHold, match="200000 micro-dollars held"):
        desk.settle(connection, "c1", 19 * CENT, {"city": 2 * CENT})
    assert desk.balance(connection) == Balance(10 * CENT, 20 * CENT)
    desk.hold(connection, "c2", 10 * CENT)
    assert desk.balance(connection) == Balance(0, 30 * CENT)
    assert desk.faults(connection) == []


def test_a_call_that_the_facility_pays_is_owed_by_it(connection: Connection) -> None:
    desk.open(connection, "c1")
    desk.hold(connection, "c1", 0, "facility")
    assert [hold.call for hold in ledger_holds.list(connection, "north")] == ["c1"]
    desk.settle(connection, "c1", 12 * CENT, {"city": CENT})
    assert desk.balance(connection, "facility") == Balance(-13 * CENT, 0)
    desk.deposit(connection, 13 * CENT, account="facility")
    assert desk.balance(connection, "facility") == Balance(0, 0)
    assert desk.faults(connection) == []


def test_only_a_call_with_a_hold_is_charged(connection: Connection) -> None:
    desk.open(connection, "c1")
    for call in ("c1", "nobody"):
        with pytest.raises(NoHold):
            desk.settle(connection, call, CENT)


def test_refunds_together_give_back_what_was_charged_and_no_more(connection: Connection) -> None:
    desk.open(connection, "c1")
    desk.deposit(connection, 100 * CENT)
    with pytest.raises(OverRefund):
        desk.refund(connection, "c1", 1, "early")
    desk.hold(connection, "c1", 30 * CENT)
    desk.settle(connection, "c1", 12 * CENT, {"city": 3 * CENT, "state": CENT})
    for number, amount in enumerate((1, 7 * CENT, 9 * CENT - 2)):
        desk.refund(connection, "c1", amount, f"r{number}")
    with pytest.raises(OverRefund) as refused:
        desk.refund(connection, "c1", 2, "r9")
    assert refused.value.left == 1
    desk.refund(connection, "c1", 1, "r10")
    for account in ("revenue", "tax:city", "tax:state"):
        assert desk.balance(connection, account).available == 0
    assert desk.balance(connection).available == 100 * CENT
    assert desk.faults(connection) == []


def test_shares_are_exact_and_none_is_more_than_its_part() -> None:
    parts = {"a": 98, "b": 1, "c": 1}
    for amount in range(101):
        split = ledger_payments.shares(parts, amount)
        assert sum(split.values()) == amount
        assert all(0 <= split[name] <= part for name, part in parts.items())


def test_holds_that_ought_to_be_none_are_found(connection: Connection) -> None:
    for call in ("live", "ended", "forgotten"):
        desk.open(connection, call)
    desk.deposit(connection, 100 * CENT)
    for call in ("forgotten", "live", "ended"):
        desk.hold(connection, call, CENT)
    assert ledger_holds.due(connection, START) == []
    desk.end(connection, "ended")
    assert [hold.call for hold in ledger_holds.due(connection, START)] == ["ended"]
    overdue = [hold.call for hold in ledger_holds.due(connection, START + timedelta(hours=2))]
    assert overdue == ["forgotten", "live", "ended"]


@pytest.mark.parametrize("amount", [0, -1, 1.0, True, "1"])
def test_what_is_no_amount_moves_nothing(connection: Connection, amount: int) -> None:
    desk.open(connection, "c1")
    for work in (desk.deposit, lambda c, a: desk.hold(c, "c1", a), lambda c, a: desk.withdraw(c, a, "w")):
        with pytest.raises(BadAmount):
            work(connection, amount)
    assert ledger.list(connection, "north") == []


@pytest.mark.parametrize(
    "account", ["", "resident", "resident:", "facility:x", "revenue", "held:c1", "nobody:1", "x\0"]
)
def test_only_a_holders_account_takes_deposits(connection: Connection, account: str) -> None:
    with pytest.raises(NoSuchAccount):
        desk.deposit(connection, CENT, account=account)


def an_entry(*moves: int) -> Draft:
    return Draft(
        facility="north",
        event="e",
        kind=Kind.DEPOSIT,
        account=RESIDENT,
        moves=dict(zip((RESIDENT, "deposits:kiosk"), moves, strict=True)),
        evidence=Evidence(audit=1),
        at=START,
        by="clerk",
    )


@pytest.mark.parametrize("moves", [(2, -1), (0, 1), (1.0, -1.0), (0.5, -0.5), (True, -1)], ids=str)
def test_an_entry_that_is_not_whole_numbers_which_come_to_nothing_is_refused(
    connection: Connection, moves: tuple[int, int]
) -> None:
    with pytest.raises(Unbalanced):
        ledger.post(connection, an_entry(*moves))
    assert ledger.list(connection, "north") == []


def test_what_cannot_be_kept_whole_is_refused(connection: Connection) -> None:
    with pytest.raises(Unbalanced, match="comes to 1 and not to 0"):
        ledger.post(connection, an_entry(2, -1))
    with pytest.raises(CannotKeep, match="event of an entry"):
        desk.deposit(connection, CENT, event="d" * 201)


def test_one_event_is_posted_once_even_by_whoever_did_not_look_for_it(connection: Connection) -> None:
    desk.deposit(connection, CENT, "e")
    with pytest.raises(EventTaken):
        ledger.post(connection, an_entry(CENT, -CENT))
    assert desk.balance(connection).available == CENT


@pytest.mark.parametrize(("charge", "tax"), [(-1, 0), (-1, 1), (CENT, -1), (float(CENT), 0), (CENT, 0.5), (True, 0)])
def test_a_call_is_charged_whole_amounts_and_none_below_nothing(connection: Connection, charge: int, tax: int) -> None:
    desk.open(connection, "c1")
    desk.deposit(connection, 30 * CENT)
    desk.hold(connection, "c1", 30 * CENT)
    with pytest.raises(BadAmount), connection.begin_nested():
        desk.settle(connection, "c1", charge, {"city": tax})
    assert desk.balance(connection) == Balance(0, 30 * CENT)


def test_a_balance_that_is_looked_at_to_be_spent_is_nobody_elses_meanwhile(postgresql: Server) -> None:
    engine = connect(postgresql.fresh())
    with engine.connect() as first, engine.connect() as second:
        desk.deposit(first, CENT)
        first.commit()
        assert ledger_balances.spendable(first, "north", RESIDENT) == CENT
        second.exec_driver_sql("SET lock_timeout = '50ms'")
        with pytest.raises(OperationalError, match="lock timeout"):
            ledger_balances.spendable(second, "north", RESIDENT)
        second.rollback()
        first.rollback()
    engine.dispose()


@pytest.mark.parametrize("table", [ledger_entries, ledger_postings, accounts_table], ids=str)
def test_what_is_posted_cannot_be_changed_or_removed(connection: Connection, table: Table) -> None:
    desk.deposit(connection, CENT)
    column = next(iter(table.c))
    for change in (delete(table), update(table).values({column.name: column})):
        with pytest.raises(IntegrityError, match="append-only"), connection.begin_nested():
            connection.execute(change)


def test_an_entry_needs_evidence_that_is_there(connection: Connection) -> None:
    desk.open(connection, "c1")
    desk.deposit(connection, CENT)
    for evidence in (Evidence(), Evidence(timeline=7), Evidence(audit=7), Evidence(1, 1)):
        draft = Draft(
            facility="north",
            event="e",
            kind=Kind.HOLD,
            account=RESIDENT,
            moves={RESIDENT: -1, "held:c1": 1},
            evidence=evidence,
            at=START,
            by="clerk",
            call="c1",
        )
        with pytest.raises(IntegrityError), connection.begin_nested():
            ledger.post(connection, draft)


def test_entries_are_listed_by_account_call_kind_and_time(connection: Connection) -> None:
    desk.open(connection, "c1")
    desk.deposit(connection, 9 * CENT)
    desk.deposit(connection, CENT, "d2", VISITOR)
    desk.hold(connection, "c1", CENT)
    later = LedgerDesk(now=START + timedelta(days=1))
    later.settle(connection, "c1", CENT)
    assert [e.event for e in ledger.list(connection, "north", account=RESIDENT)] == ["d1", "hold:c1", "settle:c1"]
    assert [e.event for e in ledger.list(connection, "north", call="c1", kinds=[Kind.CHARGE])] == ["settle:c1"]
    assert [e.event for e in ledger.list(connection, "north", after=later.now)] == ["settle:c1"]
    assert [e.event for e in ledger.list(connection, "north", before=later.now, limit=2)] == ["d1", "d2"]
    assert ledger.list(connection, "south") == []
    assert [each.id for each in ledger_accounts.list(connection, "north")] == [RESIDENT, VISITOR]
    assert ledger_accounts.moved(connection, "north") == {RESIDENT: later.now, VISITOR: START}
