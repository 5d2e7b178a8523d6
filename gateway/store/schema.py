"""The schema's version: made in a fresh database, checked in an old one, upgraded on demand."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect

from parloir.store.errors import NewSchema, OldSchema

MIGRATIONS = Path(__file__).parent / "migrations"


def prepare(engine: Engine) -> None:
    """Make the tables of a fresh database; raises OldSchema or NewSchema where it is not of this version."""
    name = _name(engine)
    with engine.begin() as connection:
        found = revision(connection)
        if found is None and not inspect(connection).get_table_names():
            _migrate(connection)
            return
    script = ScriptDirectory.from_config(_config())
    wanted = script.get_current_head()
    if found == wanted:
        return
    if found is None or found in {step.revision for step in script.walk_revisions()}:
        raise OldSchema(name, found or "none", str(wanted))
    raise NewSchema(name, found)


def upgrade(engine: Engine) -> Path | None:
    """Bring a database to this version's schema, in one transaction; answers the backup it took first.

    Where there was nothing to upgrade, nothing is backed up and None is answered.
    """
    with engine.connect() as connection:
        found = revision(connection)
    if found == ScriptDirectory.from_config(_config()).get_current_head():
        return None
    backup = _back_up(engine, found)
    with engine.begin() as connection:
        _migrate(connection)
    return backup


def revision(connection: Connection) -> str | None:
    """The schema version that the database says it has; None for a database without one."""
    return MigrationContext.configure(connection).get_current_revision()


def _back_up(engine: Engine, found: str | None) -> Path | None:
    file = engine.url.database
    if found is None or not file or file == ":memory:":
        return None
    backup = Path(f"{file}.{found}.bak")
    backup.unlink(missing_ok=True)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM INTO ?", (str(backup),))
    backup.chmod(0o600)
    return backup


def _migrate(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _name(engine: Engine) -> str:
    return engine.url.database or str(engine.url)
