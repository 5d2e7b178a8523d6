"""The database: one transaction per piece of work, on threads of its own, never on the reactor's."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from zlib import crc32

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from parloir.store import audit, schema
from parloir.store.anchor import Anchor
from parloir.store.errors import BadDatabaseUrl, MissingDriver, UnknownDatabase, Unreachable

T = TypeVar("T")

FILE = "parloir.sqlite3"
BUSY = 5_000
"""How long a write waits for another process (a backup) to let go, in milliseconds."""
THREADS = 4
"""How many pieces of work PostgreSQL is given at once; the first thread is the calls' own."""

PATIENCE = {"options": "-c lock_timeout=30s -c idle_in_transaction_session_timeout=60s"}
"""A gateway that hangs or lost its network lets go of its locks, and keeps no other waiting for ever."""


def connect(where: str | Path) -> Engine:
    """An engine for a data directory (a Path, made if missing) or a database URL (a str with `://`).

    Raises UnknownDatabase for a URL of neither sqlite nor postgresql, BadDatabaseUrl, and MissingDriver where
    PostgreSQL's driver is not installed.
    """
    if isinstance(where, Path) or "://" not in where:
        where = f"sqlite:///{_make_file(Path(where))}"
    try:
        url = make_url(where)
    except ArgumentError:
        raise BadDatabaseUrl from None
    match url.get_backend_name():
        case "sqlite":
            return _sqlite(url)
        case "postgresql":
            return _postgresql(url)
    raise UnknownDatabase(url.get_backend_name())


@contextmanager
def transaction(engine: Engine, anchor: Anchor | None) -> Iterator[Connection]:
    """One transaction; when it has committed, the anchor learns of what it added to the audit chain."""
    with engine.begin() as connection:
        audit.forget_appended(connection)
        yield connection
        head = audit.head(connection) if audit.has_appended(connection) else None
    if head is not None and anchor is not None:
        anchor.advance(head)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One transaction that only reads, all as of one moment, and keeps no writer waiting however long it takes."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection.execution_options(only_reads=True)


class Database:
    """The store's only door. Work is a function of a Connection; it commits when that returns, else rolls back."""

    def __init__(self, engine: Engine, reactor: Any, anchor: Anchor | None = None) -> None:
        self._engine = engine
        self._reactor = reactor
        self._anchor = anchor
        # A thread keeps its work in the order it was given. SQLite has one writer, so one thread.
        count = 1 if engine.dialect.name == "sqlite" else THREADS
        self._threads = [ThreadPool(1, 1, name=f"store-{number}") for number in range(count)]
        for thread in self._threads:
            thread.start()

    @classmethod
    def open(cls, where: str | Path, reactor: Any = None, anchor: Anchor | None = None) -> "Database":
        """Open a data directory or URL, making a fresh schema where there is none.

        `anchor` remembers the end of the audit chain; for a data directory it is there without being named.
        Blocks while it does. Raises OldSchema, NewSchema, Unreachable, and what `connect` raises.
        """
        if reactor is None:
            from twisted.internet import reactor
        if anchor is None and isinstance(where, Path):
            anchor = Anchor.within(where)
        engine = connect(where)
        try:
            schema.prepare(engine)
        except OperationalError as error:
            engine.dispose()
            raise Unreachable(schema.name(engine), str(error.orig)) from error
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, reactor, anchor)

    async def run(self, work: Callable[[Connection], T], lane: str = "") -> T:
        """Do `work` in one transaction, after all work given earlier on the same lane.

        On PostgreSQL lanes run beside each other, and none holds up the unnamed one, which is the calls'.
        """
        result: T = await deferToThreadPool(self._reactor, self._thread(lane), self._transact, work)
        return result

    async def close(self) -> None:
        """Finish the work that was given, then let go of the database; harmless when it is closed."""
        if self._threads[0].joined:
            return
        for thread in self._threads:
            await deferToThreadPool(self._reactor, thread, lambda: None)
        self._engine.dispose()
        for thread in self._threads:
            thread.stop()

    def _thread(self, lane: str) -> ThreadPool:
        others = len(self._threads) - 1
        return self._threads[1 + crc32(lane.encode()) % others if lane and others else 0]

    def _transact(self, work: Callable[[Connection], T]) -> T:
        with transaction(self._engine, self._anchor) as connection:
            return work(connection)


def _sqlite(url: URL) -> Engine:
    engine = create_engine(url, hide_parameters=True)
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _postgresql(url: URL) -> Engine:
    try:
        return create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_size=THREADS,
            max_overflow=0,
            pool_pre_ping=True,
            hide_parameters=True,
            isolation_level="READ COMMITTED",
            connect_args={"connect_timeout": BUSY // 1000} | ({} if "options" in url.query else PATIENCE),
        )
    except ImportError as error:
        raise MissingDriver from error


def _make_file(directory: Path) -> Path:
    """The database's file, made readable by its owner alone: it holds names and links."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = directory.absolute() / FILE
    os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    return file


def _set_up(connection: Any, record: object) -> None:
    # The driver's own BEGIN comes only before a write, too late for "look, then add": see _begin.
    connection.isolation_level = None
    for pragma in (f"busy_timeout = {BUSY}", "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    only_reads = connection.get_execution_options().get("only_reads", False)
    connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")
