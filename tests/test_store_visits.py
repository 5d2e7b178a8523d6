"""Visits in the store: no two at once on a station, found by link or code, moved on and never back."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from parloir.store import visits
from parloir.store.errors import NoSuchVisit, StationTaken, VisitOver
from parloir.store.visits import Visit, VisitState

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def book(connection: Connection, minutes_from_now: int = 0, minutes: int = 10, station: str = "pod-a-1") -> Visit:
    start = NOW + timedelta(minutes=minutes_from_now)
    return visits.add(connection, facility="north", station=station, visitor="Ann Doe", start=start, minutes=minutes)


def test_a_new_visit_has_a_six_digit_code_and_an_unguessable_link(connection: Connection) -> None:
    visit = book(connection)
    assert len(visit.code) == 6
    assert visit.code.isdigit()
    assert len(visit.token) >= 22
    assert visits.get(connection, visit.id) == visit
    assert visits.by_token(connection, visit.token) == visit
    assert visits.by_token(connection, visit.token[:-1]) is None
    assert visit.token not in repr(visit)
    assert visit.code not in repr(visit)


@pytest.mark.parametrize(("start", "minutes"), [(0, 10), (-5, 10), (9, 10), (2, 3), (-5, 60)])
def test_a_visit_that_overlaps_another_on_its_station_is_refused(
    connection: Connection, start: int, minutes: int
) -> None:
    first = book(connection)
    with pytest.raises(StationTaken, match=first.id) as refused:
        book(connection, start, minutes)
    assert refused.value.visit == first


def test_visits_may_touch_and_other_stations_are_free(connection: Connection) -> None:
    book(connection)
    book(connection, 10)
    book(connection, -10)
    book(connection, 0, station="pod-a-2")
    assert [v.start for v in visits.list(connection, station="pod-a-1")] == [
        NOW - timedelta(minutes=10),
        NOW,
        NOW + timedelta(minutes=10),
    ]


def test_a_cancelled_visit_frees_its_station(connection: Connection) -> None:
    first = book(connection)
    visits.set_state(connection, first.id, VisitState.CANCELLED)
    assert book(connection).start == first.start


def test_a_code_serves_only_its_own_station_in_its_own_time(connection: Connection) -> None:
    visit = book(connection)
    other = book(connection, station="pod-a-2")

    def dial(station: str, code: str, after: float, early: float = 0) -> Visit | None:
        now = NOW + timedelta(minutes=after)
        return visits.by_code(connection, "north", station, code, now, timedelta(minutes=early))

    assert dial("pod-a-1", visit.code, 0) == visit
    assert dial("pod-a-1", visit.code, 9.9) == visit
    assert dial("pod-a-1", visit.code, 10) is None
    assert dial("pod-a-1", visit.code, -1) is None
    assert dial("pod-a-1", visit.code, -1, early=5) == visit
    assert dial("pod-a-2", visit.code, 0) in (None, other)
    assert dial("pod-a-3", visit.code, 0) is None
    visits.set_state(connection, visit.id, VisitState.CANCELLED)
    assert dial("pod-a-1", visit.code, 0) is None


def test_visits_fall_due_and_then_overdue(connection: Connection) -> None:
    visit = book(connection)
    assert visits.due(connection, NOW - timedelta(seconds=1)) == []
    assert visits.due(connection, NOW) == [visit]
    assert visits.overdue(connection, NOW) == []
    assert visits.due(connection, visit.end) == []
    assert visits.overdue(connection, visit.end) == [visit]


def test_an_active_visit_is_not_due_again_but_can_be_overdue(connection: Connection) -> None:
    active = visits.set_state(connection, book(connection).id, VisitState.ACTIVE)
    assert visits.due(connection, NOW) == []
    assert visits.overdue(connection, active.end) == [active]


def test_a_visit_that_is_over_stays_over(connection: Connection) -> None:
    visit = book(connection)
    done = visits.set_state(connection, visit.id, VisitState.DONE)
    assert done.state is VisitState.DONE
    assert visits.set_state(connection, visit.id, VisitState.DONE) == done
    with pytest.raises(VisitOver):
        visits.set_state(connection, visit.id, VisitState.SCHEDULED)
    with pytest.raises(NoSuchVisit):
        visits.set_state(connection, "nothing", VisitState.DONE)


def test_visits_are_listed_by_place_state_and_time(connection: Connection) -> None:
    first, second = book(connection), book(connection, 30)
    elsewhere = book(connection, station="pod-a-2")
    visits.set_state(connection, elsewhere.id, VisitState.DONE)
    assert visits.list(connection, facility="south") == []
    assert visits.list(connection, station="pod-a-1", limit=1) == [first]
    assert visits.list(connection, states=[VisitState.SCHEDULED]) == [first, second]
    assert visits.list(connection, after=first.end) == [second]
    assert visits.list(connection, station="pod-a-1", before=second.start) == [first]


def test_a_time_without_a_zone_is_refused(connection: Connection) -> None:
    with pytest.raises(Exception, match="no time zone"):
        visits.add(
            connection,
            facility="north",
            station="pod-a-1",
            visitor="Ann Doe",
            start=datetime(2026, 3, 1),
            minutes=10,
        )


@pytest.mark.parametrize("strange", ["\x00", "\udcff", "' OR 1=1 --", "%"])
def test_what_cannot_be_a_visits_name_finds_none(connection: Connection, strange: str) -> None:
    book(connection)
    assert visits.by_token(connection, strange) is None
    assert visits.by_code(connection, "north", "pod-a-1", strange, NOW) is None
    with pytest.raises(NoSuchVisit):
        visits.get(connection, strange)
    with pytest.raises(NoSuchVisit):
        visits.set_state(connection, strange, VisitState.DONE)
