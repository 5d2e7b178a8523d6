"""The schema's version: made in a fresh database, checked in an old one, moved up or down on demand."""

from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect

import parloir.store.ledger_tables
import parloir.store.phone_tables
import parloir.store.recording_tables  # noqa: F401
from parloir.store import locks, snapshot
from parloir.store.errors import NewSchema, OldSchema

MIGRATIONS = Path(__file__).parent / "migrations"
HEAD = "head"


def prepare(engine: Engine) -> None:
    """Make the tables of a fresh database; raises OldSchema or NewSchema where it is not of this version."""
    with engine.begin() as connection:
        locks.hold(connection, locks.SCHEMA)
        found = revision(connection)
        if found is None and not inspect(connection).get_table_names():
            _migrate(connection, HEAD)
            return
    wanted = newest()
    if found == wanted:
        return
    if found is None or found in {step.revision for step in _script().walk_revisions()}:
        raise OldSchema(name(engine), found or "none", wanted)
    raise NewSchema(name(engine), found)


def upgrade(engine: Engine, folder: Path | None = None) -> Path | None:
    """Bring a database to this version's schema, in one transaction; answers the backup it took first.

    The backup goes into `folder` (default: beside SQLite's file, else the working directory). Where there was nothing
    to upgrade, nothing is backed up and None is answered. Raises NoTool and SnapshotFailed, then nothing was changed.
    """
    with engine.connect() as connection:
        found = revision(connection)
    if found == newest():
        return None
    backup = _back_up(engine, found, folder)
    migrate(engine, HEAD)
    return backup


def migrate(engine: Engine, to: str) -> None:
    """Move the schema up or down to a revision, in one transaction. Going down loses what the older one cannot hold."""
    with engine.begin() as connection:
        locks.hold(connection, locks.SCHEMA)
        _migrate(connection, to)


def revision(connection: Connection) -> str | None:
    """The schema version that the database says it has; None for a database without one."""
    return MigrationContext.configure(connection).get_current_revision()


def newest() -> str:
    """The schema version that this code works with."""
    return str(_script().get_current_head())


def name(engine: Engine) -> str:
    """The database as an error may name it: without user or password."""
    return engine.url.database or engine.url.get_backend_name()


def _back_up(engine: Engine, found: str | None, folder: Path | None) -> Path | None:
    if found is None or snapshot.is_fleeting(engine):
        return None
    file = Path(name(engine))
    if engine.dialect.name != "sqlite":
        file = Path(f"{file.name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    backup = (folder or file.parent) / f"{file.name}.{found}.bak"
    backup.unlink(missing_ok=True)
    snapshot.take(engine, backup)
    return backup


def _migrate(connection: Connection, to: str) -> None:
    config = _config()
    config.attributes["connection"] = connection
    found = revision(connection)
    older = {step.revision for step in _script().iterate_revisions(found, "base")} - {found} if found else set()
    (command.downgrade if to in older else command.upgrade)(config, to)


def _script() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
