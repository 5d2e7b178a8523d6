"""Transactions: what is repeated and when it stops, by a clock that the tests turn (RFC 3261 section 17)."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from parloir.rtp.description import Address
from parloir.sip.flow import Face, Flow
from parloir.sip.message import Request, Response, parse
from parloir.sip.transaction import LONGEST, ClientTransaction, ServerTransaction
from parloir.sip.transactions import Asked, Transactions

FLOW = Flow("udp://127.0.0.2:5060", Address("127.0.0.3", 5090))

STEP = 1 / 16


class Loop:
    """One side of transactions, a wire that remembers when what was sent, and the clock they go by."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.wire: list[tuple[float, Request | Response]] = []
        self.asked: list[Asked] = []
        self.acks: list[Request] = []
        self.heard: list[int | None] = []
        self.side = Transactions(self.clock, self, lambda: "tag", self.asked.append, self._acknowledged)

    def _acknowledged(self, request: Request, flow: Flow) -> None:
        self.acks.append(request)

    def send(self, flow: Flow, data: bytes) -> None:
        self.wire.append((self.clock.seconds(), parse(data)))

    def face(self, flow: Flow) -> Face:
        return Face("127.0.0.2", 5060, "Test")

    def ask(self, method: str) -> Any:
        return self.side.send(
            request(method), FLOW, lambda response: self.heard.append(response.status if response else None)
        )

    def receive(self, message: Request | Response) -> None:
        self.side.received(message, FLOW)

    def run(self, seconds: float) -> None:
        self.clock.pump([STEP] * round(seconds / STEP))

    def times(self, kind: str) -> list[float]:
        """When messages of that method or status were sent."""
        return [round(at, 1) for at, m in self.wire if kind == str(m.method if isinstance(m, Request) else m.status)]


def request(method: str, branch: str = "z9hG4bKone", number: int = 1) -> Request:
    headers = (
        ("Via", f"SIP/2.0/UDP 127.0.0.3:5090;branch={branch};rport"),
        ("From", "<sip:a@b>;tag=1"),
        ("To", "<sip:c@d>"),
        ("Call-ID", "x"),
        ("CSeq", f"{number} {method}"),
    )
    return Request(headers, b"", method, "sip:c@d")


def answer(method: str, status: int, tag: str = "t") -> Response:
    asked = request(method)
    headers = tuple((n, f"{v};tag={tag}" if n == "To" else v) for n, v in asked.headers)
    return Response(headers, b"", status, "Said")


def test_an_invite_is_repeated_until_heard_and_given_up_after_32_seconds() -> None:
    loop = Loop()
    loop.ask("INVITE")
    loop.run(40)
    assert loop.times("INVITE") == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert loop.heard == [None]


def test_a_provisional_response_stops_the_repeats_of_an_invite() -> None:
    loop = Loop()
    loop.ask("INVITE")
    loop.receive(answer("INVITE", 180))
    loop.run(200)
    assert loop.times("INVITE") == [0]
    assert loop.heard == [180]


def test_other_requests_are_repeated_every_four_seconds_at_most() -> None:
    loop = Loop()
    loop.ask("BYE")
    loop.run(1)
    loop.receive(answer("BYE", 100))
    loop.run(40)
    assert loop.times("BYE")[:5] == [0, 0.5, 5.0, 9.0, 13.0]
    assert loop.heard == [100, None]


def test_a_refusal_is_acknowledged_every_time_and_heard_once() -> None:
    loop = Loop()
    loop.ask("INVITE")
    for _ in range(3):
        loop.receive(answer("INVITE", 486))
    assert len(loop.times("ACK")) == 3
    assert loop.heard == [486]
    [*_, (_, ack)] = loop.wire
    assert (ack.via, ack.recipient.tag) == (request("INVITE").via, "t")


def test_every_answer_to_an_invite_is_heard() -> None:
    loop = Loop()
    loop.ask("INVITE")
    for tag in ("one", "two", "one"):
        loop.receive(answer("INVITE", 200, tag))
    loop.receive(answer("INVITE", 486))
    assert loop.heard == [200, 200, 200]
    loop.run(LONGEST + 1)
    loop.receive(answer("INVITE", 200))
    assert len(loop.heard) == 3


def test_a_cancel_waits_for_a_sign_of_life_and_then_for_the_end() -> None:
    loop = Loop()
    sent = loop.ask("INVITE")
    sent.cancel()
    assert loop.times("CANCEL") == []
    loop.receive(answer("INVITE", 100))
    sent.cancel()
    loop.receive(answer("INVITE", 180))
    assert len(loop.times("CANCEL")) == 1
    loop.run(40)
    assert loop.heard == [100, 180, None]


def test_repeats_of_a_request_are_answered_from_memory() -> None:
    loop = Loop()
    for _ in range(3):
        loop.receive(request("OPTIONS"))
    assert len(loop.asked) == 1
    loop.asked[0].respond(200)
    loop.receive(request("OPTIONS"))
    loop.asked[0].respond(500)
    assert loop.times("200") == [0, 0]
    assert loop.times("500") == []
    loop.run(33)
    loop.receive(request("OPTIONS"))
    assert len(loop.asked) == 2


def test_a_refused_invite_is_refused_again_until_its_ack() -> None:
    loop = Loop()
    loop.receive(request("INVITE"))
    loop.asked[0].respond(486)
    loop.run(2)
    loop.receive(request("ACK"))
    loop.run(40)
    assert loop.times("100") == [0]
    assert loop.times("486") == [0, 0.5, 1.5]
    assert loop.acks == []


def test_an_accepted_invite_is_answered_again_until_its_ack() -> None:
    loop = Loop()
    loop.receive(request("INVITE"))
    loop.asked[0].respond(200)
    loop.run(2)
    loop.receive(request("ACK", "z9hG4bKother"))
    assert len(loop.acks) == 1
    loop.asked[0].acknowledged()
    loop.run(40)
    assert loop.times("200") == [0, 0.5, 1.5]


def test_an_answer_that_is_never_acknowledged_is_told() -> None:
    loop = Loop()
    unheard: list[float] = []
    loop.receive(request("INVITE"))
    loop.asked[0].unheard = lambda: unheard.append(loop.clock.seconds())
    loop.asked[0].respond(200)
    loop.run(40)
    assert [round(at) for at in unheard] == [32]
    assert loop.times("200") == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]


def test_a_cancel_ends_what_is_pending_and_nothing_else() -> None:
    loop = Loop()
    cancelled: list[bool] = []
    loop.receive(request("CANCEL", "z9hG4bKnone"))
    assert loop.times("481") == [0]
    loop.receive(request("INVITE"))
    loop.asked[0].cancelled = lambda: cancelled.append(True)
    loop.receive(request("CANCEL"))
    loop.receive(request("CANCEL"))
    assert cancelled == [True]
    assert loop.times("487") == [0]
    assert len(loop.times("200")) == 2


@given(st.booleans(), st.lists(st.tuples(st.floats(0, 10), st.none() | st.integers(100, 699)), max_size=20))
def test_a_request_of_ours_always_ends(invite: bool, story: list[tuple[float, int | None]]) -> None:
    now, core, finals, timeouts = 0.0, ClientTransaction(invite, 0.0), 0, 0
    for wait, status in story:
        now += wait
        timeouts += core.elapse(now).timed_out
        finals += status is not None and core.heard(status, now) and status >= 300
    core.give_up_by(now)
    for _ in range(100):
        due = core.timers.due
        if due is None:
            break
        timeouts += core.elapse(max(now, due)).timed_out
        now = max(now, due)
    assert core.timers.due is None
    assert finals + timeouts <= 1 or not invite


@given(st.booleans(), st.lists(st.sampled_from([100, 180, 200, 486, "ack", "wait"]), max_size=12))
def test_a_request_of_a_peer_gets_one_final_response(invite: bool, story: list[int | str]) -> None:
    now, core, finals = 0.0, ServerTransaction(invite), 0
    for step in story:
        if step == "ack":
            core.acknowledged(now)
        elif isinstance(step, int):
            finals += core.respond(step, now) and step >= 200
        else:
            now += 1
            core.elapse(now)
    assert finals == any(isinstance(step, int) and step >= 200 for step in story)
