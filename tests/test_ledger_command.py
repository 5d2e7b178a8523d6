"""`parloir ledger`: what it proves, prints and counts, on both kinds of database, and through a backup."""

import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from parloir.calls import reconciliation
from parloir.calls.quote import Bill, Quote
from parloir.cli import main
from parloir.config.caps import Caps, Row, Status
from parloir.policy.answers import Ending, RateStep, Tax
from parloir.policy.values import Medium
from parloir.store import calls, ledger_holds, timeline
from parloir.store.append_only import allow
from parloir.store.ledger_holds import Due, Wanted
from tests.commands import store
from tests.ledger_desk import CENT, RESIDENT, START, LedgerDesk

QUOTE = Quote(
    steps=(RateStep(0, 120_000),),
    cap=110_000,
    taxes=(Tax("city", 100_000),),
    waived=(Ending.FACILITY_FAULT,),
    seconds=600,
    tier="jail-1000-plus",
    timezone="America/Chicago",
)
CAPS = Caps(
    (
        Row(
            tier="jail-1000-plus",
            medium="audio",
            effective=date(2026, 1, 1),
            until=None,
            base=110_000,
            additive=0,
            status=Status.IN_FORCE,
            source="a test",
            as_of=date(2026, 1, 1),
            confirmed="a test",
        ),
    )
)


def call(
    connection: Connection, id: str = "c1", seconds: int = 90, reason: str = "PhoneHungUp", settled: bool = True
) -> None:
    """A call of so many seconds of audio at 12 cents a minute under a cap of 11, with a tax of 10 %."""
    desk = LedgerDesk()
    desk.deposit(connection, 500 * CENT, f"for {id}")
    desk.open(connection, id)
    wanted = Wanted(
        facility="north",
        call=id,
        payer=RESIDENT,
        amount=QUOTE.most.total,
        expires=START + timedelta(hours=2),
        facts=QUOTE.facts(),
    )
    ledger_holds.place(connection, wanted, at=START, monotonic=0)
    for kind, facts in (
        ("phone_answered", {}),
        ("media_agreed", {"video": False}),
        ("quality", {"flowing": seconds * 500}),
        ("report", {"flowing": seconds * 1000 + 999}),
        ("ended", {"reason": reason}),
    ):
        timeline.append(connection, id, kind, facts, START, 0)
    calls.finish(connection, id, START + timedelta(seconds=seconds), reason)
    if settled:
        settle(connection, id, seconds)


def settle(connection: Connection, id: str, seconds: int, ending: Ending = Ending.HUNG_UP, extra: int = 0) -> None:
    bill = Bill(seconds, Medium.AUDIO, date(2026, 3, 1), 110_000, ending, ending in QUOTE.waived)
    charge = QUOTE.charge(bill)
    due = Due(call=id, charge=charge.amount + extra, taxes=dict(charge.taxes), facts=bill.facts())
    ledger_holds.settle(connection, due, at=START, monotonic=0)


def faults(connection: Connection) -> list[str]:
    return [str(fault) for fault in reconciliation.faults(connection, CAPS)]


def test_a_charge_that_its_timeline_and_rate_come_to_is_right(connection: Connection) -> None:
    call(connection)
    settled = ledger_holds.settlement(connection, "north", "c1")
    assert settled is not None
    assert (settled.charge, settled.taxes) == (16 * CENT, {"city": CENT})
    assert faults(connection) == []
    found = reconciliation.reconcile(connection, CAPS, "north")
    assert (found.calls, found.talked, found.charged, found.paid) == (1, 90, 1, 90)
    assert (found.charge, found.taxes, found.refunded, found.open_holds) == (16 * CENT, CENT, 0, 0)
    assert found.faults == ()


@pytest.mark.parametrize(
    ("seconds", "ending", "extra", "said"),
    [
        (90, Ending.HUNG_UP, CENT, "its terms come to 170000"),
        (90, Ending.HUNG_UP, CENT, "over the cap of 110000 a minute"),
        (91, Ending.HUNG_UP, 0, "with seconds 91: its timeline and record say 90"),
        (60, Ending.HUNG_UP, 0, "with seconds 60: its timeline and record say 90"),
        (90, Ending.LIMIT, 0, "with ending limit: its timeline and record say hung_up"),
        (90, Ending.FACILITY_FAULT, 0, "with waived True: its timeline and record say False"),
    ],
)
def test_a_charge_that_does_not_come_of_its_timeline_is_found(
    connection: Connection, seconds: int, ending: Ending, extra: int, said: str
) -> None:
    call(connection, settled=False)
    assert reconciliation.reconcile(connection, CAPS, "north").open_holds == 1
    settle(connection, "c1", seconds, ending, extra)
    assert any(said in fault for fault in faults(connection)), faults(connection)
    assert faults(connection) == [str(each) for each in reconciliation.reconcile(connection, CAPS, "north").faults]


def test_a_privileged_call_is_never_charged(connection: Connection) -> None:
    call(connection)
    for statement in (
        "DROP TRIGGER calls_class_fixed" + ("" if connection.dialect.name == "sqlite" else " ON calls"),
        "UPDATE calls SET class = 'privileged'",
    ):
        connection.execute(text(statement))
    assert faults(connection) == ["call c1: is privileged and was charged 170000"]


def test_a_whole_ledger_is_proved_and_printed(configuration: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", "verify", str(configuration)]) == 0
    assert capsys.readouterr().out == "0 entries, 0 of them under 0 checkpoints, 0 open holds\n"
    with store(configuration) as opened, opened.transaction() as connection:
        desk = LedgerDesk()
        desk.deposit(connection, 100 * CENT)
        desk.open(connection, "c1")
        desk.hold(connection, "c1", 30 * CENT)
        desk.checkpoint(connection)
        desk.deposit(connection, CENT + 5, "d2")
    asked = ["--config", str(configuration), "--facility", "north"]
    assert main(["ledger", "balance", *asked]) == 0
    assert capsys.readouterr().out == "north  resident:r1  available $0.710005  held $0.30\n"
    assert main(["ledger", "entries", *asked, "--call", "c1"]) == 0
    line = r"2  2026-03-01 06:00:00  hold: held:c1 \$0.30, resident:r1 -\$0.30; call c1 event 1\n"
    assert re.fullmatch(line, capsys.readouterr().out)
    assert main(["ledger", "entries", *asked, "--from", "2026-03-02"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["ledger", "reconcile", *asked]) == 0
    assert "1 calls, 0 s talked; 0 charged for 0 s: $0.00" in capsys.readouterr().out
    for words in (["balance", "nobody"], ["entries", "--facility", "south"]):
        assert main(["ledger", *words, "--config", str(configuration)]) == 1
        assert capsys.readouterr().err.startswith("parloir: ")


def test_a_changed_ledger_is_said_with_what_and_where(configuration: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with store(configuration) as opened, opened.transaction() as connection:
        LedgerDesk().deposit(connection, 100 * CENT)
        for statement in allow(connection.dialect.name, "ledger_postings"):
            connection.execute(text(statement))
        connection.execute(text("UPDATE ledger_postings SET amount = amount + 1 WHERE account = 'resident:r1'"))
    assert main(["ledger", "verify", str(configuration)]) == 1
    said = capsys.readouterr().err
    assert "entry 1: comes to 1 and not to 0\n" in said
    assert "the ledger is not as it must be" in said


def test_a_backup_brings_the_ledger_back_as_it_was(configuration: Path, tmp_path: Path) -> None:
    desk = LedgerDesk()
    with store(configuration) as opened, opened.transaction() as connection:
        desk.deposit(connection, 100 * CENT)
        desk.open(connection, "c1")
        desk.hold(connection, "c1", 30 * CENT)
        desk.checkpoint(connection)
    assert main(["backup", str(configuration), str(tmp_path / "kept")]) == 0
    with store(configuration) as opened, opened.transaction() as connection:
        desk.settle(connection, "c1", 20 * CENT)
        desk.withdraw(connection, 50 * CENT, "w1")
    assert main(["restore", str(configuration), str(tmp_path / "kept"), "--replace"]) == 0
    desk.now += timedelta(minutes=1)
    with store(configuration) as opened, opened.transaction() as connection:
        assert (desk.balance(connection).available, desk.balance(connection).held) == (70 * CENT, 30 * CENT)
        assert desk.faults(connection) == []
        assert desk.settle(connection, "c1", 20 * CENT).fresh
        desk.checkpoint(connection)
        assert desk.faults(connection) == []
