"""The audit chain: what anyone does to it behind the gateway's back is found."""

import contextlib
import json
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import IntegrityError

from parloir.store import audit
from parloir.store.anchor import Anchor, Head
from parloir.store.append_only import allow, forbid
from parloir.store.database import transaction
from parloir.store.errors import BadAnchor

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
COLUMNS = ("at", "actor", "action", "subject", "facts", "previous", "hash")

MOVE_UP = (
    "UPDATE audit SET number = -number WHERE number > 2",
    "UPDATE audit SET number = -number - 1 WHERE number < 0",
)


def write(connection: Connection, count: int) -> None:
    for number in range(1, count + 1):
        audit.append(connection, "ann", "staff.added", f"staff s{number}", {"n": number, "näme": "Å"}, at=NOW)


def tamper(connection: Connection, *statements: str) -> None:
    """Do what only someone with the database in their hands can."""
    for statement in (*allow(connection.dialect.name, "audit"), *statements, *forbid(connection.dialect.name, "audit")):
        connection.execute(text(statement))


def found(connection: Connection, anchor: Head | None = None) -> list[tuple[int, str]]:
    return [(fault.number, fault.what) for fault in audit.verify(connection, anchor)]


def test_a_chain_that_nobody_touched_is_whole_and_reads_as_written(connection: Connection) -> None:
    write(connection, 3)
    head = audit.head(connection)
    assert head.count == 3
    assert audit.verify(connection, head) == []
    first, *_ = audit.list(connection)
    assert (first.number, first.at, first.actor, first.action, first.subject) == (
        1,
        NOW,
        "ann",
        "staff.added",
        "staff s1",
    )
    assert first.facts == {"n": 1, "näme": "Å"}
    assert [record.number for record in audit.list(connection, after=1)] == [2, 3]
    assert [record.number for record in audit.list(connection, subject="staff s2")] == [2]


def test_an_empty_chain_is_whole(connection: Connection) -> None:
    assert audit.verify(connection, audit.head(connection)) == []


@pytest.mark.parametrize("column", COLUMNS)
def test_one_flipped_byte_is_found_in_its_record(connection: Connection, column: str) -> None:
    write(connection, 3)
    head = audit.head(connection)
    value = connection.execute(text(f"SELECT {column} FROM audit WHERE number = 2")).scalar_one()
    flipped = value[:1] + chr(ord(value[1]) ^ 1) + value[2:]
    quoted = flipped.replace("'", "''").replace(":", "\\:")
    tamper(connection, f"UPDATE audit SET {column} = '{quoted}' WHERE number = 2")
    assert (2, "was changed after it was written") in found(connection, head)


def test_a_byte_that_is_no_longer_text_is_found(connection: Connection) -> None:
    write(connection, 3)
    if connection.dialect.name == "sqlite":
        tamper(connection, "UPDATE audit SET actor = CAST(x'61ff6e' AS TEXT) WHERE number = 3")
    else:
        tamper(connection, "UPDATE audit SET actor = U&'\\fffd' WHERE number = 3")
    assert found(connection) == [(3, "was changed after it was written")]


def test_a_removed_record_is_found(connection: Connection) -> None:
    write(connection, 5)
    tamper(connection, "DELETE FROM audit WHERE number IN (1, 3, 4)")
    assert found(connection) == [(1, "missing"), (3, "missing, and all up to record 4")]


def test_a_removed_record_is_found_when_the_rest_moves_up(connection: Connection) -> None:
    write(connection, 4)
    tamper(connection, "DELETE FROM audit WHERE number = 2", *MOVE_UP)
    assert {number for number, _ in found(connection)} == {2, 3}


def test_an_added_record_is_found_even_with_a_right_hash(connection: Connection) -> None:
    write(connection, 2)
    honest = audit.head(connection)
    connection.begin_nested()
    forged = audit.append(connection, "eve", "login", "staff eve", at=NOW)
    row = connection.execute(text("SELECT * FROM audit WHERE number = 3")).mappings().one()
    tamper(connection, "DELETE FROM audit WHERE number = 3")
    audit.append(connection, "ann", "login", "staff ann", at=NOW)
    tamper(
        connection,
        "UPDATE audit SET number = 4 WHERE number = 3",
        f"INSERT INTO audit VALUES (3, '{row['at']}', 'eve', 'login', 'staff eve', '{{}}', '{honest.hash}', "
        f"'{forged.hash}')",
    )
    assert 4 in {number for number, _ in found(connection)}


def test_reordered_records_are_found(connection: Connection) -> None:
    write(connection, 4)
    tamper(
        connection,
        "UPDATE audit SET number = 99 WHERE number = 2",
        "UPDATE audit SET number = 2 WHERE number = 3",
        "UPDATE audit SET number = 3 WHERE number = 99",
    )
    assert {number for number, _ in found(connection)} == {2, 3, 4}


def test_a_cut_tail_is_found_by_the_anchor_alone(connection: Connection) -> None:
    write(connection, 4)
    head = audit.head(connection)
    tamper(connection, "DELETE FROM audit WHERE number > 2")
    assert found(connection) == []
    assert found(connection, head) == [(3, "missing, and all after it: the anchor saw 4 records")]
    tamper(connection, "DELETE FROM audit")
    assert [number for number, _ in found(connection, head)] == [1]


def test_a_chain_written_anew_is_found_by_the_anchor(connection: Connection) -> None:
    write(connection, 3)
    head = audit.head(connection)
    tamper(connection, "DELETE FROM audit")
    for _ in range(4):
        audit.append(connection, "eve", "nothing", "to see", at=NOW)
    assert found(connection) == []
    assert [number for number, _ in found(connection, head)] == [3]


@pytest.mark.parametrize("change", ["UPDATE audit SET actor = 'eve'", "DELETE FROM audit"])
def test_the_database_itself_refuses_to_change_the_chain(engine: Engine, change: str) -> None:
    with engine.begin() as connection:
        write(connection, 2)
    with pytest.raises(IntegrityError, match="append-only"), engine.begin() as connection:
        connection.execute(text(change))
    with engine.begin() as connection:
        assert audit.head(connection).count == 2


def test_records_added_at_once_make_one_chain_and_the_anchor_ends_where_it_does(engine: Engine, tmp_path: Path) -> None:
    anchor = Anchor.within(tmp_path)

    def act(name: str) -> None:
        for number in range(10):
            with transaction(engine, anchor) as connection:
                audit.append(connection, name, "act", str(number))

    threads = [Thread(target=act, args=(f"t{number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.begin() as connection:
        assert audit.verify(connection, anchor.read()) == []
        assert audit.head(connection) == anchor.read() == Head(30, audit.list(connection)[-1].hash)


def test_what_is_rolled_back_is_in_neither_chain_nor_anchor(engine: Engine, tmp_path: Path) -> None:
    anchor = Anchor.within(tmp_path)
    with contextlib.suppress(ZeroDivisionError), transaction(engine, anchor) as connection:
        audit.append(connection, "ann", "act", "one")
        raise ZeroDivisionError
    with transaction(engine, anchor) as connection:
        assert audit.head(connection).count == 0
    assert anchor.read() is None


def test_an_anchor_does_not_know_what_could_not_be_committed(engine: Engine, tmp_path: Path) -> None:
    anchor = Anchor.within(tmp_path)
    with transaction(engine, anchor) as connection:
        audit.append(connection, "ann", "act", "one")

    def fail(connection: Connection) -> None:
        raise OSError("the disk is full")

    event.listen(engine, "commit", fail)
    with pytest.raises(OSError, match="the disk is full"), transaction(engine, anchor) as connection:
        audit.append(connection, "ann", "act", "two")
    event.remove(engine, "commit", fail)
    with engine.begin() as connection:
        assert audit.head(connection) == anchor.read()
        assert audit.verify(connection, anchor.read()) == []


def test_facts_that_json_cannot_hold_are_refused(connection: Connection) -> None:
    for facts in ({"n": float("nan")}, {"when": NOW}):
        with pytest.raises((ValueError, TypeError)):
            audit.append(connection, "ann", "act", "one", facts)


def test_an_anchor_never_goes_back_by_itself(tmp_path: Path) -> None:
    anchor = Anchor.within(tmp_path / "data")
    assert anchor.read() is None
    anchor.advance(Head(2, "b"))
    anchor.advance(Head(1, "a"))
    assert anchor.read() == Head(2, "b")
    assert anchor.file.stat().st_mode & 0o077 == 0
    anchor.replace(Head(1, "a"))
    assert anchor.read() == Head(1, "a")
    anchor.replace(None)
    assert anchor.read() is None


def test_an_anchor_that_could_not_be_written_is_what_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    anchor = Anchor.within(tmp_path)
    anchor.advance(Head(1, "a"))

    def fail(file: int) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr("parloir.store.anchor.os.fsync", fail)
        with pytest.raises(OSError, match="the disk is full"):
            anchor.advance(Head(2, "b"))
    assert anchor.read() == Head(1, "a")
    anchor.advance(Head(3, "c"))
    assert anchor.read() == Head(3, "c")


@given(st.binary(max_size=60) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_an_anchor_that_is_no_anchor_is_named(tmp_path_factory: pytest.TempPathFactory, content: bytes | str) -> None:
    file = tmp_path_factory.getbasetemp() / "broken.anchor"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(BadAnchor, match=r"broken\.anchor"):
        Anchor(file).read()
