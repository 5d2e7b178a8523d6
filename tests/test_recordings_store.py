"""Recordings in the store: found again by whom and where and what was noted, and held."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Executable, delete, update
from sqlalchemy.exc import IntegrityError

from parloir.store import (
    call_notes,
    calls,
    participants,
    recording_holds,
    recording_marks,
    recordings,
    residents,
    tables,
    visitors,
    visits,
)
from parloir.store.calls import Call, CallClass, WayIn
from parloir.store.errors import NoSuch, NoSuchRecording
from parloir.store.recordings import Ending, State, Wanted

NOW = datetime(2030, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def stock(connection: Connection) -> None:
    """Three calls, each recorded."""
    for number, station in enumerate(("a", "b", "a")):
        opened = NOW + timedelta(hours=number)
        id = f"c{number}"
        calls.add(connection, Call(id, None, "north", station, WayIn.SCHEDULED, CallClass.ORDINARY, opened))
        recordings.add(connection, f"r{number}", id, "north", opened)


def ids(connection: Connection, **wanted: object) -> list[str]:
    return [each.id for each in recordings.search(connection, Wanted(**wanted))]  # type: ignore[arg-type]


def test_ending_is_written_down_once(connection: Connection) -> None:
    assert recordings.end(connection, "r0", NOW, Ending(State.WHOLE, 5, 900, "ab"))
    assert not recordings.end(connection, "r0", NOW, Ending(State.FAILED, 1, 1, "cd", "late"))
    found = recordings.get(connection, "r0")
    assert (found.state, found.chunks, found.octets, found.hash, found.ended) == (State.WHOLE, 5, 900, "ab", NOW)
    assert found.can_be_played
    assert not recordings.get(connection, "r1").can_be_played


def test_recordings_are_searched_the_newest_first(connection: Connection) -> None:
    assert ids(connection) == ["r2", "r1", "r0"]
    assert ids(connection, station="a") == ["r2", "r0"]
    assert ids(connection, call="c1") == ["r1"]
    assert ids(connection, facility="south") == []
    assert ids(connection, after=NOW + timedelta(minutes=1), before=NOW + timedelta(hours=2)) == ["r1"]
    assert ids(connection, state=State.WHOLE) == []
    assert ids(connection, limit=1) == ["r2"]


def test_recordings_are_found_by_what_was_noted(connection: Connection) -> None:
    recording_marks.add(connection, "r1", 1500, "spoke of 100% pure", NOW, "kim")
    assert ids(connection, note="100% P") == ["r1"]
    assert ids(connection, note="100_") == []
    assert ids(connection, note="\0") == []


def test_recordings_are_found_by_what_was_noted_on_their_call(connection: Connection) -> None:
    recordings.add(connection, "r1b", "c1", "north", NOW + timedelta(hours=1, minutes=1))
    call_notes.add(connection, "c1", "spoke of 100% pure", NOW, "kim")
    calls.add(connection, Call("c9", None, "north", "a", WayIn.SCHEDULED, CallClass.PRIVILEGED, NOW))
    call_notes.add(connection, "c9", "spoke of it too", NOW, "kim")
    assert ids(connection, note="100% P") == ["r1b", "r1"]
    assert ids(connection, note="SPOKE") == ["r1b", "r1"]
    assert ids(connection, note="100_") == []
    assert ids(connection, note="spoke", station="a") == []
    assert ids(connection, note="spoke", within=frozenset({"south"})) == []
    recording_marks.add(connection, "r0", None, "they spoke", NOW, "kim")
    assert ids(connection, note="spoke") == ["r1b", "r1", "r0"]


def test_notes_on_a_call_outlive_its_recording_in_order(connection: Connection) -> None:
    first = call_notes.add(connection, "c0", "one", NOW, "kim")
    second = call_notes.add(connection, "c0", "two", NOW, "lee")
    recordings.erase(connection, "r0", NOW)
    assert call_notes.list(connection, "c0") == [first, second]
    assert call_notes.list(connection, "c1") == []
    assert ids(connection, note="two") == ["r0"]


@pytest.mark.parametrize("change", [update(tables.call_notes).values(text="other"), delete(tables.call_notes)])
def test_no_note_on_a_call_is_ever_changed_or_removed(connection: Connection, change: Executable) -> None:
    call_notes.add(connection, "c0", "as it was", NOW, "kim")
    with pytest.raises(IntegrityError, match="append-only"), connection.begin_nested():
        connection.execute(change)
    assert [each.text for each in call_notes.list(connection, "c0")] == ["as it was"]


def test_recordings_are_found_by_whoever_was_in_the_visit(connection: Connection) -> None:
    when = NOW + timedelta(days=1)
    sam = residents.add(connection, facility="north", number="1001", name="Sam Roe", unit="A")
    lee = visitors.add(connection, facility="north", reference="V-7", name="Lee Poe")
    visit = visits.add(
        connection, facility="north", station="c", visitor="Ann Doe", start=when, minutes=20, resident=sam.id
    )
    participants.put(connection, visit.id, [lee.id])
    calls.add(connection, Call("c9", visit.id, "north", "c", WayIn.SCHEDULED, CallClass.ORDINARY, when))
    recordings.add(connection, "r9", "c9", "north", when)
    for person in ("ann", "sam r", "1001", "LEE", "V-7"):
        assert ids(connection, person=person) == ["r9"], person
    for person in ("100", "V-", "pod", "%", "\0"):
        assert ids(connection, person=person) == [], person
    found = recordings.get(connection, "r9")
    assert (found.resident, found.visitor) == ("Sam Roe", "Ann Doe")
    assert ids(connection, resident=sam.id, visitor=lee.id) == ["r9"]
    assert ids(connection, person="ann", station="a") == []


def test_recordings_are_found_by_the_class_of_their_call(connection: Connection) -> None:
    assert ids(connection, call_class=CallClass.ORDINARY) == ["r2", "r1", "r0"]
    assert ids(connection, call_class=CallClass.PRIVILEGED) == []


def test_only_facilities_within_reach_are_searched(connection: Connection) -> None:
    calls.add(connection, Call("s1", None, "south", "a", WayIn.SCHEDULED, CallClass.ORDINARY, NOW))
    recordings.add(connection, "s1", "s1", "south", NOW - timedelta(days=1))
    assert ids(connection, within=frozenset({"south"}), limit=1) == ["s1"]
    assert ids(connection, within=frozenset({"south"}), facility="north") == []


def test_recording_says_whether_it_is_held(connection: Connection) -> None:
    recording_holds.place(connection, "r0", "case 1", NOW, "kim")
    assert [each.id for each in recordings.search(connection, Wanted()) if each.held] == ["r0"]
    recording_holds.lift(connection, "r0", NOW, "kim")
    assert not recordings.get(connection, "r0").held


def test_marks_are_kept_in_order_and_taken_away(connection: Connection) -> None:
    first = recording_marks.add(connection, "r0", 100, "here", NOW, "kim")
    second = recording_marks.add(connection, "r0", None, "a note", NOW, "lee")
    assert recording_marks.list(connection, "r0") == [first, second]
    recording_marks.remove(connection, "r0", first.id)
    assert recording_marks.list(connection, "r0") == [second]
    with pytest.raises(NoSuch):
        recording_marks.remove(connection, "r1", second.id)


def test_each_hold_is_a_reason_until_all_are_lifted(connection: Connection) -> None:
    recording_holds.place(connection, "r0", "case 1", NOW, "kim")
    recording_holds.place(connection, "r0", "case 2", NOW, "lee")
    assert [hold.reason for hold in recording_holds.in_force(connection, ["r0", "r1"])] == ["case 1", "case 2"]
    assert len(recording_holds.lift(connection, "r0", NOW, "kim")) == 2
    assert recording_holds.in_force(connection, ["r0"]) == []
    assert [hold.lifted_by for hold in recording_holds.list(connection, "r0")] == ["kim", "kim"]


def test_erased_recording_is_still_known(connection: Connection) -> None:
    recordings.end(connection, "r0", NOW, Ending(State.WHOLE, 5, 900, "ab"))
    recordings.erase(connection, "r0", NOW)
    found = recordings.get(connection, "r0")
    assert (found.state, found.erased, found.hash, found.can_be_played) == (State.ERASED, NOW, "ab", False)


@pytest.mark.parametrize("id", ["r9", "", "\0"])
def test_unknown_recording_is_said_to_be_none(connection: Connection, id: str) -> None:
    with pytest.raises(NoSuchRecording):
        recordings.get(connection, id)
    with pytest.raises(NoSuchRecording):
        recordings.erase(connection, "r9", NOW)
