"""What plugins count, and what they are told, out of the store, on both kinds of database."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection

from parloir.calls import alarms
from parloir.calls.journal import FacilityJournal
from parloir.calls.premises import Premises
from parloir.calls.records import FacilityRecords
from parloir.calls.stations import Station, Stations
from parloir.policy import values
from parloir.policy.answers import CallClass
from parloir.policy.participants import RelationshipKind
from parloir.policy.values import Alert, Call, Medium, Severity
from parloir.store import (
    calls,
    participants,
    relationships,
    residents,
    separations,
    suspensions,
    timeline,
    visitors,
    visits,
)
from parloir.store.residents import Resident, ResidentStatus
from parloir.store.visitors import Visitor, VisitorStatus
from parloir.store.visits import VisitState
from tests.plugin_facility import answer

T = TypeVar("T")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
PREMISES = Premises(
    "north",
    "America/Chicago",
    "jail-350-999",
    "es",
    Stations([Station("north", "pod-a-1", "North County Jail", "es", False, None, "A")]),
)


class Here:
    """A store that works in the test's own transaction."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def run(self, work: Callable[[Connection], T]) -> T:
        return work(self.connection)

    def run_now(self, work: Callable[[Connection], T]) -> T:
        return work(self.connection)


class House:
    """The facility north with the people of these tests."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.store = Here(connection)
        self.records = FacilityRecords(PREMISES, self.store, lambda: NOW)
        self.journal = FacilityJournal(PREMISES, self.store.run, lambda: NOW)
        self.bob = residents.add(connection, facility="north", number="1", name="Bob Roe", unit="A")
        self.ann = visitors.add(connection, facility="north", name="Ann Doe")
        self.calls = 0

    def visit(self, start: datetime = NOW, *, who: Visitor | None = None, resident: Resident | None = None) -> str:
        visit = visits.add(
            self.connection,
            facility="north",
            station="pod-a-1",
            visitor="Ann Doe",
            start=start,
            minutes=30,
            resident=(resident or self.bob).id,
        )
        participants.put(self.connection, visit.id, [(who or self.ann).id])
        return visit.id

    def call(self, visit: str | None, opened: datetime = NOW, *told: tuple[str, dict[str, Any]]) -> str:
        self.calls += 1
        id = f"c{self.calls}"
        unknown = calls.CallClass.UNKNOWN
        calls.add(self.connection, calls.Call(id, visit, "north", "pod-a-1", calls.WayIn.SCHEDULED, unknown, opened))
        for second, (kind, data) in enumerate(told):
            self.event(id, kind, data, second)
        return id

    def event(self, call: str, kind: str, data: dict[str, Any], second: int) -> None:
        at = NOW + timedelta(seconds=second)
        timeline.append(self.connection, call, kind, data, at, second * 1_000_000_000)

    def news(self, after: int = 0, most: int = 100) -> list[tuple[str, str, Any]]:
        return [(item.hook, item.event.kind, item.subject) for item in answer(self.read(after, most))]

    async def read(self, after: int, most: int) -> Any:
        return await self.journal.after(after, most)


@pytest.fixture
def house(connection: Connection) -> House:
    return House(connection)


TALKED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("opened", {}),
    ("decided", {"class": "ordinary", "why": "staff booked", "trail": [{"question": "rate_call", "result": "free"}]}),
    ("phone_answered", {"state": "joining"}),
    ("announced", {"state": "active"}),
    ("held", {"state": "active", "by": "phone"}),
    ("quality", {"flowing": 1_000}),
    ("resumed", {"state": "active", "by": "phone"}),
    ("end", {"state": "ending", "reason": "PhoneHungUp"}),
    ("report", {"flowing": 61_999}),
    ("ended", {"reason": "PhoneHungUp"}),
)


def test_visits_are_found_by_person_place_and_time(house: House) -> None:
    eve = visitors.add(house.connection, facility="north", name="Eve")
    other = residents.add(house.connection, facility="north", number="2", name="Other")
    first, second = house.visit(), house.visit(NOW + HOUR, who=eve, resident=other)
    visits.set_state(house.connection, first, VisitState.CANCELLED)

    def found(**by: Any) -> list[str | None]:
        return [visit.id for visit in answer(house.records.visits(**by))]

    assert found() == [first, second]
    assert found(resident=house.bob.id) == found(visitor=house.ann.id) == [first]
    assert found(visitor=eve.id, station="pod-a-1") == [second]
    assert found(after=NOW + HOUR / 2) == found(after=NOW + HOUR, before=NOW + 2 * HOUR) == [second]
    assert found(before=NOW + HOUR) == [first]
    assert found(station="pod-b-1") == found(resident="nobody") == []
    (visit,) = answer(house.records.visits(resident=house.bob.id))
    assert (visit.state, visit.unit, visit.media) == ("cancelled", "A", (Medium.AUDIO,))
    assert visit.visitors[0].id == house.ann.id


def test_many_visits_are_read_in_parts_and_stay_in_order(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parloir.calls.records.AT_ONCE", 2)
    ids = [house.visit(NOW + HOUR * number) for number in range(5)]
    assert [visit.id for visit in answer(house.records.visits())] == ids


def test_a_call_is_shown_with_its_talk_its_people_and_its_decisions(house: House) -> None:
    id = house.call(house.visit(), NOW, *TALKED)
    calls.classify(house.connection, id, calls.CallClass.ORDINARY)
    calls.finish(house.connection, id, NOW + timedelta(seconds=10), "PhoneHungUp")
    (call,) = answer(house.records.calls(resident=house.bob.id))
    assert (call.talked, call.held, call.end, call.state) == (61, 2, "PhoneHungUp", "ended")
    assert (call.answered, call.ended) == (NOW + timedelta(seconds=2), NOW + timedelta(seconds=10))
    assert (call.call_class, call.class_reason) == (CallClass.ORDINARY, "staff booked")
    assert call.decisions == (values.Decided("rate_call", "free"),)
    assert (call.timezone, call.languages, call.unit) == ("America/Chicago", ("es",), "A")
    assert call.resident is not None
    assert call.visit is not None
    assert call.visit.resident == call.resident
    assert [visitor.id for visitor in call.visitors] == [house.ann.id]


def test_calls_are_found_by_person_and_by_when_they_began(house: House) -> None:
    visit = house.visit()
    first, second, nobodys = house.call(visit), house.call(visit, NOW + HOUR), house.call(None, NOW + 2 * HOUR)

    def found(**by: Any) -> list[str]:
        return [call.id for call in answer(house.records.calls(**by))]

    assert found() == [first, second, nobodys]
    assert found(resident=house.bob.id) == found(visitor=house.ann.id) == [first, second]
    assert found(after=NOW + HOUR) == [second, nobodys]
    assert found(after=NOW, before=NOW + HOUR) == [first]
    assert found(visitor="nobody") == []
    assert answer(house.records.calls())[2].call_class is CallClass.UNKNOWN


def test_who_belongs_to_a_resident_and_from_whom_they_are_kept(house: House) -> None:
    connection, bob = house.connection, house.bob
    other = residents.add(connection, facility="north", number="2", name="Other")
    relationships.add(connection, resident=bob.id, visitor=house.ann.id, kind=relationships.RelationshipKind.CLERGY)
    separations.enter(connection, first=other.id, second=bob.id, reason="co-defendants", by="eve", start=NOW)
    separations.enter(connection, first=bob.id, second=other.id, reason="again", by="eve", start=NOW)
    ((visitor, tie),) = answer(house.records.relationships(bob.id))
    assert (visitor, tie.kind, tie.resident) == (house.ann.id, RelationshipKind.CLERGY, bob.id)
    assert answer(house.records.separated(bob.id)) == (other.id,)
    assert answer(house.records.separated(other.id)) == (bob.id,)


def test_suspensions_are_those_of_the_span_and_of_whoever_staff_keep_out(house: House) -> None:
    connection, bob, ann = house.connection, house.bob, house.ann
    eve = visitors.add(connection, facility="north", name="Eve", status=VisitorStatus.BLOCKED)
    suspensions.enter(connection, facility="north", resident=bob.id, reason="a", by="x", start=NOW, finish=NOW + HOUR)
    suspensions.enter(connection, facility="north", visitor=ann.id, reason="b", by="x", start=NOW + 2 * HOUR)

    def found(resident: str | None, *who: str, hours: tuple[float, float] = (0, 3)) -> list[str]:
        after, before = (NOW + HOUR * hour for hour in hours)
        given = answer(house.records.suspended(resident=resident, visitors=who, after=after, before=before))
        return sorted(each.reason for each in given)

    assert found(bob.id, ann.id) == ["a", "b"]
    assert found(bob.id, ann.id, hours=(0, 1)) == ["a"]
    assert found(bob.id, ann.id, hours=(1, 2)) == []
    assert found(None, ann.id) == ["b"]
    assert found(None, eve.id) == ["kept out by staff"]


def test_each_event_is_told_with_the_call_as_it_stood_then(house: House) -> None:
    id = house.call(house.visit(), NOW, *TALKED)
    told = [(kind, call) for hook, kind, call in house.news() if hook == "call_event"]
    assert [kind for kind, _ in told] == [kind for kind, _ in TALKED]
    seen: dict[str, Call] = dict(told)
    assert {call.id for call in seen.values()} == {id}
    assert (seen["opened"].answered, seen["opened"].state, seen["opened"].decisions) == (None, "new", ())
    assert (seen["quality"].talked, seen["quality"].held) == (1, 1)
    assert (seen["end"].state, seen["end"].ended) == ("ending", None)
    assert (seen["ended"].talked, seen["ended"].end, seen["ended"].ended) == (
        61,
        "PhoneHungUp",
        NOW + timedelta(seconds=9),
    )


def test_plugins_are_not_told_what_others_answered_again_with_every_event(house: House) -> None:
    house.call(house.visit(), NOW, *TALKED)
    facts = {item.event.kind: item.event.facts for item in answer(house.read(0, 100))}
    assert facts["decided"] == {"class": "ordinary", "why": "staff booked"}
    assert facts["held"] == {"state": "active", "by": "phone"}


def test_plugins_are_not_told_what_a_fault_quotes(house: House) -> None:
    told = {"state": "ending", "reason": "Failed", "what": "ValueError: c=IN IP4 10.0.0.7"}
    house.call(None, NOW, ("end", told), ("fault", {"error": "10.0.0.7 refused"}))
    facts = {item.event.kind: item.event.facts for item in answer(house.read(0, 100)) if item.hook == "call_event"}
    assert facts == {"end": {"state": "ending", "reason": "Failed"}, "fault": {}}


def test_calls_visits_people_and_alerts_are_told_in_one_rising_order(house: House) -> None:
    connection = house.connection
    visit = house.visit()
    house.call(visit, NOW, ("opened", {}))
    warning = Alert(severity=Severity.URGENT, code="lockdown", text="Unit A", subject=visit)
    alarms.put(connection, "north", warning, NOW)
    alarms.put(connection, "south", warning, NOW)
    moved = visits.move(connection, visit, "pod-a-1", NOW + HOUR, 30)
    tie = relationships.add(
        connection, resident=house.bob.id, visitor=house.ann.id, kind=relationships.RelationshipKind.FAMILY
    )
    items = answer(house.read(0, 100))
    positions = [item.event.position for item in items]
    assert positions == sorted(set(positions))
    assert [(item.hook, item.event.kind) for item in items if item.hook != "call_event"] == [
        ("person_event", "came"),
        ("visit_event", "booked"),
        ("alert", "lockdown"),
        ("visit_event", "moved"),
        ("person_event", "relationship"),
    ]
    subjects = {(item.hook, item.event.kind): item for item in items}
    assert subjects["alert", "lockdown"].subject == warning
    assert subjects["visit_event", "moved"].subject.start == moved.start
    related = subjects["person_event", "relationship"]
    assert (related.subject.id, related.event.facts["visitor"]) == (house.bob.id, tie.visitor)


def test_news_is_read_in_parts_that_lose_nothing(house: House) -> None:
    house.call(house.visit(), NOW, *TALKED)
    whole = [item.event.position for item in answer(house.read(0, 100))]
    for most in (1, 2, 5):
        position, parts = 0, []
        while items := answer(house.read(position, most)):
            assert len(items) <= most
            parts += [item.event.position for item in items]
            position = parts[-1]
        assert parts == whole


def test_each_plugin_has_a_place_of_its_own(house: House) -> None:
    async def places() -> list[int]:
        await house.journal.advance("limits", 7)
        await house.journal.advance("limits", 5)
        return [await house.journal.cursor(plugin) for plugin in ("limits", "contacts")]

    assert answer(places()) == [7, 0]


def test_residents_are_told_to_come_move_and_leave(house: House) -> None:
    connection, bob = house.connection, house.bob
    for change in (
        replace(bob, unit="B"),
        replace(bob, unit="B"),
        replace(bob, unit="B", name="Robert Roe"),
        replace(bob, status=ResidentStatus.RELEASED),
        bob,
    ):
        residents.change(connection, change)
    assert [kind for _, kind, _ in house.news()] == ["came", "moved", "changed", "left", "came"]
    expires = NOW + HOUR
    tie = relationships.add(
        connection, resident=bob.id, visitor=house.ann.id, kind=relationships.RelationshipKind.FAMILY
    )
    approved = relationships.RelationshipState.APPROVED
    relationships.decide(connection, tie.id, approved, by="eve", now=NOW, expires=expires)
    relationships.expire(connection, NOW + 2 * HOUR)
    states = [item.event.facts.get("state") for item in answer(house.read(0, 100)) if item.event.kind == "relationship"]
    assert states == ["pending", "approved", "expired"]
