"""What a call costs: against an independent reckoning in exact fractions, over all that can be asked of it."""

import ast
from fractions import Fraction
from math import floor
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from parloir.policy import price
from parloir.policy.answers import LONGEST, RateStep, Tariff, Tax
from parloir.policy.price import CENT, Charge

ROOT = Path(__file__).parents[1]
CALLS = 100_000
MONEY = (
    "config/caps.py",
    "gateway/calls/accounts.py",
    "gateway/calls/price_tag.py",
    "gateway/calls/quote.py",
    "gateway/calls/receipts.py",
    "gateway/calls/till.py",
    "gateway/calls/reconciliation.py",
    "gateway/ledger.py",
    "gateway/policy/accounts.py",
    "gateway/policy/price*.py",
    "gateway/policy/rates.py",
    "gateway/rates.py",
    "gateway/store/ledger*.py",
    "gateway/testing_ledger.py",
    "plugins/billing/*.py",
)
"""The files that reckon with money."""

Steps = tuple[RateStep, ...]
MINUTE = (RateStep(0, 120_000),)


def exact_cents(amount: Fraction) -> int:
    """Micro-dollars rounded down to whole cents, as a count of micro-dollars."""
    return floor(amount / CENT) * CENT


def reckon(steps: Steps, cap: int | None, taxes: tuple[Tax, ...], seconds: int) -> tuple[int, tuple[int, ...]]:
    """Charge and taxes, second by second's price gathered in fractions of a micro-dollar."""
    cost, left = Fraction(0), seconds
    for step in reversed(steps):
        if left > step.from_second:
            cost += Fraction(step.per_minute, 60) * (left - step.from_second)
            left = step.from_second
    if cap is not None:
        cost = min(cost, Fraction(cap, 60) * seconds)
    charged = exact_cents(cost)
    return charged, tuple(exact_cents(charged * Fraction(tax.ppm, 1_000_000)) for tax in taxes)


prices = st.one_of(
    st.integers(0, 2_000_000), st.sampled_from([0, 1, 59, 60, 61, 119_999, 120_000, 190_000, 100_000_000])
)
starts = st.one_of(st.integers(1, 4_000), st.integers(1, LONGEST))


@st.composite
def rates(draw: st.DrawFn) -> Steps:
    later = draw(st.dictionaries(starts, prices, max_size=5))
    return (RateStep(0, draw(prices)), *(RateStep(*step) for step in sorted(later.items())))


caps = st.one_of(st.none(), prices)
taxes = st.lists(st.integers(0, 1_000_000), max_size=4).map(
    lambda ppm: tuple(Tax(f"tax_{number}", each) for number, each in enumerate(ppm))
)
durations = st.one_of(st.integers(0, 4_000), st.integers(0, LONGEST))
balances = st.one_of(st.integers(0, 5_000_000), st.integers(0, 10**14))


@given(rates(), caps, taxes, durations)
def test_a_charge_is_what_fractions_come_to(steps: Steps, cap: int | None, due: tuple[Tax, ...], seconds: int) -> None:
    charged = price.charge(steps, cap, due, seconds)
    assert (charged.amount, tuple(tax for _, tax in charged.taxes)) == reckon(steps, cap, due, seconds)
    assert charged.amount % CENT == charged.total % CENT == 0
    assert cap is None or 60 * charged.amount <= cap * seconds


@given(rates(), caps, taxes, durations, st.integers(0, 4_000))
def test_more_seconds_never_cost_less(
    steps: Steps, cap: int | None, due: tuple[Tax, ...], seconds: int, more: int
) -> None:
    assert price.charge(steps, cap, due, seconds).total <= price.charge(steps, cap, due, seconds + more).total


@given(rates(), caps, taxes, balances, durations)
def test_a_balance_affords_the_most_seconds_it_pays(
    steps: Steps, cap: int | None, due: tuple[Tax, ...], balance: int, most: int
) -> None:
    seconds = price.affordable(steps, cap, due, balance, most)
    assert price.charge(steps, cap, due, seconds).total <= balance
    assert seconds == most or price.charge(steps, cap, due, seconds + 1).total > balance


@given(rates(), caps)
def test_what_is_free_at_first_is_free_for_so_long(steps: Steps, cap: int | None) -> None:
    seconds = price.free_seconds(steps, cap)
    assert price.cost(steps, seconds) == 0 or cap == 0
    assert seconds == LONGEST or cap == 0 or price.cost(steps, seconds + 1) > 0


def test_a_hundred_thousand_calls_are_charged_without_one_wrong_cent() -> None:
    random = Random(20260406)
    wrong = 0
    for _ in range(CALLS):
        later = sorted(random.sample(range(1, 3_600), random.randrange(4)))
        steps = tuple(RateStep(start, random.randrange(500_000)) for start in (0, *later))
        cap = random.choice((None, *range(60_000, 450_000, 10_000)))
        due = tuple(Tax(f"tax_{number}", random.randrange(300_000)) for number in range(random.randrange(3)))
        seconds = random.randrange(5_400)
        charged = price.charge(steps, cap, due, seconds)
        amount, taxed = reckon(steps, cap, due, seconds)
        wrong += abs(charged.amount - amount) // CENT + abs(charged.total - amount - sum(taxed)) // CENT
    assert wrong == 0


@pytest.mark.parametrize(
    ("seconds", "cents"), [(0, 0), (4, 0), (5, 1), (9, 1), (10, 2), (59, 11), (60, 12), (61, 12), (900, 180)]
)
def test_whole_seconds_are_paid_and_broken_cents_are_not(seconds: int, cents: int) -> None:
    assert price.charge(MINUTE, None, (), seconds) == Charge(seconds, cents * CENT)


def test_taxes_come_on_top_of_the_charge_and_of_the_cap() -> None:
    charged = price.charge(MINUTE, 110_000, (Tax("state", 62_500), Tax("city", 10_000)), 600)
    assert (charged.amount, charged.taxes) == (110 * CENT, (("state", 6 * CENT), ("city", CENT)))
    assert charged.total == 117 * CENT


def test_a_cap_of_nothing_makes_a_call_free() -> None:
    assert price.charge(MINUTE, 0, (), 3_600).total == 0
    assert price.affordable(MINUTE, 0, (), 0) == LONGEST
    assert price.free_seconds(MINUTE, 0) == LONGEST


def test_no_balance_affords_nothing_beyond_the_free_minutes() -> None:
    first_free = (RateStep(0, 0), RateStep(300, 60_000))
    assert price.affordable(first_free, None, (), 0) == 309  # the tenth paid second completes a cent
    assert price.affordable(MINUTE, None, (), -1) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Tax("state", 1_000_001),
        lambda: Tax("state", -1),
        lambda: Tax("State Tax", 1),
        lambda: Tariff(MINUTE, taxes=(Tax("state", 1), Tax("state", 2))),
        lambda: Tariff(MINUTE, per_call=50_000),  # type: ignore[call-arg]
        lambda: Tariff(MINUTE, connection_fee=50_000),  # type: ignore[call-arg]
    ],
)
def test_no_tariff_holds_a_fee_or_a_tax_that_cannot_be(wrong: object) -> None:
    with pytest.raises((ValidationError, TypeError)):
        wrong()  # type: ignore[operator]


@pytest.mark.parametrize(
    "path",
    sorted(path for pattern in MONEY for path in ROOT.glob(pattern)),
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_money_is_never_a_float(path: Path) -> None:
    faults = [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div))
        or (isinstance(node, ast.Name) and node.id in {"float", "round", "Decimal"})
        or (isinstance(node, ast.Constant) and isinstance(node.value, float))
    ]
    assert faults == []


def test_every_file_that_reckons_with_money_is_there() -> None:
    assert [pattern for pattern in MONEY if not list(ROOT.glob(pattern))] == []
