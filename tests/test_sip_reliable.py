"""Transactions over TCP and TLS: nothing is repeated or lingers (RFC 3261 section 17), and connections may die."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parloir.rtp.description import Address
from parloir.sip.flow import Flow
from parloir.sip.message import Request, Response
from parloir.sip.transaction import LONGEST, ClientTransaction, ServerTransaction, State
from tests.test_sip_transaction import Loop, answer, request

CONNECTION = Flow("tcp://127.0.0.2:5060", Address("127.0.0.3", 40000))
ELSEWHERE = Flow("tcp://127.0.0.2:5060", Address("127.0.0.3", 40001))


class Stream(Loop):
    """The same by TCP; a request of ours may go by `flow`."""

    flow = CONNECTION

    def __init__(self) -> None:
        super().__init__()
        self.ways: list[Flow] = []

    def send(self, flow: Flow, data: bytes) -> None:
        self.ways.append(flow)
        super().send(flow, data)

    def ask(self, method: str) -> Any:
        return self.side.send(
            request(method), self.flow, lambda response: self.heard.append(response.status if response else None)
        )

    def receive(self, message: Request | Response) -> None:
        self.side.received(message, CONNECTION)


@pytest.mark.parametrize("method", ["INVITE", "BYE"])
def test_a_request_is_sent_once_and_given_up_after_32_seconds(method: str) -> None:
    loop = Stream()
    loop.ask(method)
    loop.run(LONGEST - 1)
    assert (loop.times(method), loop.heard) == ([0], [])
    loop.run(2)
    assert (loop.times(method), loop.heard) == ([0], [None])


def test_a_provisional_response_starts_no_repeats() -> None:
    loop = Stream()
    loop.ask("BYE")
    loop.receive(answer("BYE", 100))
    loop.run(20)
    assert loop.times("BYE") == [0]


@pytest.mark.parametrize(("method", "status"), [("INVITE", 486), ("BYE", 200)])
def test_a_final_answer_ends_it_at_once(method: str, status: int) -> None:
    loop = Stream()
    loop.ask(method)
    loop.receive(answer(method, status))
    loop.run(1)
    assert loop.side._sent == {}
    assert loop.heard == [status]
    assert loop.times("ACK") == ([0] if method == "INVITE" else [])


def test_forked_answers_to_an_invite_are_still_waited_for() -> None:
    loop = Stream()
    loop.ask("INVITE")
    loop.receive(answer("INVITE", 200, "one"))
    loop.run(10)
    loop.receive(answer("INVITE", 200, "two"))
    assert loop.heard == [200, 200]


def test_a_refusal_is_sent_once_and_waits_for_its_ack() -> None:
    loop = Stream()
    loop.receive(request("INVITE"))
    loop.asked[0].respond(486)
    loop.run(10)
    assert loop.times("486") == [0]
    loop.receive(request("ACK"))
    loop.run(1)
    assert loop.side._asked == {}


def test_an_accepted_invite_is_answered_again_until_its_ack() -> None:
    """RFC 3261 section 13.3.1.4: a proxy further on may have lost it."""
    loop = Stream()
    loop.receive(request("INVITE"))
    loop.asked[0].respond(200)
    loop.run(2)
    assert loop.times("200") == [0, 0.5, 1.5]


def test_an_answered_request_is_forgotten_at_once() -> None:
    loop = Stream()
    loop.receive(request("BYE"))
    loop.asked[0].respond(200)
    loop.run(1)
    assert loop.side._asked == {}


def test_answers_go_back_on_the_connection_or_else_to_the_port_in_via() -> None:
    loop = Stream()
    loop.receive(request("OPTIONS"))
    loop.asked[0].respond(200)
    assert loop.ways == [CONNECTION]
    assert loop.ways[0].back == 5090


def test_a_request_whose_connection_died_is_sent_again_once() -> None:
    loop = Stream()
    loop.ask("INVITE")
    loop.side.lost(ELSEWHERE)
    assert loop.times("INVITE") == [0]
    loop.side.lost(CONNECTION)
    assert loop.times("INVITE") == [0, 0]
    loop.side.lost(CONNECTION)
    assert (loop.times("INVITE"), loop.heard) == ([0, 0], [None])


def test_a_request_that_was_heard_survives_its_connection() -> None:
    loop = Stream()
    loop.ask("INVITE")
    loop.receive(answer("INVITE", 180))
    loop.side.lost(CONNECTION)
    loop.side.unreachable(CONNECTION)
    assert (loop.times("INVITE"), loop.heard) == ([0], [180])
    loop.receive(answer("INVITE", 200))
    assert loop.heard == [180, 200]


def test_a_request_that_cannot_be_sent_fails_at_once() -> None:
    loop = Stream()
    loop.ask("INVITE")
    loop.side.unreachable(CONNECTION)
    loop.run(100)
    assert (loop.times("INVITE"), loop.heard) == ([0], [None])
    assert loop.side._sent == {}


def test_a_request_by_a_lost_connection_fails_with_the_one_made_in_its_place() -> None:
    loop = Stream()
    loop.flow = Flow(CONNECTION.listener, CONNECTION.peer, back=5090)
    loop.ask("BYE")
    loop.side.unreachable(Flow("tls://127.0.0.2:5060", Address("127.0.0.3", 5090)))
    assert loop.heard == []
    loop.side.unreachable(Flow(CONNECTION.listener, Address("127.0.0.3", 5090)))
    assert loop.heard == [None]


@given(
    st.booleans(), st.lists(st.tuples(st.floats(0, 40), st.one_of(st.none(), st.sampled_from([100, 180, 200, 486]))))
)
def test_a_request_of_ours_is_never_repeated_and_always_ends(
    invite: bool, story: list[tuple[float, int | None]]
) -> None:
    core, now = ClientTransaction(invite, 0.0, reliable=True), 0.0
    for later, status in story:
        now += later
        if core.timers.end is not None and now >= core.timers.end:
            assert not core.elapse(core.timers.end).send
        if status is not None:
            core.heard(status, now)
        assert not core.elapse(now).send
        assert core.timers.again is None
    unended = core.state in (State.TRYING, State.ACCEPTED, State.COMPLETED)
    if unended:
        core.elapse(now + LONGEST)
        assert core.state is State.TERMINATED


@given(st.booleans(), st.lists(st.sampled_from([100, 180, 200, 486, "ACK", "wait"])))
def test_only_a_2xx_to_an_invite_is_repeated(invite: bool, story: list[int | str]) -> None:
    core, now = ServerTransaction(invite, reliable=True), 0.0
    for event in story:
        now += 0.3
        if isinstance(event, int):
            core.respond(event, now)
        elif event == "ACK":
            core.acknowledged(now)
        repeated = core.elapse(now).send
        assert not repeated or (invite and core.state is State.ACCEPTED)
