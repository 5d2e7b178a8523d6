"""Who may be in touch, as the contacts plugin sees it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from parloir.api import (
    Allow,
    Application,
    BookedBy,
    Call,
    CallClass,
    Deny,
    Relationship,
    RelationshipKind,
    RelationshipState,
    Visitor,
)
from parloir.plugins.contacts import blocklist, lists
from parloir.plugins.contacts.block import Block, SelfBlock
from parloir.plugins.contacts.listing import Change, Listed
from parloir.plugins.contacts.meeting import Known, Meeting
from parloir.plugins.contacts.plugin import Contacts
from parloir.plugins.contacts.rules import objection
from tests.contacts_desk import (
    COUNSEL,
    DAY,
    MOTHER,
    ONE,
    a_visit,
    block,
    called,
    coded,
    contacts,
    enlist,
    north,
    self_block,
    tie,
)
from tests.plugin_facility import NOON, Institution, a_call, a_visitor, answer

__all__ = ["north"]


def test_a_listed_and_approved_visitor_may_be_called(north: Institution) -> None:
    enlist(north, "mother")
    assert called(contacts(north), MOTHER) == "may_be_in_touch"


def test_a_visitor_who_is_not_on_the_list_may_not(north: Institution) -> None:
    enlist(north, "aunt")
    assert called(contacts(north), MOTHER) == "not_on_contact_list"
    assert called(contacts(north, list=None), MOTHER) == "may_be_in_touch"


def test_counsel_need_not_be_on_the_list_but_whoever_sits_beside_them_must(north: Institution) -> None:
    plugin = contacts(north)
    assert called(plugin, COUNSEL, call_class=CallClass.PRIVILEGED) == "may_be_in_touch"
    assert called(plugin, COUNSEL, MOTHER, call_class=CallClass.PRIVILEGED) == "not_on_contact_list"


def test_counsel_of_another_resident_must_be_on_the_list(north: Institution) -> None:
    anothers = a_visitor("lee", tie("attorney", resident="r9"), tie("friend"))
    assert called(contacts(north), anothers) == "not_on_contact_list"


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ((), "not_related"),
        ((tie(resident="r2"),), "not_related"),
        ((tie(state="pending"),), "relationship_pending"),
        ((tie(state="denied"),), "relationship_denied"),
        ((tie(state="revoked"),), "relationship_revoked"),
        ((tie(state="expired"),), "relationship_expired"),
        ((tie(expires=NOON),), "relationship_expired"),
        ((tie(state="denied"), tie("friend", "pending")), "relationship_pending"),
        ((tie(expires=NOON + timedelta(seconds=1)),), "may_be_in_touch"),
        ((tie(state="denied"), tie("friend")), "may_be_in_touch"),
    ],
)
def test_a_relationship_must_be_approved_and_unexpired(
    north: Institution, found: tuple[Relationship, ...], code: str
) -> None:
    enlist(north, "mother")
    assert called(contacts(north), a_visitor("mother", *found)) == code


def test_a_visit_is_judged_at_its_start(north: Institution) -> None:
    enlist(north, "mother")
    plugin = contacts(north)
    until_friday = a_visitor("mother", tie(expires=NOON + 2 * DAY))
    assert coded(answer(plugin.authorize_visit(a_visit(until_friday, start=NOON + DAY)))) == "may_be_in_touch"
    assert coded(answer(plugin.authorize_visit(a_visit(until_friday, start=NOON + 2 * DAY)))) == "relationship_expired"


def test_staff_vouch_for_those_they_book_but_not_against_their_own_decision(north: Institution) -> None:
    plugin = contacts(north)

    def booked(visitor: Visitor, plugin: Contacts = plugin) -> str:
        return coded(answer(plugin.authorize_visit(a_visit(visitor, by=BookedBy.STAFF))))

    assert booked(a_visitor("aunt")) == "may_be_in_touch"
    assert booked(a_visitor("aunt", tie(state="pending"))) == "may_be_in_touch"
    assert booked(a_visitor("aunt", tie(state="revoked"))) == "relationship_revoked"
    assert booked(a_visitor("aunt"), contacts(north, staff_vouch=False)) == "not_related"
    block(north, "aunt")
    assert booked(a_visitor("aunt")) == "blocked"
    assert called(plugin, a_visitor("uncle"), visit=a_visit(a_visitor("uncle"), by=BookedBy.STAFF)) == "may_be_in_touch"


def test_a_call_of_nobody_knows_whom_needs_staff_to_have_booked_it(north: Institution) -> None:
    plugin = contacts(north)
    assert called(plugin) == "parties_unknown"
    assert called(plugin, MOTHER, resident=None) == "parties_unknown"
    assert answer(plugin.authorize_call(a_call(visit=a_visit(by=BookedBy.STAFF)))) is None


def test_another_facilitys_blocks_and_lists_do_not_count(north: Institution) -> None:
    plugin = contacts(north)
    elsewhere = Block("b1", "mother", None, "threats", "jdoe", NOON - DAY)
    north.store.run_now(lambda connection: blocklist.add(connection, "south", elsewhere))
    entry = lists.Entry(NOON, "jdoe", True, ("mother",), (), "")
    change = Change((), (Listed("mother", "Visitor mother"),))
    north.store.run_now(lambda connection: lists.put(connection, "south", "r1", change, entry))
    assert called(plugin, MOTHER) == "not_on_contact_list"


def test_the_list_is_offered_in_the_residents_order_without_whom_they_cannot_call(north: Institution) -> None:
    enlist(north, "sister", "mother", "aunt", "uncle")
    north.records.known_relationships["r1"] = [
        ("mother", tie()),
        ("sister", tie()),
        ("aunt", tie(state="expired")),
        ("uncle", tie()),
    ]
    self_block(north, "uncle")
    offered = answer(contacts(north).contacts_of(ONE))
    assert offered is not None
    assert [(each.visitor, each.label) for each in offered] == [("sister", "my sister"), ("mother", "my mother")]
    assert answer(contacts(north, list=None).contacts_of(ONE)) is None


def applied(
    plugin: Contacts, kind: str, *before: Relationship, bar_id: str = "", minor: bool = False, **facts: Any
) -> Allow | Deny | None:
    application = Application(
        facility="north",
        resident=ONE,
        visitor=a_visitor("lee", *before, minor=minor, **facts),
        relationship=tie(kind, "pending"),
        bar_id=bar_id,
    )
    return answer(plugin.approve_relationship(application))


def test_kinds_that_need_no_decision_are_approved_and_the_rest_is_left_to_staff(north: Institution) -> None:
    plugin = contacts(north, approve=["family", "friend"])
    assert applied(plugin, "family") == Allow("approved_by_kind")
    assert applied(plugin, "other") is None
    assert applied(plugin, "family", minor=True) is None
    assert applied(plugin, "friend", tie("family", "denied")) is None
    assert applied(plugin, "clergy") is None


def test_an_attorney_gives_a_bar_number_and_waits_for_staff(north: Institution) -> None:
    plugin = contacts(north)
    assert coded(applied(plugin, "attorney")) == "bar_id_missing"
    assert coded(applied(plugin, "attorney", bar_id="  ")) == "bar_id_missing"
    assert applied(plugin, "attorney", bar_id="IL 6200000") is None
    assert coded(applied(plugin, "unstated")) == "kind_missing"


def test_who_is_kept_away_is_not_approved(north: Institution) -> None:
    plugin = contacts(north, approve=["family"])
    assert coded(applied(plugin, "family", no_contact=True)) == "no_contact_order"
    north.records.known_separations.append(("r2", "r1"))
    of_the_other = tie("attorney", resident="r2")
    assert coded(applied(plugin, "family", tie(resident="r2"))) == "separation"
    assert applied(plugin, "attorney", of_the_other, bar_id="IL 6200000") is None
    block(north, "lee")
    assert coded(applied(plugin, "family")) == "blocked"


@pytest.mark.parametrize(
    "settings",
    [
        {"approve": ["attorney"]},
        {"approve": ["unstated"]},
        {"list": {"most": 0}},
        {"list": {"first_day": 6, "last_day": 5}},
        {"spared": ["lawyer"]},
        {"staff_vouch": "no"},
        {"lists": {}},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Contacts.Settings.model_validate(settings)


ties = st.builds(
    tie,
    st.sampled_from([kind.value for kind in RelationshipKind]),
    st.sampled_from([state.value for state in RelationshipState]),
    st.sampled_from(["r1", "r2", "r3"]),
    expires=st.sampled_from([None, NOON - DAY, NOON + DAY]),
)
visitors = st.builds(
    lambda id, ties, no_contact: a_visitor(id, *ties, no_contact=no_contact),
    st.sampled_from("abc"),
    st.lists(ties, max_size=3),
    st.booleans(),
)
who = st.sampled_from([None, "r1", "r2"])
known = st.builds(
    Known,
    blocks=st.lists(
        st.builds(
            Block,
            st.just("b1"),
            st.sampled_from("abc"),
            who,
            st.just("threats"),
            st.just("jdoe"),
            st.just(NOON - DAY),
            st.sampled_from([None, NOON, NOON + DAY]),
            st.frozensets(st.sampled_from(["r1", "r2"])),
        ),
        max_size=2,
    ).map(tuple),
    self_blocks=st.lists(
        st.builds(SelfBlock, st.just("s1"), st.sampled_from("abc"), who, st.just("a"), st.just(NOON - DAY)), max_size=2
    ).map(tuple),
    listed=st.lists(st.builds(Listed, st.sampled_from("abc"), st.just("Visitor")), max_size=3).map(tuple),
    apart=st.frozensets(st.sampled_from(["r2", "r3"])),
)
meetings = st.builds(
    Meeting, st.sampled_from([ONE, None]), st.lists(visitors, max_size=3).map(tuple), st.just(NOON), st.booleans()
)
rules = st.fixed_dictionaries(
    {
        "list": st.sampled_from([None, {}]),
        "relationship_required": st.booleans(),
        "staff_vouch": st.booleans(),
        "spared": st.sampled_from([[], ["attorney"], ["family"]]),
    }
).map(Contacts.Settings.model_validate)


@given(rules, meetings, known)
def test_orders_and_self_blocks_hold_whatever_else_is_so(given_rules: Any, meeting: Meeting, what: Known) -> None:
    denial = objection(given_rules, meeting, what)
    if any(visitor.no_contact for visitor in meeting.visitors):
        assert denial is not None
        assert denial.code == "no_contact_order"
    elif any(
        block.visitor == visitor.id and block.reaches(meeting.resident_id)
        for visitor in meeting.visitors
        for block in what.self_blocks
    ):
        assert denial is not None
        assert denial.code == "blocked_by_visitor"
    else:
        assert denial is None or denial.code not in ("no_contact_order", "blocked_by_visitor")


@given(rules, meetings, known, visitors)
def test_one_more_visitor_never_makes_a_call_possible(
    given_rules: Any, meeting: Meeting, what: Known, another: Visitor
) -> None:
    if meeting.visitors and objection(given_rules, meeting, what) is not None:
        more = replace(meeting, visitors=(*meeting.visitors, another))
        assert objection(given_rules, more, what) is not None


def test_a_call_is_denied_with_words_that_do_not_tell_what_staff_wrote(north: Institution) -> None:
    block(north, "mother")
    denial = answer(contacts(north).authorize_call(a_call(visitors=(MOTHER,))))
    assert isinstance(denial, Deny)
    assert denial.words is not None
    assert "threats" in denial.staff
    assert "threats" not in denial.words.en + denial.words.es


def test_the_call_value_itself_may_be_asked_again_later(north: Institution) -> None:
    enlist(north, "mother")
    plugin = contacts(north)
    call: Call = a_call(visitors=(MOTHER,))
    assert coded(answer(plugin.authorize_call(call))) == "may_be_in_touch"
    self_block(north, "mother")
    assert coded(answer(plugin.authorize_call(call))) == "blocked_by_visitor"
