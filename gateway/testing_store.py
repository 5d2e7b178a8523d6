"""Plugins' own tables in memory, for their tests."""

from collections.abc import Callable
from threading import Lock
from typing import TypeVar

from sqlalchemy import Connection, MetaData, StaticPool, create_engine

T = TypeVar("T")


class MemoryStore:
    """The store that plugins are given, on an SQLite database that is gone when the test ends."""

    def __init__(self) -> None:
        self._engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
        self._one_at_a_time = Lock()

    def add(self, metadata: MetaData) -> None:
        """Make tables that are not there yet."""
        with self._one_at_a_time:
            metadata.create_all(self._engine)

    async def run(self, work: Callable[[Connection], T]) -> T:
        """See parloir.api.Store."""
        return self.run_now(work)

    def run_now(self, work: Callable[[Connection], T]) -> T:
        """See parloir.api.Store; a test looks into the tables this way, too."""
        with self._one_at_a_time, self._engine.begin() as connection:
            return work(connection)

    def close(self) -> None:
        """Forget everything."""
        self._engine.dispose()
