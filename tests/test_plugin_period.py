"""Days, weeks and months by a facility's clock, across changes of that clock."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parloir.plugins.period import Per, Weekday, midnight, period

ZONES = ("America/Chicago", "Europe/Berlin", "Australia/Lord_Howe", "America/Havana", "America/Asuncion", "Asia/Beirut")
moments = st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))
zones = st.sampled_from(ZONES).map(ZoneInfo)


@given(moments, zones, st.sampled_from(Per), st.sampled_from(Weekday))
def test_a_moment_lies_in_its_period(at: datetime, zone: ZoneInfo, per: Per, first: Weekday) -> None:
    start, after = period(per, at, zone, first)
    assert start <= at < after
    assert start.tzinfo is UTC
    assert after.tzinfo is UTC


@given(moments, zones, st.sampled_from(Per), st.sampled_from(Weekday))
def test_periods_follow_one_another_without_gap_or_overlap(
    at: datetime, zone: ZoneInfo, per: Per, first: Weekday
) -> None:
    start, after = period(per, at, zone, first)
    assert period(per, after, zone, first)[0] == after
    assert period(per, start, zone, first) == (start, after)
    assert period(per, start - timedelta(microseconds=1), zone, first)[1] == start


@given(moments, zones, st.sampled_from(Weekday))
def test_a_week_begins_with_its_first_day(at: datetime, zone: ZoneInfo, first: Weekday) -> None:
    start, after = period(Per.WEEK, at, zone, first)
    assert start.astimezone(zone).weekday() == first.number
    assert timedelta(days=7) - timedelta(hours=1) <= after - start <= timedelta(days=7, hours=1)


@pytest.mark.parametrize(
    ("zone", "short", "long", "shift"),
    [
        ("America/Chicago", date(2026, 3, 8), date(2026, 11, 1), 60),
        ("Europe/Berlin", date(2026, 3, 29), date(2026, 10, 25), 60),
        ("Australia/Lord_Howe", date(2026, 10, 4), date(2026, 4, 5), 30),
        ("America/Havana", date(2026, 3, 8), date(2026, 11, 1), 60),
    ],
)
def test_days_of_a_changing_clock_are_shorter_and_longer(zone: str, short: date, long: date, shift: int) -> None:
    def length(day: date) -> timedelta:
        start, after = period(Per.DAY, midnight(day, ZoneInfo(zone)), ZoneInfo(zone))
        return after - start

    assert length(short) == timedelta(hours=24, minutes=-shift)
    assert length(long) == timedelta(hours=24, minutes=shift)
    assert length(short - timedelta(days=1)) == timedelta(hours=24)


def test_a_day_without_midnight_begins_with_its_first_moment() -> None:
    havana = ZoneInfo("America/Havana")
    start = midnight(date(2026, 3, 8), havana)
    assert f"{start.astimezone(havana):%Y-%m-%d %H:%M}" == "2026-03-08 01:00"
    assert f"{(start - timedelta(seconds=1)).astimezone(havana):%Y-%m-%d %H:%M}" == "2026-03-07 23:59"


def test_a_day_whose_midnight_comes_twice_begins_with_the_first() -> None:
    havana = ZoneInfo("America/Havana")
    start = midnight(date(2026, 11, 1), havana)
    assert (start + timedelta(hours=1)).astimezone(havana).strftime("%d %H:%M") == "01 00:00"
    assert start.astimezone(havana).strftime("%d %H:%M") == "01 00:00"


def test_february_has_its_leap_day() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    start, after = period(Per.MONTH, datetime(2028, 2, 29, 12, tzinfo=UTC), berlin)
    assert (after - start).days == 29
    assert period(Per.MONTH, datetime(2028, 12, 31, 23, 30, tzinfo=UTC), berlin)[0] == midnight(
        date(2029, 1, 1), berlin
    )
