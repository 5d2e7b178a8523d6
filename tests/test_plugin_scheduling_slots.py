"""Slots, hours and weeks by the clock on a facility's wall, on the days on which that clock changes too."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from parloir.plugins.scheduling import wall
from parloir.plugins.scheduling.hours import blackout_spans, count_spans, open_spans
from parloir.plugins.scheduling.letter import spoken
from parloir.plugins.scheduling.quota import week_of
from parloir.plugins.scheduling.settings import SchedulingSettings
from parloir.plugins.scheduling.slots import slots
from parloir.plugins.scheduling.span import Span, joined

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
CHICAGO, BERLIN, LORD_HOWE = map(ZoneInfo, ("America/Chicago", "Europe/Berlin", "Australia/Lord_Howe"))
PETERSBURG, APIA = ZoneInfo("America/Indiana/Petersburg"), ZoneInfo("Pacific/Apia")

FORWARD = {CHICAGO: date(2026, 3, 8), BERLIN: date(2026, 3, 29), LORD_HOWE: date(2026, 10, 4)}
BACK = {CHICAGO: date(2026, 11, 1), BERLIN: date(2026, 10, 25), LORD_HOWE: date(2026, 4, 5)}
CHANGES = [(zone, day) for days in (FORWARD, BACK) for zone, day in days.items()]

zones = st.sampled_from([CHICAGO, BERLIN, LORD_HOWE, PETERSBURG])
changes = st.sampled_from(CHANGES)
lengths = st.sampled_from([15, 20, 30, 45, 60, 90])


def settings(**given: object) -> SchedulingSettings:
    return SchedulingSettings.model_validate(given)


def hours(*times: str) -> SchedulingSettings:
    return settings(hours=[{"times": list(times)}])


def day_span(day: date, zone: ZoneInfo) -> Span:
    return Span(wall.first(wall.at(day, 0), zone), wall.first(wall.at(day, 1440), zone))


def offered(
    rules: SchedulingSettings, zone: ZoneInfo, day: date, minutes: int = 30, every: int = 30, unit: str = ""
) -> list[Span]:
    return slots(rules.hours, unit, zone, day_span(day, zone), minutes=minutes, every=every)


def on_the_wall(spans: list[Span], zone: ZoneInfo) -> list[str]:
    return [f"{span.start.astimezone(zone):%H:%M}" for span in spans]


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


@st.composite
def stretches(draw: st.DrawFn) -> tuple[int, int]:
    """Hours in whole quarters, most of them at night, when clocks change."""
    opens = draw(st.integers(0, 16)) * 15
    return opens, draw(st.integers(opens // 15 + 1, 96)) * 15


def minutes_of(zone: ZoneInfo, day: date) -> Iterator[tuple[datetime, int]]:
    """Each real minute of a day, with the minutes after midnight that the wall shows: found without our own code."""
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) - DAY
    for _ in range(3 * 1440):
        local = moment.astimezone(zone)
        if local.date() == day:
            yield moment, local.hour * 60 + local.minute
        moment += MINUTE


@given(changes, stretches(), lengths)
@example((CHICAGO, FORWARD[CHICAGO]), (150, 360), 60)
@example((LORD_HOWE, FORWARD[LORD_HOWE]), (135, 360), 60)
@example((BERLIN, BACK[BERLIN]), (135, 360), 60)
def test_slots_are_the_first_showings_of_their_starts_within_the_hours(
    change: tuple[ZoneInfo, date], stretch: tuple[int, int], length: int
) -> None:
    zone, day = change
    opens, closes = stretch
    first_shown: dict[int, datetime] = {}
    for moment, minute in minutes_of(zone, day):
        first_shown.setdefault(minute, moment)
    shown_from = [moment for minute, moment in first_shown.items() if minute >= closes]
    end = min(shown_from, default=day_span(day, zone).end)
    expected: list[datetime] = []
    for minute in range(opens, closes, length):
        start = first_shown.get(minute)
        if start is None or start + length * MINUTE > end:
            continue
        if not expected or start >= expected[-1] + length * MINUTE:
            expected.append(start)
    found = offered(hours(f"{clock(opens)}-{clock(closes)}"), zone, day, length, length)
    assert [span.start for span in found] == expected


@given(changes, stretches(), lengths, lengths)
def test_a_slot_lasts_its_real_minutes_and_no_time_is_offered_twice(
    change: tuple[ZoneInfo, date], stretch: tuple[int, int], length: int, every: int
) -> None:
    zone, day = change
    found = offered(hours(f"{clock(stretch[0])}-{clock(stretch[1])}"), zone, day, length, every)
    assert all(span.end - span.start == length * MINUTE for span in found)
    assert len(set(on_the_wall(found, zone))) == len(found)
    assert all(later.start - earlier.start >= min(length, every) * MINUTE for earlier, later in pairwise(found))


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        (CHICAGO, ["01:00", "01:30", "03:00", "03:30"]),
        (BERLIN, ["01:00", "01:30", "03:00", "03:30"]),
        (LORD_HOWE, ["01:00", "01:30", "02:30", "03:00", "03:30"]),
    ],
)
def test_a_time_that_the_clock_skips_is_not_offered(zone: ZoneInfo, expected: list[str]) -> None:
    assert on_the_wall(offered(hours("01:00-04:00"), zone, FORWARD[zone]), zone) == expected


@pytest.mark.parametrize("zone", [CHICAGO, BERLIN, LORD_HOWE])
def test_a_time_that_the_clock_shows_twice_is_offered_once(zone: ZoneInfo) -> None:
    found = offered(hours("01:00-04:00"), zone, BACK[zone])
    assert on_the_wall(found, zone) == ["01:00", "01:30", "02:00", "02:30", "03:00", "03:30"]
    assert not any(span.start.astimezone(zone).fold for span in found)


def test_an_invitation_says_which_of_the_two_is_meant() -> None:
    first = wall.first(datetime(2026, 11, 1, 1, 30), CHICAGO)
    assert "01:30 CDT" in spoken(first, CHICAGO, "en")
    assert "the first is meant" in spoken(first, CHICAGO, "en")
    assert "la segunda" in spoken(first + timedelta(hours=1), CHICAGO, "es")
    assert "twice" not in spoken(first + timedelta(hours=3), CHICAGO, "en")


def test_a_slot_beside_the_skipped_hour_does_not_overlap_the_one_before() -> None:
    found = offered(hours("00:00-12:00"), CHICAGO, FORWARD[CHICAGO], 90, 90)
    assert on_the_wall(found, CHICAGO)[:4] == ["00:00", "01:30", "04:30", "06:00"]


def test_a_day_that_never_was_has_no_slots() -> None:
    assert offered(hours("09:00-17:00"), APIA, date(2011, 12, 30)) == []
    assert len(offered(hours("09:00-17:00"), APIA, date(2011, 12, 31))) == 16


def test_a_leap_day_is_a_day() -> None:
    tuesdays = settings(hours=[{"days": ["tuesday"], "times": ["09:00-10:00"]}])
    assert on_the_wall(offered(tuesdays, CHICAGO, date(2028, 2, 29)), CHICAGO) == ["09:00", "09:30"]
    assert offered(tuesdays, CHICAGO, date(2028, 3, 1)) == []
    closed = settings(blackouts=[{"first": "2028-02-29"}])
    within = Span(datetime(2028, 2, 27, tzinfo=UTC), datetime(2028, 3, 3, tzinfo=UTC))
    assert blackout_spans(closed.blackouts, "", CHICAGO, within) == (day_span(date(2028, 2, 29), CHICAGO),)


def test_hours_past_midnight_belong_to_the_day_they_begin_on() -> None:
    late = settings(hours=[{"days": ["friday"], "times": ["22:00-01:00"]}])
    assert on_the_wall(offered(late, BERLIN, date(2026, 6, 5)), BERLIN) == ["22:00", "22:30", "23:00", "23:30"]
    assert on_the_wall(offered(late, BERLIN, date(2026, 6, 6)), BERLIN) == ["00:00", "00:30"]


def test_a_unit_that_is_named_has_only_the_hours_that_name_it() -> None:
    both = settings(hours=[{"times": ["09:00-12:00"]}, {"units": ["A"], "times": ["13:00-14:00"]}])
    assert on_the_wall(offered(both, BERLIN, date(2026, 6, 5), 60, 60, "A"), BERLIN) == ["13:00"]
    assert len(offered(both, BERLIN, date(2026, 6, 5), 60, 60, "B")) == 3


def test_without_hours_the_whole_day_is_open() -> None:
    assert len(offered(settings(), BERLIN, date(2026, 6, 5))) == 48


def test_a_count_in_the_hour_shown_twice_lasts_through_both() -> None:
    counts = settings(counts=[{"days": ["sunday"], "times": ["01:15-01:45"]}]).counts
    (count,) = count_spans(counts, "", CHICAGO, day_span(BACK[CHICAGO], CHICAGO))
    assert count.end - count.start == timedelta(minutes=90)


def test_a_count_in_the_skipped_hour_takes_no_time() -> None:
    day = day_span(FORWARD[CHICAGO], CHICAGO)
    counts = settings(counts=[{"days": ["sunday"], "times": ["02:15-02:45"]}]).counts
    assert count_spans(counts, "", CHICAGO, day) == ()


@given(changes, stretches())
def test_what_is_open_is_within_the_first_and_last_showing_of_its_hours(
    change: tuple[ZoneInfo, date], stretch: tuple[int, int]
) -> None:
    zone, day = change
    opens, closes = (wall.at(day, minute) for minute in stretch)
    rules = hours(f"{clock(stretch[0])}-{clock(stretch[1])}")
    for span in open_spans(rules.hours, "", zone, day_span(day, zone)):
        if wall.day_of(span.start, zone) == day:
            assert wall.first(opens, zone) <= span.start < span.end <= wall.last(closes, zone)


@pytest.mark.parametrize(
    ("day", "name", "hour"),
    [
        (date(2006, 4, 1), "EST", 14),
        (date(2006, 4, 2), "CDT", 14),
        (date(2006, 11, 1), "CST", 15),
        (date(2007, 11, 5), "EST", 14),
    ],
)
def test_a_facility_whose_county_moves_zone_keeps_its_hours_by_the_wall(day: date, name: str, hour: int) -> None:
    # Petersburg, Indiana went from Eastern to Central time on 2 April 2006, and back on 4 November 2007.
    first = offered(hours("09:00-10:00"), PETERSBURG, day)[0].start
    assert f"{first.astimezone(PETERSBURG):%H:%M %Z}" == f"09:00 {name}"
    assert first.hour == hour


@given(
    zones,
    st.datetimes(datetime(2005, 1, 1), datetime(2032, 1, 1)),
)
def test_first_and_last_are_what_the_wall_shows(zone: ZoneInfo, local: datetime) -> None:
    local = local.replace(microsecond=0)
    first, last = wall.first(local, zone), wall.last(local, zone)
    if wall.shown(local, zone) is None:
        assert first == last
        assert first.astimezone(zone).replace(tzinfo=None) > local
        assert (first - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None) < local
    else:
        assert {moment.astimezone(zone).replace(tzinfo=None) for moment in (first, last)} == {local}
        assert (first != last) == wall.is_shown_twice(first, zone)


@given(
    zones,
    st.datetimes(datetime(2026, 1, 1), datetime(2029, 1, 1)),
    st.sampled_from(["monday", "sunday", "thursday"]),
)
def test_every_moment_is_in_one_week_that_begins_at_local_midnight(
    zone: ZoneInfo, moment: datetime, begins: str
) -> None:
    rules, moment = settings(week_begins=begins), moment.replace(tzinfo=UTC)
    week = week_of(rules, zone, moment)
    assert week.holds(moment)
    assert week_of(rules, zone, week.end).start == week.end
    assert week_of(rules, zone, week.end - timedelta(seconds=1)) == week
    local = week.start.astimezone(zone)
    assert f"{local:%A %H:%M}".lower() == f"{begins} 00:00"
    assert wall.day_of(week.end, zone) - wall.day_of(week.start, zone) == 7 * DAY


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50))))
def test_joined_spans_hold_the_same_time_apart(pairs: list[tuple[int, int]]) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    spans = [Span(start + first * MINUTE, start + last * MINUTE) for first, last in pairs]
    whole = joined(spans)
    for minute in range(50):
        moment = start + minute * MINUTE
        assert any(span.holds(moment) for span in spans) == any(span.holds(moment) for span in whole)
    assert all(earlier.end < later.start for earlier, later in pairwise(whole))


@pytest.mark.parametrize(
    "wrong",
    ["9-10", "09:00", "09:00-09:00", "25:00-26:00", "24:00-01:00", "09:60-10:00", "٠٩:00-10:00", 930],
)
def test_times_that_are_none_are_refused_with_a_remedy(wrong: object) -> None:
    with pytest.raises(ValueError, match="write it like 09:00-11:30"):
        settings(hours=[{"times": [wrong]}])
