"""The border against hostile phones: whatever they send, in a call or out of one, is answered, dropped or refused."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from parloir.rtp.description import Address
from parloir.sip.flow import Flow
from parloir.sip.message import Request, Response
from parloir.sip.peers import LINGER
from parloir.sip.session import EndKind
from parloir.sip.uri import NameAddr
from tests.sip_bench import ANSWER, Call
from tests.sip_border import LINE, PHONE, Border, message
from tests.sip_phone import SDP

damage = st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 6), st.binary(max_size=6)), max_size=4)
methods = st.sampled_from(["INVITE", "ACK", "BYE", "CANCEL", "UPDATE", "PRACK", "INFO", "OPTIONS", "REFER", "NOTIFY"])
headers = st.sampled_from(
    [
        ("Contact", "<sip:[::1]:5060;lr>"),
        ("Contact", "*"),
        ("Record-Route", "<sip:x;lr>," * 30),
        ("Require", "100rel"),
        ("Require", "timer, gruu"),
        ("RAck", "1 1 INVITE"),
        ("RAck", "x"),
        ("RSeq", "-1"),
        ("Route", "<sip:127.0.0.1>"),
        ("Content-Type", "application/sdp"),
        ("Content-Type", "multipart/mixed"),
        ("Content-Encoding", "gzip"),
        ("Replaces", "a;to-tag=b;from-tag=c"),
        ("X-Parloir-Session", "x"),
    ]
)


def damaged(data: bytes, wounds: list[tuple[float, int, bytes]]) -> bytes:
    for at, cut, put in wounds:
        place = int(at * len(data))
        data = data[:place] + put + data[place + cut :]
    return data


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(methods, st.lists(headers, max_size=3), st.binary(max_size=40), damage), max_size=8))
def test_no_stranger_story_outside_a_call_breaks_the_edge(story: list[Any]) -> None:
    border = Border()
    for number, (method, more, body, wounds) in enumerate(story, 1):
        whole = message(method, number)
        hostile = Request((*whole.headers, *more), body, method, whole.uri)
        border.phone_sends(damaged(bytes(hostile), wounds))
        border.clock.advance(0.3)
    border.clock.pump([1.0] * 120)
    assert not [event for event, _ in border.log if event == "sip.failed"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(methods, st.lists(headers, max_size=3), st.binary(max_size=40), damage), max_size=8))
def test_no_story_inside_a_call_breaks_it_other_than_by_ending_it(story: list[Any]) -> None:
    border = Border()
    call, answer = border.answered()
    for number, (method, more, body, wounds) in enumerate(story, 2):
        whole = message(method, number, to=answer.one("To"))
        hostile = Request((*whole.headers, *more), body, method, whole.uri)
        border.phone_sends(damaged(bytes(hostile), wounds))
        border.line_says(200)
        border.clock.advance(0.3)
    border.clock.pump([1.0] * 120)
    ends = [end for what, end in call.told if what == "ended"]
    assert len(ends) <= 1
    assert all(end.kind in (EndKind.HUNG_UP, EndKind.FAILED, EndKind.NOT_ACCEPTABLE) for end in ends)
    assert not [event for event, _ in border.log if event == "sip.failed"]
    assert bool(ends) == (not border.dialogs.kept)


@given(st.binary(max_size=200))
def test_what_lines_say_is_read_as_strictly(data: bytes) -> None:
    border = Border()
    border.edge.from_line(Flow("udp://127.0.0.1:0", LINE), data)
    border.edge.from_line(Flow("udp://127.0.0.1:0", Address("127.0.0.1", 7)), bytes(message("BYE", 1)))
    assert border.to_line == []


def test_a_phone_that_only_a_call_brought_is_heard_while_it_talks_and_a_while_after() -> None:
    border = Border()
    border.edge.stations.replace([])
    border.phone_sends(bytes(message("INVITE", 1).with_body(SDP)))
    assert (border.raw, border.edge.knows(PHONE.host)) == ([], False)
    call, invite = border.talks()
    border.clock.advance(3 * LINGER)
    headers = (
        ("Via", "SIP/2.0/UDP 127.0.0.3:5090;branch=z9hG4bKbye"),
        ("From", "<sip:1001@127.0.0.3>;tag=pt"),
        ("To", invite.one("From")),
        ("Call-ID", invite.call_id),
        ("CSeq", "2 BYE"),
    )
    border.phone_sends(bytes(Request(headers, b"", "BYE", "sip:parloir@127.0.0.2:5060")))
    assert [answer.status for answer in border.responses("BYE")] == [200]
    assert call.told[-1][1].kind is EndKind.HUNG_UP
    border.clock.pump([1.0] * 40)
    assert border.edge.knows(PHONE.host)
    border.clock.pump([1.0] * round(LINGER))
    assert not border.edge.knows(PHONE.host)


def test_a_line_sees_nothing_of_the_phone() -> None:
    border = Border()
    border.answered()
    seen = b"".join(map(bytes, border.to_line))
    for secret in (b"127.0.0.3", b"127.0.0.2", b"1001", b"123456", b"4000", b"30000"):
        assert secret not in seen
    [invite] = [m for m in border.to_line if isinstance(m, Request) and m.method == "INVITE"]
    assert (invite.sdp or "").count("m=") == 1


def test_an_accepted_phone_that_never_acknowledges_is_hung_up_on() -> None:
    border = Border()
    border.phone_sends(bytes(message("INVITE", 1).with_body(SDP)))
    call = Call(border.clock)
    border.incoming[0].accept(ANSWER, call)
    border.line_says(100)
    border.line_says(200)
    border.clock.pump([1.0] * 33)
    [(what, end)] = call.told
    assert (what, end.kind) == ("ended", EndKind.FAILED)
    assert [m.method for m in border.sent if isinstance(m, Request)][:1] == ["BYE"]
    assert ("HangUp", {"session": border.told[-1][1]["session"]}) == border.told[-1]


def test_a_second_offer_waits_for_the_first() -> None:
    border = Border()
    _, answer = border.answered()
    for number in (2, 3):
        border.phone_sends(bytes(message("INVITE", number, to=answer.one("To")).with_body(SDP)))
    refused = [m for m in border.sent if isinstance(m, Response) and m.status == 500]
    assert [m.cseq.number for m in refused] == [3]
    assert refused[0].has("Retry-After")
    border.line_says(200)
    assert [m.cseq.number for m in border.sent if isinstance(m, Response) and m.status == 200] == [1, 2]


def test_a_hangup_while_an_offer_is_pending_ends_both() -> None:
    border = Border()
    call, answer = border.answered()
    border.phone_sends(bytes(message("INVITE", 2, to=answer.one("To")).with_body(SDP)))
    border.phone_sends(bytes(message("BYE", 3, to=answer.one("To"))))
    border.line_says(200)
    assert [m.status for m in border.sent if isinstance(m, Response) and m.cseq.method == "INVITE"][-1] == 487
    assert call.told[-1][1].kind is EndKind.HUNG_UP


def test_a_line_that_refuses_by_itself_frees_its_slot() -> None:
    border = Border()
    ends: list[Any] = []
    border.phone_sends(bytes(message("INVITE", 1).with_body(SDP)))
    border.incoming[0].on_cancel(lambda end: ends.append(end))
    assert border.lines.free == 1
    border.line_says(486)
    assert border.lines.free == 2
    assert [m.status for m in border.sent if isinstance(m, Response)] == [100, 480]
    assert [end.kind for end in ends] == [EndKind.FAILED]


def test_contact_is_a_public_one() -> None:
    border = Border()
    _, answer = border.answered()
    assert NameAddr.parse(answer.one("Contact")).uri.startswith("sip:parloir@127.0.0.2")


def test_a_call_with_a_route_too_long_is_refused_and_gives_its_slot_back() -> None:
    border = Border()
    invite = message("INVITE", 1).with_body(SDP)
    routes = ("Record-Route", ", ".join(["<sip:x;lr>"] * 40))
    border.phone_sends(bytes(Request((*invite.headers, routes), invite.body, invite.method, invite.uri)))
    answers = [(m.status, m.phrase) for m in border.sent if isinstance(m, Response)]
    assert answers == [(100, "Trying"), (400, "Bad Record-Route")]
    assert border.lines.free == 2
    assert not [event for event, _ in border.log if event == "sip.failed"]
