"""Two dozen calls at once: none fails, and every packet goes there and back."""

import time

from .packets import gaps, is_ours
from .stage import Stage
from .visitor import Visitor

CALLS = 24
SECONDS = 30


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
    time.sleep(SECONDS)

    states = {call["state"] for call in gateway.api("GET", "/api/v1/calls?live=true")["calls"]}
    assert states == {"active"}
    for visitor in visitors:
        whole_echo(visitor, "audio", SECONDS * 50 - 25)
        whole_echo(visitor, "video", SECONDS * 15 - 10)

    for visitor in visitors[: CALLS // 2]:
        visitor.leave()
    for visit in visits[CALLS // 2 :]:
        gateway.api("DELETE", f"/api/v1/calls/{gateway.calls(visit)[0]['id']}", {"reason": "count"})
    assert {gateway.end_reason(visit) for visit in visits[: CALLS // 2]} == {"VisitorLeft"}
    assert {gateway.end_reason(visit) for visit in visits[CALLS // 2 :]} == {"OfficerEnded"}
    assert phones.wait(10) == 0, phones.errors


def whole_echo(visitor: Visitor, kind: str, least: int) -> None:
    """What came back is what was sent, from the first that crossed to the last, with no number missing."""
    received = list(visitor.received[kind])
    assert gaps(received) == []
    back = [packet.payload for packet in received if is_ours(packet.payload)]
    assert len(back) >= least
    sent = visitor.tracks[kind].sent
    first = sent.index(back[0])
    assert back == sent[first : first + len(back)]
