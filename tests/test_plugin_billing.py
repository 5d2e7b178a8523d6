"""Who pays and what it costs by the billing plugin, tried as a vendor would try it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from parloir.api import (
    CallClass,
    Ending,
    Medium,
    Payer,
    PayerKind,
    RateStep,
    RelationshipKind,
    Route,
    Tax,
    WayIn,
)
from parloir.testing import (
    Decision,
    PluginErrors,
    SampleFacility,
    attorney,
    call,
    decide,
    explain,
    local,
    relationship,
    visitor,
)
from parloir.testing_fixtures import facility

__all__ = ["facility"]

CENTS = 10_000
DOLLAR = 1_000_000
RESIDENT = "resident:r1"
VIDEO = (Medium.AUDIO, Medium.VIDEO)
FLAT = {"rates": [{"per_minute": "0.06"}]}


def decided(facility: SampleFacility, settings: dict[str, Any], **facts: Any) -> Decision:
    decision = facility.decide(facility.call(**facts), {"billing": FLAT | settings})
    assert decision.denial is None, explain(decision)
    return decision


def talked(facility: SampleFacility, id: str, seconds: int, **facts: Any) -> None:
    """A call of the resident's that is over."""
    at = facility.clock() - timedelta(hours=1)
    given = {"at": at, "answered": at, "ended": facility.clock(), "talked": seconds, "state": "ended"}
    facility.records.remember(facility.call(id=id, **{"call_class": CallClass.ORDINARY} | given | facts))


def test_the_resident_pays_before_the_visitor(facility: SampleFacility) -> None:
    facility.ledger.fill(RESIDENT, DOLLAR)
    facility.ledger.fill("visitor:v1", DOLLAR)
    assert decided(facility, {}).payer == Payer(PayerKind.RESIDENT, RESIDENT)


def test_the_order_of_accounts_is_the_facilitys(facility: SampleFacility) -> None:
    facility.ledger.fill(RESIDENT, DOLLAR)
    facility.ledger.fill("visitor:v1", DOLLAR)
    decision = decided(facility, {"accounts": ["visitor", "resident"]})
    assert decision.payer == Payer(PayerKind.VISITOR, "visitor:v1")


def test_an_empty_account_is_passed_over(facility: SampleFacility) -> None:
    facility.ledger.fill("visitor:v1", DOLLAR)
    assert decided(facility, {}).payer == Payer(PayerKind.VISITOR, "visitor:v1")


def test_money_set_aside_for_another_call_pays_for_none(facility: SampleFacility) -> None:
    facility.ledger.fill(RESIDENT, DOLLAR)
    facility.ledger.hold(RESIDENT, "call-0", DOLLAR)
    facility.ledger.fill("visitor:v1", DOLLAR)
    assert decided(facility, {}).payer == Payer(PayerKind.VISITOR, "visitor:v1")


def test_the_second_visitor_pays_where_the_first_has_nothing(facility: SampleFacility) -> None:
    facility.ledger.fill("visitor:v2", DOLLAR)
    people = (visitor("v1"), visitor("v2"))
    decision = facility.decide(facility.call(*people), {"billing": FLAT})
    assert decision.payer == Payer(PayerKind.VISITOR, "visitor:v2")


def test_the_facility_pays_last_and_needs_no_balance(facility: SampleFacility) -> None:
    assert decided(facility, {"accounts": ["resident", "facility"]}).payer == Payer(PayerKind.FACILITY, "facility")


def test_where_nobody_has_money_the_first_account_is_named(facility: SampleFacility) -> None:
    assert decided(facility, {}).payer == Payer(PayerKind.RESIDENT, RESIDENT)


def test_a_privileged_call_is_free_whatever_is_configured(facility: SampleFacility) -> None:
    facility.ledger.fill(RESIDENT, DOLLAR)
    decision = facility.decide(facility.call(attorney()), {"billing": FLAT})
    assert decision.denial is None, explain(decision)
    assert decision.payer == Payer(PayerKind.NOBODY)
    assert decision.rate == (RateStep(0, 0),)


def test_calls_that_a_rule_frees_are_free(facility: SampleFacility) -> None:
    rules = {"free": [{"relationship": "friend"}, {"way_in": "inside", "medium": "audio", "unit": "B"}]}
    facility.ledger.fill(RESIDENT, DOLLAR)
    friend = visitor("v1", relationship(RelationshipKind.FRIEND))
    free = facility.decide(facility.call(friend), {"billing": FLAT | rules})
    assert free.payer == Payer(PayerKind.NOBODY)
    assert decided(facility, rules).payer == Payer(PayerKind.RESIDENT, RESIDENT)


@pytest.mark.parametrize(
    ("facts", "price"),
    [
        ({"media": VIDEO, "at": local("2026-03-04 12:00")}, 16),
        ({"at": local("2026-03-04 12:00")}, 6),
        ({"at": local("2026-03-04 23:00")}, 3),
        ({"at": local("2026-03-05 05:59")}, 3),
        ({"at": local("2026-03-05 06:00")}, 6),
        ({"at": local("2026-03-07 12:00")}, 4),
        # 02:30 is skipped and 01:30 shown twice: each is at night by the clock on the wall.
        ({"at": local("2026-03-08 02:30")}, 3),
        ({"at": local("2026-11-01 01:30")}, 3),
        ({"at": local("2026-11-01 01:30") + timedelta(hours=1)}, 3),
        ({"way_in": WayIn.SCHEDULED, "at": local("2026-03-04 12:00")}, 5),
    ],
)
def test_the_first_rate_that_fits_holds(facility: SampleFacility, facts: dict[str, Any], price: int) -> None:
    rates = [
        {"medium": "video", "per_minute": "0.16"},
        {"hours": "22:00-06:00", "per_minute": "0.03"},
        {"days": ["saturday", "sunday"], "per_minute": "0.04"},
        {"way_in": "scheduled", "per_minute": "0.05"},
        {"per_minute": "0.06"},
    ]
    assert decided(facility, {"rates": rates}, **facts).rate == (RateStep(0, price * CENTS),)


def test_a_night_belongs_to_the_day_on_which_it_begins(facility: SampleFacility) -> None:
    rates = [{"hours": "22:00-06:00", "days": ["friday"], "per_minute": "0.01"}, {"per_minute": "0.06"}]
    saturday_morning, friday_morning = local("2026-03-07 03:00"), local("2026-03-06 03:00")
    assert decided(facility, {"rates": rates}, at=saturday_morning).rate == (RateStep(0, CENTS),)
    assert decided(facility, {"rates": rates}, at=friday_morning).rate == (RateStep(0, 6 * CENTS),)


def test_the_price_changes_step_after_step(facility: SampleFacility) -> None:
    steps = [{"from_minute": 0, "per_minute": "0.10"}, {"from_minute": 10, "per_minute": "0.05"}]
    decision = decided(facility, {"rates": [{"steps": steps}]})
    assert decision.rate == (RateStep(0, 10 * CENTS), RateStep(600, 5 * CENTS))


def test_discounts_come_off_one_after_another(facility: SampleFacility) -> None:
    discounts = [{"percent": 50, "first_minutes": 5}, {"percent": 10, "unit": "A"}, {"percent": 90, "unit": "B"}]
    decision = decided(facility, {"rates": [{"per_minute": "0.10"}], "discounts": discounts})
    assert decision.rate == (RateStep(0, 45_000), RateStep(300, 90_000))


def test_taxes_go_with_the_tariff_and_not_into_it(facility: SampleFacility) -> None:
    taxes = [{"code": "state", "percent": "1.25"}, {"code": "video_tax", "percent": 3, "medium": "video"}]
    assert decided(facility, {"taxes": taxes}).taxes == (Tax("state", 12_500),)
    assert decided(facility, {"taxes": taxes}, media=VIDEO).taxes == (Tax("state", 12_500), Tax("video_tax", 30_000))


def test_calls_that_fail_cost_nothing(facility: SampleFacility) -> None:
    waived = decided(facility, {}).waived
    assert set(waived) == {
        Ending.FACILITY_FAULT,
        Ending.LOCKDOWN,
        Ending.CANCELLED,
        Ending.NO_ANSWER,
        Ending.DROPPED,
    }
    assert decided(facility, {"waived": ["no_answer"]}).waived == (Ending.NO_ANSWER,)


def test_the_first_calls_of_a_week_are_free(facility: SampleFacility) -> None:
    facility.ledger.fill(RESIDENT, DOLLAR)
    two = {"first_free": [{"per": "week", "calls": 2}]}
    talked(facility, "call-0", 300)
    assert decided(facility, two).payer == Payer(PayerKind.NOBODY)
    talked(facility, "call-00", 300)
    assert decided(facility, two).payer == Payer(PayerKind.RESIDENT, RESIDENT)


def test_calls_that_use_up_nothing_are_not_counted(facility: SampleFacility) -> None:
    one = {"first_free": [{"per": "week", "calls": 1}], "free": [{"relationship": "friend"}]}
    talked(facility, "never-answered", 0)
    talked(facility, "with-counsel", 600, call_class=CallClass.PRIVILEGED)
    talked(facility, "with-a-friend", 600, visitors=(visitor("v2", relationship(RelationshipKind.FRIEND)),))
    talked(facility, "last-week", 600, at=local("2026-02-28 12:00"), answered=local("2026-02-28 12:00"))
    assert decided(facility, one).payer == Payer(PayerKind.NOBODY)


def test_free_minutes_are_the_calls_first_and_the_rest_is_paid(facility: SampleFacility) -> None:
    facility.ledger.fill(RESIDENT, DOLLAR)
    ten = {"first_free": [{"per": "month", "minutes": 10}]}
    talked(facility, "call-0", 240)
    decision = decided(facility, ten)
    assert decision.payer == Payer(PayerKind.RESIDENT, RESIDENT)
    assert decision.rate == (RateStep(0, 0), RateStep(360, 6 * CENTS))
    assert decision.limit_seconds is None


def test_without_money_a_call_lasts_as_long_as_it_is_free(facility: SampleFacility) -> None:
    ten = {"first_free": [{"per": "month", "minutes": 10}]}
    talked(facility, "call-0", 240)
    decision = decided(facility, ten)
    assert (decision.payer, decision.limit_seconds) == (Payer(PayerKind.NOBODY), 360)
    assert decision.limit.warnings == (60, 10)


def test_less_than_a_free_minute_is_none(facility: SampleFacility) -> None:
    facility.ledger.fill(RESIDENT, DOLLAR)
    talked(facility, "call-0", 541)
    assert decided(facility, {"first_free": [{"per": "month", "minutes": 10}]}).rate == (RateStep(0, 6 * CENTS),)


def test_residents_without_money_have_free_calls(facility: SampleFacility) -> None:
    rule = {"indigent": {"below": "2.00", "days": 30, "per": "week", "calls": 1}}
    assert decided(facility, rule).payer == Payer(PayerKind.NOBODY)
    facility.ledger.fill(RESIDENT, 2 * DOLLAR)
    assert decided(facility, rule).payer == Payer(PayerKind.RESIDENT, RESIDENT)


def test_who_spent_their_money_is_not_without_it_until_the_days_are_over(facility: SampleFacility) -> None:
    rule = {"indigent": {"below": "2.00", "days": 30, "per": "week", "calls": 1}}
    facility.ledger.fill(RESIDENT, 3 * DOLLAR)
    facility.ledger.hold(RESIDENT, "call-0", 3 * DOLLAR - 1)
    assert decided(facility, rule).payer == Payer(PayerKind.RESIDENT, RESIDENT)
    facility.clock.advance(days=31)
    assert decided(facility, rule).payer == Payer(PayerKind.RESIDENT, RESIDENT)


def test_an_account_that_runs_low_is_said_without_saying_how_low(facility: SampleFacility) -> None:
    facility.ledger.fill(RESIDENT, 2 * DOLLAR - 1)
    notices = decided(facility, {}).announcements
    [low] = [each for each in notices if each.code == "low_balance"]
    assert not any(digit in low.words.en + low.words.es for digit in "0123456789")
    facility.ledger.fill(RESIDENT, 1)
    assert "low_balance" not in [each.code for each in decided(facility, {}).announcements]


def test_an_emergency_call_is_free(facility: SampleFacility) -> None:
    decision = facility.decide(facility.call(route=Route.EMERGENCY), {"billing": FLAT})
    assert (decision.denial, decision.rate) == (None, (RateStep(0, 0),))


def test_the_plugin_looks_for_nothing_that_a_call_without_a_resident_lacks() -> None:
    settings = FLAT | {"first_free": [{"per": "day", "calls": 1}]}
    anybody = visitor("v1", relationship(resident=None))
    decision = decide(replace(call(anybody), resident=None), {"billing": settings})
    assert decision.payer == Payer(PayerKind.VISITOR, "visitor:v1")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"rates": [{"per_minute": 0.06}]},
            r'rates\.0\.per_minute: .*could not be read exactly.* put it in quotes: "0.12"',
        ),
        ({"rates": [{"per_minute": "6 cents"}]}, "not a decimal number"),
        ({"rates": [{"per_minute": "-0.06"}]}, "not a decimal number"),
        ({"rates": [{"per_minute": "0.0000001"}]}, "more than 6 places"),
        ({"rates": []}, "rates"),
        ({"rates": [{"medium": "video", "per_minute": "0.1"}]}, "no rate fits every call"),
        ({"rates": [{"class": "privileged", "per_minute": "0.1"}, {"per_minute": 0}]}, "privileged calls are free"),
        ({"rates": [{}]}, "give per_minute or steps"),
        ({"rates": [{"steps": [{"from_minute": 1, "per_minute": 1}]}]}, "begin with from_minute: 0"),
        ({"rates": [{"hours": "8-18", "per_minute": 1}, {"per_minute": 1}]}, "write them like 08:00-18:00"),
        ({"accounts": ["facility", "resident"]}, "put facility last"),
        ({"accounts": ["resident", "resident"]}, "name each once"),
        ({"taxes": [{"code": "a", "percent": "1"}, {"code": "a", "percent": "2"}]}, "two taxes have one code"),
        ({"first_free": [{"per": "week"}]}, "give calls or minutes"),
        ({"connection_fee": "1.00"}, "connection_fee: unknown key"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_change(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(PluginErrors, match=message):
        decide(call(), {"billing": FLAT | settings})


def test_the_legal_cap_holds_over_every_rate() -> None:
    with SampleFacility(ceiling=110_000) as facility:
        facility.ledger.fill(RESIDENT, DOLLAR)
        assert decided(facility, {"rates": [{"per_minute": "25.00"}]}).rate == (RateStep(0, 110_000),)
