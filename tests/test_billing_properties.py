"""Money, tariffs, top-ups and statements of the billing plugin, for whatever is written or counted."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from parloir.api import Account, CallClass, Holder, LedgerEntry, Medium
from parloir.plugins.billing import statement_forms, topup
from parloir.plugins.billing.clock_hours import DAYS, ClockHours
from parloir.plugins.billing.free import by_count
from parloir.plugins.billing.money import dollars, exact, plain
from parloir.plugins.billing.settings import BillingSettings
from parloir.plugins.billing.statement import Month, statement
from parloir.plugins.billing.tariff import tariff
from parloir.plugins.billing.traffic import Traffic
from parloir.testing import ZONE, call

ZONE_INFO = ZoneInfo(ZONE)
AMOUNTS = st.integers(-(10**14), 10**14)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))
PRICES = st.integers(0, 100_000_000).map(plain)


@given(st.integers(0, 10**14), st.integers(0, 6))
def test_what_is_written_exactly_is_read_exactly(units: int, places: int) -> None:
    text = str(Decimal(units).scaleb(-places))
    if "E" in text or units // 10**places > 999_999_999:
        return
    assert exact(text, 6) == Fraction(units, 10**places) * 1_000_000


@given(AMOUNTS)
def test_amounts_are_written_so_that_they_can_be_read_again(amount: int) -> None:
    assert Fraction(plain(amount)) == Fraction(amount, 1_000_000)
    assert dollars(amount).replace(",", "") == plain(amount)
    assert len(plain(amount).partition(".")[2]) >= 2


@given(st.text(max_size=20))
def test_text_that_is_no_amount_is_refused_and_nothing_else_is_raised(text: str) -> None:
    with suppress(ValueError):
        assert exact(text, 6) >= 0


@given(st.floats() | st.booleans() | st.none() | st.lists(st.integers()) | st.binary())
def test_no_price_is_read_from_anything_but_text_and_whole_numbers(value: object) -> None:
    with pytest.raises(ValidationError):
        BillingSettings.model_validate({"rates": [{"per_minute": value}]})


@st.composite
def tariffs(draw: st.DrawFn) -> dict[str, Any]:
    minutes = sorted(draw(st.sets(st.integers(1, 1439), max_size=4)))
    steps = [{"from_minute": minute, "per_minute": draw(PRICES)} for minute in (0, *minutes)]
    discounts = draw(
        st.lists(
            st.fixed_dictionaries(
                {"percent": st.integers(1, 100)},
                optional={"first_minutes": st.integers(1, 1439), "medium": st.just("audio")},
            ),
            max_size=3,
        )
    )
    return {"rates": [{"steps": steps}], "discounts": discounts}


@given(tariffs(), st.integers(0, 90_000), st.integers(0, 86_399))
def test_every_second_of_a_tariff_costs_its_step_less_its_discounts(
    written: dict[str, Any], free: int, second: int
) -> None:
    made = tariff(BillingSettings.model_validate(written), call(), ZONE_INFO, free)
    assert made.steps[0].from_second == 0
    found = [step.per_minute for step in made.steps if step.from_second <= second][-1]
    [rate] = written["rates"]
    expected = [exact(step["per_minute"], 6) for step in rate["steps"] if step["from_minute"] * 60 <= second][-1]
    for discount in written["discounts"]:
        if second < discount.get("first_minutes", 2000) * 60:
            expected = expected * (100 - discount["percent"]) // 100
    assert found == (0 if second < min(free, 86_400) else expected)


@given(st.integers(0, 1439), st.integers(1, 1439), MOMENTS)
def test_hours_and_their_rest_share_every_minute_of_the_clock(start: int, length: int, at: datetime) -> None:
    end = (start + length) % 1440

    def written(first: int, last: int) -> ClockHours:
        return ClockHours.read(f"{first // 60:02}:{first % 60:02}-{last // 60:02}:{last % 60:02}")

    local = at.astimezone(ZONE_INFO)
    inside, outside = written(start, end).began(local), written(end, start).began(local)
    assert (inside is None) is not (outside is None)
    assert (inside or outside) in (DAYS[local.weekday()], DAYS[local.weekday() - 1])


@given(st.integers(1, 500), st.lists(st.integers(0, 4000), max_size=8))
def test_free_minutes_are_used_once(minutes: int, talked: list[int]) -> None:
    settings = BillingSettings.model_validate(
        {"rates": [{"per_minute": 1}], "first_free": [{"per": "day", "minutes": minutes}]}
    )
    now = call(call_class=CallClass.ORDINARY)
    past = [replace(now, id=f"past-{number}", talked=seconds) for number, seconds in enumerate(talked)]
    free = by_count(settings, now, past, ZONE_INFO, indigent=False)
    left = minutes * 60 - sum(talked)
    assert (free.seconds if free else None) == (left if left >= 60 else None)


CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(st.lists(st.lists(CELLS, max_size=6), max_size=6), st.booleans())
def test_a_top_up_file_of_anything_is_read_or_said_to_be_wrong(rows: list[list[str]], headed: bool) -> None:
    text = "\n".join(",".join(row) for row in rows)
    read, faults = topup.read(f"{','.join(topup.COLUMNS)}\n{text}" if headed else text)
    assert all(row.amount > 0 and row.reference and row.number for row in read)
    assert all(fault.line >= 1 and fault.what for fault in faults)
    if headed:
        assert len(read) <= text.count("\n") + text.count("\r") + 1


@given(
    st.lists(
        st.tuples(
            st.text("abcdefgh0123456789-", min_size=1, max_size=12),
            st.sampled_from(["resident", "Visitor"]),
            st.integers(1, 10**9),
        ),
        unique_by=lambda row: row[0],
        max_size=20,
    )
)
def test_a_whole_top_up_file_is_read_as_it_is(rows: list[tuple[str, str, int]]) -> None:
    lines = [f"{reference},{holder},1001,{cents // 100}.{cents % 100:02}" for reference, holder, cents in rows]
    read, faults = topup.read("\r\n".join(["\ufeffreference,holder,number,amount", *lines]))
    in_bounds = [row for row in rows if row[2] <= 10_000_000]
    assert len(faults) == len(rows) - len(in_bounds)
    assert [(row.reference, row.holder.value, row.amount) for row in read] == [
        (reference, holder.lower(), cents * 10_000) for reference, holder, cents in in_bounds
    ]


@given(st.lists(st.tuples(MOMENTS, st.integers(-(10**9), 10**9)), max_size=30), MOMENTS)
def test_months_of_an_account_follow_one_another(moves: list[tuple[datetime, int]], at: datetime) -> None:
    moves = sorted(moves)
    entries = [
        LedgerEntry(number=number, event=f"e{number}", kind="deposit", at=when, amount=amount)
        for number, (when, amount) in enumerate(moves)
    ]
    account = Account(id="resident:r1", holder=Holder.RESIDENT, opened=at, moved=at)
    month = Month.of(at, ZONE_INFO)
    found = statement("North", account, month, ZONE_INFO, entries, {})
    start, end = month.span(ZONE_INFO)
    assert start <= at < end
    assert found.opening == sum(amount for when, amount in moves if when < start)
    assert found.closing == sum(amount for when, amount in moves if when < end)
    after = statement("North", account, Month.of(end, ZONE_INFO), ZONE_INFO, entries, {})
    assert after.opening == found.closing
    for form in (statement_forms.text(found, "es"), statement_forms.table(found), statement_forms.page(found, "en")):
        assert form


@given(st.text(max_size=40), st.sampled_from(["en", "es", "xx"]))
def test_nothing_that_somebody_wrote_becomes_markup_or_a_formula(reason: str, language: str) -> None:
    at = datetime(2026, 3, 4, tzinfo=UTC)
    entry = LedgerEntry(number=1, event="e", kind="refund", at=at, amount=1, call="c1", reason=reason)
    account = Account(id="resident:r1", holder=Holder.RESIDENT, name=reason, opened=at, moved=at)
    found = statement("North", account, Month(2026, 3), ZONE_INFO, [entry], {"c1": Traffic("c1", at, 60, Medium.VIDEO)})
    page = statement_forms.page(found, language)
    plain_page = statement_forms.page(
        replace(found, account=replace(account, name=""), lines=(replace(found.lines[0], reason=""),)), language
    )
    assert page.count("<") == plain_page.count("<")
    assert not statement_forms.harmless(reason).startswith(("=", "+", "-", "@"))


def test_a_month_lasts_as_long_as_its_days_by_the_facilitys_clock() -> None:
    start, end = Month(2026, 3).span(ZONE_INFO)
    assert end - start == timedelta(days=31) - timedelta(hours=1)
    assert str(Month.read("2026-12")) == "2026-12"
    assert Month(2026, 12).span(ZONE_INFO)[1] == Month(2027, 1).span(ZONE_INFO)[0]
    for text in ("2026-13", "2026", "26-01", "0000-01", "9999-01", "2026-1"):
        with pytest.raises(ValueError, match="like 2026-03"):
            Month.read(text)
