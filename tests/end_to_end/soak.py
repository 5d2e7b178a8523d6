"""Many calls one after another: memory must not grow nor descriptors leak. Run by `make soak`."""

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from .gateway_process import Gateway
from .gateway_terms import Terms
from .process import children, descriptors, memory
from .raw_phone import RawPhone
from .visitor import Visitor, Visitors

SETTLED = 50
REST = 8.0
MEGABYTE = 1024 * 1024
MOST_GROWTH = 5 * MEGABYTE


@dataclass(frozen=True)
class Size:
    """What a process holds: resident bytes and open descriptors."""

    memory: int
    descriptors: int


def sizes(gateway: Gateway) -> dict[int, Size]:
    """Of the gateway and each of its children, by process id."""
    pids = (gateway.process.pid, *children(gateway.process.pid))
    return {pid: Size(memory(pid), descriptors(pid)) for pid in pids}


def names(gateway: Gateway) -> dict[int, str]:
    """What each process is."""
    below = {pid: command.rsplit(" ", 1)[-1] for pid, command in children(gateway.process.pid).items()}
    return {gateway.process.pid: "gateway", **below}


def one_call(gateway: Gateway, visitors: Visitors, phone: RawPhone, talk: float) -> None:
    """Book, join, ring, notice, talk, hang up; media flows both ways."""
    visit = gateway.add_visit(minutes=2)
    visitor: Visitor = visitors.enter(visit["link"])
    phone.be_quiet()
    visitor.join()
    phone.talk(phone.wait_for("INVITE").body)
    visitor.wait_for_state("talking")
    time.sleep(talk)
    visitor.leave()
    visitor.wait_for("ended")
    gateway.end_reason(visit)
    gateway.cancel(visit)
    visitors.forget(visitor)


def report(count: int, gateway: Gateway, begun: float) -> dict[int, Size]:
    """Print what every process holds now, and return it."""
    now, called = sizes(gateway), names(gateway)
    held = ", ".join(
        f"{called.get(pid, '?')} {size.memory / MEGABYTE:.1f} MB {size.descriptors} fds" for pid, size in now.items()
    )
    print(f"{count} calls, {time.monotonic() - begun:.0f} s: {held}", flush=True)
    return now


def complaints(before: dict[int, Size], after: dict[int, Size], called: dict[int, str]) -> list[str]:
    """What grew that must not, and which processes did not live through it."""
    found = [f"{called.get(pid, pid)} ended on the way" for pid in before.keys() - after.keys()]
    for pid in before.keys() & after.keys():
        grown = after[pid].memory - before[pid].memory
        opened = after[pid].descriptors - before[pid].descriptors
        if grown >= MOST_GROWTH:
            found.append(f"{called[pid]} grew by {grown / MEGABYTE:.1f} MB")
        if opened > 0:
            found.append(f"{called[pid]} holds {opened} descriptors more")
    return found


def main() -> int:
    """Run the calls; returns 0 if nothing grew after call SETTLED."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--talk", type=float, default=1.0, metavar="SECONDS", help="how long media flows in each call")
    options = parser.parse_args()
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="parloir-soak-")))
        phone = RawPhone()
        stack.callback(phone.stop)
        gateway = Gateway(home, {"pod-a-1": phone.address}, Terms(calls=4))
        stack.callback(gateway.stop)
        visitors = Visitors()
        stack.callback(visitors.stop)
        begun = time.monotonic()
        before: dict[int, Size] = {}
        for count in range(1, options.calls + 1):
            one_call(gateway, visitors, phone, options.talk)
            if count == min(SETTLED, options.calls // 2):
                time.sleep(REST)
                before = report(count, gateway, begun)
            elif count % 10 == 0:
                report(count, gateway, begun)
        time.sleep(REST)
        after = report(options.calls, gateway, begun)
        found = complaints(before, after, names(gateway))
    for complaint in found:
        print(complaint)
    print("soak: failed" if found else "soak: ok")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
