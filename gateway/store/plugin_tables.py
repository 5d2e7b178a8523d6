"""Plugins' own tables: made and added to as the plugin defines them, never touching anyone else's."""

from collections.abc import Iterator

from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Connection, MetaData, Table, insert, inspect, select

from parloir.store import locks
from parloir.store.errors import ForeignTable, TablesChanged
from parloir.store.staff_tables import plugin_tables
from parloir.store.tables import metadata as own

LONGEST = 63
"""PostgreSQL cuts longer names off."""
VERSION_TABLE = "alembic_version"


def prepare(connection: Connection, plugin: str, metadata: MetaData) -> None:
    """Make the tables that a plugin defines, and add columns and indexes that they have gained.

    Each is named after the plugin: `NAME_*`, with underscores for dashes. A new column must be nullable or have a
    server default. Columns and tables that are no longer defined stay, with their data. Raises ForeignTable for a
    table that is not the plugin's, and TablesChanged for a change that might lose data, and then changes nothing.
    """
    locks.hold(connection, locks.SCHEMA)
    _guard(connection, plugin, metadata)
    inspector = inspect(connection)
    present = set(inspector.get_table_names())
    with connection.begin_nested():
        for table in metadata.sorted_tables:
            if table.name not in present:
                table.create(connection)
                _claim(connection, plugin, table.name)
                continue
            _extend(connection, plugin, table)
        changes = list(_changes(connection, metadata))
        if changes:
            raise TablesChanged(plugin, changes)


def _guard(connection: Connection, plugin: str, metadata: MetaData) -> None:
    prefix = f"{plugin.replace('-', '_')}_"
    owners = {row.name: row.plugin for row in connection.execute(select(plugin_tables))}
    present = set(inspect(connection).get_table_names())
    for table in metadata.tables.values():
        known = table.name in present or table.name in own.tables or table.name == VERSION_TABLE
        foreign = known and owners.get(table.name) != plugin
        if foreign or table.schema or not table.name.startswith(prefix) or len(table.name) > LONGEST:
            raise ForeignTable(plugin, table.fullname, prefix)
        for key in table.foreign_keys:
            if key.target_fullname.rpartition(".")[0] not in metadata.tables:
                raise ForeignTable(plugin, key.target_fullname, prefix)


def _claim(connection: Connection, plugin: str, table: str) -> None:
    connection.execute(insert(plugin_tables).values(name=table, plugin=plugin))


def _extend(connection: Connection, plugin: str, table: Table) -> None:
    inspector = inspect(connection)
    columns = {column["name"] for column in inspector.get_columns(table.name)}
    indexes = {index["name"] for index in inspector.get_indexes(table.name)}
    operations = Operations(MigrationContext.configure(connection))
    for column in table.columns:
        if column.name not in columns:
            if not (column.nullable or column.server_default) or column.foreign_keys or column.primary_key:
                raise TablesChanged(plugin, [f"{table.name}.{column.name} is new and not nullable, or is a key"])
            operations.add_column(table.name, _alone(column))
    for index in table.indexes:
        if index.name not in indexes:
            index.create(connection)


def _alone(column: Column[object]) -> Column[object]:
    """A copy of a column that belongs to no table yet."""
    return Column(column.name, column.type, nullable=column.nullable, server_default=column.server_default)


def _changes(connection: Connection, metadata: MetaData) -> Iterator[str]:
    """What still differs and was not merely taken away."""
    context = MigrationContext.configure(
        connection,
        opts={"include_name": lambda name, kind, parents: kind != "table" or name in metadata.tables},
    )
    for change in compare_metadata(context, metadata):
        if isinstance(change, list):
            yield from (f"{each[2]}.{each[3]}: {each[0].replace('_', ' ')}" for each in change)
        elif not change[0].startswith("remove_"):
            yield f"{change[0].replace('_', ' ')} {getattr(change[1], 'name', change[1])}"
