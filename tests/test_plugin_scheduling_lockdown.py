"""Lockdowns and blackouts entered by staff: what they end, move and release, and what they deny."""

from datetime import timedelta
from typing import Any

import pytest

from parloir.api import BookedBy, CallClass, Cap, CapKind, Reply, Request, Severity
from parloir.plugins.scheduling.plugin import Scheduling
from tests.plugin_facility import Institution, a_call, answer
from tests.scheduling_desk import ANN, COUNSEL, OTHER, a_visit, booked, local, north, open_times, said, scheduling

__all__ = ["north"]

HOUR = timedelta(hours=1)


def ask(
    plugin: Scheduling,
    method: str,
    path: str,
    body: Any = None,
    *,
    user: str = "lee",
    role: str = "officer",
    **query: str,
) -> Reply:
    """What a route answers officer Lee, or somebody else."""
    (route,) = [each for each in plugin.register_routes() if (each.method, each.path) == (method, path)]
    work: Any = route.answer(Request(user, (role,), query, body))
    reply: object = answer(work)
    assert isinstance(reply, Reply)
    return reply


def lock(plugin: Scheduling, **body: Any) -> Any:
    reply = ask(plugin, "POST", "lockdown", {"why": "fight in the yard"} | body)
    assert reply.status == 201
    return reply.body


def sweep(plugin: Scheduling) -> None:
    (task,) = plugin.register_tasks()
    answer(task.run())  # type: ignore[arg-type]


def refusal(plugin: Scheduling, **facts: Any) -> str | None:
    denial = answer(plugin.authorize_call(a_call(**facts)))
    return denial.code if denial else None


def test_a_lockdown_ends_live_calls_and_denies_new_ones_until_it_is_lifted(north: Institution) -> None:
    plugin = scheduling(north)
    north.records.known_calls.append(a_call(id="c1", unit="A"))
    done = lock(plugin)
    assert done["ended"] == ("c1",)
    assert north.deeds.ended == [(None, "lockdown")]
    assert refusal(plugin) == "lockdown"
    assert refusal(plugin, call_class=CallClass.PRIVILEGED, visitors=(COUNSEL,)) == "lockdown"
    assert [(alert.severity, alert.code) for alert in north.alerts] == [(Severity.URGENT, "lockdown")]
    assert "lee" in north.alerts[0].text
    north.now += HOUR
    assert ask(plugin, "POST", "lift", {"id": done["id"]}).status == 200
    assert ask(plugin, "POST", "lift", {"id": done["id"]}).status == 404
    assert refusal(plugin, at=north.now) is None


def test_a_lockdown_of_a_unit_leaves_the_others_alone(north: Institution) -> None:
    plugin = scheduling(north)
    north.records.known_calls += [a_call(id="c1", unit="A"), a_call(id="c2", unit="B")]
    booked(north, "v1", "2026-03-04 13:00", station="pod-b-1", unit="B")
    done = lock(plugin, unit="A")
    assert (done["ended"], done["moved"], done["released"]) == (("c1",), (), ())
    assert refusal(plugin, unit="A") == "lockdown"
    assert refusal(plugin, unit="B") is None


def test_visits_in_a_lockdown_move_to_the_next_time_that_everybody_has(north: Institution) -> None:
    plugin = scheduling(north, hours=[{"times": ["12:00-18:00"]}])
    booked(north, "v1", "2026-03-04 13:00")
    booked(north, "v2", "2026-03-04 13:00", station="pod-a-2", resident=OTHER, visitors=())
    booked(north, "v3", "2026-03-04 16:30", resident=OTHER, visitors=())
    done = lock(plugin)
    assert done["moved"] == ("v1", "v2")
    places = {visit.id: (visit.station, visit.start) for visit in north.records.known_visits}
    assert places == {
        "v1": ("pod-a-1", local("2026-03-04 16:00")),
        "v2": ("pod-a-2", local("2026-03-04 16:00")),
        "v3": ("pod-a-1", local("2026-03-04 16:30")),
    }
    assert north.deeds.told == [("v1", "visit_moved"), ("v2", "visit_moved")]


def test_a_visit_goes_to_another_station_of_its_unit_before_it_goes_to_another_time(north: Institution) -> None:
    plugin = scheduling(north, hours=[{"times": ["12:00-18:00"]}])
    booked(north, "v1", "2026-03-04 13:00")
    booked(north, "v2", "2026-03-04 16:00", resident=OTHER, visitors=())
    lock(plugin)
    moved = north.records.known_visits[0]
    assert (moved.station, moved.start) == ("pod-a-2", local("2026-03-04 16:00"))


def test_a_place_taken_meanwhile_is_passed_over(north: Institution) -> None:
    plugin = scheduling(north)
    booked(north, "v1", "2026-03-04 13:00")
    north.deeds.taken |= {("pod-a-1", local("2026-03-04 16:00")), ("pod-a-2", local("2026-03-04 16:00"))}
    assert lock(plugin)["moved"] == ("v1",)
    assert north.records.known_visits[0].start == local("2026-03-04 16:30")


def test_a_visit_for_which_there_is_no_time_is_released(north: Institution) -> None:
    plugin = scheduling(north, hours=[{"days": ["wednesday"], "times": ["12:00-14:00"]}], move_within_days=3)
    booked(north, "v1", "2026-03-04 13:00")
    assert lock(plugin)["released"] == ("v1",)
    assert north.deeds.told == [("v1", "lockdown")]
    assert north.records.known_visits[0].state == "cancelled"


def test_a_quota_does_not_keep_a_visit_from_being_moved_within_its_week(north: Institution) -> None:
    plugin = scheduling(north, weekly_visits=1, book_hours_ahead=48)
    booked(north, "v1", "2026-03-04 13:00")
    assert lock(plugin)["moved"] == ("v1",)


def test_while_a_lockdown_goes_on_visits_move_as_they_come_near_and_not_again_and_again(north: Institution) -> None:
    plugin = scheduling(north)
    lock(plugin)
    booked(north, "v1", "2026-03-04 17:00")
    for _ in range(3):
        north.now += HOUR
        sweep(plugin)
    assert north.deeds.told == []
    north.now = local("2026-03-04 16:40")
    sweep(plugin)
    assert north.records.known_visits[0].start == local("2026-03-04 21:00")
    for _ in range(6):
        north.now += timedelta(minutes=30)
        sweep(plugin)
    assert north.deeds.told == [("v1", "visit_moved")]


def test_a_call_that_slipped_through_is_ended_by_the_sweep(north: Institution) -> None:
    plugin = scheduling(north)
    sweep(plugin)
    assert north.deeds.ended == []
    lock(plugin)
    sweep(plugin)
    assert north.deeds.ended == [(None, "lockdown")] * 2


def test_bookings_are_refused_for_the_time_a_lockdown_is_taken_to_last(north: Institution) -> None:
    plugin = scheduling(north, lockdown_hours=4)
    lock(plugin)
    assert said(plugin, a_visit("2026-03-04 15:30")) == "lockdown"
    assert said(plugin, a_visit("2026-03-04 16:00")) == "yes"
    assert said(plugin, a_visit("2026-03-04 15:30", booked_by=BookedBy.STAFF)) == "lockdown"
    assert open_times(plugin, "2026-03-04 12:00", "2026-03-04 16:30") == ["pod-a-1 04 16:00"]


def test_a_lockdown_with_a_known_end_holds_until_then(north: Institution) -> None:
    plugin = scheduling(north)
    lock(plugin, until=local("2026-03-05 08:00").isoformat())
    assert said(plugin, a_visit("2026-03-05 07:30")) == "lockdown"
    assert said(plugin, a_visit("2026-03-05 08:00")) == "yes"
    assert refusal(plugin, at=local("2026-03-05 07:59")) == "lockdown"
    assert refusal(plugin, at=local("2026-03-05 08:00")) is None


def test_a_planned_blackout_moves_its_visits_and_ends_calls_when_it_begins(north: Institution) -> None:
    plugin = scheduling(north, move_within_days=1)
    booked(north, "v1", "2026-03-06 10:00")
    body = {
        "start": local("2026-03-06 09:00").isoformat(),
        "end": local("2026-03-06 12:00").isoformat(),
        "why": "repair",
    }
    reply = ask(plugin, "POST", "closures", body)
    assert (reply.status, reply.body["moved"], reply.body["ended"]) == (201, ("v1",), ())
    assert north.records.known_visits[0].start == local("2026-03-06 12:00")
    assert said(plugin, a_visit("2026-03-06 11:30", visitors=(ANN,))) == "blackout"
    call = a_call(at=local("2026-03-06 08:50"))
    assert answer(plugin.limit_call(call)) == Cap(600, CapKind.HARD, "closing_time")
    north.now = local("2026-03-06 09:00")
    sweep(plugin)
    assert north.deeds.ended == [(None, "blackout")]
    assert ask(plugin, "GET", "closures").body == [
        {key: reply.body[key] for key in ("id", "kind", "unit", "start", "end", "why", "by")}
    ]
    north.now = local("2026-03-06 12:00")
    assert ask(plugin, "GET", "closures").body == []


@pytest.mark.parametrize(
    ("path", "body", "wrong"),
    [
        ("lockdown", None, "body"),
        ("lockdown", {}, "why"),
        ("lockdown", {"why": "x", "unit": "Z"}, "there are A, B"),
        ("lockdown", {"why": "x", "until": "2020-01-01T00:00:00Z"}, "this time is over"),
        ("lockdown", {"why": "x", "units": "A"}, "units"),
        ("closures", {"why": "x", "start": "2030-01-02T00:00:00Z", "end": "2030-01-01T00:00:00Z"}, "before the start"),
        ("closures", {"why": "x", "start": "2030-01-02T00:00:00", "end": "2030-01-03T00:00:00Z"}, "start"),
    ],
)
def test_orders_that_make_no_sense_are_refused_and_do_nothing(
    north: Institution, path: str, body: Any, wrong: str
) -> None:
    plugin = scheduling(north)
    reply = ask(plugin, "POST", path, body)
    assert reply.status == 422
    assert wrong in reply.body["message"]
    assert ask(plugin, "GET", "closures").body == []
    assert north.deeds.ended == []


def test_facilities_do_not_see_each_others_closures(north: Institution) -> None:
    lock(scheduling(north))
    south = Institution(north.store, id="south")
    assert refusal(scheduling(south)) is None
    assert refusal(scheduling(north)) == "lockdown"


def test_an_excused_visit_does_not_count_as_missed(north: Institution) -> None:
    plugin = scheduling(north, no_shows={"count": 1, "within_days": 30, "suspend_days": 30})
    booked(north, "m1", "2026-02-20 10:00", state="missed")
    assert said(plugin, a_visit()) == "missed_visits"
    for _ in range(2):
        assert ask(plugin, "POST", "excuse", {"visit": "m1", "why": "snow"}).status == 200
    assert said(plugin, a_visit()) == "yes"


def test_an_invitation_can_be_had_for_a_visit_to_come(north: Institution) -> None:
    plugin = scheduling(north, invitations_from="visits@example.org")
    booked(north, "v1", "2026-03-06 10:00")
    booked(north, "v2", "2026-03-06 11:00", state="cancelled")
    text = ask(plugin, "GET", "invitation", visit="v1", to="ann@example.org", link="https://v.example.org/x").body
    assert "METHOD:REQUEST\r\n" in text["calendar"]
    assert "DTSTART:20260306T160000Z\r\n" in text["calendar"]
    assert "Resident" not in text["calendar"]
    assert "METHOD:CANCEL\r\n" in ask(plugin, "GET", "invitation", visit="v2", to="ann@example.org").body["calendar"]
    assert "METHOD:PUBLISH\r\n" in ask(plugin, "GET", "invitation", visit="v1").body["calendar"]
    assert ask(plugin, "GET", "invitation", visit="v1", to="a b").status == 422
    assert ask(plugin, "GET", "invitation", visit="v9").status == 404


def test_visitors_cancel_their_own_visits_in_time_and_nobody_elses(north: Institution) -> None:
    plugin = scheduling(north, cancel_hours_ahead=24)
    booked(north, "v1", "2026-03-05 12:00")
    booked(north, "v2", "2026-03-05 11:30")

    def cancel(visit: str, user: str) -> Reply:
        return ask(plugin, "POST", "cancel", {"visit": visit}, user=user, role="visitor")

    assert cancel("v1", "bob").status == 404
    late = cancel("v2", "ann")
    assert (late.status, late.body["code"]) == (409, "too_late_to_cancel")
    assert "24" in late.body["words"]["en"]
    assert north.deeds.told == []
    assert cancel("v1", "ann").status == 200
    assert north.deeds.told == [("v1", "called_off_by_visitor")]
    assert cancel("v1", "ann").status == 404


def test_a_visit_that_cannot_be_moved_keeps_no_call_alive_elsewhere(
    north: Institution, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = scheduling(north)
    lock(plugin, unit="A")
    lock(plugin, unit="B")
    booked(north, "v1", "2026-03-04 12:10")
    booked(north, "v2", "2026-03-04 12:10", station="pod-b-1", unit="B", resident=OTHER, visitors=())
    north.deeds.ended.clear()
    move = north.deeds.move_visit

    async def fail_for_one(visit: str, **facts: Any) -> bool:
        if visit == "v1":
            raise RuntimeError("no database")
        return await move(visit, **facts)

    monkeypatch.setattr(north.deeds, "move_visit", fail_for_one)
    with pytest.raises(ExceptionGroup, match="tried again"):
        sweep(plugin)
    assert sorted(str(unit) for unit, _ in north.deeds.ended) == ["A", "B"]
    assert north.deeds.told == [("v2", "visit_moved")]
    monkeypatch.undo()
    sweep(plugin)
    assert ("v1", "visit_moved") in north.deeds.told
