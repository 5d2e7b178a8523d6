"""Counting minutes: whatever was talked, when and where, what is left is right and never negative."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parloir.api import Call, CallClass, Cap, Deny, Extend, Medium, Resident, WayIn
from parloir.plugins.limits import tally
from parloir.plugins.limits.allowance import left, lengths, objection
from parloir.plugins.limits.plugin import Limits
from parloir.plugins.limits.settings import LimitsSettings
from parloir.plugins.limits.talk import Talk, merged
from parloir.plugins.period import Per, period
from tests.plugin_facility import NOON, TablesInMemory, a_call

ZONES = ("America/Chicago", "Europe/Berlin", "Australia/Lord_Howe")
CHANGES = (
    datetime(2026, 3, 8, 8, tzinfo=UTC),
    datetime(2026, 11, 1, 7, tzinfo=UTC),
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
    datetime(2026, 4, 4, 15, tzinfo=UTC),
    datetime(2028, 2, 29, 12, tzinfo=UTC),
)
"""Moments at which one of the zones changes its clock, and a leap day."""
DEAF = Resident(id="r1", name="Resident One", accommodations=("deaf",))

around = st.timedeltas(min_value=timedelta(days=-40), max_value=timedelta(days=40)).map(
    lambda delta: delta - timedelta(microseconds=delta.microseconds)
)


@st.composite
def talks(draw: st.DrawFn, near: datetime) -> tuple[Talk, ...]:
    found = []
    for number in range(draw(st.integers(0, 8))):
        began = near + draw(around)
        seconds = draw(st.integers(1, 8000))
        found.append(
            Talk(
                call=f"t{number}",
                resident="r1",
                began=began,
                ended=began + timedelta(seconds=seconds + draw(st.integers(0, 600))),
                seconds=seconds,
                medium=draw(st.sampled_from(Medium)),
                way_in=draw(st.sampled_from(WayIn)),
            )
        )
    return tuple(found)


@st.composite
def situations(draw: st.DrawFn) -> tuple[LimitsSettings, tuple[Talk, ...], Call, ZoneInfo]:
    near = draw(st.sampled_from(CHANGES))
    maybe = st.sampled_from([None, *Medium])
    quotas = [
        {
            "per": draw(st.sampled_from(Per)),
            "minutes": draw(st.integers(1, 400)),
            "calls": draw(st.integers(1, 6)),
            "medium": draw(maybe),
        }
        for _ in range(draw(st.integers(1, 3)))
    ]
    times = draw(st.sampled_from([1, 1.5, 2, 3, 7]))
    settings = LimitsSettings.model_validate({"quotas": quotas, "accommodations": {"deaf": times}})
    call = a_call(
        at=near + draw(around), resident=DEAF, call_class=draw(st.sampled_from([*CallClass])), media=(Medium.AUDIO,)
    )
    return settings, draw(talks(near)), call, ZoneInfo(draw(st.sampled_from(ZONES)))


@given(situations())
def test_what_is_left_and_what_was_used_make_the_quota(
    situation: tuple[LimitsSettings, tuple[Talk, ...], Call, ZoneInfo],
) -> None:
    settings, some, call, zone = situation
    times = Fraction(settings.accommodations["deaf"])
    for quota in settings.quotas:
        start, after = period(quota.per, call.at, zone, settings.week_starts)
        used = sum(t.seconds for t in some if start <= t.began < after and quota.medium in (None, t.medium))
        found = left(settings, quota, some, call, zone)
        assert quota.minutes is not None
        whole = quota.minutes * 60 * times
        assert found.seconds is not None
        assert found.seconds >= 0
        assert found.seconds * times + used <= max(whole, Fraction(used))
        assert (found.seconds + 1) * times + used > whole
        assert found.calls is not None
        assert found.calls >= 0
        assert found.anew > call.at


@given(situations())
def test_a_call_that_is_allowed_has_time_and_a_privileged_one_always_is(
    situation: tuple[LimitsSettings, tuple[Talk, ...], Call, ZoneInfo],
) -> None:
    settings, some, call, zone = situation
    denial = objection(settings, some, call, zone)
    caps = [each.seconds for each in lengths(settings, some, call, zone) if isinstance(each, Cap)]
    if call.call_class is CallClass.PRIVILEGED:
        assert denial is None
        assert caps == []
    elif denial is None:
        assert min(caps, default=settings.least) >= settings.least
    else:
        assert isinstance(denial, Deny)


@given(situations(), st.integers(1, 5000))
def test_talking_more_never_leaves_more(
    situation: tuple[LimitsSettings, tuple[Talk, ...], Call, ZoneInfo], seconds: int
) -> None:
    settings, some, call, zone = situation
    another = Talk("more", "r1", call.at, call.at, seconds, Medium.AUDIO, WayIn.INSIDE)
    for quota in settings.quotas:
        before, after = (left(settings, quota, each, call, zone) for each in (some, (*some, another)))
        assert before.seconds is not None
        assert after.seconds is not None
        assert after.seconds <= before.seconds


@given(situations())
def test_the_stretched_cap_is_never_over_the_stretched_quota(
    situation: tuple[LimitsSettings, tuple[Talk, ...], Call, ZoneInfo],
) -> None:
    settings, some, call, zone = situation
    answers = lengths(settings, some, call, zone)
    factor = max((each.factor for each in answers if isinstance(each, Extend)), default=1.0)
    minutes = [quota.minutes or 0 for quota in settings.quotas if quota.fits(call)]
    for cap in (each for each in answers if isinstance(each, Cap)):
        assert cap.seconds * factor <= max(minutes) * 60 * settings.accommodations["deaf"]


@pytest.fixture(scope="module")
def store() -> Iterator[TablesInMemory]:
    tables = TablesInMemory(Limits)
    yield tables
    tables.close()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 900)), max_size=20))
def test_news_in_any_number_and_order_counts_each_call_once(store: TablesInMemory, news: list[tuple[str, int]]) -> None:
    def talk(call: str, seconds: int) -> Talk:
        return Talk(call, "r1", NOON, NOON + timedelta(seconds=seconds), seconds, Medium.AUDIO, WayIn.INSIDE)

    told = [talk(call, seconds) for call, seconds in news]
    longest = {call: max(each.seconds for each in told if each.call == call) for call, _ in news}
    store.run_now(lambda connection: tally.forget(connection, "north", NOON + timedelta(days=1)))
    for each in told:
        store.run_now(partial(tally.put, facility="north", talk=each))
    kept = store.run_now(lambda connection: tally.since(connection, "north", "r1", NOON))
    assert {each.call: each.seconds for each in kept} == longest
    assert {each.call: each.seconds for each in merged(kept, told)} == longest
    assert store.run_now(lambda connection: tally.since(connection, "south", "r1", NOON)) == ()
