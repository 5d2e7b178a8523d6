"""Every rule of the scheduling plugin: what it denies, what it leaves alone, and in which words."""

import inspect
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parloir.api import BookedBy, CallClass, DenialKind, Suspension
from parloir.plugins.scheduling import reasons
from parloir.plugins.scheduling.booking import cancelling
from parloir.plugins.scheduling.no_shows import bookable_from
from parloir.plugins.scheduling.plugin import Scheduling
from parloir.plugins.scheduling.quota import week_of
from parloir.plugins.scheduling.settings import NoShows, SchedulingSettings
from tests.plugin_facility import NOON, Institution, TablesInMemory, a_call, answer
from tests.scheduling_desk import (
    ANN,
    CHILD,
    COUNSEL,
    OTHER,
    a_visit,
    booked,
    denied,
    local,
    north,
    open_times,
    said,
    scheduling,
)

__all__ = ["north"]


def test_without_settings_a_visit_may_be_booked_at_any_slot(north: Institution) -> None:
    plugin = scheduling(north)
    assert said(plugin, a_visit("2026-03-06 03:30")) == "yes"
    assert said(plugin, a_visit("2026-03-06 03:40")) == "not_a_slot"
    assert said(plugin, a_visit("2026-03-06 03:40", booked_by=BookedBy.STAFF)) == "yes"
    assert said(plugin, a_visit("2026-03-06 03:30", minutes=60)) == "not_a_slot"


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2026-03-06 08:30", "outside_hours"),
        ("2026-03-06 09:00", "yes"),
        ("2026-03-06 11:00", "yes"),
        ("2026-03-06 11:30", "outside_hours"),
        ("2026-03-07 09:00", "outside_hours"),
    ],
)
def test_a_visit_lies_wholly_within_visiting_hours(north: Institution, start: str, expected: str) -> None:
    plugin = scheduling(north, hours=[{"days": ["friday"], "times": ["09:00-11:30"]}])
    assert said(plugin, a_visit(start)) == expected
    assert said(plugin, a_visit(start, booked_by=BookedBy.STAFF)) == expected


def test_counsel_may_have_hours_of_their_own(north: Institution) -> None:
    plugin = scheduling(north, hours=[{"times": ["09:00-11:00"]}], privileged_hours=[{"times": ["07:00-20:00"]}])
    assert said(plugin, a_visit("2026-03-06 18:00")) == "outside_hours"
    assert said(plugin, a_visit("2026-03-06 18:00", visitors=(COUNSEL,))) == "yes"
    assert said(plugin, a_visit("2026-03-06 18:00", call_class=CallClass.PRIVILEGED)) == "yes"


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2026-12-23 10:00", "yes"),
        ("2026-12-24 10:00", "blackout"),
        ("2026-12-26 23:30", "blackout"),
        ("2026-12-27 00:00", "yes"),
    ],
)
def test_blackouts_hold_from_the_first_day_to_the_last(north: Institution, start: str, expected: str) -> None:
    plugin = scheduling(north, blackouts=[{"first": "2026-12-24", "last": "2026-12-26"}], book_days_ahead=400)
    assert said(plugin, a_visit(start)) == expected


def test_a_blackout_may_be_of_some_hours_and_one_unit(north: Institution) -> None:
    plugin = scheduling(north, blackouts=[{"first": "2026-03-06", "times": ["09:00-12:00"], "units": ["A"]}])
    assert said(plugin, a_visit("2026-03-06 11:30")) == "blackout"
    assert said(plugin, a_visit("2026-03-06 12:00")) == "yes"
    assert said(plugin, a_visit("2026-03-06 11:30", unit="B", station="pod-b-1")) == "yes"


def test_nobody_visits_while_residents_are_counted(north: Institution) -> None:
    plugin = scheduling(north, counts=[{"times": ["16:00-16:45"]}, {"units": ["B"], "times": ["06:00-06:30"]}])
    assert said(plugin, a_visit("2026-03-06 15:30")) == "yes"
    assert said(plugin, a_visit("2026-03-06 16:30")) == "count_time"
    assert said(plugin, a_visit("2026-03-06 06:00")) == "yes"
    assert said(plugin, a_visit("2026-03-06 06:00", unit="B")) == "count_time"


def test_visits_are_booked_in_time_and_not_too_early(north: Institution) -> None:
    plugin = scheduling(north, book_hours_ahead=24, book_days_ahead=7)
    assert said(plugin, a_visit("2026-03-05 11:30")) == "too_soon"
    assert said(plugin, a_visit("2026-03-05 12:00")) == "yes"
    assert said(plugin, a_visit("2026-03-11 23:30")) == "yes"
    assert said(plugin, a_visit("2026-03-12 00:00")) == "too_far_ahead"
    assert said(plugin, a_visit("2026-03-04 13:00", booked_by=BookedBy.STAFF)) == "yes"
    assert said(plugin, a_visit("2026-03-04 11:00")) == "time_is_past"


def test_a_lead_of_24_hours_is_24_real_hours_when_the_clock_changes(north: Institution) -> None:
    plugin = scheduling(north, book_hours_ahead=24)
    asked = local("2026-03-07 12:00")
    assert said(plugin, a_visit("2026-03-08 12:30", asked_at=asked)) == "too_soon"
    assert said(plugin, a_visit("2026-03-08 13:00", asked_at=asked)) == "yes"


def test_a_visit_may_be_cancelled_until_its_window_closes() -> None:
    rules = SchedulingSettings(cancel_hours_ahead=24)
    start = NOON + timedelta(hours=24)
    assert cancelling(rules, start, NOON, BookedBy.VISITOR) is None
    late = cancelling(rules, start, NOON + timedelta(seconds=1), BookedBy.VISITOR)
    assert late is not None
    assert late.code == "too_late_to_cancel"
    assert cancelling(rules, start, start, BookedBy.STAFF) is None


def test_the_third_visit_of_a_week_is_refused_and_the_first_of_the_next_is_not(north: Institution) -> None:
    plugin = scheduling(north, weekly_visits=2)
    booked(north, "v1", "2026-03-02 00:00", state="done")
    booked(north, "v2", "2026-03-05 10:00")
    assert said(plugin, a_visit("2026-03-08 23:30")) == "weekly_quota"
    assert said(plugin, a_visit("2026-03-09 00:00")) == "yes"
    assert denied(plugin, a_visit("2026-03-08 23:30")).kind is DenialKind.QUOTA
    assert said(plugin, a_visit("2026-03-06 10:00", resident=OTHER)) == "yes"


def test_cancelled_and_privileged_visits_do_not_count_and_missed_ones_do(north: Institution) -> None:
    plugin = scheduling(north, weekly_visits=1)
    booked(north, "v1", "2026-03-04 14:00", state="cancelled")
    booked(north, "v2", "2026-03-05 10:00", visitors=(COUNSEL,))
    assert said(plugin, a_visit()) == "yes"
    booked(north, "v3", "2026-03-03 10:00", state="missed")
    assert said(plugin, a_visit()) == "weekly_quota"
    assert said(plugin, a_visit(visitors=(COUNSEL,))) == "yes"


def test_a_visit_that_is_moved_is_not_in_its_own_way(north: Institution) -> None:
    plugin = scheduling(north, weekly_visits=1, gap_minutes=120)
    booked(north, "v1", "2026-03-06 10:00")
    assert said(plugin, a_visit("2026-03-06 10:30", id="v1")) == "yes"
    assert said(plugin, a_visit("2026-03-06 10:30")) == "weekly_quota"


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("America/Chicago", "2026-03-08"),
        ("America/Chicago", "2026-11-01"),
        ("Europe/Berlin", "2026-03-29"),
        ("Europe/Berlin", "2026-10-25"),
        ("Australia/Lord_Howe", "2026-04-05"),
        ("Australia/Lord_Howe", "2026-10-04"),
    ],
)
def test_a_week_with_a_change_of_clock_ends_at_local_midnight(north: Institution, zone: str, day: str) -> None:
    # Each of these days is a Sunday, the last of its week.
    north.zone, there = zone, ZoneInfo(zone)
    plugin = scheduling(north, weekly_visits=1)
    sunday = date.fromisoformat(day)
    asked = local(f"{sunday - timedelta(days=7)} 12:00", there)
    booked(north, "v1", local(f"{day} 09:00", there))
    expected = {
        f"{sunday - timedelta(days=7)} 23:30": "yes",
        f"{sunday - timedelta(days=6)} 00:00": "weekly_quota",
        f"{day} 23:30": "weekly_quota",
        f"{sunday + timedelta(days=1)} 00:00": "yes",
    }
    assert {time: said(plugin, a_visit(local(time, there), asked_at=asked)) for time in expected} == expected


def test_a_facility_that_moves_zone_keeps_its_visits_and_counts_its_weeks_anew(north: Institution) -> None:
    booked(north, "v1", local("2026-03-08 23:30"))
    wish = a_visit(local("2026-03-09 10:00"))
    assert said(scheduling(north, weekly_visits=1), wish) == "yes"
    north.zone = "America/New_York"
    assert said(scheduling(north, weekly_visits=1), wish) == "weekly_quota"
    assert said(scheduling(north), a_visit(local("2026-03-08 23:30"))) == "station_taken"


def test_two_visits_lie_a_gap_apart(north: Institution) -> None:
    plugin = scheduling(north, gap_minutes=60)
    booked(north, "v1", "2026-03-06 12:00")
    assert said(plugin, a_visit("2026-03-06 10:30")) == "yes"
    assert said(plugin, a_visit("2026-03-06 11:00")) == "visit_gap"
    assert said(plugin, a_visit("2026-03-06 13:00")) == "visit_gap"
    assert said(plugin, a_visit("2026-03-06 13:30")) == "yes"
    assert said(plugin, a_visit("2026-03-06 13:00", visitors=(COUNSEL,))) == "yes"


def test_so_many_visitors_and_no_more(north: Institution) -> None:
    plugin = scheduling(north, visitors_at_once=2)
    assert said(plugin, a_visit(visitors=(ANN, CHILD))) == "yes"
    assert said(plugin, a_visit(visitors=(ANN, CHILD, COUNSEL))) == "too_many_visitors"


def test_a_minor_needs_an_adult(north: Institution) -> None:
    assert said(scheduling(north), a_visit(visitors=(CHILD,))) == "minor_without_adult"
    assert said(scheduling(north), a_visit(visitors=(CHILD, ANN))) == "yes"
    assert said(scheduling(north, minors_need_adult=False), a_visit(visitors=(CHILD,))) == "yes"


def test_suspensions_stop_visits_and_calls_but_never_privileged_ones(north: Institution) -> None:
    until = local("2026-03-08 00:00")
    north.records.known_suspensions.append(Suspension(visitor="ann", start=NOON - timedelta(days=1), finish=until))
    plugin = scheduling(north)
    assert denied(plugin, a_visit("2026-03-06 10:00")).kind is DenialKind.SUSPENSION
    assert said(plugin, a_visit("2026-03-08 00:00")) == "yes"
    assert said(plugin, a_visit("2026-03-06 10:00", visitors=(ANN, COUNSEL))) == "yes"
    denial = answer(plugin.authorize_call(a_call(visitors=(ANN,))))
    assert denial is not None
    assert denial.code == "suspended"
    assert answer(plugin.authorize_call(a_call(visitors=(ANN,), call_class=CallClass.PRIVILEGED))) is None


def test_who_misses_visits_may_not_book_for_a_while(north: Institution) -> None:
    plugin = scheduling(north, no_shows={"count": 2, "within_days": 30, "suspend_days": 14})
    booked(north, "m1", "2026-02-10 10:00", state="missed")
    assert said(plugin, a_visit()) == "yes"
    booked(north, "m2", "2026-02-20 10:00", state="missed")
    denial = denied(plugin, a_visit())
    assert denial.kind is DenialKind.SUSPENSION
    assert denial.words is not None
    assert "2026-03-06" in denial.words.en
    assert said(plugin, a_visit("2026-03-09 10:00", asked_at=local("2026-03-06 00:00"))) == "yes"
    assert said(plugin, a_visit(visitors=(COUNSEL, ANN))) == "yes"
    assert open_times(plugin, "2026-03-06 09:00", "2026-03-06 12:00") == []


@given(st.lists(st.integers(0, 120), max_size=8), st.integers(1, 4), st.integers(1, 40), st.integers(1, 40))
def test_no_shows_suspend_after_the_last_of_so_many_within_the_time(
    ages: list[int], count: int, within: int, suspend: int
) -> None:
    rule = NoShows(count=count, within_days=within, suspend_days=suspend)
    days = [date(2028, 2, 1) + timedelta(days=age) for age in ages]
    full = [day for day in days if sum(day - timedelta(days=within) <= other <= day for other in days) >= count]
    assert bookable_from(rule, days) == (max(full) + timedelta(days=suspend) if full else None)


def test_slots_leave_out_all_that_could_not_be_booked(north: Institution) -> None:
    plugin = scheduling(
        north,
        hours=[{"times": ["09:00-12:00"]}, {"units": ["B"], "times": ["10:00-11:00"]}],
        counts=[{"times": ["10:00-10:10"]}],
        blackouts=[{"first": "2026-03-07"}],
        weekly_visits=2,
    )
    booked(north, "v1", "2026-03-06 09:00", resident=OTHER, visitors=())
    booked(north, "v2", "2026-03-06 11:00")
    both = ("pod-a-1", "pod-a-2", "pod-b-1")
    assert open_times(plugin, "2026-03-06 00:00", "2026-03-08 00:00", stations=both) == [
        "pod-a-2 06 09:00",
        "pod-a-1 06 09:30",
        "pod-a-2 06 09:30",
        "pod-a-1 06 10:30",
        "pod-a-2 06 10:30",
        "pod-b-1 06 10:30",
        "pod-a-1 06 11:30",
        "pod-a-2 06 11:30",
    ]
    assert open_times(plugin, "2026-03-06 00:00", "2026-03-08 00:00", minutes=45) == []
    booked(north, "v3", "2026-03-05 11:00")
    assert open_times(plugin, "2026-03-06 00:00", "2026-03-08 00:00") == []
    assert "pod-a-1 09 09:00" in open_times(plugin, "2026-03-06 00:00", "2026-03-10 00:00")


@settings(max_examples=50)
@given(
    weekly=st.sampled_from([None, 1, 2]),
    gap=st.sampled_from([0, 45, 600]),
    lead=st.sampled_from([0, 14]),
    others=st.lists(st.tuples(st.integers(0, 28), st.booleans(), st.booleans()), max_size=4),
    sunday=st.sampled_from([date(2026, 3, 8), date(2026, 11, 1), date(2026, 7, 5)]),
)
def test_a_slot_is_offered_exactly_if_it_may_be_booked(
    weekly: int | None, gap: int, lead: int, others: list[tuple[int, bool, bool]], sunday: date
) -> None:
    store = TablesInMemory(Scheduling)
    midnight = local(f"{sunday} 00:00")
    north = Institution(store, now=midnight - timedelta(hours=12))
    for number, (quarter, theirs, here) in enumerate(others):
        whose = {} if theirs else {"resident": OTHER, "visitors": ()}
        station = {"station": "pod-a-1" if here else "pod-a-2"}
        booked(north, f"v{number}", midnight + timedelta(minutes=15 * quarter), **whose, **station)
    plugin = scheduling(
        north, weekly_visits=weekly, gap_minutes=gap, book_hours_ahead=lead, counts=[{"times": ["01:30-02:00"]}]
    )
    offers = open_times(plugin, f"{sunday} 00:00", f"{sunday + timedelta(days=3)} 00:00")
    zone = ZoneInfo("America/Chicago")
    for begin in (midnight + timedelta(minutes=30 * number) for number in range(12)):
        shown = begin.astimezone(zone)
        offered = f"pod-a-1 {shown:%d %H:%M}" in offers and not shown.fold
        assert offered == (said(plugin, a_visit(begin, asked_at=north.now)) == "yes")
    store.close()


def test_every_reason_has_a_code_of_its_own_and_words_in_both_languages() -> None:
    found = [each for _, each in inspect.getmembers(reasons) if isinstance(each, reasons.Reason)]
    assert len({each.code for each in found}) == len(found)
    for reason in found:
        denial = reason.deny("why", hours=1, days=2, count=3, minutes=4, day="2026-03-06")
        assert denial.words is not None
        assert denial.words.en != denial.words.es
        assert "{" not in denial.words.en + denial.words.es


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="the last day is before the first"):
        SchedulingSettings.model_validate({"blackouts": [{"first": "2026-03-06", "last": "2026-03-05"}]})
    with pytest.raises(ValueError, match="is not a date"):
        SchedulingSettings.model_validate({"blackouts": [{"first": "2027-02-29"}]})
    with pytest.raises(ValueError, match="weekly_visit"):
        SchedulingSettings.model_validate({"weekly_visit": 2})


def test_weeks_can_begin_on_sunday(north: Institution) -> None:
    booked(north, "v1", "2026-03-06 10:00")
    assert said(scheduling(north, weekly_visits=1), a_visit("2026-03-08 10:00")) == "weekly_quota"
    assert said(scheduling(north, weekly_visits=1, week_begins="sunday"), a_visit("2026-03-08 10:00")) == "yes"
    rules = SchedulingSettings.model_validate({"week_begins": "sunday"})
    assert week_of(rules, ZoneInfo("UTC"), datetime(2028, 2, 29, tzinfo=UTC)).end == datetime(2028, 3, 5, tzinfo=UTC)


def test_however_far_a_visitor_looks_only_what_may_be_booked_is_offered(north: Institution) -> None:
    plugin = scheduling(north, hours=[{"times": ["09:00-09:30"]}], book_days_ahead=3)
    assert open_times(plugin, "1990-01-01 00:00", "2999-01-01 00:00") == [f"pod-a-1 0{day} 09:00" for day in (5, 6, 7)]
    assert open_times(plugin, "2990-01-01 00:00", "2999-01-01 00:00") == []
    assert open_times(plugin, "2026-03-06 00:00", "2026-03-05 00:00") == []


def test_a_long_visit_leaves_no_slot_open_until_it_ends(north: Institution) -> None:
    booked(north, "v1", "2026-03-06 08:45", minutes=180, resident=OTHER, visitors=())
    booked(north, "v2", "2026-03-06 08:50", minutes=20, station="pod-a-2", resident=OTHER, visitors=())
    assert open_times(scheduling(north), "2026-03-06 08:00", "2026-03-06 13:00") == [
        "pod-a-1 06 08:00",
        "pod-a-1 06 12:00",
        "pod-a-1 06 12:30",
    ]
