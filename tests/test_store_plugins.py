"""What plugins keep in the store: their own tables, and how far they have heard the timeline."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import Column, Connection, ForeignKey, Index, Integer, MetaData, String, Table, insert, inspect, select

from parloir.store import calls, cursors, plugin_tables, timeline
from parloir.store.calls import Call, CallClass, WayIn
from parloir.store.errors import ForeignTable, TablesChanged

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def defined(name: str, *columns: "Column[object] | Index") -> MetaData:
    metadata = MetaData()
    Table(name, metadata, Column("id", Integer, primary_key=True), *columns)
    return metadata


def names(connection: Connection, table: str) -> list[str]:
    return [column["name"] for column in inspect(connection).get_columns(table)]


def test_tables_are_made_once_and_keep_their_rows(connection: Connection) -> None:
    metadata = defined("my_plugin_quota", Column("minutes", Integer))
    for _ in range(2):
        plugin_tables.prepare(connection, "my-plugin", metadata)
        connection.execute(insert(metadata.tables["my_plugin_quota"]).values(minutes=5))
    assert len(connection.execute(select(metadata.tables["my_plugin_quota"])).all()) == 2


def test_tables_may_point_at_each_other(connection: Connection) -> None:
    metadata = defined("quota_people")
    Table("quota_uses", metadata, Column("person", ForeignKey("quota_people.id"), primary_key=True))
    plugin_tables.prepare(connection, "quota", metadata)
    plugin_tables.prepare(connection, "quota", metadata)


def test_new_columns_and_indexes_are_added_and_old_ones_stay(connection: Connection) -> None:
    plugin_tables.prepare(connection, "quota", defined("quota_use", Column("old", String(20))))
    connection.exec_driver_sql("INSERT INTO quota_use (id, old) VALUES (1, 'kept')")
    more = defined(
        "quota_use",
        Column("note", String(20)),
        Column("minutes", Integer, nullable=False, server_default="7"),
        Index("ix_quota_use_minutes", "minutes"),
    )
    plugin_tables.prepare(connection, "quota", more)
    assert names(connection, "quota_use") == ["id", "old", "note", "minutes"]
    assert connection.exec_driver_sql("SELECT old, minutes FROM quota_use").one() == ("kept", 7)
    assert [index["name"] for index in inspect(connection).get_indexes("quota_use")] == ["ix_quota_use_minutes"]


@pytest.mark.parametrize(
    "after",
    [
        lambda: Column("kept", Integer),
        lambda: Column("kept", String(20), nullable=False),
        lambda: Column("fresh", Integer, nullable=False),
    ],
    ids=["type", "nullable", "required"],
)
def test_a_change_that_could_lose_data_is_refused_and_nothing_is_changed(
    connection: Connection, after: "Callable[[], Column[object]]"
) -> None:
    plugin_tables.prepare(connection, "quota", defined("quota_use", Column("kept", String(20))))
    changed = defined("quota_use", after(), Column("added", Integer))
    with pytest.raises(TablesChanged, match="plugin quota changed its tables"):
        plugin_tables.prepare(connection, "quota", changed)
    assert names(connection, "quota_use") == ["id", "kept"]


@pytest.mark.parametrize(
    ("plugin", "table"),
    [
        ("quota", "quotas"),
        ("quota", "residents"),
        ("quota", "other_table"),
        ("staff", "staff_sessions"),
        ("visit", "visit_visitors"),
        ("alembic", "alembic_version"),
        ("quota", "quota_" + "x" * 60),
    ],
)
def test_a_table_that_is_not_the_plugins_is_refused(connection: Connection, plugin: str, table: str) -> None:
    with pytest.raises(ForeignTable, match=f"plugin {plugin} may not use the table {table}"):
        plugin_tables.prepare(connection, plugin, defined(table))


def test_a_table_of_a_plugin_with_a_longer_name_is_refused(connection: Connection) -> None:
    plugin_tables.prepare(connection, "quota-more", defined("quota_more_use"))
    with pytest.raises(ForeignTable):
        plugin_tables.prepare(connection, "quota", defined("quota_more_use"))


def test_a_table_that_points_at_people_is_refused(connection: Connection) -> None:
    with pytest.raises(ForeignTable, match="residents"):
        plugin_tables.prepare(connection, "quota", defined("quota_use", Column("who", ForeignKey("residents.id"))))


def test_a_plugin_hears_its_facilitys_events_in_order_from_where_it_was(connection: Connection) -> None:
    for id, facility in (("c1", "north"), ("c2", "south"), ("c3", "north")):
        calls.add(connection, Call(id, None, facility, "a", WayIn.INSIDE, CallClass.ORDINARY, NOW))
    for call, kind in (("c1", "opened"), ("c2", "opened"), ("c3", "ringing"), ("c1", "ended")):
        timeline.append(connection, call, kind, {}, NOW, 1)
    assert cursors.position(connection, "north", "quota") is None
    heard = timeline.after(connection, "north", 0, limit=2)
    assert [(entry.call, entry.kind) for entry in heard] == [("c1", "opened"), ("c3", "ringing")]
    cursors.move(connection, "north", "quota", heard[-1].sequence)
    cursors.move(connection, "north", "quota", 1)
    position = cursors.position(connection, "north", "quota")
    assert position == heard[-1].sequence
    assert [entry.kind for entry in timeline.after(connection, "north", position)] == ["ended"]
    assert cursors.position(connection, "south", "quota") is None
