"""Who pays, what a minute costs and how long it may last, by two plugins that disagree."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pytest_twisted import ensureDeferred

from parloir.api import (
    Cap,
    CapKind,
    DenialKind,
    Deny,
    Discount,
    Extend,
    Payer,
    PayerKind,
    RateStep,
    Tariff,
    Yes,
)
from parloir.config.caps import LegalCap
from parloir.policy.rates import FREE
from tests.policy_load import MINUTE, TARIFF, Load, crash, load, told
from tests.policy_plugins import a_call, a_visit, answering, counsel

__all__ = ["load"]


@ensureDeferred
async def test_what_a_call_would_cost_asks_nothing_else_and_decides_nothing(load: Load) -> None:
    asked: list[str] = []

    def notes(name: str, answer: Any = None) -> Callable[..., Any]:
        def note(*given: Any) -> Any:
            asked.append(name)
            return answer

        return note

    answers = {
        "identify_resident": None,
        "classify_call": None,
        "authorize_call": Deny(DenialKind.SCHEDULE, "night"),
        "choose_payer": Payer(PayerKind.RESIDENT),
        "rate_call": TARIFF,
        "limit_call": Cap(60, CapKind.POLICY, "minute"),
        "may_record": Yes("rule"),
        "announce_call": None,
    }
    policies = load(answering(**{name: notes(name, answer) for name, answer in answers.items()}))
    price = await policies.price(a_call())
    assert asked == ["classify_call", "choose_payer", "rate_call", "limit_call"]
    assert (price.denial, price.rate, price.limit_seconds) == (None, (MINUTE,), 60)
    assert (price.payer, price.record, price.announcements) == (Payer(PayerKind.RESIDENT), False, ())


@ensureDeferred
async def test_a_plugin_that_fails_leaves_no_price(load: Load) -> None:
    price = await load(answering(rate_call=lambda call: 1 // 0)).price(a_call())
    assert (price.denial is not None, price.rate) == (True, None)
    price = await load(answering(rate_call=TARIFF), answering(rate_call=crash)).price(a_call())
    assert price.denial is not None, "what the other would have taken off is not known"
    assert (price.denial.plugin, price.denial.code, price.rate) == ("b", "policy_failed", None)


@ensureDeferred
async def test_the_first_payer_in_the_configuration_pays(load: Load) -> None:
    policies = load(
        answering(choose_payer=Payer(PayerKind.VISITOR)), answering(choose_payer=Payer(PayerKind.RESIDENT, "r1"))
    )
    decision = await policies.decide(a_call())
    assert decision.payer == Payer(PayerKind.VISITOR)
    assert "note: b came later: the resident pays (account r1)" in told(decision)


@ensureDeferred
async def test_a_failure_counts_before_the_first_payer_and_not_after_it(load: Load) -> None:
    payer, broken = answering(choose_payer=Payer(PayerKind.VISITOR)), answering(choose_payer=crash)
    rater = answering(rate_call=TARIFF)
    assert (await load(payer, broken, rater).decide(a_call())).denial is None
    denied = await load(broken, payer, rater).decide(a_call())
    assert denied.denial is not None
    assert denied.denial.plugin == "a"
    free = answering(rate_call=Tariff((RateStep(0, 0),)))
    assert (await load(broken, payer, free).decide(a_call())).denial is None


@ensureDeferred
async def test_discounts_come_off_the_tariff_and_the_cap_is_last(load: Load) -> None:
    half = answering(rate_call=Discount(50, "indigent", 300))
    decision = await load(half, answering(rate_call=TARIFF), ceiling=lambda call: LegalCap(90_000)).decide(a_call())
    assert decision.rate == (RateStep(0, 60_000), RateStep(300, 90_000))
    assert "the legal cap lowered $0.06 a minute, from 5 min on $0.12" in told(decision)


@ensureDeferred
async def test_silence_is_not_zero_and_two_tariffs_are_none(load: Load) -> None:
    silent = await load(answering(rate_call=None)).decide(a_call())
    assert silent.denial is not None
    assert silent.denial.code == "no_tariff"
    both = await load(answering(rate_call=TARIFF), answering(rate_call=Tariff((RateStep(0, 1),)))).decide(a_call())
    assert both.denial is not None
    assert both.denial.code == "two_tariffs"
    assert "a  $0.12 a minute (standard)" in told(both)


@ensureDeferred
async def test_a_privileged_call_is_free_whatever_the_tariff(load: Load) -> None:
    for answer in (crash, TARIFF):
        decision = await load(answering(rate_call=answer)).decide(a_call(counsel()))
        assert (decision.denial, decision.rate) == (None, FREE)
        assert "rate_call: free: the call is privileged" in told(decision)


@ensureDeferred
async def test_nobody_is_asked_the_price_where_nobody_pays(load: Load) -> None:
    policies = load(answering(choose_payer=Payer(PayerKind.NOBODY)), answering(rate_call=TARIFF))
    decision = await policies.decide(a_call())
    assert decision.rate == FREE
    assert "rate_call: free: nobody pays" in told(decision)


@ensureDeferred
async def test_an_extension_stretches_policy_caps_and_never_hard_ones(load: Load) -> None:
    policy = Cap(900, CapKind.POLICY, "default")
    longer = answering(limit_call=Extend(3.0, "deaf_resident"))
    assert (await load(answering(limit_call=policy), longer).decide(a_call())).limit_seconds == 2700
    hard = answering(limit_call=Cap(1000, CapKind.HARD, "balance"))
    decision = await load(answering(limit_call=policy), longer, hard).decide(a_call())
    assert decision.limit_seconds == 1000
    assert decision.limit.code == "balance"
    assert "policy caps are 3 times as long" in told(decision)


@ensureDeferred
async def test_of_two_extensions_the_larger_counts_and_of_two_caps_the_shorter(load: Load) -> None:
    first = answering(limit_call=(Cap(600, CapKind.POLICY, "unit"), Extend(2.0, "interpreter")))
    second = answering(limit_call=(Cap(900, CapKind.POLICY, "default"), Extend(3.0, "deaf_resident")))
    decision = await load(first, second).decide(a_call())
    assert (decision.limit_seconds, decision.limit.code) == (1800, "unit")


@ensureDeferred
async def test_a_limit_asked_for_again_does_not_outlast_the_money(load: Load) -> None:
    policies = load(answering(limit_call=Extend(3.0, "deaf_resident")))
    call = a_call()
    decided = await policies.decide(call)
    held = replace(decided, limit=decided.limit.within(Cap(104, CapKind.HARD, "balance", (60, 10))))
    again = await policies.limit_again(call, held)
    assert (again.limit_seconds, again.limit.code, again.limit.warnings) == (104, "balance", (60, 10))


@ensureDeferred
async def test_a_visit_is_not_extended_past_its_slot(load: Load) -> None:
    caps = answering(limit_call=(Cap(1500, CapKind.POLICY, "default"), Extend(3.0, "deaf_resident")))
    decision = await load(caps).decide(a_call(visit=a_visit()))
    assert (decision.limit_seconds, decision.limit.code) == (1800, "slot_end")


@ensureDeferred
async def test_no_time_left_is_a_denial_but_not_for_counsel(load: Load) -> None:
    policies = load(answering(limit_call=Cap(0, CapKind.POLICY, "monthly_minutes")))
    denied = await policies.decide(a_call())
    assert denied.denial is not None
    assert (denied.denial.kind, denied.denial.code) == (DenialKind.QUOTA, "monthly_minutes")
    assert (await policies.decide(a_call(counsel()))).denial is None
