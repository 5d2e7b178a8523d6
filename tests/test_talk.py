"""How long a call was talked and held, from its timeline alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from parloir.calls.call import Event, State
from parloir.calls.talk import Talk
from parloir.store.timeline import Entry

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def at(second: float) -> datetime:
    return NOON + timedelta(seconds=second)


def entries(*told: tuple[float, str, dict[str, Any]]) -> list[Entry]:
    return [
        Entry("c1", number, at(second), int(second * 1e9) + 7, kind, data)
        for number, (second, kind, data) in enumerate(told, 1)
    ]


BEGUN = (
    (0, "start", {"state": "authorizing"}),
    (1, "phone_answered", {"state": "joining"}),
    (3, "announced", {"state": "active"}),
)


def test_a_call_talks_for_as_long_as_media_flowed() -> None:
    talk = Talk.of(
        entries(
            *BEGUN,
            (13, "quality", {"flowing": 9_200}),
            (60, "end", {"state": "ending", "reason": "PhoneHungUp"}),
            (61, "report", {"flowing": 55_999}),
            (61, "ended", {"reason": "PhoneHungUp"}),
        )
    )
    assert (talk.seconds, talk.held(at(99)), talk.state, talk.end) == (55, 0, "ended", "PhoneHungUp")
    assert (talk.answered, talk.ended) == (at(1), at(61))


def test_a_call_cut_off_by_a_crash_talked_until_its_last_report() -> None:
    talk = Talk.of(entries(*BEGUN, (13, "quality", {"flowing": 9_200}), (999, "gateway_restarted", {})))
    assert (talk.seconds, talk.held(at(9999)), talk.state, talk.end) == (9, 0, "ended", "GatewayRestarted")


def test_overlapping_holds_count_once_and_only_while_the_parties_were_connected() -> None:
    talk = Talk.of(
        entries(
            (0, "held", {"state": "announcing", "by": "phone"}),
            (2, "announced", {"state": "active"}),
            (4, "browser_lost", {"state": "active"}),
            (6, "resumed", {"state": "active", "by": "phone"}),
            (9, "browser_up", {"state": "active"}),
            (20, "held", {"state": "active", "by": "phone"}),
            (21, "end", {"state": "ending", "reason": "LimitReached"}),
            (25, "ended", {"reason": "LimitReached"}),
        )
    )
    assert talk.held(at(99)) == 8


def test_a_hold_that_goes_on_counts_up_to_now() -> None:
    talk = Talk.of(entries(*BEGUN, (10, "held", {"state": "active", "by": "phone"})))
    assert [talk.held(at(second)) for second in (5, 10, 17.9)] == [0, 0, 7]


def test_the_time_that_a_restart_took_is_no_hold() -> None:
    held = entries(*BEGUN, (10, "held", {"state": "active", "by": "phone"}), (15, "quality", {"flowing": 0}))
    restarted = Entry("c1", 6, at(500), 12, "gateway_restarted", {})
    assert Talk.of([*held, restarted]).held(at(900)) == 5


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*Event, "quality", "leg_up", "report", "ended", "gateway_restarted"]),
            st.sampled_from(list(State)),
            st.sampled_from(["phone", "officer", "lockdown"]),
            st.integers(0, 10**6),
        )
    )
)
def test_no_timeline_talks_or_is_held_for_less_than_nothing_or_longer_than_it_is(
    told: list[tuple[str, State, str, int]],
) -> None:
    facts = (
        (float(second), str(kind), {"state": state.value, "by": by, "flowing": flowing, "reason": "x"})
        for second, (kind, state, by, flowing) in enumerate(told)
    )
    talk = Talk.of(entries(*facts))
    assert talk.seconds <= 1000
    assert 0 <= talk.held(at(len(told))) <= len(told)


def test_the_first_answer_stands_and_one_agreement_without_a_picture_makes_it_sound() -> None:
    told = entries(
        (1, "phone_answered", {}),
        (2, "media_agreed", {"video": True}),
        (3, "phone_answered", {}),
        (4, "media_agreed", {"video": False}),
        (5, "media_agreed", {"video": True}),
    )
    talk = Talk.of(told)
    assert (talk.answered, talk.video) == (at(1), False)
    assert Talk.of(told[:2]).video is True


def test_what_was_counted_once_is_not_lost_by_a_later_report() -> None:
    assert Talk.of(entries((10, "quality", {"flowing": 9_999}), (11, "report", {"flowing": 0}))).seconds == 9
