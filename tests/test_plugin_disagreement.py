"""Contacts and limits beside plugins that say something else, as the gateway combines and explains it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pytest_twisted import async_yield_fixture, ensureDeferred
from twisted.internet import reactor

from parloir.api import (
    Allow,
    CallClass,
    Cap,
    CapKind,
    Contact,
    DenialKind,
    Deny,
    Extend,
    Medium,
    RelationshipState,
    Resident,
    WayIn,
)
from parloir.plugins.contacts import blocklist, lists
from parloir.plugins.contacts.block import Block
from parloir.plugins.contacts.listing import Change, Listed
from parloir.plugins.contacts.plugin import Contacts
from parloir.plugins.limits import tally
from parloir.plugins.limits.plugin import Limits
from parloir.plugins.limits.talk import Talk
from parloir.policy.decision import Decision
from parloir.policy.explain import explain
from parloir.policy.loader import Patience, Surroundings, load
from parloir.policy.policies import Policies
from parloir.policy.reasons import for_visitor
from tests.plugin_facility import NOON, Institution, TablesInMemory
from tests.policy_plugins import a_call, answering, counsel, offered, tie, visitor

DEAF = Resident(id="r1", name="Resident One", unit="A", accommodations=("deaf",))
LIMITS = {"durations": [{"minutes": 15}], "quotas": [{"per": "day", "minutes": 20}], "accommodations": {"deaf": 3}}

CALM = Patience(deadline=5.0)
"""What a busy machine does not run into."""


class North:
    """A facility with contacts, limits, and a plugin that may say anything else."""

    def __init__(self) -> None:
        self.house = Institution(TablesInMemory(Contacts, Limits))
        self.opened: list[Policies] = []

    def policies(self, other: type, contacts: dict[str, Any] | None = None) -> Policies:
        plugins = {"other": other, "contacts": Contacts, "limits": Limits}
        given = {"other": {}, "contacts": contacts or {}, "limits": LIMITS}
        self.opened.append(load(given, Surroundings(self.house.facility, reactor, patience=CALM), offered(plugins)))
        return self.opened[-1]

    def do(self, work: Callable[[Any], object]) -> None:
        self.house.store.run_now(work)

    def enlist(self, *visitors: str) -> None:
        change = Change((), tuple(Listed(each, f"Visitor {each}") for each in visitors))
        entry = lists.Entry(NOON, "jdoe", True, visitors, (), "")
        self.do(lambda connection: lists.put(connection, "north", "r1", change, entry))

    def block(self, id: str) -> None:
        made = Block("b1", id, None, "threats", "jdoe", NOON - timedelta(days=1))
        self.do(lambda connection: blocklist.add(connection, "north", made))

    def talked(self, seconds: int) -> None:
        before = NOON - timedelta(hours=2)
        talk = Talk("c0", "r1", before, before + timedelta(seconds=seconds), seconds, Medium.AUDIO, WayIn.INSIDE)
        self.do(lambda connection: tally.put(connection, "north", talk))


@async_yield_fixture
async def north() -> AsyncIterator[North]:
    made = North()
    yield made
    for policies in made.opened:
        await policies.close()
    made.house.store.close()


def denial(decision: Decision) -> tuple[str, str]:
    assert decision.denial is not None
    return decision.denial.plugin, decision.denial.code


@ensureDeferred
async def test_a_stranger_stays_denied_though_another_plugin_allows_the_call(north: North) -> None:
    policies = north.policies(answering(authorize_call=Allow("warden_said_so")))
    decision = await policies.decide(a_call())
    assert denial(decision) == ("contacts", "not_on_contact_list")
    assert decision.denial is not None
    assert "contact list" in for_visitor(decision.denial, "en")
    assert "denied, contact: not_on_contact_list" in explain(decision.trail)
    north.enlist("v1")
    assert (await policies.decide(a_call())).denial is None


@ensureDeferred
async def test_contacts_allowance_does_not_overrule_another_plugins_denial(north: North) -> None:
    north.enlist("v1")
    policies = north.policies(answering(authorize_call=Deny(DenialKind.SCHEDULE, "outside_hours")))
    decision = await policies.decide(a_call())
    assert denial(decision) == ("other", "outside_hours")
    assert "yes (may_be_in_touch)" in explain(decision.trail)


@ensureDeferred
async def test_an_order_outranks_every_plugin_and_is_told_to_nobody_outside(north: North) -> None:
    north.enlist("v1")
    policies = north.policies(answering(authorize_call=Allow("warden_said_so")), {"staff_vouch": True})
    decision = await policies.decide(a_call(replace(visitor(), no_contact=True)))
    assert denial(decision) == ("parloir", "no_contact_order")
    assert {each.plugin for each in decision.denials} == {"parloir", "contacts"}
    assert decision.denial is not None
    assert "order" not in for_visitor(decision.denial, "en")


@ensureDeferred
async def test_a_used_up_day_denies_an_ordinary_call_and_not_a_privileged_one(north: North) -> None:
    north.enlist("v1")
    north.talked(1200)
    policies = north.policies(answering(authorize_call=Allow("warden_said_so")))
    decision = await policies.decide(a_call())
    assert denial(decision) == ("limits", "daily_minutes")
    assert decision.denial is not None
    assert for_visitor(decision.denial, "es") == "Ya se usaron los minutos de hoy."
    privileged = await policies.decide(a_call(counsel()))
    assert (privileged.call_class, privileged.denial, privileged.limit.seconds) == (CallClass.PRIVILEGED, None, None)


@ensureDeferred
async def test_a_plugin_that_makes_a_call_privileged_lifts_its_quota_but_not_its_block(north: North) -> None:
    north.enlist("v1")
    north.talked(1200)
    policies = north.policies(answering(classify_call=CallClass.PRIVILEGED))
    assert (await policies.decide(a_call())).denial is None
    north.block("v1")
    assert denial(await policies.decide(a_call())) == ("contacts", "blocked")


@ensureDeferred
async def test_counsel_who_are_not_approved_are_not_let_in_by_contacts_either(north: North) -> None:
    policies = north.policies(answering())
    decision = await policies.decide(a_call(counsel(RelationshipState.PENDING)))
    assert ("contacts", "relationship_pending") in [(each.plugin, each.code) for each in decision.denials]


@ensureDeferred
async def test_the_need_of_a_deaf_resident_stretches_another_plugins_policy_cap_but_no_hard_one(north: North) -> None:
    north.enlist("v1")
    short = north.policies(answering(limit_call=Cap(300, CapKind.POLICY, "pilot")))
    assert (await short.decide(a_call())).limit.seconds == 300
    stretched = await short.decide(a_call(resident=DEAF))
    assert (stretched.limit.seconds, stretched.limit.code) == (900, "pilot")
    hard = north.policies(answering(limit_call=Cap(600, CapKind.HARD, "balance")))
    held = await hard.decide(a_call(resident=DEAF))
    assert (held.limit.seconds, held.limit.code) == (600, "balance")
    assert "policy caps are 3 times as long" in explain(held.trail)


@ensureDeferred
async def test_the_shorter_of_two_caps_holds_and_the_longer_stretch(north: North) -> None:
    north.enlist("v1")
    policies = north.policies(answering(limit_call=(Cap(3600, CapKind.POLICY, "generous"), Extend(2.0, "elder"))))
    assert (await policies.decide(a_call())).limit.seconds == 2 * 900
    decision = await policies.decide(a_call(resident=DEAF))
    assert (decision.limit.seconds, decision.limit.code) == (3 * 900, "duration")
    assert decision.limit.warnings == (60, 10)


@ensureDeferred
async def test_the_minutes_left_of_a_day_are_stretched_as_far_as_the_stretched_day(north: North) -> None:
    north.enlist("v1")
    north.talked(3000)
    decision = await north.policies(answering()).decide(a_call(resident=DEAF))
    assert (decision.limit.seconds, decision.limit.code) == (3 * 1200 - 3000, "daily_minutes")


@ensureDeferred
async def test_warnings_of_all_caps_are_told_whichever_makes_the_end(north: North) -> None:
    north.enlist("v1")
    policies = north.policies(answering(limit_call=Cap(120, CapKind.HARD, "balance", (30, 300))))
    assert (await policies.decide(a_call())).limit.warnings == (60, 30, 10)


@ensureDeferred
async def test_another_plugins_contacts_are_offered_beside_the_list(north: North) -> None:
    north.enlist("v1", "v2")
    north.house.records.known_relationships["r1"] = [("v1", tie()), ("v2", tie())]
    other = answering(contacts_of=(Contact(visitor="v2", name="From elsewhere"), Contact(visitor="v3", name="Lee")))
    offered_to = await north.policies(other).contacts_of(DEAF)
    assert [each.visitor for each in offered_to] == ["v2", "v3", "v1"]
