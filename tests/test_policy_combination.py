"""Every rule of combination, by two plugins that disagree, as decided and as `explain` shows it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pytest_twisted import ensureDeferred

from parloir.api import (
    Action,
    Actor,
    Allow,
    Announcement,
    Application,
    BookedBy,
    Call,
    CallClass,
    Cap,
    CapKind,
    Contact,
    DenialKind,
    Deny,
    Identity,
    Keep,
    LegalHold,
    Medium,
    No,
    Payer,
    PayerKind,
    Recording,
    RelationshipState,
    Route,
    Slot,
    SlotSearch,
    Words,
    Yes,
)
from parloir.policy.explain import explain
from parloir.policy.rates import FREE
from tests.policy_load import MINUTE, TARIFF, Load, crash, load, told
from tests.policy_plugins import NOON, RESIDENT, a_call, a_visit, answering, counsel, tie, visitor

__all__ = ["load"]

OFFICER = Actor(user="officer", roles=("officer",))


@ensureDeferred
async def test_without_plugins_a_known_call_is_connected_unrecorded_with_the_core_notice(load: Load) -> None:
    decision = await load().decide(a_call())
    assert (decision.denial, decision.call_class) == (None, CallClass.ORDINARY)
    assert (decision.record, decision.monitor, decision.rate) == (False, False, None)
    assert [each.code for each in decision.announcements] == ["notice"]


@ensureDeferred
async def test_a_visit_booked_by_staff_needs_no_relationships_on_record(load: Load) -> None:
    nobody = replace(visitor(), relationships=())
    call = a_call(nobody, visit=a_visit(booked_by=BookedBy.STAFF, visitors=(nobody,)))
    assert (await load().decide(call)).denial is None
    unknown = await load().decide(a_call(nobody))
    assert unknown.denial is not None
    assert unknown.denial.code == "class_unknown"


@ensureDeferred
async def test_two_plugins_that_name_different_residents_deny_the_call(load: Load) -> None:
    policies = load(
        answering(identify_resident=Identity("r1", "voice")), answering(identify_resident=Identity("r2", "pin"))
    )
    decision = await policies.decide(a_call(resident=None))
    assert decision.denial is not None
    assert (decision.denial.kind, decision.denial.code) == (DenialKind.IDENTITY, "identity_disputed")
    assert "a  resident r1 (voice)" in told(decision)


@ensureDeferred
async def test_a_plugin_cannot_name_another_resident_than_the_gateway_knows(load: Load) -> None:
    decision = await load(answering(identify_resident=Identity("r2", "voice"))).decide(a_call())
    assert decision.denial is not None
    assert decision.denial.code == "identity_disputed"


@ensureDeferred
async def test_the_most_protected_class_wins_in_either_order(load: Load) -> None:
    ordinary, privileged = answering(classify_call=CallClass.ORDINARY), answering(classify_call=CallClass.PRIVILEGED)
    for plugins in ((ordinary, privileged), (privileged, ordinary)):
        decision = await load(*plugins).decide(a_call())
        assert decision.call_class is CallClass.PRIVILEGED
        assert "said ordinary, which does not lower it" in told(decision)


@ensureDeferred
async def test_a_plugin_that_does_not_know_the_class_keeps_the_call_from_being_connected(load: Load) -> None:
    decision = await load(answering(classify_call=CallClass.UNKNOWN)).decide(a_call())
    assert decision.denial is not None
    assert decision.denial.code == "class_unknown"


@ensureDeferred
async def test_any_denial_beats_an_allowance(load: Load) -> None:
    policies = load(
        answering(authorize_call=Allow("warden_said_so")),
        answering(authorize_call=Deny(DenialKind.SCHEDULE, "outside_hours", staff="opens at 9")),
    )
    decision = await policies.decide(a_call())
    assert decision.denial is not None
    assert (decision.denial.plugin, decision.denial.code) == ("b", "outside_hours")
    assert "b  denied, schedule: outside_hours (opens at 9)" in told(decision)
    assert "rule: any denial holds" in told(decision)


@pytest.mark.parametrize("kind", [DenialKind.QUOTA, DenialKind.BALANCE, DenialKind.SUSPENSION])
@ensureDeferred
async def test_a_privileged_call_is_not_denied_for_quota_balance_or_suspension(load: Load, kind: DenialKind) -> None:
    policies = load(answering(authorize_call=Deny(kind, "some_reason")))
    assert (await policies.decide(a_call())).denial is not None
    decision = await policies.decide(a_call(counsel()))
    assert decision.denial is None
    assert f"a's denial for {kind} does not hold: the call is privileged" in told(decision)


@ensureDeferred
async def test_a_privileged_call_is_denied_for_other_reasons(load: Load) -> None:
    decision = await load(answering(authorize_call=Deny(DenialKind.SCHEDULE, "lockdown"))).decide(a_call(counsel()))
    assert decision.denial is not None


@ensureDeferred
async def test_an_order_outranks_every_plugin(load: Load) -> None:
    policies = load(answering(authorize_call=Allow()))
    decision = await policies.decide(a_call(visitor(no_contact=True)))
    assert decision.denial is not None
    assert (decision.denial.plugin, decision.denial.code) == ("parloir", "no_contact_order")


@pytest.mark.parametrize("question", ["may_record", "may_monitor"])
@ensureDeferred
async def test_observing_needs_one_yes_and_no_no(load: Load, question: str) -> None:
    field = {"may_record": "record", "may_monitor": "monitor"}[question]
    yes, no = answering(**{question: Yes()}), answering(**{question: No("staff_meeting")})
    assert getattr(await load(yes).decide(a_call()), field) is True
    disputed = await load(yes, no).decide(a_call())
    assert getattr(disputed, field) is False
    assert f"{question}: no, says b (staff_meeting)" in told(disputed)
    assert getattr(await load(answering(**{question: None})).decide(a_call()), field) is False
    assert getattr(await load(yes, answering(**{question: crash})).decide(a_call()), field) is False


@ensureDeferred
async def test_a_recorded_call_is_announced_as_recorded_before_all_else(load: Load) -> None:
    recorder = answering(may_record=Yes(), may_monitor=Yes())
    price = Announcement("price", Words("It costs 12 cents a minute.", "Cuesta 12 centavos el minuto."), 4.0)
    again = replace(price, words=Words("Other words.", "Otras palabras."))
    long = Announcement("long", Words("Long.", "Largo."), 29.0)
    policies = load(answering(announce_call=(price, long)), answering(announce_call=again), recorder)
    decision = await policies.decide(a_call())
    assert [each.code for each in decision.announcements] == ["recorded", "notice", "price"]
    assert "b's price was already there" in told(decision)
    assert "a's long did not fit into 30 s" in told(decision)


@ensureDeferred
async def test_a_failing_announcement_leaves_the_core_notices_and_no_recording(load: Load) -> None:
    other = answering(announce_call=Announcement("price", Words("Price.", "Precio."), 2.0))
    decision = await load(answering(may_record=Yes()), answering(announce_call=crash), other).decide(a_call())
    assert decision.record is False
    assert [each.code for each in decision.announcements] == ["notice"]
    assert "b  FAILED, raised: RuntimeError: no database" in told(decision)


@ensureDeferred
async def test_an_emergency_call_is_connected_whatever_plugins_do_and_never_charged(load: Load) -> None:
    hostile = answering(
        classify_call=crash, authorize_call=Deny(DenialKind.ORDER, "never"), rate_call=TARIFF, may_record=Yes()
    )
    decision = await load(hostile).decide(a_call(route=Route.EMERGENCY))
    assert (decision.denial, decision.rate, decision.limit_seconds) == (None, FREE, None)
    assert (decision.call_class, decision.record) == (CallClass.PRIVILEGED, False)
    assert "an emergency call is never denied" in told(decision)


@pytest.mark.parametrize("route", [Route.EMERGENCY, Route.HOTLINE])
@ensureDeferred
async def test_an_emergency_or_hotline_call_is_connected_though_the_gateway_itself_fails(
    load: Load, route: Route
) -> None:
    def fail(call: object) -> None:
        raise KeyError("tier")

    decision = await load(answering(may_record=Yes()), ceiling=fail).decide(a_call(route=route))
    assert (decision.denial, decision.rate, decision.limit_seconds) == (None, FREE, None)
    assert (decision.call_class, decision.record, decision.monitor) == (CallClass.PRIVILEGED, False, False)
    assert [each.code for each in decision.announcements] == ["private", "notice"]


@ensureDeferred
async def test_no_plugin_learns_of_a_hotline_call(load: Load) -> None:
    asked: list[object] = []
    nosy = answering(**dict.fromkeys(("identify_resident", "classify_call", "authorize_call"), asked.append))
    decision = await load(nosy).decide(a_call(resident=None, visitors=(), route=Route.HOTLINE))
    assert (decision.denial, decision.call_class) == (None, CallClass.PRIVILEGED)
    assert asked == []


@ensureDeferred
async def test_each_question_sees_what_was_decided_before(load: Load) -> None:
    seen: list[Call] = []
    spy = answering(limit_call=seen.append)
    await load(answering(choose_payer=Payer(PayerKind.VISITOR), rate_call=TARIFF), spy).decide(a_call())
    [call] = seen
    assert (call.payer, call.rate) == (Payer(PayerKind.VISITOR), (MINUTE,))
    assert [each.question for each in call.decisions][-2:] == ["choose_payer", "rate_call"]


@ensureDeferred
async def test_a_question_with_a_failure_is_denied_unless_counsel_calls(load: Load) -> None:
    for question in ("identify_resident", "classify_call", "authorize_call"):
        decision = await load(answering(**{question: crash})).decide(a_call(counsel()))
        assert decision.denial is not None, question
        assert decision.denial.code == "policy_failed"
    for question in ("choose_payer", "rate_call", "limit_call"):
        policies = load(answering(**{question: crash}))
        assert (await policies.decide(a_call())).denial is not None, question
        assert (await policies.decide(a_call(counsel()))).denial is None, question


@ensureDeferred
async def test_in_mid_call_the_last_limit_stands_where_a_plugin_fails(load: Load) -> None:
    limits: list[Any] = [Cap(600, CapKind.POLICY, "default"), Cap(300, CapKind.HARD, "balance")]
    policies = load(answering(limit_call=lambda call: limits.pop(0)))
    decision = await policies.decide(a_call())
    shorter = await policies.limit_again(a_call(), decision)
    assert (decision.limit_seconds, shorter.limit_seconds) == (600, 300)
    assert await policies.limit_again(a_call(), shorter) == shorter


@ensureDeferred
async def test_any_denial_keeps_a_visit_from_being_booked(load: Load) -> None:
    policies = load(
        answering(authorize_visit=Allow()), answering(authorize_visit=Deny(DenialKind.QUOTA, "weekly_quota"))
    )
    ruling = await policies.authorize_visit(a_visit())
    assert ruling.denial is not None
    assert (ruling.allowed, ruling.denial.code) == (False, "weekly_quota")
    assert "a  yes (allowed)" in explain(ruling.trail)
    assert (await policies.authorize_visit(a_visit(visitors=(counsel(),)))).allowed


@ensureDeferred
async def test_a_visit_by_counsel_whom_nobody_approved_is_not_booked(load: Load) -> None:
    ruling = await load().authorize_visit(a_visit(visitors=(counsel(RelationshipState.PENDING),)))
    assert ruling.denial is not None
    assert ruling.denial.code == "counsel_not_approved"


def slot(hour: int) -> Slot:
    return Slot("pod-a-1", NOON + timedelta(hours=hour), NOON + timedelta(hours=hour, minutes=30))


SEARCH = SlotSearch(
    facility="north",
    resident=RESIDENT,
    visitors=(visitor(),),
    stations=("pod-a-1",),
    after=NOON,
    before=NOON + timedelta(days=1),
    minutes=30,
)


@ensureDeferred
async def test_only_slots_that_all_offer_are_open(load: Load) -> None:
    one, two = answering(open_slots=(slot(3), slot(1), slot(2))), answering(open_slots=(slot(2), slot(3), slot(4)))
    assert await load(one, two, answering(open_slots=None)).open_slots(SEARCH) == (slot(2), slot(3))
    assert await load(one, answering(open_slots=())).open_slots(SEARCH) == ()
    assert await load(one, answering(open_slots=crash)).open_slots(SEARCH) == ()


APPLICATION = Application(facility="north", resident=RESIDENT, visitor=visitor(), relationship=tie())


@ensureDeferred
async def test_a_relationship_is_approved_only_where_none_denies_or_fails(load: Load) -> None:
    yes = answering(approve_relationship=Allow("bar_register"))
    no = answering(approve_relationship=Deny(DenialKind.CONTACT, "not_on_register"))
    assert (await load(yes).approve_relationship(APPLICATION)).allowed
    denied = await load(yes, no).approve_relationship(APPLICATION)
    assert (denied.allowed, denied.pending) == (False, False)
    for plugins in ((), (yes, answering(approve_relationship=crash)), (answering(approve_relationship=None),)):
        ruling = await load(*plugins).approve_relationship(APPLICATION)
        assert (ruling.allowed, ruling.pending) == (False, True)


@ensureDeferred
async def test_contacts_are_offered_once_in_the_order_of_the_configuration(load: Load) -> None:
    mother, other = Contact(visitor="v1", name="Ann", label="Mother"), Contact(visitor="v1", name="Ann", label="A")
    friend = Contact(visitor="v2", name="Bob")
    policies = load(answering(contacts_of=(mother,)), answering(contacts_of=(other, friend)))
    assert await policies.contacts_of(RESIDENT) == (mother, friend)


@ensureDeferred
async def test_staff_may_always_end_and_never_hear_a_privileged_call(load: Load) -> None:
    policies = load(answering(may_act=Yes()))
    ordinary, private = a_call(call_class=CallClass.ORDINARY), a_call(counsel(), call_class=CallClass.ORDINARY)
    assert (await policies.may_act(ordinary, Action.LISTEN, OFFICER)).allowed
    assert not (await policies.may_act(private, Action.LISTEN, OFFICER)).allowed
    unknown = a_call(call_class=CallClass.UNKNOWN)
    assert not (await policies.may_act(unknown, Action.LISTEN, OFFICER)).allowed
    assert (await load(answering(may_act=No("never"))).may_act(private, Action.END, OFFICER)).allowed
    disputed = await load(answering(may_act=Yes()), answering(may_act=No("two_needed"))).may_act(
        ordinary, Action.BARGE, OFFICER
    )
    assert not disputed.allowed
    assert "no, says b (two_needed)" in explain(disputed.trail)


RECORDING = Recording(
    id="rec",
    call="c1",
    facility="north",
    call_class=CallClass.ORDINARY,
    media=(Medium.AUDIO,),
    made=NOON,
    seconds=60,
)


@ensureDeferred
async def test_a_hold_beats_every_span_and_else_the_longest_holds(load: Load) -> None:
    short, long = answering(retain_recording=Keep(90, "video")), answering(retain_recording=Keep(730, "audio"))
    hold, broken = answering(retain_recording=LegalHold("case_12")), answering(retain_recording=crash)
    assert (await load(long, short).retain_recording(RECORDING)).days == 730
    assert (await load(long, hold, broken).retain_recording(RECORDING)).legal_hold
    for plugins in ((), (short, broken), (answering(retain_recording=None),)):
        kept = await load(*plugins).retain_recording(RECORDING)
        assert (kept.days, kept.legal_hold) == (None, False)
