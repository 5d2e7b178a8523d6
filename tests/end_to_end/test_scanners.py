"""Scanners at full speed while visits go on: nothing is answered, nothing grows, nobody notices."""

import time

import pytest

from .process import memory
from .stage import Stage

RATE = 2000.0
HOSTS = tuple(f"127.0.1.{number}" for number in range(1, 41))
USERS = tuple(str(number) for number in range(100, 200))
GROWTH = 8 << 20


@pytest.mark.load
def test_visits_go_on_and_nothing_is_answered_under_two_thousand_scans_a_second(stage: Stage) -> None:
    phone = stage.raw_phone()
    gateway = stage.gateway({"pod-a-1": phone.address}, logins={"pod-a-3": "swordfish-of-pod-a-3"})
    scanner = stage.scanner(("127.0.0.1", gateway.sip_port), RATE, HOSTS, USERS)
    time.sleep(3)
    before = memory(gateway.process.pid)
    for _ in range(3):
        visit = gateway.add_visit(rings=False)
        visitor = stage.visitor(visit)
        visitor.join()
        visitor.wait_for_state("waiting")
        assert phone.dial(f"sip:{visit['code']}@127.0.0.1:{gateway.sip_port}").status == 200
        phone.acknowledge()
        visitor.wait_for_state("talking")
        phone.hang_up()
        assert gateway.end_reason(visit) == "PhoneHungUp"
        phone.be_quiet()
        gateway.cancel(visit)
    time.sleep(3)
    grown = memory(gateway.process.pid) - before
    scanner.stop()
    assert scanner.answers == []
    assert scanner.sent > 10_000
    assert grown < GROWTH, f"{grown >> 10} KiB more"
    dropped = gateway.metrics()
    assert 'parloir_sip_dropped{why="stranger"}' in dropped
    assert 'parloir_sip_dropped{why="scanner"}' in dropped
