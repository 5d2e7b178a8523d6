"""The two kinds of database that the store runs on: SQLite's file, and a PostgreSQL server of the tests' own."""

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine

from parloir.store import schema
from parloir.store.database import FILE, connect

KINDS = ("sqlite", "postgresql")
ACCOUNT = "postgres"
TEMPLATE = "parloir_template"
SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
BASIC = ("listen_addresses=", "max_connections=60")


@dataclass
class Server:
    """A running PostgreSQL server on a unix socket in its own directory."""

    folder: Path
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://{ACCOUNT}@/{name}?host={self.folder}"

    def fresh(self, template: str | None = TEMPLATE) -> str:
        """The URL of a new database: of the newest schema, or without any."""
        name = f"d{next(self.numbers)}"
        self.create(name, template)
        return self.url(name)

    def create(self, name: str, template: str | None = None) -> None:
        engine = connect(self.url("postgres"))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}{f' TEMPLATE {template}' if template else ''}")
        engine.dispose()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A server for the whole run, started when a test first asks for it."""
    with running(SETTINGS) as server:
        yield server


@contextmanager
def running(wanted: Sequence[str]) -> Iterator[Server]:
    """A server with these settings and BASIC, with a template of the newest schema; it is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="parloir-pg-"))
    account = ACCOUNT if os.getuid() == 0 else None
    if account:
        shutil.chown(folder, account)
    tool = _tools()
    subprocess.run(
        [tool / "initdb", "-D", folder / "data", "-U", ACCOUNT, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
        user=account,
        cwd=folder,
        check=True,
        capture_output=True,
    )
    settings = [word for setting in (*BASIC, *wanted) for word in ("-c", setting)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [tool / "postgres", "-D", folder / "data", "-k", folder, *settings],
            user=account,
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        _wait(tool, folder, process)
        server = Server(folder)
        server.create(TEMPLATE)
        engine = connect(server.url(TEMPLATE))
        schema.prepare(engine)
        engine.dispose()
        yield server
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        shutil.rmtree(folder)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """`sqlite` or `postgresql`: a test that uses this, or what follows, runs on both."""
    return str(request.param)


@pytest.fixture
def empty(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with nothing in it."""
    if kind == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    server: Server = request.getfixturevalue("postgresql")
    return server.fresh(None)


@pytest.fixture
def where(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database of the newest schema."""
    if kind == "postgresql":
        server: Server = request.getfixturevalue("postgresql")
        return server.fresh()
    shutil.copyfile(_migrated(), tmp_path / "store.sqlite3")
    return f"sqlite:///{tmp_path / 'store.sqlite3'}"


def furnished(data_dir: Path) -> Path:
    """A data directory whose database has the newest schema: opening it makes none, which takes a tenth of a second."""
    data_dir.mkdir(mode=0o700, exist_ok=True)
    shutil.copyfile(_migrated(), data_dir / FILE)
    (data_dir / FILE).chmod(0o600)
    return data_dir


@pytest.fixture(scope="session")
def migrated() -> Path:
    """An SQLite file of the newest schema, to be copied."""
    return _migrated()


@cache
def _migrated() -> Path:
    folder = Path(_folder().name)
    engine = connect(f"sqlite:///{folder / 'first.sqlite3'}")
    schema.prepare(engine)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("VACUUM INTO ?", (str(folder / "store.sqlite3"),))
    engine.dispose()
    return folder / "store.sqlite3"


@cache
def _folder() -> "tempfile.TemporaryDirectory[str]":
    """Of this process, until it ends."""
    made = tempfile.TemporaryDirectory(prefix="parloir-store-")
    atexit.register(made.cleanup)
    return made


@pytest.fixture
def engine(where: str) -> Iterator[Engine]:
    """An engine on a database of the newest schema."""
    engine = connect(where)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session", params=KINDS)
def shared(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """One engine for many tests, that leave nothing behind."""
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgresql")
        engine = connect(server.fresh())
    else:
        engine = connect(f"sqlite:///{request.getfixturevalue('migrated')}")
    yield engine
    engine.dispose()


@pytest.fixture
def connection(shared: Engine) -> Iterator[Connection]:
    """A transaction on a database of the newest schema that is rolled back after the test."""
    with shared.connect() as connection:
        yield connection
        connection.rollback()


def _tools() -> Path:
    """The folder of PostgreSQL's own programs: Debian keeps them off PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    program = shutil.which("initdb")
    assert program, "PostgreSQL's server is not installed: run .ci/packages"
    return Path(program).resolve().parent


def _wait(tool: Path, folder: Path, process: "subprocess.Popen[bytes]") -> None:
    while subprocess.run([tool / "pg_isready", "-q", "-h", folder]).returncode:
        assert process.poll() is None, (folder / "log").read_text()
        time.sleep(0.05)
