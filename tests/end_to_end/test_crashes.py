"""A line or a relay that is killed costs its own calls, and nobody else's."""

import os
import signal
import time
from typing import Any

import pytest

from .gateway_process import Gateway
from .stage import Stage
from .visitor import Visitor

Talk = tuple[dict[str, Any], Visitor]


def talk(stage: Stage, gateway: Gateway, names: list[str]) -> list[Talk]:
    """Calls that are up, one on each station."""
    visits = [gateway.add_visit(name) for name in names]
    talks = [(visit, stage.visitor(visit)) for visit in visits]
    join(talks)
    return talks


def join(talks: list[Talk]) -> None:
    """All press Join, for the first time or again, and get to talk."""
    seen = [len(visitor.messages) for _, visitor in talks]
    for _, visitor in talks:
        visitor.join()
    for start, (_, visitor) in zip(seen, talks, strict=True):
        visitor.wait_for_state("talking", start=start)


def parted(talks: list[Talk], killed: float) -> tuple[list[Talk], list[Talk]]:
    """Those that ended within two seconds of the kill, and those that go on: heard both ways two seconds later."""
    time.sleep(max(0.0, killed + 2.0 - time.time()))
    ended = [talk for talk in talks if talk[1].find("ended") is not None]
    living = [talk for talk in talks if talk[1].find("ended") is None]
    for _, visitor in living:
        visitor.wait_for_packets("audio", len(visitor.received["audio"]) + 25)
    return ended, living


@pytest.mark.invariant
def test_killed_line_ends_its_own_calls_only_and_new_calls_work_at_once(stage: Stage) -> None:
    phones = stage.sipp(12)
    names = [f"pod-{number}" for number in range(8)]
    gateway = stage.gateway({name: phones.address(name) for name in names}, calls=8, calls_per_line=4)
    talks = talk(stage, gateway, names)
    victim, other = gateway.lines()
    os.kill(victim, signal.SIGKILL)
    ended, living = parted(talks, time.time())
    assert len(ended) == len(living) == 4
    for visit, visitor in ended:
        assert visitor.wait_for("ended")[1]["reason"] == "LineLost"
        assert gateway.end_reason(visit) == "LineLost"
        gateway.event(visit, "end", reason="LineLost")

    join(ended)
    assert other in gateway.lines()
    assert victim not in gateway.lines()
    hang_up(talks)
    assert phones.wait(40) == 0, phones.errors


@pytest.mark.invariant
def test_killed_relay_ends_its_own_calls_only_and_new_calls_work_at_once(stage: Stage) -> None:
    phones = stage.sipp(12)
    names = [f"pod-{number}" for number in range(8)]
    gateway = stage.gateway({name: phones.address(name) for name in names}, calls=8, relays=2)
    talks = talk(stage, gateway, names)
    victim = gateway.relays()[0]
    os.kill(victim, signal.SIGKILL)
    ended, living = parted(talks, time.time())
    assert len(ended) == len(living) == 4
    for visit, visitor in ended:
        assert visitor.wait_for("ended")[1]["reason"] == "RelayLost"
        assert gateway.end_reason(visit) == "RelayLost"

    join(ended)
    assert len(gateway.relays()) == 2
    hang_up(talks)
    assert phones.wait(40) == 0, phones.errors


def hang_up(talks: list[Talk]) -> None:
    for _, visitor in talks:
        visitor.leave()
    for _, visitor in talks:
        visitor.wait_for("ended", reason="VisitorLeft")
