"""What the edge and its pool of lines carry and cost: `python -m tests.benchmarks.sip_pool --help`.

sipp plays the phones, on loopback; calls have no media. Prints one JSON object. Times are taken at the edge's socket:
for a call from inside from the phone's INVITE to our 200, the calls' own part taking no time; for a call to a phone
from the calls' wish to the INVITE on the wire.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from twisted.internet import asyncioreactor

asyncioreactor.install()

from twisted.internet import reactor  # noqa: E402
from twisted.internet.defer import Deferred, ensureDeferred  # noqa: E402
from twisted.python.failure import Failure  # noqa: E402

from parloir.rtp.description import Address  # noqa: E402
from parloir.sip.session import EndKind, Incoming, NoFreeLine, Session, SessionEnd  # noqa: E402
from parloir.sip.stations import Station  # noqa: E402
from tests.benchmarks.sipp_phones import SippPhones, pause  # noqa: E402
from tests.sip_bench import ANSWER, OFFER, Bench, Call  # noqa: E402

PHONE = "127.0.0.3"
TALK = 2.0
MUTE_SHARE = 10
"""Of every so many calls out, one goes to a phone that never answers our BYE."""
LAST_WORDS = 50
"""Tenths of a second within which a line must have given back the slot of a call that is over."""
IDLE = 10.0


class Load:
    """One run: what was begun, what was answered, what went wrong, and how long it took."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.answered = self.begun = self.most = 0
        self.faults: list[str] = []
        self.waits: dict[str, list[float]] = {"in": [], "out": []}
        self._asked: dict[str, float] = {}
        bench.on_incoming = self.incoming
        bench.agent.on_wire = self.wire

    def wire(self, way: str, peer: Address, data: bytes) -> None:
        """Take the time of an INVITE from a phone, and of its answer."""
        if way == "in" and data.startswith(b"INVITE ") and b";tag=" not in _header(data, b"To:"):
            self._asked.setdefault(_header(data, b"Call-ID:").decode(), time.perf_counter())
        elif way == "out" and data.startswith(b"SIP/2.0 200 ") and b" INVITE" in _header(data, b"CSeq:"):
            began = self._asked.pop(_header(data, b"Call-ID:").decode(), None)
            if began is not None:
                self.waits["in"].append(time.perf_counter() - began)

    def incoming(self, call: Incoming) -> None:
        """A phone dials: it is answered at once."""
        self.begun += 1
        call.accept(ANSWER, Events(self))
        self._count()

    async def call_out(self, port: int) -> None:
        """Ring a phone, talk, hang up."""
        self.begun += 1
        events, began = Events(self), time.perf_counter()
        try:
            session = await self.bench.agent.invite(Direct(port), OFFER, events)
        except NoFreeLine as error:
            self.faults.append(str(error))
            return
        self._count()
        leg: Any = self.bench.agent.edge.legs[session.id]
        original = leg.line_invites

        def invited(request: Any) -> None:
            original(request)
            self.waits["out"].append(time.perf_counter() - began)

        leg.line_invites = invited
        await pause(reactor, TALK)
        session.end()

    def _count(self) -> None:
        self.most = max(self.most, len(self.bench.agent.edge.legs))


class Events(Call):
    """What a call does here: it counts."""

    def __init__(self, load: Load) -> None:
        super().__init__(reactor)
        self._load = load

    def answered(self, session: Session, sdp: str) -> None:
        self._load.answered += 1

    def ended(self, session: Session, end: SessionEnd) -> None:
        if end.kind not in (EndKind.HUNG_UP, EndKind.ENDED_HERE):
            self._load.faults.append(f"{end.kind} {end.status} {end.phrase}")


class Direct:
    """Where a sipp takes calls."""

    user, host, transport = "1001", PHONE, "udp"

    def __init__(self, port: int) -> None:
        self.port = port


def _header(data: bytes, name: bytes) -> bytes:
    return next((line for line in data.split(b"\r\n") if line.startswith(name)), b"")[len(name) :].strip()


async def held(bench: Bench, phones: SippPhones, calls: int, seconds: float) -> dict[str, Any]:
    """So many calls from inside, all up at once for so long."""
    load = Load(bench)
    dialling = phones.dials(bench.gateway, calls, rate=20, talk=seconds)
    await dialling.over(calls / 20 + seconds + 30)
    return _outcome(load, dialling.faults)


async def rate(bench: Bench, phones: SippPhones, per_second: int, seconds: int) -> dict[str, Any]:
    """Short calls, half of them from inside and half to phones, of which one in ten never answers our BYE."""
    load = Load(bench)
    half, outward = per_second * seconds // 2, per_second * seconds - per_second * seconds // 2
    quiet = -(-outward // MUTE_SHARE)
    answering, mute = phones.answers(outward - quiet), phones.answers(quiet, mute=True)
    dialling = phones.dials(bench.gateway, half, rate=per_second / 2, talk=TALK)
    began = time.monotonic()
    for number in range(outward):
        ensureDeferred(load.call_out(mute.port if number % MUTE_SHARE == 0 else answering.port)).addErrback(
            lambda failure: load.faults.append(failure.getErrorMessage())
        )
        await pause(reactor, max(0.0, began + (number + 1) * 2 / per_second - time.monotonic()))
    await dialling.over(30)
    await answering.over(30)
    await mute.over(30)
    return _outcome(load, dialling.faults + answering.faults)


async def full(bench: Bench, phones: SippPhones, calls: int) -> dict[str, Any]:
    """A pool filled but for what is reserved, a call too many, and one to a reserved number."""
    load = Load(bench)
    fill = phones.dials(bench.gateway, calls - 1, rate=20, talk=12)
    await pause(reactor, calls / 20 + 2)
    refused = phones.dials(bench.gateway, 1, rate=1, talk=1, expected=480)
    urgent = phones.dials(bench.gateway, 1, rate=1, talk=1, number="911")
    for each in (refused, urgent, fill):
        await each.over(40)
    return _outcome(load, fill.faults + refused.faults + urgent.faults)


def _outcome(load: Load, faults: list[str]) -> dict[str, Any]:
    milliseconds = {
        way: {"median": round(statistics.median(waits) * 1000, 2), "p95": round(_p95(waits) * 1000, 2)}
        for way, waits in load.waits.items()
        if waits
    }
    return {
        "begun": load.begun,
        "answered": load.answered,
        "most at once": load.most,
        "milliseconds": milliseconds,
        "faults": (load.faults + faults)[:20],
    }


def _p95(waits: list[float]) -> float:
    return sorted(waits)[int(len(waits) * 0.95)]


async def idle(bench: Bench) -> dict[str, Any]:
    """What the lines cost when nothing happens."""
    pids = [line.process.pid for line in bench.lines]
    before = sum(map(_cpu, pids))
    await pause(reactor, IDLE)
    used = sum(map(_cpu, pids)) - before
    memory = [_private(pid) for pid in pids]
    return {
        "lines": len(pids),
        "percent of a core": round(used / IDLE * 100, 2),
        "MB private a line": round(statistics.mean(memory) / 1e6, 1),
        "MB private in all": round(sum(memory) / 1e6, 1),
    }


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _private(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))


async def run(options: argparse.Namespace, home: Path) -> dict[str, Any]:
    """Bring the pool up, do what is asked for, take it down."""
    bench = Bench(reactor, options.calls, options.per_line, reserved=1, urgent=frozenset({"911"}), queue_timeout=2.0)
    await bench.start()
    phones = SippPhones(reactor, home, PHONE)
    bench.agent.stations.replace([Station("north", "any", Address(PHONE, 9), "")])
    found: dict[str, Any] = {"calls": options.calls, "calls per line": options.per_line}
    try:
        if "idle" in options.what:
            found["idle"] = await idle(bench)
        if "held" in options.what:
            found["held"] = await held(bench, phones, options.calls - 1, options.hold)
        if "rate" in options.what:
            found["rate"] = await rate(bench, phones, options.rate, options.seconds)
        if "full" in options.what:
            found["full"] = await full(bench, phones, options.calls)
        for _ in range(LAST_WORDS):
            if bench.agent.lines.free == options.calls:
                break
            await pause(reactor, 0.1)
        found["slots left"] = bench.agent.lines.free
    finally:
        phones.stop()
        await bench.close()
    return found


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.sip_pool", description=__doc__)
    parser.add_argument("what", nargs="+", choices=["idle", "held", "rate", "full"])
    parser.add_argument("--calls", type=int, default=101, help="slots in the pool, one of them reserved")
    parser.add_argument("--per-line", type=int, default=4)
    parser.add_argument("--hold", type=float, default=20.0, help="seconds that calls are held")
    parser.add_argument("--rate", type=int, default=10, help="set-ups a second")
    parser.add_argument("--seconds", type=int, default=60, help="how long at that rate")
    options = parser.parse_args()
    status = [1]
    running: Any = reactor

    def over(result: Any) -> None:
        if isinstance(result, Failure):
            result.printTraceback(sys.stderr)
        else:
            print(json.dumps(result, indent=2))
            status[0] = 0
        running.stop()

    with tempfile.TemporaryDirectory() as home:
        started: Deferred[Any] = ensureDeferred(run(options, Path(home)))
        running.callWhenRunning(lambda: started.addBoth(over))
        running.run()
    sys.exit(status[0])


if __name__ == "__main__":
    main()
