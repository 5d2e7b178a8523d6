"""What plugins have done, from their own threads: audited before it happens, and never to others' calls and visits."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from pytest_twisted import async_yield_fixture, ensureDeferred
from sqlalchemy import Connection
from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.python.threadable import isInIOThread

from parloir.calls import words as texts
from parloir.calls.actions import FacilityActions
from parloir.calls.premises import Premises
from parloir.calls.reason import PolicyEnded, Reason
from parloir.calls.stations import Station, Stations, UnknownStation
from parloir.policy.answers import Words
from parloir.policy.facility import ErasedRecording
from parloir.policy.values import Route
from parloir.store import audit, call_notes, calls, visits
from parloir.store.audit import Record
from parloir.store.call_notes import Note
from parloir.store.calls import Call, CallClass, WayIn
from parloir.store.database import Database
from parloir.store.errors import NoSuchVisit, VisitOver
from parloir.store.visits import Visit, VisitState

T = TypeVar("T")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
WORDS = Words("Everybody is locked in.", "Hay un cierre.")
WHY: dict[str, Any] = {"code": "lockdown", "words": WORDS, "by": "eve"}
SAID = PolicyEnded("scheduling", "lockdown", "eve", said="Hay un cierre.")
STATIONS = Stations([Station("north", name, "North", "es", True, None, name[4].upper()) for name in ("pod-a", "pod-b")])
ERASED = ErasedRecording("r1", "c1", "first", "ab" * 32, "cd" * 32)


@dataclass
class Desk:
    """The hand, that notes what it does and what was in the audit chain by then."""

    database: Database
    calls: dict[str, tuple[str, Route]] = field(default_factory=dict)
    done: list[tuple[str, Reason | str]] = field(default_factory=list)
    too_late: bool = False

    def live_calls(self, facility: str, unit: str | None) -> Sequence[tuple[str, Route]]:
        assert isInIOThread()
        return [(id, route) for id, (where, route) in self.calls.items() if unit in (None, where)]

    def end(self, id: str, reason: Reason) -> None:
        assert isInIOThread()
        self.done.append((id, reason))

    async def cancel_visit(self, id: str, reason: Reason) -> None:
        self.done.append((id, reason))
        if self.too_late:
            raise VisitOver(await self.database.run(lambda connection: visits.get(connection, id)))
        await self.database.run(lambda connection: visits.set_state(connection, id, VisitState.CANCELLED))

    async def expire_recordings(self, facility: str, by: str) -> tuple[ErasedRecording, ...]:
        assert isInIOThread()
        self.done.append((facility, by))
        return (ERASED,)

    def moved(self, visit: Visit, said: str) -> None:
        self.done.append((visit.id, said))


@dataclass
class Way:
    """A facility's actions, and what came of them."""

    database: Database
    desk: Desk
    actions: FacilityActions

    async def of(self, act: Coroutine[Any, Any, T]) -> T:
        """Do it as a plugin does, on a loop in a thread of its own."""
        result: T = await deferToThread(asyncio.run, act)
        return result

    async def visit(self, start: datetime = NOW, station: str = "pod-a", facility: str = "north") -> Visit:
        def book(connection: Connection) -> Visit:
            return visits.add(
                connection, facility=facility, station=station, visitor="Ann Doe", start=start, minutes=30
            )

        return await self.database.run(book)

    async def get(self, id: str) -> Visit:
        return await self.database.run(lambda connection: visits.get(connection, id))

    async def call(self, id: str, call_class: CallClass = CallClass.ORDINARY, facility: str = "north") -> None:
        call = Call(id, None, facility, "pod-a", WayIn.INSIDE, call_class, NOW)
        await self.database.run(lambda connection: calls.add(connection, call))

    async def notes(self, id: str) -> list[Note]:
        return await self.database.run(lambda connection: call_notes.list(connection, id))

    async def audited(self) -> list[tuple[str, str, str]]:
        def read(connection: Connection) -> list[Record]:
            assert audit.verify(connection) == []
            return audit.list(connection)

        return [(record.actor, record.action, record.subject) for record in await self.database.run(read)]


@async_yield_fixture
async def way(where: str) -> AsyncIterator[Way]:
    database = Database.open(where)
    desk = Desk(database)
    premises = Premises("north", "America/Chicago", None, "es", STATIONS)
    yield Way(database, desk, FacilityActions("scheduling", premises, reactor, database.run, desk))
    await database.close()


@ensureDeferred
async def test_the_calls_of_a_unit_end_with_the_plugins_words(way: Way) -> None:
    way.desk.calls = {"c1": ("A", Route.VISIT), "c2": ("B", Route.VISIT), "c3": ("A", Route.VISIT)}
    assert await way.of(way.actions.end_calls(unit="A", **WHY)) == ("c1", "c3")
    assert way.desk.done == [("c1", SAID), ("c3", SAID)]
    assert await way.audited() == [("plugin:scheduling", "call.ended", f"call {id}") for id in ("c1", "c3")]
    assert await way.of(way.actions.end_calls(unit=None, **WHY)) == ("c1", "c2", "c3")


@ensureDeferred
async def test_emergency_and_hotline_calls_go_on(way: Way) -> None:
    way.desk.calls = {"c1": ("A", Route.EMERGENCY), "c2": ("A", Route.HOTLINE)}
    assert await way.of(way.actions.end_calls(unit=None, **WHY)) == ()
    assert way.desk.done == []
    assert await way.audited() == []


@ensureDeferred
async def test_nothing_is_done_that_cannot_be_audited(way: Way) -> None:
    way.desk.calls = {"c1": ("A", Route.VISIT)}
    visit = await way.visit()

    async def fails(work: Callable[[Connection], T]) -> T:
        raise OSError("disk full")

    broken = replace(way.actions, run=fails)
    for act in (
        broken.end_calls(unit=None, **WHY),
        broken.release_visit(visit.id, **WHY),
        broken.move_visit(visit.id, station="pod-b", start=NOW, end=NOW + HOUR, **WHY),
        broken.note_call("c1", "a note", by="eve"),
    ):
        with pytest.raises(OSError, match="disk full"):
            await way.of(act)
    assert way.desk.done == []


@ensureDeferred
async def test_recordings_expire_in_the_plugins_own_facility_and_under_its_name(way: Way) -> None:
    assert await way.of(way.actions.expire_recordings(by="retention")) == (ERASED,)
    assert way.desk.done == [("north", "plugin:scheduling retention")]


@ensureDeferred
async def test_a_released_visit_is_cancelled_once(way: Way) -> None:
    visit = await way.visit()
    for _ in range(2):
        await way.of(way.actions.release_visit(visit.id, **WHY))
    assert way.desk.done == [(visit.id, SAID)]
    assert await way.audited() == [("plugin:scheduling", "visit.released", f"visit {visit.id}")]
    assert (await way.get(visit.id)).state is VisitState.CANCELLED


@ensureDeferred
async def test_a_visit_that_ends_before_it_is_released_is_no_fault(way: Way) -> None:
    visit, way.desk.too_late = await way.visit(), True
    await way.of(way.actions.release_visit(visit.id, **WHY))
    assert way.desk.done == [(visit.id, SAID)]


@ensureDeferred
async def test_a_moved_visit_is_told_its_people(way: Way) -> None:
    visit = await way.visit()
    start = NOW + HOUR
    assert await way.of(way.actions.move_visit(visit.id, station="pod-b", start=start, end=start + HOUR, **WHY))
    moved = await way.get(visit.id)
    assert (moved.station, moved.start, moved.minutes, moved.token) == ("pod-b", start, 60, visit.token)
    assert way.desk.done == [(visit.id, "Hay un cierre.")]
    assert await way.audited() == [("plugin:scheduling", "visit.moved", f"visit {visit.id}")]


@ensureDeferred
async def test_a_visit_stays_where_its_new_place_is_taken_or_it_has_begun(way: Way) -> None:
    first, second = await way.visit(), await way.visit(NOW + HOUR)
    onto = way.actions.move_visit(first.id, station="pod-a", start=NOW + HOUR, end=NOW + 2 * HOUR, **WHY)
    assert not await way.of(onto)
    await way.database.run(lambda connection: visits.set_state(connection, second.id, VisitState.ACTIVE))
    begun = way.actions.move_visit(second.id, station="pod-b", start=NOW, end=NOW + HOUR, **WHY)
    assert not await way.of(begun)
    assert [await way.get(first.id), (await way.get(second.id)).station] == [first, "pod-a"]
    assert way.desk.done == []
    assert await way.audited() == []


@ensureDeferred
async def test_another_facilitys_visit_is_out_of_reach(way: Way) -> None:
    theirs = await way.visit(facility="south")
    with pytest.raises(NoSuchVisit):
        await way.of(way.actions.release_visit(theirs.id, **WHY))
    with pytest.raises(NoSuchVisit):
        await way.of(way.actions.move_visit(theirs.id, station="pod-b", start=NOW, end=NOW + HOUR, **WHY))
    assert await way.get(theirs.id) == theirs
    assert await way.audited() == []


@ensureDeferred
async def test_a_place_that_is_none_is_the_plugins_fault(way: Way) -> None:
    visit = await way.visit()
    with pytest.raises(UnknownStation):
        await way.of(way.actions.move_visit(visit.id, station="pod-z", start=NOW, end=NOW + HOUR, **WHY))
    with pytest.raises(ValueError, match="a minute"):
        await way.of(way.actions.move_visit(visit.id, station="pod-b", start=NOW, end=NOW, **WHY))


@pytest.mark.parametrize("call_class", [CallClass.ORDINARY, CallClass.PRIVILEGED])
@ensureDeferred
async def test_a_note_is_kept_with_its_call_live_or_over(way: Way, call_class: CallClass) -> None:
    await way.call("c1", call_class)
    assert await way.of(way.actions.note_call("c1", "one", by="eve"))
    await way.database.run(lambda connection: calls.finish(connection, "c1", NOW, "HungUp"))
    assert await way.of(way.actions.note_call("c1", "two", by="kim"))
    assert [(each.text, each.made_by) for each in await way.notes("c1")] == [("one", "eve"), ("two", "kim")]
    assert await way.audited() == [("plugin:scheduling", "call.noted", "call c1")] * 2
    (first, _) = await way.database.run(audit.list)
    assert first.facts == {"facility": "north", "by": "eve", "text": "one"}


@ensureDeferred
async def test_no_note_without_its_audit_record(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    await way.call("c1")

    def fails(*given: Any) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr("parloir.calls.actions.audit.append", fails)
        with pytest.raises(OSError, match="disk full"):
            await way.of(way.actions.note_call("c1", "one", by="eve"))
    assert await way.notes("c1") == []


@pytest.mark.parametrize("id", ["theirs", "none", "\0"])
@ensureDeferred
async def test_another_facilitys_call_gets_no_note(way: Way, id: str) -> None:
    await way.call("theirs", facility="south")
    assert not await way.of(way.actions.note_call(id, "one", by="eve"))
    assert await way.notes("theirs") == []
    assert await way.audited() == []


@pytest.mark.parametrize("text", ["", " \n", "x" * 1001, "a\0b", "\ud800"])
@ensureDeferred
async def test_a_note_that_is_none_is_the_plugins_fault(way: Way, text: str) -> None:
    await way.call("c1")
    with pytest.raises(ValueError, match="1 to 1000 characters"):
        await way.of(way.actions.note_call("c1", text, by="eve"))
    assert await way.notes("c1") == []


def test_what_the_visitor_reads_is_not_kept_in_the_timeline() -> None:
    assert texts.ending(SAID, "es") == "Hay un cierre."
    assert SAID.facts() == {"plugin": "scheduling", "code": "lockdown", "by": "eve"}
    assert texts.ending(replace(SAID, said=""), "en").startswith("The facility had to end")
