"""What the visitor and staff read: in both languages, for every code, and never more than they may know."""

import asyncio
import json
from datetime import datetime
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from pytest_twisted import ensureDeferred
from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed

from parloir.api import (
    Call,
    CallClass,
    Cap,
    CapKind,
    DenialKind,
    Deny,
    Discount,
    Extend,
    RateStep,
    Tariff,
    Words,
    to_json,
)
from parloir.policy import notices, rates, reasons, spoken
from parloir.policy.decision import Denial
from parloir.policy.gateway_store import GatewayStore
from tests.policy_plugins import a_call, a_visit, counsel


@pytest.mark.parametrize("kind", DenialKind)
def test_every_kind_of_denial_has_words_in_both_languages(kind: DenialKind) -> None:
    denial = Denial("vendor", kind, "a_code_of_its_own")
    assert reasons.for_visitor(denial, "en") != reasons.for_visitor(denial, "es-MX")


@pytest.mark.parametrize("code", reasons.CODES)
def test_every_code_of_ours_has_words_in_both_languages(code: str) -> None:
    words = reasons.CODES[code]
    assert words.en != words.es
    assert words.en.endswith((".", "?"))
    assert words.es.endswith((".", "?"))


def test_a_plugin_brings_words_for_its_own_codes() -> None:
    words = Words("Bring your card.", "Traiga su tarjeta.")
    assert reasons.for_visitor(Denial("v", DenialKind.FACILITY, "card_missing", words), "es") == "Traiga su tarjeta."


def test_nobody_reads_of_an_order_or_of_what_staff_wrote() -> None:
    words = Words("The judge forbids it.", "El juez lo prohíbe.")
    denial = Denial("v", DenialKind.ORDER, "judge_order", words, staff="order 12 of the county court")
    said = reasons.for_visitor(denial, "en")
    assert said == reasons.for_visitor(Denial("parloir", DenialKind.ORDER, "no_contact_order"), "en")
    assert "judge" not in said
    assert reasons.for_staff(denial) == "v: order, judge_order (order 12 of the county court)"


def test_a_call_is_json_all_through_and_holds_no_pin_sdp_or_address() -> None:
    call = a_call(counsel(), visit=a_visit())
    data = json.dumps(to_json(call))
    assert TypeAdapter(Call).validate_json(data) == call
    assert not {"pin", "sdp", "address", "token", "code"} & set(json.loads(data))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Cap(-1, CapKind.HARD, "x"),
        lambda: Cap("900", CapKind.HARD, "x"),  # type: ignore[arg-type]
        lambda: Extend(float("nan"), "x"),
        lambda: Extend(0.5, "x"),
        lambda: Deny(DenialKind.ORDER, "Not A Code"),
        lambda: Deny("order", "x"),  # type: ignore[arg-type]
        lambda: Tariff(()),
        lambda: Tariff((RateStep(5, 1),)),
        lambda: Tariff((RateStep(0, 1), RateStep(0, 2))),
        lambda: RateStep(0, -1),
        lambda: Discount(101, "x"),
        lambda: a_call(at=datetime(2026, 1, 1)),
    ],
)
def test_a_wrong_value_cannot_be_made(make: Any) -> None:
    with pytest.raises(ValidationError):
        make()


def test_amounts_and_spans_are_said_as_people_say_them() -> None:
    assert [spoken.price(each) for each in (0, 120_000, 1_000_000, 5, 1_234_500)] == [
        "$0.00",
        "$0.12",
        "$1.00",
        "$0.000005",
        "$1.2345",
    ]
    assert [spoken.duration(each) for each in (0, 45, 900, 90)] == ["0 s", "45 s", "15 min", "1 min 30 s"]


steps = st.lists(st.tuples(st.integers(1, 3600), st.integers(0, 1_000_000)), max_size=5)
discounts = st.lists(
    st.builds(
        lambda percent, first: Discount(percent, "x", first), st.integers(1, 100), st.none() | st.integers(1, 4000)
    ),
    max_size=4,
)


@given(st.integers(0, 1_000_000), steps, discounts, st.none() | st.integers(0, 500_000))
def test_no_second_costs_more_than_the_tariff_or_the_cap(
    first: int, later: list[tuple[int, int]], off: list[Discount], ceiling: int | None
) -> None:
    tariff = Tariff((RateStep(0, first), *(RateStep(*step) for step in sorted(dict(later).items()))))
    agreed = rates.agreed(tariff, off, ceiling)

    def at(steps: tuple[RateStep, ...], second: int) -> int:
        return [step.per_minute for step in steps if step.from_second <= second][-1]

    for second in {0, 1, *(s.from_second for s in tariff.steps), *(d.first_seconds or 0 for d in off), 5000}:
        price = at(tariff.steps, second)
        for each in off:
            if each.first_seconds is None or second < each.first_seconds:
                price = price * (100 - each.percent) // 100
        assert at(agreed, second) == (price if ceiling is None else min(price, ceiling))
    assert agreed[0].from_second == 0


def test_a_recorded_or_monitored_call_is_always_told_so() -> None:
    for record in (True, False):
        for monitor in (True, False):
            told = " ".join(each.words.en for each in notices.core(CallClass.ORDINARY, record, monitor))
            assert ("recorded" in told) is record
            assert ("monitored" in told) is monitor
    assert "neither recorded nor monitored" in notices.core(CallClass.PRIVILEGED, False, False)[0].words.en


@ensureDeferred
async def test_a_plugins_work_on_the_store_is_done_by_the_gateway_and_comes_back_to_its_thread() -> None:
    def refuse(connection: Any) -> int:
        raise LookupError("no row")

    def run(work: Any) -> "Deferred[Any]":
        return succeed(None).addCallback(lambda _: work("connection"))

    store = GatewayStore(reactor, run)
    results: Deferred[list[Any]] = Deferred()

    def in_a_thread() -> None:
        got: list[Any] = [store.run_now(lambda connection: f"{connection} used")]
        try:
            store.run_now(refuse)
        except LookupError as error:
            got.append(str(error))
        got.append(asyncio.run(store.run(lambda connection: f"{connection} awaited")))
        reactor.callFromThread(results.callback, got)

    Thread(target=in_a_thread).start()
    assert await results == ["connection used", "no row", "connection awaited"]
