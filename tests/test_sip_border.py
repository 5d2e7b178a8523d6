"""The border against hostile phones: whatever they send, in a call or out of one, is answered, dropped or refused."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, ensureDeferred, succeed
from twisted.internet.task import Clock

from parloir.rtp.description import Address
from parloir.sip.edge import Edge
from parloir.sip.flow import Flow
from parloir.sip.lines import Lines
from parloir.sip.message import Request, Response, parse
from parloir.sip.session import EndKind, Incoming
from parloir.sip.settings import Listener, Settings
from parloir.sip.stations import Station, Stations
from parloir.sip.uri import NameAddr
from tests.sip_bench import ANSWER, Call, KeptDialogs
from tests.sip_phone import SDP

PHONE = Address("127.0.0.3", 5090)
LINE = Address("127.0.0.1", 15999)


class FakeLine:
    """The AMP connection of a line that does what it is told by SIP at once."""

    def __init__(self, border: "Border") -> None:
        self.border = border

    def callRemote(self, command: Any, **arguments: Any) -> Deferred[Any]:  # noqa: N802
        self.border.told.append((command.__name__, arguments))
        return succeed({"port": LINE.port})


class Border:
    """An edge without sockets, one fake line, and one station."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.told: list[tuple[str, Any]] = []
        self.log: list[tuple[str, Any]] = []
        self.sent: list[Request | Response] = []
        self.to_line: list[Request | Response] = []
        self.incoming: list[Incoming] = []
        terms = Settings((Listener("127.0.0.2", 5060),), calls=2)
        self.lines = Lines(terms, self._logged, self.clock)
        stations = Stations([Station("north", "pod", PHONE, "1001")])
        self.dialogs = KeptDialogs()
        self.edge = Edge(self.clock, terms, stations, self.dialogs, self.lines, self.incoming.append, self._logged)
        self.edge.sockets.observe = lambda way, peer, data: self.sent.append(parse(data))
        self.edge.inner_sockets.observe = lambda way, peer, data: self.to_line.append(parse(data))
        self.lines.edge_port = 15998
        for inner in self.edge.inner_sockets._all:
            inner.port = 15998
        child: Any = FakeLine(self)
        ensureDeferred(self.lines.came_up(0, child))

    def _logged(self, event: str, /, **fields: Any) -> None:
        self.log.append((event, fields))

    def phone_sends(self, data: bytes, peer: Address = PHONE) -> None:
        self.edge.from_phone(Flow("udp://127.0.0.2:5060", peer), data)

    def line_says(self, status: int) -> None:
        """The line answers the last request it was sent."""
        asked = next(m for m in reversed(self.to_line) if isinstance(m, Request) and m.method != "ACK")
        headers = [(n, f"{v};tag=line" if n == "To" and ";tag" not in v else v) for n, v in asked.headers]
        said = Response((*headers, ("Contact", "<sip:slot0@127.0.0.1:15999>")), b"", status, "Said")
        self.edge.from_line(Flow("udp://127.0.0.1:0", LINE), bytes(said))

    def answered(self) -> tuple[Call, Response]:
        """Bring a call of the phone's up to its ACK."""
        self.phone_sends(bytes(message("INVITE", 1).with_body(SDP)))
        call = Call(self.clock)
        self.incoming[0].accept(ANSWER, call)
        self.line_says(100)
        self.line_says(200)
        answer = next(m for m in self.sent if isinstance(m, Response) and m.status == 200)
        self.phone_sends(bytes(message("ACK", 1, to=answer.one("To"))))
        assert call.told == [("answered", SDP)]
        return call, answer


def message(method: str, number: int, to: str = "<sip:123456@127.0.0.2>", branch: str = "") -> Request:
    headers = (
        ("Via", f"SIP/2.0/UDP 127.0.0.3:5090;branch=z9hG4bK{branch or f'{method}{number}'};rport"),
        ("From", "<sip:1001@127.0.0.3>;tag=pt"),
        ("To", to),
        ("Call-ID", "call"),
        ("CSeq", f"{number} {method}"),
        ("Contact", "<sip:1001@127.0.0.3:5090>"),
    )
    return Request(headers, b"", method, "sip:123456@127.0.0.2")


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
