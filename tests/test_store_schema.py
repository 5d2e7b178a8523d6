"""The schema's way up and down, on both kinds of database, with people's data in it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, delete, inspect, text, update
from sqlalchemy.exc import IntegrityError

from parloir.store import schema, tables, timeline, visits
from parloir.store.database import connect

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
VISIT = (
    "INSERT INTO visits (id, facility, station, visitor, start, finish, minutes, code, token, state, rings) VALUES "
    "('v1', 'north', 'a', 'Ann', '2026-03-01 12:00:00.000000', '2026-03-01 12:10:00.000000', 10, '123456', 't', "
    "'scheduled', true)"
)
CALL = (
    "INSERT INTO calls (id, visit, facility, station, way_in, class, opened) VALUES "
    "('{}', 'v1', 'north', 'a', 'inside', 'ordinary', '2026-03-01 12:00:00.000000')"
)
EVENT = (
    "INSERT INTO events (call, number, wall, monotonic, kind, data) VALUES "
    "('{}', {}, '2026-03-01 12:00:{:02}.000000', 0, '{}', '{{\"n\": 1}}')"
)


@pytest.fixture
def bare(empty: str) -> Iterator[Engine]:
    engine = connect(empty)
    yield engine
    engine.dispose()


def fill_first(connection: Connection) -> None:
    """Rows as the first schema has them."""
    connection.execute(text(VISIT))
    for call in ("c1", "c2"):
        connection.execute(text(CALL.format(call)))
    for call, number, second, kind in (("c1", 1, 1, "one"), ("c2", 1, 2, "two"), ("c1", 2, 3, "three")):
        connection.exec_driver_sql(EVENT.format(call, number, second, kind).replace("%", "%%"))


def differences(connection: Connection) -> list[object]:
    found: list[object] = compare_metadata(MigrationContext.configure(connection), tables.metadata)
    return found


def kinds_in_order(connection: Connection) -> list[tuple[str, int]]:
    return [(entry.kind, entry.sequence) for entry in timeline.after(connection, "north", 0)]


def test_sqlite_waits_for_the_disk_before_it_has_committed(tmp_path: Path) -> None:
    engine = connect(tmp_path)
    with engine.begin() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
    engine.dispose()


def test_the_migrations_make_exactly_the_tables_that_the_code_uses(engine: Engine) -> None:
    with engine.begin() as connection:
        assert differences(connection) == []


def test_data_survives_the_way_up_down_and_up_again(bare: Engine) -> None:
    schema.migrate(bare, "0001")
    with bare.begin() as connection:
        fill_first(connection)
    for _ in range(2):
        schema.migrate(bare, schema.newest())
        with bare.begin() as connection:
            assert differences(connection) == []
            assert kinds_in_order(connection) == [("one", 1), ("two", 2), ("three", 3)]
            assert visits.get(connection, "v1").resident is None
        schema.migrate(bare, "0001")
        with bare.begin() as connection:
            assert "residents" not in inspect(connection).get_table_names()
            assert connection.execute(text("SELECT count(*) FROM events")).scalar() == 3
            assert connection.execute(text("SELECT visit FROM calls WHERE id = 'c1'")).scalar() == "v1"


@pytest.mark.parametrize("revision", ["0001", "0003", "0004"])
def test_no_revision_lets_events_be_rewritten(bare: Engine, revision: str) -> None:
    for step in ("0001", schema.newest(), revision):
        schema.migrate(bare, step)
    with bare.begin() as connection:
        connection.execute(text(VISIT))
        connection.execute(text(CALL.format("c1")))
        if revision == "0001":
            connection.exec_driver_sql(EVENT.format("c1", 1, 1, "one"))
        else:
            timeline.append(connection, "c1", "one", {}, NOW, 1)
    for change in (update(tables.events).values(kind="other"), delete(tables.events)):
        with pytest.raises(IntegrityError, match="append-only"), bare.begin() as connection:
            connection.execute(change)


def test_an_upgrade_takes_a_backup_first(bare: Engine, tmp_path: Path) -> None:
    schema.migrate(bare, "0001")
    with bare.begin() as connection:
        fill_first(connection)
    backup = schema.upgrade(bare, tmp_path)
    assert backup is not None
    assert backup.parent == tmp_path
    assert backup.name.endswith(".0001.bak")
    assert backup.stat().st_size > 1000
    assert backup.stat().st_mode & 0o077 == 0
    with bare.begin() as connection:
        assert schema.revision(connection) == schema.newest()


def test_an_upgrade_of_a_current_database_changes_nothing_and_backs_nothing_up(bare: Engine, tmp_path: Path) -> None:
    assert schema.upgrade(bare, tmp_path) is None
    with bare.begin() as connection:
        assert schema.revision(connection) == schema.newest()
    assert schema.upgrade(bare, tmp_path) is None
    assert not list(tmp_path.glob("*.bak"))
