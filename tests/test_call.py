"""The call's table: what follows what, and what can never happen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parloir.calls.call import ANY_TIME, LIVE, TABLE, Call, Do, Event, Hold, State, Unexpected
from parloir.calls.reason import LimitReached, PhoneHungUp, VisitorLeft

TO_ACTIVE = (
    Event.START,
    Event.ALLOWED,
    Event.PHONE_RINGING,
    Event.PHONE_ANSWERED,
    Event.BROWSER_UP,
    Event.ANNOUNCED,
)
HOLDABLE = (Event.HELD, Event.RESUMED)


def at(state: State) -> Call:
    """A call brought to a state the usual way."""
    call = Call()
    for event in TO_ACTIVE:
        if call.state is state:
            break
        call.step(event)
    assert call.state is state
    return call


def test_usual_call_goes_through_every_state_in_order() -> None:
    call = Call()
    did = [call.step(event) for event in TO_ACTIVE]
    assert [s.after for s in call.trail] == [
        State.AUTHORIZING,
        State.INVITING,
        State.RINGING,
        State.JOINING,
        State.ANNOUNCING,
        State.ACTIVE,
    ]
    assert did[-1] == (Do.JOIN_MEDIA,)
    assert call.step(Event.END, reason=PhoneHungUp()) == (Do.CLOSE_LEGS,)
    assert call.step(Event.LEGS_CLOSED) == (Do.SETTLE,)
    assert call.state is State.ENDED


def test_phone_that_answers_without_ringing_is_joined() -> None:
    call = at(State.INVITING)
    assert call.step(Event.PHONE_ANSWERED) == (Do.CONNECT_BROWSER,)


def test_second_ringing_changes_nothing() -> None:
    call = at(State.RINGING)
    assert call.step(Event.PHONE_RINGING) == ()
    assert call.state is State.RINGING


def test_hold_during_the_notice_keeps_media_apart_after_it() -> None:
    call = at(State.ANNOUNCING)
    call.step(Event.HELD, hold=Hold.PHONE)
    assert Do.JOIN_MEDIA not in call.step(Event.ANNOUNCED)
    assert call.step(Event.RESUMED, hold=Hold.PHONE) == (Do.JOIN_MEDIA,)


def test_browser_lost_during_the_notice_hears_it_from_the_start() -> None:
    call = at(State.ANNOUNCING)
    assert call.step(Event.BROWSER_LOST) == (Do.ASK_TO_WAIT,)
    assert call.step(Event.ANNOUNCED) == ()
    assert call.step(Event.BROWSER_UP) == (Do.STOP_WAITING, Do.ANNOUNCE)
    assert call.step(Event.ANNOUNCED) == (Do.JOIN_MEDIA,)


def test_two_holds_both_must_be_lifted() -> None:
    call = at(State.ACTIVE)
    assert Do.PART_MEDIA in call.step(Event.HELD, hold=Hold.PHONE)
    assert Do.PART_MEDIA not in call.step(Event.BROWSER_LOST)
    assert Do.JOIN_MEDIA not in call.step(Event.BROWSER_BACK)
    assert Do.JOIN_MEDIA in call.step(Event.RESUMED, hold=Hold.PHONE)


def test_first_reason_stands() -> None:
    call = at(State.ACTIVE)
    call.step(Event.END, reason=LimitReached())
    assert call.step(Event.END, reason=VisitorLeft()) == ()
    assert call.reason == LimitReached()


def test_end_without_a_reason_is_a_fault() -> None:
    with pytest.raises(Unexpected):
        at(State.ACTIVE).step(Event.END)


def test_start_in_mid_call_is_a_fault() -> None:
    with pytest.raises(Unexpected):
        at(State.ACTIVE).step(Event.START)


def test_every_event_of_a_wire_is_listed_in_every_live_state() -> None:
    assert {(s, e) for s in LIVE for e in (*ANY_TIME, Event.END)} <= set(TABLE)


steps = st.lists(
    st.one_of(
        st.sampled_from([e for e in ANY_TIME if e not in HOLDABLE]).map(lambda e: (e, None)),
        st.tuples(st.sampled_from(HOLDABLE), st.sampled_from(Hold)),
    ),
    max_size=30,
)


@given(state=st.sampled_from(LIVE[1:]), events=steps)
def test_media_is_joined_only_after_the_notice_and_with_no_hold(
    state: State, events: list[tuple[Event, Hold | None]]
) -> None:
    call = at(state)
    crossing = call.joined
    announced = state is State.ACTIVE
    for event, hold in events:
        asked = call.step(event, hold=hold)
        announced = (announced or event is Event.ANNOUNCED) and call.state is State.ACTIVE
        for effect in asked:
            crossing = effect is Do.JOIN_MEDIA or (crossing and effect is not Do.PART_MEDIA)
        assert crossing == call.joined
        assert not crossing or (announced and not call.holds)


@given(events=steps)
def test_no_event_brings_an_ending_call_back(events: list[tuple[Event, Hold | None]]) -> None:
    call = at(State.ACTIVE)
    call.step(Event.END, reason=PhoneHungUp())
    for event, hold in events:
        assert call.step(event, hold=hold) == ()
    assert call.state is State.ENDING
