"""The proof of the ledger: what was written holds, and whatever is changed behind its back is found."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, Table, select, text
from sqlalchemy.exc import DBAPIError

from parloir.store import audit, ledger_checkpoints, ledger_proof
from parloir.store.append_only import allow
from parloir.store.ledger_tables import (
    ledger_accounts,
    ledger_balances,
    ledger_entries,
    ledger_holds,
    ledger_postings,
)
from parloir.store.ledger_tables import (
    ledger_checkpoints as checkpoints,
)
from tests.ledger_desk import CENT, RESIDENT, START, VISITOR, LedgerDesk

TABLES = (ledger_accounts, ledger_entries, ledger_postings, ledger_checkpoints, ledger_balances)
APPEND_ONLY = ("ledger_accounts", "ledger_entries", "ledger_postings", "ledger_checkpoints", "ledger_balances")
UNPROVED = {("ledger_accounts", "opened")}
"""What moves no money and nothing is made of."""


@pytest.fixture
def desk(connection: Connection) -> LedgerDesk:
    """Two calls settled under a checkpoint, then one more and one whose hold is open; all may be changed now."""
    desk = LedgerDesk()
    for call in ("c1", "c2", "c3", "c4"):
        desk.open(connection, call)
    desk.deposit(connection, 100 * CENT)
    desk.deposit(connection, 50 * CENT, "d2", VISITOR)
    for call, payer in (("c1", RESIDENT), ("c2", "facility")):
        desk.hold(connection, call, 20 * CENT if payer == RESIDENT else 0, payer)
        desk.settle(connection, call, 12 * CENT, {"city": CENT})
    desk.checkpoint(connection)
    desk.refund(connection, "c1", 5 * CENT, "r1")
    desk.hold(connection, "c3", 20 * CENT, VISITOR)
    desk.settle(connection, "c3", 0)
    desk.hold(connection, "c4", 20 * CENT)
    desk.withdraw(connection, 20 * CENT, "w1")
    assert desk.faults(connection) == []
    for table in APPEND_ONLY:
        run(connection, *allow(connection.dialect.name, table))
    return desk


def run(connection: Connection, *statements: str) -> None:
    for statement in statements:
        connection.execute(text(statement))


def other(value: object) -> object:
    """A value of the same kind that is not this one."""
    if isinstance(value, str):
        return f"{value[:-1]}{'x' if value[-1:] != 'x' else 'y'}"
    if isinstance(value, int):
        return value + 1
    assert isinstance(value, datetime)
    return value + timedelta(microseconds=1)


def test_balances_stay_the_same_through_checkpoints(connection: Connection) -> None:
    desk = LedgerDesk()
    for number in range(7):
        desk.open(connection, f"c{number}")
        desk.deposit(connection, 10 * CENT, f"d{number}")
        desk.hold(connection, f"c{number}", 10 * CENT)
        desk.settle(connection, f"c{number}", 4 * CENT)
        if number % 3 == 0:
            desk.checkpoint(connection)
            desk.checkpoint(connection)
        assert desk.balance(connection).available == 6 * CENT * (number + 1)
    proof = ledger_proof.verify(connection, desk.now)
    assert (proof.entries, proof.checked, proof.checkpoints, proof.faults) == (21, 21, 3, ())
    records = [record.facts for record in audit.list(connection) if record.action == "ledger.checkpoint"]
    assert [facts["entries"] for facts in records] == [3, 9, 9]
    assert [facts["digest"] for facts in records] == [each.digest for each in ledger_checkpoints.list(connection)]


def test_one_checkpoint_takes_in_no_more_than_it_may(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_checkpoints, "MOST", 2)
    desk = LedgerDesk()
    for number in range(5):
        desk.deposit(connection, CENT, f"d{number}")
    desk.checkpoint(connection)
    assert [each.entries for each in ledger_checkpoints.list(connection)] == [2, 2, 1]
    assert desk.faults(connection) == []


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        (["UPDATE ledger_postings SET amount = amount + 1 WHERE account = 'resident:r1'"], "comes to 1 and not to 0"),
        (
            ["UPDATE ledger_postings SET amount = amount * 2 WHERE entry = (SELECT id FROM ledger_entries LIMIT 1)"],
            "checkpoint 1: does not agree with its entries",
        ),
        (["UPDATE ledger_entries SET reason = 'gift' WHERE event = 'settle:c1'"], "checkpoint 1: does not agree"),
        (
            ["DELETE FROM ledger_postings WHERE entry = (SELECT max(id) FROM ledger_entries)"],
            "is no withdrawal: it does not move",
        ),
        (
            [
                "DELETE FROM ledger_postings WHERE entry = (SELECT max(id) FROM ledger_entries)",
                "DELETE FROM ledger_entries WHERE event = 'w1'",
            ],
            "ledger.withdrawal has no entry",
        ),
        (
            [
                "DELETE FROM ledger_postings WHERE entry = (SELECT id FROM ledger_entries WHERE event = 'settle:c3')",
                "DELETE FROM ledger_entries WHERE event = 'settle:c3'",
            ],
            "call c3: event 2 (hold_released) has no entry",
        ),
        (["DELETE FROM ledger_holds"], "call c4: has a hold other than entry"),
        (["UPDATE ledger_balances SET balance = balance + 1 WHERE account = 'revenue'"], "has north revenue at"),
        (["DELETE FROM ledger_balances WHERE account = 'revenue'"], "has north revenue at None: it was 240000"),
        (
            ["DELETE FROM ledger_balances", "DELETE FROM ledger_checkpoints"],
            "ledger.checkpoint has no entry",
        ),
        (["UPDATE ledger_accounts SET kind = 'facility' WHERE id = 'visitor:v1'"], "another kind or owner"),
        (["UPDATE calls SET ended = '2026-03-01 11:00:00.000000' WHERE id = 'c4'"], "c4: has ended and its hold"),
        (["UPDATE ledger_holds SET expires = '2026-03-01 11:00:00.000000'"], "has an expired hold"),
    ],
)
def test_what_was_changed_behind_the_ledgers_back_is_found(
    connection: Connection, desk: LedgerDesk, changes: Iterable[str], found: str
) -> None:
    run(connection, *changes)
    assert any(found in fault for fault in desk.faults(connection)), desk.faults(connection)


@pytest.mark.parametrize(
    "table",
    [ledger_accounts, ledger_entries, ledger_postings, ledger_holds, checkpoints, ledger_balances],
    ids=str,
)
def test_no_value_of_any_row_can_be_changed_unseen(connection: Connection, desk: LedgerDesk, table: Table) -> None:
    """Where the database itself lets it be changed."""
    keys = list(table.primary_key)
    unseen = []
    for row in connection.execute(select(table)).mappings().all():
        for column in table.columns:
            if row[column.name] is None or (table.name, column.name) in UNPROVED or column.name == "id":
                continue
            point = connection.begin_nested()
            here = [key == row[key.name] for key in keys]
            try:
                connection.execute(table.update().where(*here).values({column.name: other(row[column.name])}))
            except DBAPIError:  # a key that holds
                point.rollback()
                continue
            if not desk.faults(connection):
                unseen.append((dict(row), column.name))
            point.rollback()
    assert unseen == []


def test_a_forged_charge_without_a_hold_is_found(connection: Connection, desk: LedgerDesk) -> None:
    desk.open(connection, "c9")
    run(
        connection,
        "INSERT INTO ledger_entries (facility, event, kind, account, call, audit_number, at, by, reason) VALUES "
        "('north', 'settle:c9', 'charge', 'resident:r1', 'c9', 1, '2026-03-01 12:00:00.000000', 'eve', '')",
        "INSERT INTO ledger_postings (entry, facility, account, amount) SELECT max(id), 'north', 'resident:r1', -10000 "
        "FROM ledger_entries",
        "INSERT INTO ledger_postings (entry, facility, account, amount) SELECT max(id), 'north', 'revenue', 10000 "
        "FROM ledger_entries",
    )
    faults = " ".join(desk.faults(connection))
    assert "settles call c9, which has no open hold" in faults
    assert "is not what record 1 of the audit chain tells" in faults


def test_a_hold_whose_call_ended_just_now_is_no_fault(connection: Connection, desk: LedgerDesk) -> None:
    desk.end(connection, "c4")
    assert desk.faults(connection) == []
    desk.now = START + timedelta(minutes=6)
    assert desk.faults(connection) == ["call c4: has ended and its hold is still open"]
