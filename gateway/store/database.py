"""The database: one transaction per piece of work, on a thread of its own, never on the reactor's."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from parloir.store import schema
from parloir.store.errors import UnknownDatabase

T = TypeVar("T")

FILE = "parloir.sqlite3"
BUSY = 5_000
"""How long a write waits for another process (a backup) to let go, in milliseconds."""


def connect(where: str | Path) -> Engine:
    """An engine for a data directory (a Path, made if missing) or a database URL (a str with `://`).

    Raises UnknownDatabase for a URL that is not sqlite's.
    """
    if isinstance(where, Path) or "://" not in where:
        where = f"sqlite:///{_make_file(Path(where))}"
    url = make_url(where)
    if url.get_backend_name() != "sqlite":
        raise UnknownDatabase(url.get_backend_name())
    engine = create_engine(url)
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


class Database:
    """The store's only door. Work is a function of a Connection; it commits when that returns, else rolls back."""

    def __init__(self, engine: Engine, reactor: Any) -> None:
        self._engine = engine
        self._reactor = reactor
        # SQLite has one writer: a single thread also keeps work in the order it was given.
        self._threads = ThreadPool(1, 1, name="store")
        self._threads.start()

    @classmethod
    def open(cls, where: str | Path, reactor: Any = None) -> "Database":
        """Open a data directory or URL, making a fresh schema where there is none.

        Blocks while it does. Raises OldSchema, NewSchema or UnknownDatabase.
        """
        if reactor is None:
            from twisted.internet import reactor
        engine = connect(where)
        try:
            schema.prepare(engine)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, reactor)

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Do `work` in one transaction on the store's thread, after all work given earlier."""
        result: T = await deferToThreadPool(self._reactor, self._threads, self._transact, work)
        return result

    async def close(self) -> None:
        """Finish the work that was given, then let go of the database; harmless when it is closed."""
        if self._threads.joined:
            return
        await deferToThreadPool(self._reactor, self._threads, self._engine.dispose)
        self._threads.stop()

    def _transact(self, work: Callable[[Connection], T]) -> T:
        with self._engine.begin() as connection:
            return work(connection)


def _make_file(directory: Path) -> Path:
    """The database's file, made readable by its owner alone: it holds names and links."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = directory.absolute() / FILE
    os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    return file


def _set_up(connection: Any, record: object) -> None:
    # The driver's own BEGIN comes only before a write, too late for "look, then add": see _begin.
    connection.isolation_level = None
    for pragma in (f"busy_timeout = {BUSY}", "journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
