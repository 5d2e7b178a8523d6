"""From rows to what policies judge, on both kinds of database."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection

from parloir.calls import parties
from parloir.policy import privilege
from parloir.policy.answers import CallClass
from parloir.policy.participants import RelationshipKind as Kind
from parloir.policy.participants import RelationshipState as State
from parloir.policy.values import BookedBy, Medium, Visit
from parloir.store import no_contact, participants, relationships, residents, visitors, visits
from parloir.store.errors import NoSuch
from parloir.store.relationships import RelationshipKind
from parloir.store.residents import Resident
from parloir.store.visitors import Visitor

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
CHICAGO = ZoneInfo("America/Chicago")


@pytest.fixture
def bob(connection: Connection) -> Resident:
    accommodations = ("Hard of hearing", "deaf", "42")
    return residents.add(
        connection,
        facility="north",
        number="0123",
        name="Bob Roe",
        unit="A",
        language="es",
        accommodations=accommodations,
    )


@pytest.fixture
def ann(connection: Connection) -> Visitor:
    return visitors.add(connection, facility="north", name="Ann Doe", born=date(2008, 3, 2))


def visit_of(
    connection: Connection, resident: Resident | None, *who: Visitor, booked_by: str = "visitor", start: datetime = NOW
) -> visits.Visit:
    visit = visits.add(
        connection,
        facility="north",
        station="pod-a-1",
        visitor="Ann Doe",
        start=start,
        minutes=30,
        resident=resident.id if resident else None,
        booked_by=visits.BookedBy(booked_by),
    )
    participants.put(connection, visit.id, [each.id for each in who])
    return visit


def seen(connection: Connection, visit: visits.Visit, now: datetime = NOW) -> Visit:
    return parties.booked(connection, visit, unit="A", media=(Medium.AUDIO,), now=now, zone=CHICAGO)


def test_a_booked_visit_shows_its_resident_and_place(connection: Connection, bob: Resident, ann: Visitor) -> None:
    visit = visit_of(connection, bob, ann)
    shown = seen(connection, visit)
    assert (shown.id, shown.unit, shown.media, shown.state) == (visit.id, "A", (Medium.AUDIO,), "scheduled")
    assert (shown.start, shown.end) == (NOW, NOW + timedelta(minutes=30))
    assert shown.booked_by is BookedBy.VISITOR
    assert shown.resident is not None
    assert shown.resident.languages == ("es",)
    assert shown.resident.accommodations == ("hard_of_hearing", "deaf")
    assert [each.id for each in shown.visitors] == [ann.id]


def test_counsel_of_any_resident_in_any_state_makes_the_visit_privileged(
    connection: Connection, bob: Resident, ann: Visitor
) -> None:
    other = residents.add(connection, facility="north", number="9", name="Other")
    relationships.add(connection, resident=bob.id, visitor=ann.id, kind=RelationshipKind.FAMILY)
    visit = visit_of(connection, bob, ann)
    assert privilege.of_visit(seen(connection, visit)).call_class is CallClass.ORDINARY
    relationships.add(connection, resident=other.id, visitor=ann.id, kind=RelationshipKind.ATTORNEY)
    shown = seen(connection, visit)
    assert privilege.of_visit(shown).call_class is CallClass.PRIVILEGED
    assert {(tie.kind, tie.resident) for tie in shown.visitors[0].relationships} == {
        (Kind.FAMILY, bob.id),
        (Kind.ATTORNEY, other.id),
    }


def test_counsel_who_comes_with_family_makes_the_visit_privileged(
    connection: Connection, bob: Resident, ann: Visitor
) -> None:
    zoe = visitors.add(connection, facility="north", name="Zoe Poe")
    for who, kind in ((ann, RelationshipKind.FAMILY), (zoe, RelationshipKind.ATTORNEY)):
        relationships.add(connection, resident=bob.id, visitor=who.id, kind=kind)
    shown = seen(connection, visit_of(connection, bob, ann, zoe))
    assert [each.id for each in shown.visitors] == [ann.id, zoe.id]
    assert privilege.of_visit(shown).call_class is CallClass.PRIVILEGED


def test_an_approval_that_expires_before_the_visit_is_shown_as_expired(
    connection: Connection, bob: Resident, ann: Visitor
) -> None:
    tie = relationships.add(connection, resident=bob.id, visitor=ann.id, kind=RelationshipKind.FAMILY)
    approved = relationships.RelationshipState.APPROVED
    relationships.decide(connection, tie.id, approved, by="eve", now=NOW, expires=NOW + HOUR)
    soon, later = visit_of(connection, bob, ann), visit_of(connection, bob, ann, start=NOW + HOUR)
    assert [seen(connection, visit).visitors[0].relationships[0].state for visit in (soon, later)] == [
        State.APPROVED,
        State.EXPIRED,
    ]


@pytest.mark.parametrize(("minutes", "forbidden"), [(0, False), (60, True), (180, False)])
def test_a_no_contact_order_counts_at_the_time_of_the_visit(
    connection: Connection, bob: Resident, ann: Visitor, minutes: int, forbidden: bool
) -> None:
    no_contact.enter(
        connection,
        facility="north",
        resident=bob.id,
        name="ann  DOE",
        by="eve",
        start=NOW + HOUR,
        finish=NOW + 3 * HOUR,
    )
    visit = visit_of(connection, bob, ann, start=NOW + timedelta(minutes=minutes))
    assert seen(connection, visit).visitors[0].no_contact is forbidden
    assert seen(connection, visit, now=NOW + 2 * HOUR).visitors[0].no_contact is (minutes < 180)
    at = NOW + timedelta(minutes=minutes)
    assert parties.visitor(connection, ann.id, resident=bob.id, at=at).no_contact is forbidden
    assert not parties.visitor(connection, ann.id, at=at).no_contact


def test_someone_only_named_is_judged_by_that_name(connection: Connection, bob: Resident) -> None:
    no_contact.enter(connection, facility="north", resident=bob.id, name="Ann Doe", by="eve", start=NOW)
    (guest,) = seen(connection, visit_of(connection, bob)).visitors
    assert (guest.name, guest.no_contact, guest.relationships) == ("Ann Doe", True, ())
    assert privilege.of_visit(seen(connection, visit_of(connection, bob, start=NOW + HOUR))).call_class is (
        CallClass.UNKNOWN
    )


def test_a_child_is_a_minor_until_the_birthday_begins_in_the_facilitys_zone(
    connection: Connection, bob: Resident, ann: Visitor
) -> None:
    before = visit_of(connection, bob, ann, start=datetime(2026, 3, 2, 5, 0, tzinfo=UTC))
    after = visit_of(connection, bob, ann, start=datetime(2026, 3, 2, 6, 0, tzinfo=UTC))
    assert [seen(connection, visit).visitors[0].minor for visit in (before, after)] == [True, False]


def test_a_visit_asked_for_shows_the_same_people(connection: Connection, bob: Resident, ann: Visitor) -> None:
    relationships.add(connection, resident=bob.id, visitor=ann.id, kind=RelationshipKind.ATTORNEY)
    asked = parties.proposed(
        connection,
        facility="north",
        station="pod-a-1",
        unit="A",
        start=NOW,
        minutes=30,
        resident=bob.id,
        visitors=[ann.id, ann.id],
        booked_by=BookedBy.RESIDENT,
        now=NOW,
        zone=CHICAGO,
    )
    kept = seen(connection, visit_of(connection, bob, ann))
    assert asked.id is None
    assert asked.state == "asked"
    assert (asked.resident, asked.visitors, asked.end) == (kept.resident, kept.visitors, kept.end)


def test_nobody_of_another_facility_can_be_asked_for(connection: Connection, bob: Resident, ann: Visitor) -> None:
    def ask(facility: str, resident: str | None, *who: str) -> Visit:
        return parties.proposed(
            connection,
            facility=facility,
            station="a",
            unit="",
            start=NOW,
            minutes=10,
            resident=resident,
            visitors=who,
            now=NOW,
        )

    assert ask("north", bob.id, ann.id).resident == parties.resident(connection, bob.id)
    for wrong in (("south", bob.id), ("south", None, ann.id), ("north", ann.id), ("north", None, bob.id)):
        with pytest.raises(NoSuch):
            ask(*wrong)
