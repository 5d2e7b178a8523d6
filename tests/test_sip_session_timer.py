"""Session timers: who refreshes, when, by what, and what ends a session that nobody refreshes (RFC 4028)."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parloir.sip import refresh
from parloir.sip.errors import MalformedMessage
from parloir.sip.message import Header, Message, Request, Response
from parloir.sip.refresh import Agreed, Due, Expires, Watch
from parloir.sip.session import EndKind
from tests.sip_bench import ANSWER
from tests.sip_border import Border, message
from tests.sip_phone import SDP

TIMER: Header = ("Supported", "timer")
UPDATES: Header = ("Allow", "INVITE, ACK, BYE, UPDATE")


def expires(text: str) -> Header:
    return ("Session-Expires", text)


def last_answer(border: Border) -> Response:
    return border.responses("INVITE")[-1]


def ends(call: object) -> list[EndKind]:
    return [end.kind for what, end in getattr(call, "told", []) if what == "ended"]


@given(st.integers(1, refresh.LONGEST), st.sampled_from([None, "uac", "uas"]))
def test_the_header_is_read_as_written(seconds: int, refresher: str | None) -> None:
    written = Expires(seconds, refresher)
    assert Expires.of(Message((expires(str(written)),))) == written


@given(st.text(max_size=30))
def test_any_text_is_an_interval_or_refused(text: str) -> None:
    for read, name in ((Expires.of, "Session-Expires"), (refresh.least_of, "Min-SE")):
        with suppress(MalformedMessage):
            assert read(Message(((name, text),))) is not None


@given(st.integers(refresh.FLOOR, 7200), st.booleans(), st.floats(0, 1e6), st.lists(st.floats(0.1, 300), max_size=60))
def test_a_refresher_asks_in_time_and_all_sessions_end_in_time(
    seconds: int, ours: bool, began: float, steps: list[float]
) -> None:
    watch, now, asked = Watch(Agreed(seconds, ours), began), began, False
    for step in steps:
        now += step
        due = watch.elapse(now)
        if due is Due.END:
            assert began + seconds * 2 / 3 - 32 <= now
            return
        asked = asked or due is Due.REFRESH
        assert now < began + seconds
        assert ours or not asked
        if ours and now >= began + seconds / 2:
            assert asked
        assert watch.due > now


def test_a_phone_that_wants_to_refresh_does_and_its_silence_ends_the_call() -> None:
    border = Border()
    call, answer = border.answered(TIMER, expires("90;refresher=uac"))
    assert answer.one("Session-Expires") == "90;refresher=uac"
    assert "timer" in answer.tokens("Require")
    border.clock.advance(40)
    border.phone_sends(
        bytes(message("UPDATE", 2, to=answer.one("To")).with_headers(TIMER, expires("90;refresher=uac")))
    )
    border.line_says(200)
    assert border.responses("UPDATE")[-1].one("Session-Expires") == "90;refresher=uac"
    border.clock.advance(50)
    assert ends(call) == []
    border.clock.advance(11)
    assert ends(call) == [EndKind.EXPIRED]
    assert len(border.requests("BYE")) == 1


@pytest.mark.parametrize("more", [(), (TIMER,)], ids=["knows no timer", "leaves it open"])
def test_without_a_word_from_the_phone_we_refresh(more: tuple[Header, ...]) -> None:
    border = Border()
    call, answer = border.answered(*more, UPDATES, expires("180"))
    assert answer.one("Session-Expires") == "180;refresher=uas"
    assert ("timer" in answer.tokens("Require")) == bool(more)
    for number in range(1, 4):
        border.clock.advance(90)
        assert len(border.requests("UPDATE")) == number
        assert border.requests("UPDATE")[-1].one("Session-Expires") == "180;refresher=uac"
        assert "timer" in border.requests("UPDATE")[-1].tokens("Supported")
        border.phone_answers(border.requests("UPDATE")[-1], 200, expires("180;refresher=uac"))
    assert ends(call) == []


def test_too_short_an_interval_is_422_with_ours() -> None:
    border = Border()
    border.phone_sends(bytes(message("INVITE", 1).with_headers(TIMER, expires("60")).with_body(SDP)))
    assert (last_answer(border).status, last_answer(border).one("Min-SE")) == (422, "90")
    assert border.lines.free == 2


@pytest.mark.parametrize("value", ["0", "-1", "soon", ";refresher=uac"])
def test_nonsense_is_400_and_takes_no_slot(value: str) -> None:
    border = Border()
    border.phone_sends(bytes(message("INVITE", 1).with_headers(TIMER, expires(value)).with_body(SDP)))
    assert last_answer(border).status == 400
    assert border.lines.free == 2


def test_our_invite_asks_and_the_phone_that_takes_it_on_is_waited_for() -> None:
    border = Border()
    call, invite = border.talks(TIMER, expires("1800;refresher=uas"))
    assert invite.one("Session-Expires") == "1800;refresher=uac"
    assert "timer" in invite.tokens("Supported")
    border.clock.advance(1767)
    assert ends(call) == []
    assert border.requests("UPDATE") == []
    border.clock.advance(2)
    assert ends(call) == [EndKind.EXPIRED]


def test_a_phone_without_timers_is_left_alone() -> None:
    border = Border()
    call, _ = border.talks()
    border.clock.advance(100_000)
    assert ends(call) == []
    assert len(border.sent) == 2


def test_a_phone_that_wants_longer_is_asked_again_with_its_terms() -> None:
    border = Border(session_expires=90)
    call, invite = border.rings()
    border.phone_answers(invite, 422, ("Min-SE", "600"))
    again = border.requests("INVITE")[-1]
    assert (again.cseq.number, again.one("Session-Expires"), again.one("Min-SE")) == (2, "600;refresher=uac", "600")
    assert again.sdp == invite.sdp
    border.phone_answers(again, 422, ("Min-SE", "600"))
    assert ends(call) == [EndKind.FAILED]


def test_we_refresh_by_reinvite_where_the_phone_knows_no_update() -> None:
    border = Border()
    call, invite = border.talks(TIMER, expires("200;refresher=uac"), ("Allow", "INVITE, ACK, BYE"))
    border.clock.advance(100)
    again = border.requests("INVITE")[-1]
    assert again.recipient.tag == "pt"
    assert again.sdp == ANSWER
    for _ in range(2):
        border.phone_answers(again, 200, TIMER, expires("200;refresher=uac"), body=SDP)
    assert [ack.cseq.number for ack in border.requests("ACK")] == [1, 2, 2]
    assert [what for what, _ in call.told] == ["answered", "reanswered"]
    assert invite.cseq.number == 1


@pytest.mark.parametrize(
    ("statuses", "over"), [((491, 200), False), ((500, 500, 500, 500, 500, 500), True), ((481,), True), ((408,), True)]
)
def test_a_refresh_that_fails_is_tried_again_until_the_session_ends(statuses: tuple[int, ...], over: bool) -> None:
    border = Border()
    call, _ = border.talks(TIMER, UPDATES, expires("90;refresher=uac"))
    border.clock.advance(45)
    for status in statuses:
        if border.requests("BYE"):
            break
        border.phone_answers(border.requests("UPDATE")[-1], status)
        border.clock.advance(10.5)
    assert (ends(call) == [EndKind.EXPIRED]) is over
    assert bool(border.requests("BYE")) is over


def test_a_phone_that_answers_no_refresh_is_hung_up_on() -> None:
    border = Border()
    call, _ = border.talks(TIMER, UPDATES, expires("1800;refresher=uac"))
    border.clock.advance(900)
    border.clock.pump([1.0] * 33)
    assert ends(call) == [EndKind.EXPIRED]


def test_offers_do_not_cross() -> None:
    border = Border()
    call, _ = border.talks(TIMER, expires("200;refresher=uac"), ("Allow", "INVITE, ACK, BYE"))
    border.clock.advance(100)
    ours = border.requests("INVITE")[-1]
    swapped = {"From": ours.one("To"), "To": ours.one("From"), "Call-ID": ours.call_id}
    theirs = message("INVITE", 7)
    crossing = Request(
        tuple((name, swapped.get(name, value)) for name, value in theirs.headers), b"", "INVITE", "sip:x"
    )
    border.phone_sends(bytes(crossing.with_body(SDP)))
    assert last_answer(border).status == 491
    assert ends(call) == []
