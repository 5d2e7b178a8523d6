"""INFO: keys and keyframes as phones say them, both ways (RFC 6086, RFC 5168)."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parloir.calls.keys import Keys, Way
from parloir.sip import info
from parloir.sip.errors import MalformedMessage
from parloir.sip.info import DIGITS, Info
from parloir.sip.message import Request
from tests.sip_border import Border


def said(kind: str, body: str) -> Request:
    return Request((("Content-Type", kind),), body.encode(), "INFO", "sip:x")


@pytest.mark.parametrize(
    ("kind", "body", "digit"),
    [
        ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", "5"),
        ("application/dtmf-relay", "Signal= *\nDuration= 160", "*"),
        ("application/dtmf-relay", "Duration=100\r\nsignal = d\r\n", "D"),
        ("application/dtmf-relay", "Signal=11\r\n", "#"),
        ("application/dtmf-relay", "Signal=16\r\n", None),
        ("application/dtmf", "7", "7"),
        ("application/dtmf", "10\r\n", "*"),
        ("application/dtmf; charset=utf-8", " #\r\n", "#"),
    ],
)
def test_a_key_is_read_in_every_spelling(kind: str, body: str, digit: str | None) -> None:
    assert info.read(said(kind, body)) == Info(digit)


@given(st.sampled_from(DIGITS))
def test_every_key_can_be_said_in_both_kinds(digit: str) -> None:
    assert info.read(said("application/dtmf", digit)) == Info(digit)
    assert info.read(said("application/dtmf-relay", f"Signal={digit}\r\nDuration=80\r\n")) == Info(digit)


@given(st.sampled_from(["application/dtmf", "application/dtmf-relay"]), st.text(max_size=40))
def test_anything_else_is_a_key_or_refused(kind: str, body: str) -> None:
    with suppress(MalformedMessage):
        found = info.read(said(kind, body))
        assert found is not None
        assert found.digit is None or found.digit in DIGITS


def test_other_bodies_are_not_ours_to_read() -> None:
    assert info.read(said("text/plain", "5")) is None
    assert info.read(said("text/plain", " ")) == Info()
    assert info.read(said(info.KEYFRAME_TYPE, info.FAST_UPDATE)) == Info(keyframe=True)
    assert info.read(said(info.KEYFRAME_TYPE, "<media_control/>")) == Info()


def test_a_phone_that_cannot_read_our_info_gets_one_only() -> None:
    border = Border()
    _, invite = border.talks()
    leg = border.edge.legs["out"]
    for _ in range(2):
        leg.ask_keyframe()
        border.phone_answers(border.requests("INFO")[-1], 200)
    leg.ask_keyframe()
    border.phone_answers(border.requests("INFO")[-1], 415)
    leg.ask_keyframe()
    assert len(border.requests("INFO")) == 3
    assert border.requests("INFO")[0].content_type == info.KEYFRAME_TYPE
    assert invite.call_id == border.requests("INFO")[0].call_id


presses = st.lists(st.tuples(st.sampled_from("0159*#"), st.integers(0, 3)), max_size=12)


@given(presses, st.data())
def test_each_press_is_told_once_whatever_is_lost_or_late(story: list[tuple[str, int]], data: st.DataObject) -> None:
    """Of each press one account may be lost, 0 and 3 meaning none; an INFO may come late, as one lost three times."""
    accounts = []
    for number, (digit, lost) in enumerate(story):
        at = number * 0.3
        if lost != 1:
            accounts.append((at, Way.MEDIA, digit))
        if lost != 2:
            accounts.append((at + data.draw(st.floats(0, 3.5)), Way.SIGNALLING, digit))
    keys = Keys()
    heard = [digit for at, way, digit in sorted(accounts, key=lambda each: each[0]) if keys.press(way, digit, at)]
    for digit in "0159*#":
        pressed = [index for index, (each, _) in enumerate(story) if each == digit]
        if all(story[index][1] in (0, 3) for index in pressed):
            assert heard.count(digit) == len(pressed)
        assert heard.count(digit) <= len(pressed)


@pytest.mark.parametrize("way", list(Way))
def test_a_phone_that_tells_one_way_only_may_press_fast(way: Way) -> None:
    keys = Keys()
    assert [keys.press(way, "5", at / 20) for at in range(5)] == [True] * 5


def test_an_old_press_does_not_swallow_a_new_one() -> None:
    keys = Keys()
    assert keys.press(Way.MEDIA, "5", 0.0)
    assert keys.press(Way.SIGNALLING, "5", 4.5)
