"""`parloir audit verify` and `parloir staff`, on both kinds of database."""

import io
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from parloir.cli import main
from parloir.store import audit, passwords, staff
from parloir.store.append_only import allow
from parloir.store.staff import Role
from tests.commands import store

PASSWORD = "correct horse battery"


def hire(configuration: Path, monkeypatch: pytest.MonkeyPatch, *words: str, password: str = PASSWORD) -> int:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{password}\n"))
    return main(["staff", *words, "--config", str(configuration)])


def add(configuration: Path, monkeypatch: pytest.MonkeyPatch, password: str = PASSWORD) -> int:
    words = ["add", "ann", "--name", "Ann Doe", "--role", "officer", "--role", "auditor", "--facility", "north"]
    return hire(configuration, monkeypatch, *words, password=password)


def test_a_whole_chain_is_counted(
    configuration: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "verify", str(configuration)]) == 0
    assert capsys.readouterr().out == f"0 records, last hash {audit.START}\n"
    assert add(configuration, monkeypatch) == 0
    capsys.readouterr()
    assert main(["audit", "verify", str(configuration)]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("1 records, last hash ")
    assert said.err == ""


def test_a_broken_chain_is_said_with_what_and_where(
    configuration: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    add(configuration, monkeypatch)
    with store(configuration) as opened, opened.transaction() as connection:
        audit.append(connection, "eve", "login", "staff eve")
    with store(configuration) as opened, opened.transaction() as connection:
        for statement in (*allow(connection.dialect.name, "audit"), "UPDATE audit SET actor = 'al' WHERE number = 2"):
            connection.execute(text(statement))
    assert main(["audit", "verify", str(configuration)]) == 1
    assert "record 2: was changed after it was written\n" in capsys.readouterr().err
    with store(configuration) as opened, opened.transaction() as connection:
        connection.execute(text("DELETE FROM audit WHERE number = 2"))
    assert main(["audit", "verify", str(configuration)]) == 1
    assert "record 2: missing, and all after it: the anchor saw 2 records\n" in capsys.readouterr().err


def test_a_missing_anchor_is_said(
    configuration: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    add(configuration, monkeypatch)
    (configuration.parent / "data" / "audit.anchor").unlink()
    assert main(["audit", "verify", str(configuration)]) == 1
    assert "no anchor at" in capsys.readouterr().err


def test_staff_are_added_listed_and_kept_out(
    configuration: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add(configuration, monkeypatch) == 0
    assert hire(configuration, monkeypatch, "list") == 0
    assert "ann  Ann Doe  auditor, officer  north\n" in capsys.readouterr().out
    assert hire(configuration, monkeypatch, "disable", "ann") == 0
    assert hire(configuration, monkeypatch, "list") == 0
    assert "north  disabled\n" in capsys.readouterr().out
    assert hire(configuration, monkeypatch, "password", "ann", password="another long one") == 0
    with store(configuration) as opened, opened.reading() as connection:
        ann = staff.by_user(connection, "ann")
        assert ann is not None
        assert ann.may(Role.OFFICER, facility="north")
        assert passwords.matches(staff.password_hash(connection, ann.id), "another long one")
        records = audit.list(connection)
    assert [record.action for record in records] == [
        "staff.added",
        "staff.disabled",
        "staff.password",
        "staff.enabled",
    ]
    assert {record.actor for record in records} == {opened.actor}
    assert opened.actor.startswith("cli:")


def test_what_cannot_be_done_with_staff_is_said(
    configuration: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add(configuration, monkeypatch, password="short") == 1
    assert "at least 12 characters" in capsys.readouterr().err
    assert add(configuration, monkeypatch) == 0
    assert add(configuration, monkeypatch) == 1
    assert "the login name 'ann' is already there" in capsys.readouterr().err
    for words in (["disable", "bob"], ["password", "bob"]):
        assert hire(configuration, monkeypatch, *words) == 1
        assert "there is no staff bob" in capsys.readouterr().err
