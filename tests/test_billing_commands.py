"""`parloir billing`: top-ups, refunds, statements and reports on both kinds of database, beside the gateway."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection

from parloir.cli import main
from parloir.store import audit, calls, ledger_balances, residents, visitors
from parloir.store.calls import Call, CallClass, WayIn
from tests.commands import store
from tests.ledger_desk import CENT, START, LedgerDesk

PLUGINS = "plugins: {billing: {rates: [{per_minute: '0.06'}], prices: {gigabyte: '0.09'}}}"
T = TypeVar("T")
Said = pytest.CaptureFixture[str]


class House:
    """A configured facility with people; `run` is a command, answered by its status and what it said."""

    def __init__(self, configuration: Path, said: Said) -> None:
        self.configuration = configuration
        self._said = said
        configuration.write_text(configuration.read_text().replace("America/Chicago}", f"America/Chicago, {PLUGINS}}}"))
        self.bob = self.do(lambda each: residents.add(each, facility="north", number="1001", name="Bob Roe").id)
        self.do(lambda each: visitors.add(each, facility="north", reference="V7", name="Ann Doe"))

    def do(self, work: Callable[[Connection], T]) -> T:
        with store(self.configuration) as opened, opened.transaction() as connection:
            return work(connection)

    def run(self, *words: str) -> tuple[int, str, str]:
        status = main(["billing", *words, "--config", str(self.configuration)])
        said = self._said.readouterr()
        return status, said.out, said.err

    def topup(self, text: str, *words: str) -> tuple[int, str, str]:
        file = self.configuration.with_name("topup.csv")
        file.write_text(text, encoding="utf-8")
        return self.run("topup", str(file), *words)

    @property
    def available(self) -> int:
        found: int = self.do(lambda each: ledger_balances.available(each, "north", f"resident:{self.bob}"))
        return found

    def settle(self, id: str, charge: int) -> None:
        desk = LedgerDesk()

        def work(connection: Connection) -> None:
            calls.add(connection, Call(id, None, "north", "pod-a-1", WayIn.INSIDE, CallClass.ORDINARY, START))
            desk.hold(connection, id, charge, f"resident:{self.bob}")
            desk.settle(connection, id, charge)

        self.do(work)


@pytest.fixture
def house(configuration: Path, capsys: Said) -> House:
    return House(configuration, capsys)


HEAD = "reference,holder,number,amount,note\n"


def test_a_kiosks_file_is_paid_in_once(house: House) -> None:
    rows = f"{HEAD}k-1,resident,1001,20.00,cash\nk-2,visitor,V7,5,\n"
    assert house.topup(rows) == (0, "2 rows paid in, $25.00; 0 had been before\n", "")
    more = f"{rows}k-3,resident,1001,0.50,\n"
    assert house.topup(more) == (0, "1 rows paid in, $0.50; 2 had been before\n", "")
    assert house.available == 2050 * CENT
    actors = {record.actor for record in house.do(audit.list)}
    assert len(actors) == 1
    assert actors.pop().startswith("plugin:billing cli:")


def test_a_dry_run_pays_nothing_in(house: House) -> None:
    assert house.topup(f"{HEAD}k-1,resident,1001,20.00,\n", "--dry-run")[1] == "1 rows, $20.00: nothing was paid in\n"
    assert house.available == 0


def test_all_that_is_wrong_is_said_at_once_and_nothing_is_paid_in(house: House) -> None:
    rows = (
        "k-1,resident,1001,20.00,\n"
        "k-2,resident,9999,20.00,\n"
        "k-3,guard,1001,20.00,\n"
        "k-4,resident,1001,20.005,\n"
        "k-1,resident,1001,1.00,\n"
        "k-5,resident,1001\n"
        ",visitor,,1.00,\n"
    )
    status, out, err = house.topup(HEAD + rows)
    assert (status, out) == (1, "")
    file = house.configuration.with_name("topup.csv")
    assert err.splitlines() == [
        f"{file}: line 3: no resident has the number 9999",
        f"{file}: line 4: holder is neither resident nor visitor",
        f"{file}: line 5: amount: this has more than 2 places after the point",
        f"{file}: line 6: reference k-1 is on line 2 already",
        f"{file}: line 7: 3 cells under 5 columns",
        f"{file}: line 8: reference is empty; number is empty",
        "parloir: 6 rows were not paid in",
    ]
    assert house.available == 0


def test_a_reference_that_was_another_amount_is_said_and_the_rest_paid_in(house: House) -> None:
    house.topup(f"{HEAD}k-1,resident,1001,20.00,\n")
    status, out, err = house.topup(f"{HEAD}k-1,resident,1001,30.00,\nk-2,resident,1001,1.00,\n")
    assert (status, out) == (1, "1 rows paid in, $1.00; 0 had been before\n")
    assert "line 2: the event topup:k-1 is entry" in err
    assert house.available == 2100 * CENT


def test_a_file_that_cannot_be_read_is_said(house: House) -> None:
    assert "No such file" in house.run("topup", "nowhere.csv")[2]


def test_a_call_is_refunded_and_stands_on_the_statement(house: House) -> None:
    house.topup(f"{HEAD}k-1,resident,1001,20.00,\n")
    house.settle("c1", 150 * CENT)
    assert house.run("refund", "c1", "--reason", "no sound", "--amount", "0.50")[:2] == (
        0,
        "call c1: $0.50 given back\n",
    )
    assert house.run("refund", "c1", "--reason", "no sound")[1] == "call c1: $1.00 given back\n"
    assert house.run("refund", "c1", "--reason", "no sound")[0] == 1
    assert house.available == 2000 * CENT
    status, out, _ = house.run("statement", f"resident:{house.bob}", "--language", "es")
    assert status == 0
    assert "Reembolso, no sound" in out
    assert "no account 'resident:nobody'" in house.run("statement", "resident:nobody")[2]


def test_a_holder_is_paid_out_once(house: House) -> None:
    house.topup(f"{HEAD}k-1,resident,1001,20.00,\n")
    slip = ("withdraw", f"resident:{house.bob}", "15.00", "--reference", "check-7", "--reason", "released")
    assert house.run(*slip)[:2] == (0, f"resident:{house.bob}: $15.00 paid out, $5.00 left\n")
    assert house.run(*slip)[1] == f"resident:{house.bob}: $15.00 had been paid out, $5.00 left\n"
    status, _, err = house.run("withdraw", f"resident:{house.bob}", "5.01", "--reference", "c-8", "--reason", "x")
    assert (status, "not 5010000" in err) == (1, True)


def test_statements_are_written_for_all(house: House, tmp_path: Path) -> None:
    house.topup(f"{HEAD}k-1,resident,1001,20.00,\nk-2,visitor,V7,5,\n")
    folder = tmp_path / "statements"
    status, out, _ = house.run("statements", str(folder))
    assert (status, out.startswith("2 statements of ")) == (0, True)
    assert sorted(each.suffix for each in folder.iterdir()) == [".csv", ".csv", ".html", ".html", ".txt", ".txt"]
    assert all(each.read_text(encoding="utf-8") for each in folder.iterdir())


def test_reports_are_printed(house: House) -> None:
    house.topup(f"{HEAD}k-1,resident,1001,20.00,\n")
    house.settle("c1", 150 * CENT)
    status, out, _ = house.run("report", "--month", "2026-03")
    assert status == 0
    assert "charged for calls                         1.50" in out
    assert house.run("costs")[:2] == (
        0,
        "call,at,seconds,bytes,cpu_milliseconds,compute,bandwidth,charged\n",
    )
    assert house.run("idle")[:2] == (0, "")
    assert "write the month like 2026-03" in house.run("report", "--month", "March")[2]


def test_the_facility_is_named_where_it_is_not_clear(house: House) -> None:
    assert "no facility 'south' enables billing; north does" in house.run("idle", "--facility", "south")[2]
    assert house.run("idle", "--facility", "north")[0] == 0


def test_wrong_settings_are_said_with_their_line(house: House) -> None:
    house.configuration.write_text(house.configuration.read_text().replace("'0.06'", "0.06"))
    status, _, err = house.run("idle")
    assert status == 1
    assert "facilities.north.plugins.billing.rates.0.per_minute" in err
    assert 'put it in quotes: "0.12"' in err
