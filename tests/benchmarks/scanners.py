"""What scanners cost a visit: `python -m tests.benchmarks.scanners --rate 2000 --visits 20`.

A phone dials a waiting visitor's code again and again, first in peace, then while a host looks for phones to abuse.
Prints the time from the phone's INVITE to its 200, whether a scan was answered, and how much the gateway grew.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.end_to_end.browser import Browser
from tests.end_to_end.gateway_process import Gateway
from tests.end_to_end.house import House
from tests.end_to_end.process import memory
from tests.end_to_end.raw_phone import RawPhone
from tests.end_to_end.stage import Stage
from tests.end_to_end.test_scanners import HOSTS, USERS

ALONE = 20.0
LOGINS = {"pod-a-3": "swordfish-of-pod-a-3"}


def main() -> int:
    """Print what came of it; 1 where a scan was answered or set-up took more than twice as long."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=2000.0, help="scans a second")
    parser.add_argument("--visits", type=int, default=20, help="set-ups, in peace and under scans each")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        house = House(lambda name: Path(tempfile.mkdtemp(prefix=name, dir=home)))
        stage = Stage(Path(home), _no_browser, house)
        try:
            return _measure(stage, options.rate, options.visits)
        finally:
            stage.clear()
            house.close()


def _measure(stage: Stage, rate: float, visits: int) -> int:
    phone = stage.raw_phone(ring=0.0)
    gateway = stage.gateway({"pod-a-1": phone.address}, logins=LOGINS, port_rest=0.2)
    _times(stage, gateway, phone, 3)
    peace = _times(stage, gateway, phone, visits)
    scanner = stage.scanner(("127.0.0.1", gateway.sip_port), rate, HOSTS, USERS)
    time.sleep(3)
    before = memory(gateway.process.pid)
    time.sleep(ALONE)
    grown = memory(gateway.process.pid) - before
    war = _times(stage, gateway, phone, visits)
    scanner.stop()
    print(f"load {os.getloadavg()[0]:.1f}, {rate:g} scans a second wanted, {scanner.sent} sent in all")
    for name, times in (("in peace", peace), ("under scans", war)):
        print(f"{name}: median {statistics.median(times):.1f} ms, worst {max(times):.1f} ms of {len(times)}")
    print(
        f"answered: {len(scanner.answers)}; in {ALONE:.0f} s of scans alone the gateway grew by {grown / 2**20:.1f} MiB"
    )
    slower = statistics.median(war) / statistics.median(peace)
    print(f"{slower:.2f} times as long")
    return 1 if scanner.answers or slower > 2 else 0


def _times(stage: Stage, gateway: Gateway, phone: RawPhone, count: int) -> list[float]:
    """Milliseconds from INVITE to 200, call by call."""
    times = []
    for _ in range(count):
        visit = gateway.add_visit(rings=False)
        visitor = stage.visitor(visit)
        visitor.join()
        visitor.wait_for_state("waiting")
        begun = time.monotonic()
        answer = phone.dial(f"sip:{visit['code']}@127.0.0.1:{gateway.sip_port}")
        times.append((time.monotonic() - begun) * 1000)
        assert answer.status == 200, f"{answer.first}\n{gateway.process.tail()}"
        phone.acknowledge()
        phone.hang_up()
        gateway.end_reason(visit)
        gateway.cancel(visit)
        phone.be_quiet()
    return times


def _no_browser() -> Browser:
    raise AssertionError("no browser is needed here")


if __name__ == "__main__":
    sys.exit(main())
