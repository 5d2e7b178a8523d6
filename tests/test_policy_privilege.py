"""Privilege: fixed by the participants, whatever plugins answer, raise, or leave unanswered."""

import asyncio
import time
from collections.abc import Awaitable
from datetime import timedelta
from random import Random
from typing import Any, TypeAlias, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_twisted import ensureDeferred

from parloir.api import (
    Action,
    Actor,
    BookedBy,
    Call,
    CallClass,
    Facility,
    RelationshipKind,
    RelationshipState,
    Route,
    Settings,
    Visitor,
    Yes,
    hookimpl,
)
from parloir.policy import privilege
from parloir.policy.decision import Decision
from parloir.policy.loader import Patience
from tests.policy_plugins import NOON, House, a_call, a_visit, counsel, tie, visitor

PRIVILEGED = [kind for kind in RelationshipKind if kind.privileged]
DEADLINE = 0.02
HANG = 0.25
"""How long a bad plugin blocks, in seconds."""
T = TypeVar("T")
Later: TypeAlias = T | Awaitable[T]
"""What a hook may answer: at once in a `def`, or in its time in an `async def`."""


class Honest:
    """Answers as it should, and would record and monitor all it may."""

    api = 1

    def __init__(self, settings: Settings, facility: Facility) -> None: ...

    def behave(self) -> None: ...

    @hookimpl
    def classify_call(self, call: Call) -> Later[CallClass | None]:
        self.behave()
        return None

    @hookimpl
    def may_record(self, call: Call) -> Later[Yes]:
        self.behave()
        return Yes()

    @hookimpl
    def may_monitor(self, call: Call) -> Yes:
        self.behave()
        return Yes()

    @hookimpl
    def may_act(self, call: Call) -> Yes:
        self.behave()
        return Yes()


class Lying(Honest):
    """Says that every call is ordinary, and rewrites what it is shown."""

    @hookimpl
    def classify_call(self, call: Call) -> CallClass:
        object.__setattr__(call, "call_class", CallClass.ORDINARY)
        object.__setattr__(call, "visitors", ())
        return CallClass.ORDINARY


class Raising(Honest):
    def behave(self) -> None:
        raise ValueError("no")


class Exiting(Honest):
    def behave(self) -> None:
        raise SystemExit


class Sleeping(Honest):
    def behave(self) -> None:
        time.sleep(HANG)


class Hanging(Honest):
    @hookimpl
    async def classify_call(self, call: Call) -> CallClass:
        await asyncio.Event().wait()
        return CallClass.ORDINARY


class Late(Honest):
    @hookimpl
    async def classify_call(self, call: Call) -> CallClass:
        await asyncio.sleep(HANG)
        return CallClass.ORDINARY


class Blocking(Honest):
    @hookimpl
    async def may_record(self, call: Call) -> Yes:
        time.sleep(HANG)  # noqa: ASYNC251 - the very mistake
        return Yes()


class Swallowing(Honest):
    @hookimpl
    async def classify_call(self, call: Call) -> CallClass:
        until = time.monotonic() + HANG
        while time.monotonic() < until:
            try:
                await asyncio.sleep(HANG)
            except asyncio.CancelledError:
                continue
        return CallClass.ORDINARY


KINDS = (Honest, Lying, Raising, Exiting, Sleeping, Hanging, Late, Blocking, Swallowing)
ties = st.builds(
    tie,
    st.sampled_from(RelationshipKind),
    st.sampled_from(RelationshipState),
    st.sampled_from(["r1", "r2", None]),
    st.sampled_from([None, NOON - timedelta(days=1), NOON + timedelta(days=1)]),
)
visitors = st.builds(
    lambda id, ties: Visitor(id=id, name=id, relationships=ties),
    st.sampled_from(["v1", "v2", "v3"]),
    st.lists(ties, max_size=3).map(tuple),
)
visits = st.none() | st.builds(
    lambda by, said: a_visit(booked_by=by, call_class=said),
    st.sampled_from(BookedBy),
    st.sampled_from([None, *CallClass]),
)

answerers = st.lists(st.sampled_from((Lying, Honest)), min_size=1, max_size=4)
anyone = st.lists(st.sampled_from(KINDS), min_size=1, max_size=5)


@st.composite
def calls(draw: st.DrawFn) -> Call:
    """A call of anybody with anybody."""
    routes = [Route.VISIT, Route.VISIT, Route.VISIT, Route.EMERGENCY, Route.HOTLINE]
    call = a_call(visit=draw(visits), route=draw(st.sampled_from(routes)))
    parties = tuple(draw(st.lists(visitors, max_size=3)))
    return Call(**{**vars(call), "visitors": parties}) if parties else a_call(route=call.route, visit=call.visit)


async def decided(call: Call, plugins: list[type]) -> tuple[Decision, bool]:
    """The decision, and whether staff may listen."""
    named = {f"p{index}": plugin for index, plugin in enumerate(plugins)}
    policies = House().load(named, patience=Patience(deadline=DEADLINE, failures=100))
    decision = await policies.decide(call)
    act = await policies.may_act(call, Action.LISTEN, Actor(user="o", roles=("officer",)))
    await policies.close()
    return decision, act.allowed


@settings(max_examples=150)
@given(calls(), answerers | anyone)
@ensureDeferred
async def test_no_plugin_gets_at_a_privileged_call_and_no_unknown_class_is_connected(
    call: Call, plugins: list[type]
) -> None:
    decision, may_listen = await decided(call, plugins)
    possibly = any(each.kind.privileged for person in call.visitors for each in person.relationships)
    staff_say_so = call.visit is not None and call.visit.call_class is CallClass.PRIVILEGED
    if possibly or staff_say_so or call.route is Route.HOTLINE:
        assert not decision.record
        assert not decision.monitor
        assert not may_listen
        assert decision.call_class is not CallClass.ORDINARY
        assert decision.denial or decision.call_class is CallClass.PRIVILEGED
    if decision.call_class is CallClass.UNKNOWN:
        assert decision.denial
    if decision.record or decision.monitor:
        assert {"recorded", "recorded_only", "monitored"} & {each.code for each in decision.announcements}
    if call.route is not Route.VISIT:
        assert decision.denial is None
    if decision.denial is None:
        assert decision.announcements


@settings(max_examples=300)
@given(calls(), st.lists(st.sampled_from(CallClass), max_size=4), st.randoms())
def test_the_class_does_not_depend_on_the_order_of_participants(
    call: Call, said: list[CallClass], random: Random
) -> None:
    shuffled = list(call.visitors)
    random.shuffle(shuffled)
    floor = privilege.of_call(call).call_class
    assert privilege.of_call(Call(**{**vars(call), "visitors": tuple(shuffled)})).call_class is floor
    assert privilege.most_protected([floor, *said]).protection >= floor.protection


@pytest.mark.parametrize("state", RelationshipState)
@pytest.mark.parametrize("kind", PRIVILEGED)
def test_counsel_in_any_state_and_of_any_resident_makes_the_call_privileged(
    kind: RelationshipKind, state: RelationshipState
) -> None:
    for resident in ("r1", "r2"):
        person = visitor(tie(), tie(kind, state, resident))
        assert privilege.of_call(a_call(visitor(id="v0"), person)).call_class is CallClass.PRIVILEGED


@pytest.mark.parametrize(
    ("ties", "proven"),
    [
        ((tie(RelationshipKind.ATTORNEY),), True),
        ((tie(RelationshipKind.ATTORNEY, RelationshipState.PENDING),), False),
        ((tie(RelationshipKind.ATTORNEY, expires=NOON),), False),
        ((tie(RelationshipKind.ATTORNEY, expires=NOON + timedelta(seconds=1)),), True),
        ((tie(RelationshipKind.ATTORNEY, resident="r2"),), False),
        ((tie(RelationshipKind.ATTORNEY, resident="r2"), tie()), True),
        ((tie(RelationshipKind.ATTORNEY, RelationshipState.PENDING, "r2"), tie()), False),
        ((tie(RelationshipKind.ATTORNEY, RelationshipState.REVOKED), tie()), False),
    ],
)
def test_counsel_must_be_approved_as_counsel_and_for_this_resident(ties: tuple[Any, ...], proven: bool) -> None:
    call = a_call(visitor(*ties))
    found = privilege.unproven(call.visitors, call.resident, None, call.at)
    assert (found is None) is proven


def test_only_staff_can_book_a_visit_as_privileged_on_their_word_alone() -> None:
    for by in BookedBy:
        visit = a_visit(booked_by=by, call_class=CallClass.PRIVILEGED)
        call = a_call(visit=visit)
        assert privilege.of_call(call).call_class is CallClass.PRIVILEGED
        unproven = privilege.unproven(call.visitors, call.resident, visit, call.at)
        assert (unproven is None) is (by is BookedBy.STAFF)


def test_one_unknown_among_known_visitors_makes_the_class_unknown() -> None:
    stranger = visitor(tie(RelationshipKind.UNSTATED), id="v2")
    elsewhere = visitor(tie(resident="r2"), id="v3")
    for other in (stranger, elsewhere):
        assert privilege.of_call(a_call(visitor(), other)).call_class is CallClass.UNKNOWN
    assert privilege.of_call(a_call(counsel(), stranger)).call_class is CallClass.PRIVILEGED
