"""How long 30 plugins take to decide a call: `python -m tests.benchmarks.policy_chain` prints the figures.

Healthy; with one that hangs; and many calls at once. The reactor's longest pause is measured by a heartbeat of 2 ms.
"""

# ruff: noqa: E402 - the reactor is installed before anything takes it
from twisted.internet import asyncioreactor

asyncioreactor.install()

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred, gatherResults
from twisted.internet.task import LoopingCall

from parloir.api import (
    Allow,
    Announcement,
    Call,
    CallClass,
    Cap,
    CapKind,
    Discount,
    Facility,
    Payer,
    PayerKind,
    RateStep,
    Settings,
    Tariff,
    Words,
    Yes,
    hookimpl,
)
from parloir.policy.loader import Patience
from parloir.policy.policies import Policies
from tests.policy_plugins import House, a_call

PLUGINS = 30
CALLS = 200
AT_ONCE = 11
"""Calls that begin together: a second's share of 660 joins in a minute."""


class Whole:
    """A plugin that answers every question of a call, half of them as coroutines."""

    api = 1
    number = 1

    def __init__(self, settings: Settings, facility: Facility) -> None: ...

    @hookimpl
    async def classify_call(self, call: Call) -> CallClass | None:
        return CallClass.ORDINARY

    @hookimpl
    def authorize_call(self, call: Call) -> Allow:
        return Allow()

    @hookimpl
    async def choose_payer(self, call: Call) -> Payer:
        return Payer(PayerKind.VISITOR)

    @hookimpl
    def rate_call(self, call: Call) -> Tariff | Discount:
        return Tariff((RateStep(0, 120_000),)) if self.number == 0 else Discount(1, "loyal")

    @hookimpl
    def limit_call(self, call: Call) -> Cap | Awaitable[Cap]:
        return Cap(900 + self.number, CapKind.POLICY, "default")

    @hookimpl
    async def may_record(self, call: Call) -> Yes:
        return Yes()

    @hookimpl
    def may_monitor(self, call: Call) -> Yes:
        return Yes()

    @hookimpl
    async def announce_call(self, call: Call) -> Announcement:
        return Announcement(f"news_{self.number}", Words("News.", "Noticias."), 1.0)


class Hangs(Whole):
    """Answers all but one question, which it never does."""

    @hookimpl
    async def limit_call(self, call: Call) -> Cap:
        await asyncio.Event().wait()
        return Cap(900, CapKind.POLICY, "default")


def thirty(*others: type) -> dict[str, Any]:
    """So many plugins, the last ones these."""
    whole = [type(f"Whole{number}", (Whole,), {"number": number}) for number in range(PLUGINS - len(others))]
    return {f"p{index}": each for index, each in enumerate([*whole, *others])}


def figures(what: str, seconds: list[float], held: float) -> None:
    """One line: the median, the 99th percentile and the worst, in milliseconds."""
    ordered = sorted(seconds)
    median, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99) - 1]
    took = f"median {median * 1000:6.1f} ms   p99 {p99 * 1000:6.1f} ms   worst {ordered[-1] * 1000:6.1f} ms"
    print(f"{what:42} {took}   reactor held {held * 1000:.1f} ms", flush=True)


async def measured(what: str, work: Callable[[], Awaitable[list[float]]]) -> None:
    """Run the work beside a heartbeat, and print its figures."""
    beats = [time.monotonic()]
    heart = LoopingCall(lambda: beats.append(time.monotonic()))
    heart.start(0.002)
    seconds = await work()
    heart.stop()
    figures(what, seconds, max(later - earlier for earlier, later in pairwise(beats)))


async def timed(policies: Policies) -> float:
    """The seconds that one decision takes."""
    began = time.perf_counter()
    await policies.decide(a_call())
    return time.perf_counter() - began


async def main() -> None:
    """All the figures."""
    patient = Patience(failures=10**9)
    healthy = House().load(thirty(), patience=patient)
    await timed(healthy)

    async def one_by_one() -> list[float]:
        return [await timed(healthy) for _ in range(CALLS)]

    async def together() -> list[float]:
        rounds = [
            await gatherResults([ensureDeferred(timed(healthy)) for _ in range(AT_ONCE)])
            for _ in range(CALLS // AT_ONCE // 2)
        ]
        return [each for some in rounds for each in some]

    await measured(f"{PLUGINS} plugins, 8 questions each", one_by_one)
    await measured(f"the same, {AT_ONCE} calls at once", together)
    await healthy.close()
    hanging = House().load(thirty(Hangs), patience=patient)

    async def with_one_hanging() -> list[float]:
        return [await timed(hanging) for _ in range(4)]

    await measured("one hangs at one question (250 ms)", with_one_hanging)
    await hanging.close()
    few: dict[str, Any] = {f"p{index}": type(f"Few{index}", (Whole,), {"number": index}) for index in range(6)}
    usual = House().load(few, patience=patient)

    async def usual_calls() -> list[float]:
        return [await timed(usual) for _ in range(CALLS)]

    await measured("6 plugins, as most facilities have", usual_calls)
    await usual.close()


def run() -> None:
    """Run `main`, then stop, whatever comes of it."""
    running: Any = reactor

    def failed(failure: Any) -> None:
        failure.printTraceback()

    def start() -> None:
        ensureDeferred(main()).addErrback(failed).addBoth(lambda _: running.stop())

    running.callWhenRunning(start)
    running.run()


if __name__ == "__main__":
    run()
