"""How the limits plugin keeps calls within their time."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from parloir.api import (
    Allow,
    Call,
    CallClass,
    Cap,
    CapKind,
    DenialKind,
    Deny,
    Extend,
    Happening,
    Resident,
    Route,
    WayIn,
)
from parloir.plugins.limits.plugin import Limits
from tests.plugin_facility import NOON, VIDEO, Institution, TablesInMemory, a_call, answer

DEAF = Resident(id="r1", name="Resident One", unit="A", accommodations=("deaf",))
ENDED = Happening(position=1, kind="ended", at=NOON, facts={})


@pytest.fixture
def north() -> Iterator[Institution]:
    store = TablesInMemory(Limits)
    yield Institution(store)
    store.close()


def limits(north: Institution, **settings: Any) -> Limits:
    return Limits(Limits.Settings.model_validate(settings), north.facility)


def talked(plugin: Limits, id: str, seconds: int, ended: datetime, **facts: Any) -> Call:
    """A call that ended then after so many seconds, and was told to the plugin."""
    began = ended - timedelta(seconds=seconds)
    call = a_call(id=id, at=ended, opened=began, answered=began, ended=ended, talked=seconds, **facts)
    answer(plugin.call_event(call, ENDED))
    return call


def refusal(plugin: Limits, call: Call) -> Deny:
    denial = answer(plugin.authorize_call(call))
    assert isinstance(denial, Deny)
    assert denial.kind is DenialKind.QUOTA
    return denial


def caps(plugin: Limits, call: Call) -> dict[str, int]:
    answers = answer(plugin.limit_call(call)) or ()
    return {each.code: each.seconds for each in answers if isinstance(each, Cap)}


def test_the_first_duration_that_fits_holds(north: Institution) -> None:
    durations: list[dict[str, Any]] = [
        {"minutes": 60, "class": "privileged"},
        {"minutes": 10, "unit": "SHU"},
        {"minutes": 30, "medium": "video", "way_in": "scheduled"},
        {"minutes": 20, "tier": "prison"},
        {"minutes": 15},
    ]
    plugin = limits(north, durations=durations)
    in_shu = Resident(id="r1", name="Resident One", unit="SHU")
    assert caps(plugin, a_call()) == {"duration": 15 * 60}
    assert caps(plugin, a_call(call_class=CallClass.PRIVILEGED)) == {"duration": 60 * 60}
    assert caps(plugin, a_call(resident=in_shu)) == {"duration": 10 * 60}
    assert caps(plugin, a_call(media=VIDEO, way_in=WayIn.SCHEDULED)) == {"duration": 30 * 60}
    assert caps(plugin, a_call(media=VIDEO)) == {"duration": 15 * 60}
    assert caps(plugin, a_call(tier="prison")) == {"duration": 20 * 60}


def test_a_privileged_call_has_no_end_unless_a_duration_names_it(north: Institution) -> None:
    plugin = limits(north, durations=[{"minutes": 15}], quotas=[{"per": "day", "minutes": 5}])
    assert answer(plugin.limit_call(a_call(call_class=CallClass.PRIVILEGED))) is None


def test_what_was_talked_today_is_taken_from_todays_minutes(north: Institution) -> None:
    plugin = limits(north, quotas=[{"per": "day", "minutes": 20}, {"per": "month", "minutes": 300}])
    talked(plugin, "c0", 900, NOON - timedelta(hours=1))
    assert caps(plugin, a_call()) == {"daily_minutes": 300, "monthly_minutes": 285 * 60}
    talked(plugin, "c2", 241, NOON)
    assert refusal(plugin, a_call()).code == "daily_minutes"
    tomorrow = a_call(at=NOON + timedelta(days=1))
    assert isinstance(answer(plugin.authorize_call(tomorrow)), Allow)


def test_a_month_begins_at_midnight_by_the_facilitys_clock(north: Institution) -> None:
    plugin = limits(north, quotas=[{"per": "month", "minutes": 30}])
    last_evening = datetime.fromisoformat("2026-02-28T23:40:00-06:00")
    talked(plugin, "c0", 1800, last_evening)
    before, after = last_evening + timedelta(minutes=19), last_evening + timedelta(minutes=20)
    denial = refusal(plugin, a_call(at=before))
    assert denial.code == "monthly_minutes"
    assert "2026-03-01 00:00 CST" in denial.staff
    assert caps(plugin, a_call(at=after)) == {"monthly_minutes": 1800}


def test_a_call_over_midnight_counts_in_the_day_it_was_answered(north: Institution) -> None:
    plugin = limits(north, quotas=[{"per": "day", "minutes": 20}])
    talked(plugin, "c0", 1200, datetime.fromisoformat("2026-03-05T00:10:00-06:00"))
    assert caps(plugin, a_call(at=datetime.fromisoformat("2026-03-05T00:11:00-06:00"))) == {"daily_minutes": 1200}


def test_calls_of_a_week_are_counted_by_their_medium(north: Institution) -> None:
    plugin = limits(north, quotas=[{"per": "week", "calls": 2, "medium": "video"}], week_starts="sunday")
    sunday = datetime.fromisoformat("2026-03-01T10:00:00-06:00")
    talked(plugin, "saturday", 600, sunday - timedelta(days=1), media=VIDEO)
    talked(plugin, "first", 600, sunday, media=VIDEO)
    talked(plugin, "sound", 600, sunday)
    assert isinstance(answer(plugin.authorize_call(a_call(media=VIDEO))), Allow)
    talked(plugin, "second", 600, NOON, media=VIDEO)
    assert refusal(plugin, a_call(media=VIDEO)).code == "weekly_calls"
    assert isinstance(answer(plugin.authorize_call(a_call())), Allow)


def test_a_call_that_broke_off_uses_up_no_call_and_begins_no_gap(north: Institution) -> None:
    plugin = limits(north, quotas=[{"per": "day", "calls": 1}], gaps=[{"minutes": 30}])
    talked(plugin, "c0", 59, NOON)
    assert isinstance(answer(plugin.authorize_call(a_call())), Allow)


def test_a_call_over_midnight_keeps_to_the_day_it_was_answered_in(north: Institution) -> None:
    plugin = limits(north, quotas=[{"per": "day", "minutes": 20}])
    evening = datetime.fromisoformat("2026-03-04T23:55:00-06:00")
    talked(plugin, "c0", 600, evening)
    asked_again = a_call(at=evening + timedelta(minutes=6), opened=evening, answered=evening, talked=360)
    assert caps(plugin, asked_again) == {"daily_minutes": 600}


def test_a_resident_waits_between_calls(north: Institution) -> None:
    plugin = limits(north, gaps=[{"minutes": 30}])
    talked(plugin, "c0", 600, NOON - timedelta(minutes=29, seconds=59))
    denial = refusal(plugin, a_call())
    assert denial.code == "too_soon_after_last"
    assert "12:00 CST" in denial.staff
    assert isinstance(answer(plugin.authorize_call(a_call(at=NOON + timedelta(seconds=1)))), Allow)


def test_too_few_seconds_are_no_call(north: Institution) -> None:
    plugin = limits(north, quotas=[{"per": "day", "minutes": 10}], least=120)
    talked(plugin, "c0", 480, NOON)
    assert caps(plugin, a_call()) == {"daily_minutes": 120}
    assert isinstance(answer(plugin.authorize_call(a_call())), Allow)
    talked(plugin, "c2", 1, NOON)
    assert "119 s are left of 10 min" in refusal(plugin, a_call()).staff


def test_a_deaf_resident_has_three_times_as_long(north: Institution) -> None:
    plugin = limits(
        north, durations=[{"minutes": 15}], quotas=[{"per": "day", "minutes": 20}], accommodations={"deaf": 3}
    )
    answers = answer(plugin.limit_call(a_call(resident=DEAF)))
    assert answers == (
        Cap(900, CapKind.POLICY, "duration", (60, 10)),
        Cap(1200, CapKind.POLICY, "daily_minutes", (60, 10)),
        Extend(3.0, "deaf"),
    )
    talked(plugin, "c0", 2700, NOON, resident=DEAF)
    assert caps(plugin, a_call(resident=DEAF))["daily_minutes"] * 3 + 2700 == 3 * 1200
    assert refusal(plugin, a_call()).code == "daily_minutes"


def test_privileged_calls_use_nothing_up_and_are_never_denied(north: Institution) -> None:
    plugin = limits(north, quotas=[{"per": "day", "minutes": 5, "calls": 1}], gaps=[{"minutes": 60}])
    talked(plugin, "c0", 3600, NOON, call_class=CallClass.PRIVILEGED)
    assert caps(plugin, a_call()) == {"daily_minutes": 300}
    talked(plugin, "c2", 600, NOON)
    assert answer(plugin.authorize_call(a_call(call_class=CallClass.PRIVILEGED))) is None
    refusal(plugin, a_call())


def test_emergency_calls_and_calls_of_nobody_use_nothing_up(north: Institution) -> None:
    plugin = limits(north, quotas=[{"per": "day", "minutes": 20}])
    talked(plugin, "c0", 600, NOON, route=Route.EMERGENCY)
    talked(plugin, "c2", 600, NOON, resident=None)
    assert caps(plugin, a_call()) == {"daily_minutes": 1200}
    assert answer(plugin.authorize_call(a_call(resident=None))) is None


def test_news_told_twice_counts_once_and_late_news_takes_nothing_back(north: Institution) -> None:
    plugin = limits(north, quotas=[{"per": "day", "minutes": 20}])
    for seconds in (600, 600, 30):
        talked(plugin, "c0", seconds, NOON)
    assert caps(plugin, a_call()) == {"daily_minutes": 600}


def test_a_call_counts_before_the_plugin_is_told_of_it(north: Institution) -> None:
    plugin = limits(north, quotas=[{"per": "day", "minutes": 20}])
    north.records.known_calls.append(talked(plugin, "c0", 600, NOON))
    untold = a_call(id="c3", at=NOON - timedelta(hours=1), answered=NOON - timedelta(hours=1), talked=420)
    north.records.known_calls.append(untold)
    assert caps(plugin, a_call()) == {"daily_minutes": 180}


def test_the_call_itself_is_not_held_against_it(north: Institution) -> None:
    plugin = limits(north, quotas=[{"per": "day", "minutes": 20}], gaps=[{"minutes": 10}])
    now = talked(plugin, "c1", 600, NOON)
    assert caps(plugin, now) == {"daily_minutes": 1200}
    assert isinstance(answer(plugin.authorize_call(now)), Allow)


def test_others_calls_and_other_facilities_do_not_count(north: Institution) -> None:
    plugin = limits(north, quotas=[{"per": "day", "minutes": 20}])
    talked(plugin, "c0", 1200, NOON, resident=Resident(id="r2", name="Resident Two"))
    assert caps(plugin, a_call()) == {"daily_minutes": 1200}


def test_a_facility_that_moves_zone_counts_by_its_new_clock(north: Institution) -> None:
    evening = datetime.fromisoformat("2026-03-03T23:30:00-06:00")
    settings = {"quotas": [{"per": "day", "minutes": 20}]}
    talked(limits(north, **settings), "c0", 1200, evening)
    later = a_call(at=evening + timedelta(hours=2))
    assert caps(limits(north, **settings), later) == {"daily_minutes": 1200}
    north.zone = "America/Los_Angeles"
    assert refusal(limits(north, **settings), later).code == "daily_minutes"


def test_what_no_period_counts_is_forgotten(north: Institution) -> None:
    plugin = limits(north, quotas=[{"per": "month", "minutes": 300}])
    talked(plugin, "old", 600, NOON - timedelta(days=63))
    talked(plugin, "new", 600, NOON - timedelta(days=1))
    (task,) = plugin.register_tasks()
    work: Any = task.run()
    answer(work)
    with north.store.engine.connect() as connection:
        assert connection.exec_driver_sql("select call from limits_talks").scalars().all() == ["new"]


@pytest.mark.parametrize(
    "settings",
    [
        {"quotas": [{"per": "day"}]},
        {"quotas": [{"per": "year", "minutes": 5}]},
        {"durations": [{"minutes": 0}]},
        {"durations": [{"minutes": 15, "clas": "privileged"}]},
        {"accommodations": {"deaf": 0.5}},
        {"accommodations": {"Deaf people": 3}},
        {"gaps": [{"minutes": "30"}]},
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Limits.Settings.model_validate(settings)
