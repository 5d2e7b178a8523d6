"""SIGTERM lets calls end in peace; a second one does not wait."""

import os
import signal
import time

import pytest

from .packets import is_ours
from .stage import Stage


def test_drain_takes_no_new_calls_and_ends_live_ones_at_its_limit(stage: Stage) -> None:
    phone, other = stage.raw_phone(), stage.raw_phone(user="1002")
    gateway = stage.gateway({"pod-a-1": phone.address, "pod-a-2": other.address}, drain=8)
    visit, later = gateway.add_visit("pod-a-1"), gateway.add_visit("pod-a-2")
    visitor, latecomer = stage.visitor(visit), stage.visitor(later)
    visitor.join()
    phone.talk(phone.wait_for("INVITE").body)
    visitor.wait_for_state("talking")
    asked = time.time()
    gateway.signal(signal.SIGTERM)
    visitor.wait_for("warn")
    latecomer.join()
    assert latecomer.wait_for("ended")[1]["reason"] == "ServiceClosing"
    assert all(m.method != "INVITE" for m in other.messages)
    at, ended = visitor.wait_for("ended")
    assert ended["reason"] == "ServiceClosing"
    assert at - asked >= 7.0
    assert gateway.process.wait(30) == 0
    phone.wait_for("BYE")
    prompt = [p for p in phone.audio.received if p.at > asked + 0.5 and not is_ours(p.payload)]
    assert len(prompt) > 100, "the phone was not told"
    gateway.check_log()


def test_drain_ends_with_the_last_call(stage: Stage) -> None:
    """A service manager may ask every process to stop: it is the gateway that decides when."""
    phone = stage.raw_phone()
    gateway = stage.gateway({"pod-a-1": phone.address}, drain=60)
    visitor = stage.visitor(gateway.add_visit())
    visitor.join()
    phone.talk(phone.wait_for("INVITE").body)
    visitor.wait_for_state("talking")
    for process in (*gateway.relays(), *gateway.lines()):
        os.kill(process, signal.SIGTERM)
    gateway.signal(signal.SIGTERM)
    visitor.wait_for("warn")
    visitor.wait_for_packets("audio", len(visitor.received["audio"]) + 50)
    phone.hang_up()
    assert gateway.process.wait(30) == 0


def test_second_sigterm_stops_at_once_and_still_hangs_up(stage: Stage) -> None:
    phone = stage.raw_phone()
    gateway = stage.gateway({"pod-a-1": phone.address}, drain=60)
    visitor = stage.visitor(gateway.add_visit())
    visitor.join()
    visitor.wait_for_state("talking")
    gateway.signal(signal.SIGTERM)
    visitor.wait_for("warn")
    again = time.time()
    gateway.signal(signal.SIGTERM)
    assert gateway.process.wait(30) == 0
    assert time.time() - again < 30
    phone.wait_for("BYE")
    assert visitor.wait_for("ended")[1]["reason"] == "ServiceClosing"


@pytest.mark.invariant
def test_restarted_gateway_hangs_up_what_a_killed_one_left(stage: Stage) -> None:
    phone = stage.raw_phone()
    gateway = stage.gateway({"pod-a-1": phone.address})
    visit = gateway.add_visit()
    visitor = stage.visitor(visit)
    visitor.join()
    visitor.wait_for_state("talking")
    gateway.kill()
    assert all(m.method != "BYE" for m in phone.messages)
    gateway.start_again()
    phone.wait_for("BYE")
    assert gateway.end_reason(visit) == "GatewayRestarted"
