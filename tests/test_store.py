"""The store: its schema, transactions, append-only timeline, and what outlives the process."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from pytest_twisted import async_yield_fixture, ensureDeferred
from sqlalchemy import Connection, Delete, Update, delete, inspect, text, update
from sqlalchemy.exc import IntegrityError
from twisted.internet.defer import Deferred, DeferredList

from parloir.sip.session import Dialog
from parloir.store import calls, schema, tables, timeline, visits
from parloir.store.calls import Call, CallClass, WayIn
from parloir.store.database import Database, connect
from parloir.store.dialogs import Dialogs
from parloir.store.errors import (
    BadDatabaseUrl,
    NewSchema,
    NoSuchCall,
    OldSchema,
    StationTaken,
    UnknownDatabase,
    Unreachable,
)
from parloir.store.visits import Visit
from tests.databases import Server

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CALL = Call("c1", None, "north", "pod-a-1", WayIn.SCHEDULED, CallClass.ORDINARY, NOW)
DIALOG = Dialog("s1", "id@host", "sip:gw@a", "lt", "sip:1@b", "rt", 1, 2, "sip:1@127.0.0.9", ("<sip:p;lr>",), "udp")


@async_yield_fixture
async def database(where: str) -> AsyncIterator[Database]:
    database = Database.open(where)
    yield database
    await database.close()


def test_a_fresh_directory_becomes_a_private_database_of_this_schema(tmp_path: Path) -> None:
    engine = connect(tmp_path / "data")
    schema.prepare(engine)
    with engine.begin() as connection:
        assert set(tables.metadata.tables) < set(inspect(connection).get_table_names())
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    engine.dispose()
    assert (tmp_path / "data" / "parloir.sqlite3").stat().st_mode & 0o077 == 0


def test_an_old_schema_is_refused_and_its_error_names_the_remedy(tmp_path: Path) -> None:
    engine = connect(tmp_path)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE visits (id INTEGER)"))
    engine.dispose()
    with pytest.raises(OldSchema, match="parloir db upgrade"):
        Database.open(tmp_path)


def test_a_later_schema_is_refused(tmp_path: Path) -> None:
    engine = connect(tmp_path)
    schema.prepare(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'z999'"))
    with pytest.raises(NewSchema, match="z999"):
        schema.prepare(engine)
    engine.dispose()


def test_a_database_of_another_kind_is_refused_in_plain_words() -> None:
    with pytest.raises(UnknownDatabase, match="leave it out to use sqlite"):
        connect("mysql://localhost/parloir")
    with pytest.raises(BadDatabaseUrl, match="USER:PASSWORD"):
        connect("postgres//:secret://@")


def test_a_database_that_does_not_answer_is_named_without_its_password() -> None:
    with pytest.raises(Unreachable, match="database visits cannot be opened") as refused:
        Database.open("postgresql+psycopg://gateway:hidden@/visits?host=/nowhere")
    assert "hidden" not in str(refused.value)


@ensureDeferred
async def test_work_that_raises_leaves_nothing_behind(database: Database) -> None:
    def fail(connection: Connection) -> None:
        calls.add(connection, CALL)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.run(fail)
    assert await database.run(calls.list) == []


@ensureDeferred
async def test_calls_are_live_until_finished_and_keep_their_first_reason(database: Database) -> None:
    later = NOW + timedelta(minutes=5)
    await database.run(lambda c: calls.add(c, CALL))
    assert await database.run(lambda c: calls.list(c, live=True)) == [CALL]
    await database.run(lambda c: calls.finish(c, "c1", later, "LimitReached"))
    await database.run(lambda c: calls.finish(c, "c1", later + timedelta(1), "MediaLost"))
    assert await database.run(lambda c: calls.list(c, live=True)) == []
    ended = replace(CALL, ended=later, reason="LimitReached")
    assert await database.run(lambda c: calls.list(c, live=False)) == [ended]
    with pytest.raises(NoSuchCall):
        await database.run(lambda c: calls.finish(c, "c2", later, "LimitReached"))


@ensureDeferred
async def test_a_timeline_is_numbered_and_comes_back_as_it_was_told(database: Database) -> None:
    await database.run(lambda c: calls.add(c, CALL))
    for n, kind in enumerate(("opened", "ringing", "answered")):
        await database.run(partial(timeline.append, call="c1", kind=kind, data={"n": n}, wall=NOW, monotonic=n))
    entries = await database.run(lambda c: timeline.of(c, "c1"))
    assert [(e.number, e.kind, e.data, e.wall) for e in entries] == [
        (1, "opened", {"n": 0}, NOW),
        (2, "ringing", {"n": 1}, NOW),
        (3, "answered", {"n": 2}, NOW),
    ]


@pytest.mark.parametrize("change", [update(tables.events).values(kind="other"), delete(tables.events)])
@ensureDeferred
async def test_a_timeline_cannot_be_rewritten(database: Database, change: Update | Delete) -> None:
    await database.run(lambda c: calls.add(c, CALL))
    await database.run(lambda c: timeline.append(c, "c1", "opened", {}, NOW, 1))
    with pytest.raises(IntegrityError, match="append-only"):
        await database.run(lambda c: c.execute(change))
    assert [e.kind for e in await database.run(lambda c: timeline.of(c, "c1"))] == ["opened"]


@ensureDeferred
async def test_an_event_of_no_call_is_refused(database: Database) -> None:
    with pytest.raises(IntegrityError):
        await database.run(lambda c: timeline.append(c, "nobody", "opened", {}, NOW, 1))


@ensureDeferred
async def test_work_on_one_lane_keeps_its_order(database: Database) -> None:
    done: list[tuple[str, int]] = []

    def work(lane: str, number: int, connection: Connection) -> None:
        connection.execute(text("SELECT 1"))
        done.append((lane, number))

    lanes = ("", "plugin a", "plugin b", "web")
    waiting = [
        Deferred.fromCoroutine(database.run(partial(work, lane, number), lane))
        for number in range(20)
        for lane in lanes
    ]
    await DeferredList(waiting)
    for lane in lanes:
        assert [number for each, number in done if each == lane] == list(range(20))


@ensureDeferred
async def test_a_plugins_long_work_does_not_hold_up_the_calls_on_postgresql(postgresql: Server) -> None:
    database = Database.open(postgresql.fresh())
    go_on = Event()
    slow = Deferred.fromCoroutine(database.run(lambda connection: go_on.wait(30), "plugin"))
    assert await database.run(lambda connection: connection.execute(text("SELECT 7")).scalar()) == 7
    go_on.set()
    assert await slow
    await database.close()


@ensureDeferred
async def test_events_written_on_many_lanes_become_visible_in_their_order(where: str, database: Database) -> None:
    await database.run(lambda c: calls.add(c, CALL))
    seen: list[int] = []

    def append(number: int, connection: Connection) -> None:
        timeline.append(connection, "c1", str(number), {}, NOW, 1)

    async def hear() -> None:
        for _ in range(20):
            heard = partial(timeline.after, facility="north", sequence=seen[-1] if seen else 0)
            seen.extend(entry.sequence for entry in await database.run(heard, "news"))

    writing = [Deferred.fromCoroutine(database.run(partial(append, n), f"lane {n}")) for n in range(30)]
    await DeferredList([*writing, Deferred.fromCoroutine(hear())])
    await hear()
    assert seen == list(range(1, 31))
    assert [e.number for e in await database.run(lambda c: timeline.of(c, "c1"))] == list(range(1, 31))


@ensureDeferred
async def test_two_bookings_at_once_get_one_place(database: Database) -> None:
    def book(connection: Connection) -> Visit:
        return visits.add(connection, facility="north", station="a", visitor="Ann", start=NOW, minutes=10)

    bookings: list[Deferred[Any]] = [
        Deferred.fromCoroutine(database.run(book, f"lane {number}")) for number in range(6)
    ]
    booked = await DeferredList(bookings, consumeErrors=True)
    assert sorted(success for success, _ in booked) == [False] * 5 + [True]
    assert {failure.type for success, failure in booked if not success} == {StationTaken}


@ensureDeferred
async def test_dialogs_outlive_the_process_and_the_newest_is_kept(where: str) -> None:
    first = Database.open(where)
    dialogs = Dialogs(first, "gw-1")
    dialogs.save(DIALOG)
    dialogs.save(replace(DIALOG, session="s2"))
    dialogs.save(replace(DIALOG, local_cseq=7))
    dialogs.forget("s2")
    await dialogs.written()
    await first.close()

    second = Database.open(where)
    assert await Dialogs(second, "gw-1").left_over() == [replace(DIALOG, local_cseq=7)]
    await second.close()


@ensureDeferred
async def test_a_dialog_that_could_not_be_written_is_written_with_the_next(database: Database) -> None:
    dialogs = Dialogs(Failing(database, times=1), "gw-1")
    dialogs.save(DIALOG)
    await dialogs.written()
    dialogs.save(replace(DIALOG, session="s2"))
    assert {d.session for d in await dialogs.left_over()} == {"s1", "s2"}


@ensureDeferred
async def test_who_waits_for_a_write_waits_for_none_that_comes_later() -> None:
    slow = Slow()
    dialogs, order = Dialogs(slow, "gw-1"), []
    for session in ("s1", "s2", "s3"):
        dialogs.save(replace(DIALOG, session=session))
        Deferred.fromCoroutine(dialogs.written()).addCallback(lambda _, session: order.append(session), session)
    assert order == []
    slow.begun[0].callback(None)
    assert order == ["s1"]
    dialogs.save(replace(DIALOG, session="s4"))
    slow.begun[1].callback(None)
    assert (order, len(slow.begun)) == (["s1", "s2", "s3"], 3)
    slow.begun[2].callback(None)
    await dialogs.written()


class Slow(Database):
    """A database that has done its work when it is told so."""

    def __init__(self) -> None:
        self.begun: list[Deferred[None]] = []

    async def run(self, work: Callable[[Connection], Any], lane: str = "") -> Any:
        self.begun.append(Deferred())
        await self.begun[-1]


class Failing(Database):
    """A database whose first transactions fail, as on a full disk."""

    def __init__(self, real: Database, times: int) -> None:
        self._real = real
        self._times = times

    async def run(self, work: Callable[[Connection], Any], lane: str = "") -> Any:
        if self._times:
            self._times -= 1
            raise OSError("disk full")
        return await self._real.run(work, lane)
