"""What plugins are told of, in one order with the events of calls; what a class and a visit's place allow."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, update
from sqlalchemy.exc import IntegrityError

from parloir.store import calls, happenings, tables, timeline, visits
from parloir.store.calls import Call, CallClass, WayIn
from parloir.store.database import connect
from parloir.store.errors import ClassFixed, NoSuchCall, NoSuchVisit, StationTaken, VisitOver
from parloir.store.happenings import Hook
from parloir.store.visits import BookedBy, Visit, VisitState
from tests.databases import Server

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TEN = timedelta(minutes=10)


def book(connection: Connection, start: datetime = NOW, station: str = "pod-a-1") -> Visit:
    return visits.add(connection, facility="north", station=station, visitor="Ann Doe", start=start, minutes=10)


def begin(connection: Connection, call_class: CallClass = CallClass.UNKNOWN) -> str:
    calls.add(connection, Call("c1", None, "north", "pod-a-1", WayIn.INSIDE, call_class, NOW))
    return "c1"


def told(connection: Connection, after: int = 0) -> list[tuple[int, str]]:
    happenings.number(connection)
    return [(row.sequence, row.kind) for row in happenings.after(connection, "north", after)]


def test_who_booked_a_visit_and_what_staff_said_it_is_are_kept(connection: Connection) -> None:
    visit = visits.add(
        connection,
        facility="north",
        station="pod-a-1",
        visitor="Ann Doe",
        start=NOW,
        minutes=10,
        booked_by=BookedBy.RESIDENT,
        call_class=CallClass.PRIVILEGED,
    )
    assert visits.get(connection, visit.id) == visit
    assert (book(connection, NOW + TEN).booked_by, book(connection, NOW + 2 * TEN).call_class) == (BookedBy.STAFF, None)


def test_a_moved_visit_keeps_its_link_and_leaves_its_place_free(connection: Connection) -> None:
    visit = book(connection)
    moved = visits.move(connection, visit.id, "pod-a-2", NOW + TEN, 20)
    assert (moved.token, moved.code, moved.end) == (visit.token, visit.code, NOW + 3 * TEN)
    assert visits.get(connection, visit.id) == moved
    assert visits.move(connection, moved.id, "pod-a-2", NOW + 2 * TEN, 20).start == NOW + 2 * TEN
    book(connection)


def test_a_visit_moves_neither_onto_another_nor_once_begun(connection: Connection) -> None:
    first, second = book(connection), book(connection, NOW + TEN)
    with pytest.raises(StationTaken, match=second.id):
        visits.move(connection, first.id, "pod-a-1", NOW + TEN / 2, 10)
    assert visits.get(connection, first.id) == first
    visits.set_state(connection, first.id, VisitState.ACTIVE)
    with pytest.raises(VisitOver):
        visits.move(connection, first.id, "pod-a-2", NOW, 10)
    with pytest.raises(NoSuchVisit):
        visits.move(connection, "nothing\0", "pod-a-2", NOW, 10)


def test_a_moved_visit_gets_another_code_where_its_own_is_in_use(connection: Connection) -> None:
    first, second = book(connection), book(connection, station="pod-a-2")
    here = tables.visits.c.id == second.id
    connection.execute(update(tables.visits).where(here).values(code=first.code))
    assert visits.move(connection, second.id, "pod-a-1", NOW + TEN, 10).code != first.code


def test_a_class_is_set_once_from_unknown(connection: Connection) -> None:
    call = begin(connection)
    calls.classify(connection, call, CallClass.UNKNOWN)
    calls.classify(connection, call, CallClass.PRIVILEGED)
    assert calls.get(connection, call).call_class is CallClass.PRIVILEGED
    for again in CallClass:
        with pytest.raises(ClassFixed, match="privileged"):
            calls.classify(connection, call, again)
    with pytest.raises(NoSuchCall):
        calls.classify(connection, "nothing", CallClass.ORDINARY)


@pytest.mark.parametrize("fixed", [CallClass.ORDINARY, CallClass.PRIVILEGED])
def test_the_database_itself_refuses_another_class(connection: Connection, fixed: CallClass) -> None:
    begin(connection, fixed)
    calls.finish(connection, "c1", NOW, "PhoneHungUp")
    for other in set(CallClass) - {fixed}:
        with pytest.raises(IntegrityError, match="set once"), connection.begin_nested():
            connection.execute(update(tables.calls).values({"class": other}))
    assert calls.get(connection, "c1").call_class is fixed


def test_the_ways_of_a_visit_are_told_in_their_order(connection: Connection) -> None:
    visit = book(connection)
    visits.move(connection, visit.id, "pod-a-2", NOW + TEN, 10)
    visits.set_state(connection, visit.id, VisitState.ACTIVE)
    visits.set_state(connection, visit.id, VisitState.DONE)
    visits.set_state(connection, visit.id, VisitState.DONE)
    known = told(connection)
    assert [kind for _, kind in known] == ["booked", "moved", "held"]
    assert told(connection, known[1][0]) == known[2:]
    moved = happenings.after(connection, "north", 0)[1]
    assert (moved.hook, moved.subject, moved.data["station"]) == (Hook.VISIT, visit.id, "pod-a-1")


def test_happenings_and_events_share_one_order(connection: Connection) -> None:
    call = begin(connection)
    places = [timeline.append(connection, call, "opened", {}, NOW, 1).sequence]
    book(connection)
    places.append(timeline.append(connection, call, "ended", {}, NOW, 2).sequence)
    places.append(told(connection)[0][0])
    places.append(timeline.append(connection, call, "late", {}, NOW, 3).sequence)
    assert places == list(range(places[0], places[0] + 4))


def test_a_happening_of_the_whole_gateway_reaches_every_facility(connection: Connection) -> None:
    happenings.append(connection, None, Hook.ALERT, "", "alert", {"text": "all"}, at=NOW)
    happenings.append(connection, "south", Hook.ALERT, "", "alert", {"text": "south"}, at=NOW)
    happenings.number(connection)
    texts = {
        place: [row.data["text"] for row in happenings.after(connection, place, 0)] for place in ("north", "south")
    }
    assert texts == {"north": ["all"], "south": ["all", "south"]}


def test_what_is_committed_late_is_told_late_and_never_lost(postgresql: Server) -> None:
    engine = connect(postgresql.fresh())
    with engine.connect() as slow:
        book(slow)
        with engine.begin() as quick:
            book(quick, station="pod-a-2")
        with engine.begin() as reader:
            first = told(reader)
        slow.commit()
    with engine.begin() as reader:
        second = told(reader, first[-1][0])
    engine.dispose()
    assert [kind for _, kind in first] == [kind for _, kind in second] == ["booked"]
    assert first[0][0] < second[0][0]
