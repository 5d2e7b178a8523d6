"""Residents, visitors, what ties them and what keeps them apart, on both kinds of database."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection

from parloir.store import (
    alerts,
    audit,
    calendars,
    no_contact,
    participants,
    relationships,
    residents,
    separations,
    suspensions,
    visitors,
    visits,
)
from parloir.store.alerts import Severity
from parloir.store.errors import NoBarId, NoSuch, Taken
from parloir.store.relationships import RelationshipKind, RelationshipState
from parloir.store.residents import Resident, ResidentStatus
from parloir.store.visitors import Visitor, VisitorStatus

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def bob(connection: Connection) -> Resident:
    return residents.add(connection, facility="north", number="0123", name="Bob Roe", unit="A", language="es")


@pytest.fixture
def ann(connection: Connection) -> Visitor:
    return visitors.add(connection, facility="north", name="Ann Doe", phone="+1 (512) 555-0100", born=date(2008, 2, 29))


def actions(connection: Connection) -> list[str]:
    return [record.action for record in audit.list(connection)]


def test_a_resident_is_found_by_facility_and_number(connection: Connection, bob: Resident) -> None:
    assert residents.by_number(connection, "north", "0123") == bob
    assert residents.by_number(connection, "south", "0123") is None
    assert residents.by_number(connection, "north", "123") is None
    moved = replace(bob, unit="B", status=ResidentStatus.AWAY, accommodations=("deaf",))
    residents.change(connection, moved)
    assert residents.get(connection, bob.id) == moved
    assert residents.list(connection, "north", unit="B", status=ResidentStatus.AWAY) == [moved]
    assert residents.list(connection, "north", unit="A") == []


def test_a_number_is_given_once_in_a_facility(connection: Connection, bob: Resident) -> None:
    with pytest.raises(Taken, match="0123"):
        residents.add(connection, facility="north", number="0123", name="Somebody Else")
    residents.add(connection, facility="south", number="0123", name="Somebody Else")


def test_nobody_is_changed_who_is_not_there(connection: Connection, bob: Resident, ann: Visitor) -> None:
    for refuse in (
        lambda: residents.change(connection, replace(bob, id="x")),
        lambda: residents.get(connection, "x"),
        lambda: residents.set_pin(connection, "x", None),
        lambda: visitors.change(connection, replace(ann, id="x")),
        lambda: visitors.get(connection, "x"),
        lambda: relationships.get(connection, "x"),
        lambda: no_contact.lift(connection, "x", by="s", reason="", now=NOW),
        lambda: separations.end(connection, "x", by="s", now=NOW),
        lambda: suspensions.end(connection, "x", by="s", now=NOW),
        lambda: calendars.end(connection, "x", by="s", now=NOW),
        lambda: alerts.acknowledge(connection, 99, by="s", now=NOW),
    ):
        with pytest.raises(NoSuch):
            refuse()


def test_a_visitor_has_a_reference_of_the_facilitys_or_their_id(connection: Connection, ann: Visitor) -> None:
    assert ann.reference == ann.id
    named = visitors.add(connection, facility="north", name="Al", reference="V7")
    assert visitors.by_reference(connection, "north", "V7") == named
    with pytest.raises(Taken, match="V7"):
        visitors.add(connection, facility="north", name="Other", reference="V7")
    blocked = replace(named, status=VisitorStatus.BLOCKED)
    visitors.change(connection, blocked)
    assert visitors.list(connection, "north", status=VisitorStatus.BLOCKED) == [blocked]


@pytest.mark.parametrize(
    ("born", "on", "minor"),
    [
        (date(2008, 2, 29), date(2026, 2, 28), True),
        (date(2008, 2, 29), date(2026, 3, 1), False),
        (date(2008, 3, 1), date(2026, 2, 28), True),
        (date(2008, 3, 1), date(2026, 3, 1), False),
        (None, date(2026, 3, 1), False),
    ],
)
def test_someone_comes_of_age_on_their_eighteenth_birthday(
    ann: Visitor, born: date | None, on: date, minor: bool
) -> None:
    assert replace(ann, born=born).is_minor(on) is minor


def test_a_relationship_is_pending_until_staff_decide(connection: Connection, bob: Resident, ann: Visitor) -> None:
    asked = relationships.add(connection, resident=bob.id, visitor=ann.id, kind=RelationshipKind.FAMILY)
    assert relationships.list(connection, "north", states=[RelationshipState.PENDING]) == [asked]
    decided = relationships.decide(
        connection, asked.id, RelationshipState.APPROVED, by="staff:eve", now=NOW, expires=NOW + HOUR
    )
    assert (decided.decided_by, decided.decided) == ("staff:eve", NOW)
    assert decided.state_at(NOW) is RelationshipState.APPROVED
    assert decided.state_at(NOW + HOUR) is RelationshipState.EXPIRED
    assert relationships.of_resident(connection, bob.id) == relationships.of_visitors(connection, [ann.id]) == [decided]
    assert relationships.expire(connection, NOW) == 0
    assert relationships.expire(connection, NOW + HOUR) == 1
    assert relationships.get(connection, asked.id).state is RelationshipState.EXPIRED
    assert relationships.list(connection, "south") == []
    record = audit.list(connection)[-1]
    assert (record.actor, record.action, record.facts["before"]) == ("staff:eve", "relationship.approved", "pending")
    with pytest.raises(Taken):
        relationships.add(connection, resident=bob.id, visitor=ann.id, kind=RelationshipKind.FAMILY)


def test_an_attorney_is_approved_only_with_a_bar_id(connection: Connection, bob: Resident, ann: Visitor) -> None:
    asked = relationships.add(connection, resident=bob.id, visitor=ann.id, kind=RelationshipKind.ATTORNEY)
    with pytest.raises(NoBarId):
        relationships.decide(connection, asked.id, RelationshipState.APPROVED, by="eve", now=NOW)
    relationships.change(connection, replace(asked, bar_id="TX 123"))
    decided = relationships.decide(connection, asked.id, RelationshipState.APPROVED, by="eve", now=NOW)
    assert decided.bar_id == "TX 123"


def test_only_what_the_law_protects_is_privileged() -> None:
    assert {kind.value for kind in RelationshipKind if kind.privileged} == {
        "attorney",
        "clergy",
        "medical",
        "consular",
    }


@pytest.mark.parametrize(
    "whom", [{"visitor": True}, {"phone": "512.555.0100"}, {"phone": "15125550100"}, {"name": "ann  DOE"}]
)
def test_an_order_bars_by_id_number_or_name_until_it_is_lifted(
    connection: Connection, bob: Resident, ann: Visitor, whom: dict[str, str | bool]
) -> None:
    named = {key: ann.id if value is True else str(value) for key, value in whom.items()}
    other = visitors.add(connection, facility="north", name="Al Doe", phone="5125550101")
    order = no_contact.enter(connection, facility="north", resident=bob.id, by="eve", start=NOW, **named)  # type: ignore[arg-type]
    assert no_contact.between(connection, bob.id, [ann, other], NOW) == [(order, ann)]
    assert no_contact.between(connection, bob.id, [ann], NOW - HOUR) == []
    no_contact.lift(connection, order.id, by="eve", reason="court", now=NOW + HOUR)
    assert no_contact.between(connection, bob.id, [ann, other], NOW + HOUR) == []
    assert actions(connection) == ["no_contact.entered", "no_contact.lifted"]


def test_an_order_without_anyone_is_refused_and_one_without_a_number_bars_no_number(
    connection: Connection, bob: Resident, ann: Visitor
) -> None:
    with pytest.raises(ValueError, match="names a visitor"):
        no_contact.enter(connection, facility="north", resident=bob.id, by="eve", start=NOW)
    by_id = no_contact.enter(connection, facility="north", resident=bob.id, by="eve", start=NOW, visitor=ann.id)
    by_number = no_contact.enter(connection, facility="north", resident=bob.id, by="eve", start=NOW, phone="5550100")
    assert not by_id.bars_number("")
    assert by_number.bars_number("555-0100")
    assert not by_number.bars_number("555-0101")


def test_residents_are_kept_apart_until_it_ends(connection: Connection, bob: Resident) -> None:
    other = residents.add(connection, facility="north", number="2", name="Cy")
    kept = separations.enter(connection, first=bob.id, second=other.id, reason="trial", by="eve", start=NOW)
    for one, another in ((bob, other), (other, bob)):
        assert separations.of_resident(connection, one.id, NOW) == [kept]
        assert kept.other(one.id) == another.id
    separations.end(connection, kept.id, by="eve", now=NOW + HOUR)
    assert separations.of_resident(connection, bob.id, NOW + HOUR) == []
    assert separations.of_resident(connection, bob.id, NOW) == [replace(kept, finish=NOW + HOUR)]


def test_a_suspension_stops_whom_it_names(connection: Connection, bob: Resident, ann: Visitor) -> None:
    def stops(resident: str | None, visitor: str) -> int:
        return len(suspensions.between(connection, resident, [visitor], NOW))

    suspensions.enter(connection, facility="north", reason="r", by="eve", start=NOW, resident=bob.id, finish=NOW + HOUR)
    assert (stops(bob.id, "x"), stops("y", ann.id), stops(None, ann.id)) == (1, 0, 0)
    suspensions.enter(connection, facility="north", reason="v", by="eve", start=NOW, visitor=ann.id)
    assert (stops(bob.id, "x"), stops("y", ann.id), stops(None, ann.id)) == (1, 1, 1)
    both = suspensions.enter(
        connection, facility="north", reason="b", by="eve", start=NOW, resident=bob.id, visitor=ann.id
    )
    assert (stops(bob.id, "x"), stops("y", ann.id), stops(bob.id, ann.id)) == (1, 1, 3)
    suspensions.end(connection, both.id, by="eve", now=NOW)
    assert stops(bob.id, ann.id) == 2
    assert suspensions.between(connection, bob.id, [], NOW + HOUR) == []
    with pytest.raises(ValueError, match="names a resident"):
        suspensions.enter(connection, facility="north", reason="", by="eve", start=NOW)


def test_a_visit_has_participants_who_cannot_be_elsewhere_meanwhile(
    connection: Connection, bob: Resident, ann: Visitor
) -> None:
    al = visitors.add(connection, facility="north", name="Al")
    visit = visits.add(connection, facility="north", station="a", visitor="Ann", start=NOW, minutes=30, resident=bob.id)
    participants.put(connection, visit.id, [ann.id, al.id, ann.id])
    assert participants.of_visit(connection, visit.id) == [al, ann]
    participants.put(connection, visit.id, [ann.id])
    assert participants.of_visits(connection, [visit.id, "none"]) == {visit.id: [ann.id], "none": []}
    half = NOW + timedelta(minutes=30)
    for resident, by, after, busy in (
        (bob.id, [], NOW, True),
        (None, [ann.id], NOW, True),
        (None, [al.id], NOW, False),
        (bob.id, [ann.id], half, False),
    ):
        assert participants.busy(connection, after, after + HOUR, resident=resident, by=by) is busy
    assert visits.get(connection, visit.id).resident == bob.id


def test_a_calendar_tells_what_overlaps_a_span(connection: Connection) -> None:
    count = calendars.enter(
        connection, facility="north", kind="count", title="Count", start=NOW, finish=NOW + HOUR, by="eve", unit="A"
    )
    lockdown = calendars.enter(
        connection, facility="north", kind="lockdown", title="All", start=NOW + HOUR, finish=None, by="eve"
    )
    assert calendars.between(connection, "north", NOW, NOW + 2 * HOUR) == [count, lockdown]
    assert calendars.between(connection, "north", NOW, NOW + HOUR) == [count]
    assert calendars.between(connection, "north", NOW, NOW + 2 * HOUR, kind="lockdown") == [lockdown]
    assert calendars.between(connection, "south", NOW, NOW + HOUR) == []
    calendars.end(connection, lockdown.id, by="eve", now=NOW + HOUR)
    assert calendars.between(connection, "north", NOW + HOUR, NOW + 2 * HOUR) == []


def test_alerts_wait_until_someone_acknowledges_them(connection: Connection) -> None:
    one = alerts.add(connection, at=NOW, facility="north", severity=Severity.WARNING, text="x" * 2000)
    two = alerts.add(connection, at=NOW, facility=None, severity=Severity.CRITICAL, text="disk")
    other = alerts.add(connection, at=NOW, facility="south", severity=Severity.INFO, text="hm")
    assert len(one.text) == 1000
    assert alerts.list(connection) == [other, two, one]
    assert alerts.list(connection, facility="north", after=one.id) == [two]
    alerts.acknowledge(connection, one.id, by="eve", now=NOW)
    alerts.acknowledge(connection, one.id, by="al", now=NOW + HOUR)
    assert alerts.list(connection, facility="north", waiting=True) == [two]
    assert alerts.list(connection, facility="north")[-1] == replace(one, acknowledged=NOW, acknowledged_by="eve")
