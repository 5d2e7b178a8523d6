"""A whole database copied into one file while it is in use, and brought back from it."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Engine, inspect, text

from parloir.store import archive
from parloir.store.errors import InUse, SnapshotFailed

OTHERS = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)
"""How many other programs have PostgreSQL's database open."""


def take(engine: Engine, file: Path) -> None:
    """Copy the database, as of one moment, into a new file that only its owner reads.

    SQLite's is a database itself, PostgreSQL's an archive of pg_dump. Raises NoTool and SnapshotFailed.
    """
    os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        if engine.dialect.name == "sqlite":
            _vacuum(Path(engine.url.database or ""), file)
        else:
            archive.dump(engine.url, file)
    except BaseException:
        file.unlink(missing_ok=True)
        raise


def bring_back(engine: Engine, file: Path) -> None:
    """Put the database back as it was when `file` was taken; what is in it now is lost.

    No gateway may run on it meanwhile. Raises InUse, NoTool and SnapshotFailed; then it stays as it was.
    """
    if engine.dialect.name == "sqlite":
        engine.dispose()
        _replace(Path(engine.url.database or ""), file)
        return
    with engine.connect() as connection:
        others = connection.execute(text(OTHERS)).scalar()
    engine.dispose()
    if others:
        raise InUse(engine.url.database or "")
    archive.restore(engine.url, file)


def is_empty(engine: Engine) -> bool:
    """Whether there is nothing in the database that a restore could destroy."""
    return not inspect(engine).get_table_names()


def is_fleeting(engine: Engine) -> bool:
    """Whether the database is in memory only."""
    return engine.dialect.name == "sqlite" and engine.url.database in (None, "", ":memory:")


def _vacuum(database: Path, file: Path) -> None:
    try:
        with closing(sqlite3.connect(database, isolation_level=None)) as connection:
            connection.execute("VACUUM INTO ?", (str(file),))
    except sqlite3.Error as error:
        raise SnapshotFailed(f"{database} could not be copied to {file}", str(error)) from error


def _replace(database: Path, file: Path) -> None:
    _let_go(database)
    fresh = database.with_name(f"{database.name}.restored")
    fresh.unlink(missing_ok=True)
    os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    shutil.copyfile(file, fresh)
    fresh.rename(database)


def _let_go(database: Path) -> None:
    """Fold the write-ahead log into the file, which works only when no one else has it open."""
    if not database.exists():
        return
    try:
        with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE").fetchone()
    except sqlite3.OperationalError as error:
        raise InUse(str(database)) from error
    except sqlite3.DatabaseError:
        # Broken: that is what a restore is for.
        for suffix in ("-wal", "-shm"):
            database.with_name(database.name + suffix).unlink(missing_ok=True)
