"""Who is kept from whom: orders, the facility's blocks, a visitor's own, and residents who are kept apart."""

from dataclasses import replace
from datetime import timedelta

from parloir.api import (
    BookedBy,
    CallClass,
    DenialKind,
    Deny,
    Happening,
    Resident,
)
from parloir.plugins.contacts import blocklist
from tests.contacts_desk import (
    COUNSEL,
    DAY,
    MOTHER,
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


def test_an_order_comes_before_all_else(north: Institution) -> None:
    enlist(north, "mother")
    block(north, "aunt")
    ordered = replace(MOTHER, no_contact=True)
    denial = answer(contacts(north).authorize_call(a_call(visitors=(a_visitor("aunt", tie()), ordered))))
    assert isinstance(denial, Deny)
    assert (denial.kind, denial.code) == (DenialKind.ORDER, "no_contact_order")
    vouched = a_visit(ordered, by=BookedBy.STAFF)
    assert coded(answer(contacts(north).authorize_visit(vouched))) == "no_contact_order"


def test_a_block_of_the_facility_keeps_a_visitor_from_all_but_its_exceptions(north: Institution) -> None:
    enlist(north, "mother")
    plugin = contacts(north, list=None)
    block(north, "mother", exceptions=frozenset({"r2"}))
    assert called(plugin, MOTHER) == "blocked"
    other = Resident(id="r2", name="Resident Two")
    assert called(plugin, a_visitor("mother", tie(resident="r2")), resident=other) == "may_be_in_touch"
    assert called(plugin, MOTHER, resident=None) == "blocked"


def test_a_block_of_one_resident_leaves_the_others(north: Institution) -> None:
    plugin = contacts(north, list=None)
    block(north, "mother", "r1")
    assert called(plugin, MOTHER) == "blocked"
    other = Resident(id="r2", name="Resident Two")
    assert called(plugin, a_visitor("mother", tie(resident="r2")), resident=other) == "may_be_in_touch"


def test_a_block_holds_from_its_start_until_its_finish(north: Institution) -> None:
    plugin = contacts(north, list=None)
    block(north, "mother", finish=NOON + DAY)
    before, last, after = NOON - DAY - timedelta(seconds=1), NOON + DAY - timedelta(seconds=1), NOON + DAY
    assert [called(plugin, MOTHER, at=at) for at in (before, NOON - DAY, last, after)] == [
        "may_be_in_touch",
        "blocked",
        "blocked",
        "may_be_in_touch",
    ]


def test_a_block_of_the_facility_spares_the_kinds_it_is_told_to(north: Institution) -> None:
    consul = a_visitor("consul", tie("consular"))
    block(north, "consul")
    assert called(contacts(north), consul) == "blocked"
    assert called(contacts(north, spared=["consular"]), consul) == "may_be_in_touch"
    unproven = a_visitor("consul", tie("consular", "pending"), tie("friend"))
    assert called(contacts(north, spared=["consular"]), unproven) == "blocked"
    attorney_too = a_visitor("counsel", tie("attorney"))
    block(north, "counsel", "r1")
    assert called(contacts(north, spared=["attorney"]), attorney_too) == "blocked"


def test_a_visitors_own_block_holds_even_for_what_they_booked(north: Institution) -> None:
    enlist(north, "mother")
    plugin = contacts(north)
    self_block(north, "mother", "r1")
    assert called(plugin, MOTHER) == "blocked_by_visitor"
    assert coded(answer(plugin.authorize_visit(a_visit(MOTHER, by=BookedBy.STAFF)))) == "blocked_by_visitor"
    other = Resident(id="r2", name="Resident Two")
    mother_of_two = a_visitor("mother", tie(), tie(resident="r2"))
    assert called(contacts(north, list=None), mother_of_two, resident=other) == "may_be_in_touch"
    self_block(north, "counsel")
    assert called(plugin, COUNSEL, call_class=CallClass.PRIVILEGED) == "blocked_by_visitor"


def test_a_block_on_the_visitors_page_is_kept_once_and_holds(north: Institution) -> None:
    enlist(north, "mother")
    plugin = contacts(north)
    said = Happening(position=7, kind="blocked", at=NOON, facts={"visitor": "mother"})
    for _ in range(2):
        answer(plugin.person_event(Resident(id="r1", name="Resident One"), said))
    assert called(plugin, MOTHER) == "blocked_by_visitor"
    assert len(north.store.run_now(lambda connection: blocklist.own(connection, "north"))) == 1
    answer(plugin.person_event(Resident(id="r1", name="Resident One"), replace(said, kind="moved")))


def test_nobody_stands_between_residents_who_are_kept_apart(north: Institution) -> None:
    plugin = contacts(north, list=None)
    north.records.known_separations.append(("r1", "r2"))
    assert called(plugin, a_visitor("lee", tie(), tie("friend", resident="r2"))) == "separation"
    assert called(plugin, a_visitor("lee", tie(), tie("friend", "revoked", resident="r2"))) == "may_be_in_touch"
    assert called(plugin, a_visitor("lee", tie(), tie("friend", resident="r3"))) == "may_be_in_touch"


def test_counsel_of_two_residents_who_are_kept_apart_may_call_both(north: Institution) -> None:
    north.records.known_separations.append(("r1", "r2"))
    of_both = a_visitor("counsel", tie("attorney"), tie("attorney", resident="r2"))
    assert called(contacts(north), of_both) == "may_be_in_touch"
