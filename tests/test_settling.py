"""Settling calls that end together in one transaction."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_twisted
from sqlalchemy import Connection, text
from twisted.internet.defer import ensureDeferred, gatherResults

from parloir.calls.settling import MOST, Settling
from parloir.store.database import Database


@pytest_twisted.async_yield_fixture(name="database")
async def opened(tmp_path: Path) -> AsyncIterator[Database]:
    """A database with a table of settled calls."""
    database = Database.open(tmp_path)
    await database.run(lambda connection: connection.execute(text("CREATE TABLE settled (call TEXT PRIMARY KEY)")))
    yield database
    await database.close()


class Book:
    """Writes settled calls down; fails over those it is told to, after it has written."""

    def __init__(self, bad: frozenset[str] = frozenset()) -> None:
        self.bad = bad
        self.batches: list[tuple[str, ...]] = []

    def settle(self, connection: Connection, some: Sequence[str]) -> Sequence[str]:
        self.batches.append(tuple(some))
        for call in some:
            connection.execute(text("INSERT INTO settled VALUES (:call)"), {"call": call})
        if wrong := self.bad.intersection(some):
            raise ValueError(min(wrong))
        return [f"{call} settled" for call in some]


async def kept(database: Database) -> set[str]:
    rows = await database.run(lambda connection: connection.execute(text("SELECT call FROM settled")).scalars().all())
    return set(rows)


@pytest_twisted.ensureDeferred
async def test_calls_that_end_together_share_a_transaction(database: Database) -> None:
    book = Book()
    settling = Settling(database, book.settle)
    calls = [f"c{number}" for number in range(MOST + 3)]
    results = await gatherResults([ensureDeferred(settling.settle(call)) for call in calls])
    assert results == [f"{call} settled" for call in calls]
    assert [len(batch) for batch in book.batches] == [1, MOST, 2]
    assert await kept(database) == set(calls)


@pytest_twisted.ensureDeferred
async def test_one_calls_fault_is_no_others(database: Database) -> None:
    settling = Settling(database, Book(frozenset({"bad"})).settle)
    waiting = {call: ensureDeferred(settling.settle(call)) for call in ("first", "a", "bad", "b")}
    for call in ("first", "a", "b"):
        assert await waiting[call] == f"{call} settled"
    with pytest.raises(ValueError, match="bad"):
        await waiting["bad"]
    assert await kept(database) == {"first", "a", "b"}


@pytest_twisted.ensureDeferred
async def test_a_call_asked_for_twice_is_settled_once(database: Database) -> None:
    book = Book()
    settling = Settling(database, book.settle)
    results = await gatherResults([ensureDeferred(settling.settle(call)) for call in ("first", "a", "a")])
    assert results == ["first settled", "a settled", "a settled"]
    assert book.batches == [("first",), ("a",)]


@pytest_twisted.ensureDeferred
async def test_it_goes_on_after_a_fault(database: Database) -> None:
    settling = Settling(database, Book(frozenset({"bad"})).settle)
    with pytest.raises(ValueError, match="bad"):
        await settling.settle("bad")
    assert await settling.settle("good") == "good settled"
