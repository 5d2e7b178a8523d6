"""Two dozen calls at once: none fails, and every packet goes there and back."""

import time

import pytest

from .packets import gaps, is_ours
from .stage import Stage
from .visitor import Visitor

CALLS = 24
SECONDS = 30
TRIES = 3
"""A busy machine may starve a phone or a visitor once, so that its kernel drops packets; a switch would each time."""


@pytest.mark.long
def test_two_dozen_calls_lose_nothing_for_half_a_minute(stage: Stage) -> None:
    phones = stage.sipp(CALLS)
    names = [f"pod-{number:02}" for number in range(CALLS)]
    gateway = stage.gateway({name: phones.address(name) for name in names}, calls=CALLS, relays=2)
    visits = [gateway.add_visit(name) for name in names]
    visitors = []
    for visit in visits:
        visitor = stage.visitor(visit)
        visitor.join()
        visitors.append(visitor)
        time.sleep(0.1)
    for visitor in visitors:
        visitor.wait_for_state("talking", 40)
    faults = ["not looked yet"]
    for _ in range(TRIES):
        began = time.time()
        time.sleep(SECONDS)
        states = {call["state"] for call in gateway.api("GET", "/api/v1/calls?live=true")["calls"]}
        assert states == {"active"}
        faults = [fault for visitor in visitors for fault in lost(visitor, began)]
        if not faults:
            break
    assert not faults

    for visitor in visitors[: CALLS // 2]:
        visitor.leave()
    for visit in visits[CALLS // 2 :]:
        gateway.api("DELETE", f"/api/v1/calls/{gateway.calls(visit)[0]['id']}", {"reason": "count"})
    assert {gateway.end_reason(visit) for visit in visits[: CALLS // 2]} == {"VisitorLeft"}
    assert {gateway.end_reason(visit) for visit in visits[CALLS // 2 :]} == {"OfficerEnded"}
    assert phones.wait(40) == 0, phones.errors


def lost(visitor: Visitor, began: float) -> list[str]:
    """What is wrong with what came back since then: it must be what was sent, with no number missing."""
    return [
        fault
        for kind, rate in (("audio", 50), ("video", 15))
        if (fault := echo_fault(visitor, kind, began, SECONDS * rate - rate))
    ]


def echo_fault(visitor: Visitor, kind: str, began: float, least: int) -> str:
    received = [packet for packet in list(visitor.received[kind]) if packet.at >= began]
    if missing := gaps(received):
        return f"{kind} is missing {missing}"
    back = [packet.payload for packet in received if is_ours(packet.payload)]
    if len(back) < least:
        return f"only {len(back)} of {kind} in {SECONDS} s"
    sent = visitor.tracks[kind].sent
    first = sent.index(back[0])
    return "" if back == sent[first : first + len(back)] else f"{kind} came back otherwise"
