"""Who is where and when: nobody in two places, residents kept apart, calls within the phones' hours and their slot."""

from dataclasses import replace
from datetime import timedelta

import pytest

from parloir.api import Cap, CapKind, WayIn
from tests.plugin_facility import NOON, Institution, a_call, answer
from tests.scheduling_desk import (
    ANN,
    OTHER,
    a_visit,
    booked,
    denied,
    local,
    north,
    said,
    scheduling,
)

__all__ = ["north"]


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({"resident": OTHER, "visitors": ()}, "station_taken"),
        ({"station": "pod-a-2", "visitors": ()}, "resident_busy"),
        ({"station": "pod-a-2", "resident": OTHER}, "visitor_busy"),
        ({"station": "pod-a-2", "resident": None, "visitors": ()}, "yes"),
    ],
)
def test_nobody_is_in_two_places(north: Institution, other: dict[str, object], expected: str) -> None:
    booked(north, "v1", "2026-03-06 09:45", **other)
    assert said(scheduling(north), a_visit("2026-03-06 10:00")) == expected
    assert said(scheduling(north), a_visit("2026-03-06 09:30")) == expected
    assert said(scheduling(north), a_visit("2026-03-06 10:30")) == "yes"


def test_residents_who_are_kept_apart_have_no_visits_at_once_and_only_staff_are_told_why(north: Institution) -> None:
    north.records.known_separations.append(("r2", "r1"))
    booked(north, "v1", "2026-03-06 10:00", station="pod-b-1", resident=OTHER, visitors=())
    denial = denied(scheduling(north), a_visit("2026-03-06 10:00"))
    assert denial.code == "kept_apart"
    assert "r2" in denial.staff
    assert denial.words is not None
    assert "r2" not in denial.words.en + denial.words.es
    assert said(scheduling(north), a_visit("2026-03-06 10:30")) == "yes"


def test_residents_who_are_kept_apart_do_not_talk_at_once(north: Institution) -> None:
    north.records.known_separations.append(("r1", "r2"))
    plugin = scheduling(north)
    other = a_call(id="c2", resident=OTHER, at=NOON, opened=NOON - timedelta(minutes=5))
    north.records.known_calls.append(other)
    denial = answer(plugin.authorize_call(a_call()))
    assert denial is not None
    assert denial.code == "kept_apart"
    north.records.known_calls[:] = [a_call(id="c2", resident=OTHER, ended=NOON)]
    assert answer(plugin.authorize_call(a_call())) is None


def test_calls_from_inside_keep_the_phones_hours(north: Institution) -> None:
    plugin = scheduling(north, hours=[{"times": ["09:00-10:00"]}], phone_hours=[{"times": ["11:00-12:30"]}])
    assert answer(plugin.authorize_call(a_call(at=NOON))) is None
    late = answer(plugin.authorize_call(a_call(at=NOON + timedelta(minutes=30))))
    assert late is not None
    assert late.code == "outside_hours"
    assert answer(plugin.limit_call(a_call(at=NOON))) == Cap(1800, CapKind.HARD, "closing_time")


def test_a_call_ends_with_its_slot_or_when_the_unit_closes(north: Institution) -> None:
    visit = booked(north, "v1", "2026-03-04 12:00")
    call = a_call(visit=visit, way_in=WayIn.SCHEDULED, visitors=(ANN,), unit="A", at=NOON + timedelta(minutes=4))
    assert answer(scheduling(north).limit_call(call)) == Cap(26 * 60, CapKind.HARD, "slot_end")
    counted = scheduling(north, counts=[{"times": ["12:15-12:45"]}])
    assert answer(counted.limit_call(call)) == Cap(11 * 60, CapKind.HARD, "closing_time")
    assert answer(counted.authorize_call(call)) is None
    begun = replace(call, at=NOON + timedelta(minutes=9), answered=NOON + timedelta(minutes=5))
    assert answer(counted.limit_call(begun)) == Cap(10 * 60, CapKind.HARD, "closing_time")
    assert answer(scheduling(north).limit_call(a_call())) is None


def test_a_call_is_denied_while_residents_are_counted_or_visits_are_blacked_out(north: Institution) -> None:
    for rules, code in (
        ({"counts": [{"times": ["11:50-12:10"]}]}, "count_time"),
        ({"blackouts": [{"first": "2026-03-04"}]}, "blackout"),
        ({"hours": [{"times": ["13:00-14:00"]}]}, None),
    ):
        denial = answer(scheduling(north, **rules).authorize_call(a_call()))
        assert (denial.code if denial else None) == code


def test_a_call_ends_after_its_real_minutes_on_the_night_of_the_change(north: Institution) -> None:
    begin = local("2026-11-01 01:30")
    visit = booked(north, "v1", begin, minutes=60)
    plugin = scheduling(north, hours=[{"times": ["00:00-04:00"]}])
    assert answer(plugin.limit_call(a_call(visit=visit, at=begin, unit="A"))) == Cap(3600, CapKind.HARD, "slot_end")
