"""What a plugin does to itself: nobody else waits for it, is held by it, or falls with it."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from pytest_twisted import async_yield_fixture, ensureDeferred
from twisted.internet import defer, reactor
from twisted.internet.defer import gatherResults
from twisted.internet.task import Clock, LoopingCall, deferLater

from parloir.api import Allow, Call, Cap, CapKind, DenialKind, Deny, Discount, Facility, Settings, hookimpl
from parloir.config.caps import LegalCap
from parloir.policy.decision import Decision
from parloir.policy.loader import Patience
from parloir.policy.policies import Policies
from parloir.policy.questions import MOST
from parloir.policy.trail import Outcome, Reply
from parloir.policy.worker import Late, Worker
from tests.policy_plugins import PATIENT, QUICK, House, a_call, answering

SLEEP = 0.4
"""Longer than every deadline here, and short enough that no thread outlives its test by much."""


@dataclass
class Bench:
    """Loads policies of classes, and takes them down."""

    house: House = field(default_factory=House)
    opened: list[Policies] = field(default_factory=list)

    def load(self, *plugins: type, patience: Patience = QUICK) -> Policies:
        self.opened.append(self.house.load(dict(zip("abcdefgh", plugins, strict=False)), patience=patience))
        return self.opened[-1]

    @property
    def alerts(self) -> list[str]:
        return [alert.code for alert in self.house.alerts]


@async_yield_fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    for policies in made.opened:
        await policies.close()


def reply(decision: Decision, plugin: str = "a", question: str = "authorize_call") -> Reply:
    """What came of asking one plugin."""
    [asked] = [each for each in decision.trail if each.question == question]
    return next(each for each in asked.replies if each.plugin == plugin)


class Plugin:
    """Base of this file's plugins."""

    api = 1

    def __init__(self, settings: Settings, facility: Facility) -> None: ...


class Sleeps(Plugin):
    @hookimpl
    def authorize_call(self, call: Call) -> None:
        time.sleep(SLEEP)


class SleepsInCoroutine(Plugin):
    @hookimpl
    async def authorize_call(self, call: Call) -> None:
        time.sleep(SLEEP)  # noqa: ASYNC251 - the very mistake


class SwallowsCancellation(Plugin):
    @hookimpl
    async def authorize_call(self, call: Call) -> Allow:
        until = time.monotonic() + SLEEP
        while time.monotonic() < until:
            try:
                await asyncio.sleep(SLEEP)
            except asyncio.CancelledError:
                continue
        return Allow()


class Forever(Plugin):
    @hookimpl
    async def authorize_call(self, call: Call) -> None:
        await asyncio.Event().wait()


def raising(error: BaseException) -> Callable[..., None]:
    def fail(*given: object) -> None:
        raise error

    return fail


class Unspeakable(Exception):
    """An error that cannot even be told."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    "error",
    [ValueError("no such unit"), SystemExit(1), KeyboardInterrupt(), asyncio.CancelledError(), GeneratorExit()],
    ids=lambda error: type(error).__name__,
)
@ensureDeferred
async def test_whatever_a_plugin_raises_is_its_answer(bench: Bench, error: BaseException) -> None:
    class RaisesAsync(Plugin):
        @hookimpl
        async def authorize_call(self, call: Call) -> None:
            raise error

    others = RaisesAsync, answering(authorize_call=Allow())
    policies = bench.load(answering(authorize_call=raising(error)), *others, patience=PATIENT)
    decision = await policies.decide(a_call())
    for plugin in "ab":
        assert reply(decision, plugin).outcome is Outcome.RAISED
        assert reply(decision, plugin).error.startswith(type(error).__name__)
        assert "test_policy_isolation.py:" in reply(decision, plugin).error
    assert reply(decision, "c").outcome is Outcome.ANSWERED
    assert bench.alerts == ["plugin_failed", "plugin_failed"]


@ensureDeferred
async def test_an_error_that_cannot_be_told_is_told_as_that(bench: Bench) -> None:
    policies = bench.load(answering(authorize_call=raising(Unspeakable())), patience=PATIENT)
    decision = await policies.decide(a_call())
    assert "its text cannot be had" in reply(decision).error


@pytest.mark.parametrize("wrong", ["yes", True, Discount(5, "x"), (Allow(), Allow()), [], type("Own", (Deny,), {})])
@ensureDeferred
async def test_an_answer_that_the_hook_does_not_list_is_a_failure(bench: Bench, wrong: Any) -> None:
    value = wrong(DenialKind.ORDER, "own") if isinstance(wrong, type) else wrong
    decision = await bench.load(answering(authorize_call=lambda call: value), patience=PATIENT).decide(a_call())
    assert reply(decision).outcome is Outcome.RAISED
    assert "return Allow, Deny or None" in reply(decision).error


@ensureDeferred
async def test_more_values_than_anybody_needs_are_a_failure(bench: Bench) -> None:
    outcomes = []
    for count in (MOST, MOST + 1):
        caps = (Cap(60, CapKind.POLICY, "minute"),) * count
        decision = await bench.load(answering(limit_call=caps), patience=PATIENT).decide(a_call())
        outcomes.append(reply(decision, question="limit_call").outcome)
    assert outcomes == [Outcome.ANSWERED, Outcome.RAISED]


@ensureDeferred
async def test_a_def_that_returns_a_coroutine_is_told_to_be_async(bench: Bench) -> None:
    async def later() -> None: ...

    decision = await bench.load(answering(authorize_call=lambda call: later()), patience=PATIENT).decide(a_call())
    assert "write async def" in reply(decision).error


@pytest.mark.parametrize("plugin", [Sleeps, SleepsInCoroutine, SwallowsCancellation, Forever])
@ensureDeferred
async def test_past_the_deadline_the_answer_is_late_and_the_others_count(bench: Bench, plugin: type) -> None:
    policies = bench.load(plugin, answering(authorize_call=Allow()))
    decision = await policies.decide(a_call())
    assert reply(decision).outcome is Outcome.LATE
    assert reply(decision, "b").outcome is Outcome.ANSWERED
    assert decision.denial is not None
    assert (decision.denial.plugin, decision.denial.code) == ("a", "policy_failed")


@ensureDeferred
async def test_what_came_after_its_deadline_is_late_even_where_nobody_had_noticed_yet() -> None:
    class Held(Clock):
        """A reactor whose timers come too late."""

        def callFromThread(self, call: Callable[..., Any], *arguments: Any) -> None:  # noqa: N802
            reactor.callFromThread(call, *arguments)

    worker = Worker("a", Held())
    assert isinstance(await worker.run(lambda: time.sleep(0.02), (), 0.01), Late)
    worker.close()


@pytest.mark.parametrize("plugin", [Sleeps, SleepsInCoroutine, SwallowsCancellation, Forever])
@ensureDeferred
async def test_the_reactor_is_never_held(bench: Bench, plugin: type) -> None:
    held = []
    for _ in range(
        3
    ):  # a busy machine may pause the process too, but not three times; a held reactor is held each time
        policies = bench.load(plugin, plugin, plugin)
        beats: list[float] = []
        heart = LoopingCall(lambda beats=beats: beats.append(time.monotonic()))
        heart.start(0.005)
        await gatherResults([policy_call(policies) for _ in range(4)])
        heart.stop()
        held.append(max(later - earlier for earlier, later in pairwise(beats)))
    assert min(held) < 0.05


def policy_call(policies: Policies) -> "defer.Deferred[Decision]":
    return defer.ensureDeferred(policies.decide(a_call()))


@ensureDeferred
async def test_a_hung_thread_is_replaced_and_the_next_call_answered(bench: Bench) -> None:
    first = threading.Event()

    def once(call: Call) -> Allow:
        if not first.is_set():
            first.set()
            time.sleep(SLEEP)
        return Allow()

    policies = bench.load(answering(authorize_call=once))
    assert reply(await policies.decide(a_call())).outcome is Outcome.LATE
    assert reply(await policies.decide(a_call())).outcome is Outcome.ANSWERED


@ensureDeferred
async def test_a_held_loop_is_replaced(bench: Bench) -> None:
    class HoldsOnce(Plugin):
        held = False

        @hookimpl
        async def authorize_call(self, call: Call) -> Allow:
            if not HoldsOnce.held:
                HoldsOnce.held = True
                time.sleep(SLEEP)  # noqa: ASYNC251 - the very mistake
            return Allow()

    policies = bench.load(HoldsOnce)
    outcomes = [reply(await policies.decide(a_call())).outcome for _ in range(4)]
    assert outcomes[0] is Outcome.LATE
    assert outcomes[-1] is Outcome.ANSWERED


@ensureDeferred
async def test_coroutines_of_one_plugin_run_side_by_side(bench: Bench) -> None:
    class Waits(Plugin):
        @hookimpl
        async def authorize_call(self, call: Call) -> Allow:
            await asyncio.sleep(0.05)
            return Allow()

    policies = bench.load(Waits, patience=PATIENT)
    decisions = await gatherResults([policy_call(policies) for _ in range(10)])
    assert {reply(each).outcome for each in decisions} == {Outcome.ANSWERED}


@ensureDeferred
async def test_a_remote_plugin_may_take_longer(bench: Bench) -> None:
    class Remote(Plugin):
        remote = True

        @hookimpl
        async def authorize_call(self, call: Call) -> Allow:
            await asyncio.sleep(0.15)
            return Allow()

    assert reply(await bench.load(Remote).decide(a_call())).outcome is Outcome.ANSWERED


@ensureDeferred
async def test_a_plugin_that_never_returns_is_not_given_thread_after_thread(bench: Bench) -> None:
    gate = threading.Event()
    policies = bench.load(answering(authorize_call=lambda call: gate.wait() and None))
    before = threading.active_count()
    outcomes = [reply(await policies.decide(a_call())).outcome for _ in range(7)]
    assert threading.active_count() - before <= 5
    assert outcomes == [Outcome.LATE] * 4 + [Outcome.BROKEN] * 3
    gate.set()
    await deferLater(reactor, 0.05)
    assert reply(await policies.decide(a_call())).outcome is Outcome.SILENT


@ensureDeferred
async def test_after_three_failures_in_a_row_a_plugin_is_left_alone_with_one_alert(bench: Bench) -> None:
    asked: list[object] = []

    def fail(call: Call) -> None:
        asked.append(call)
        raise ValueError

    policies = bench.load(answering(authorize_call=fail), patience=Patience(rest=0.1))
    decisions = [await policies.decide(a_call()) for _ in range(5)]
    assert len(asked) == 3
    assert reply(decisions[-1]).outcome is Outcome.BROKEN
    assert all(each.denial is not None for each in decisions)
    assert bench.alerts == ["plugin_failed"] * 3 + ["plugin_broken"]
    assert await policies.health() == {"a": False}


@ensureDeferred
async def test_a_mended_plugin_is_asked_again(bench: Bench) -> None:
    answers: list[Any] = [ValueError("down")] * 3

    def now(call: Call) -> Allow:
        if answers:
            raise answers.pop()
        return Allow()

    policies = bench.load(answering(authorize_call=now), patience=Patience(rest=0.05))
    for _ in range(3):
        await policies.decide(a_call())
    await deferLater(reactor, 0.06)
    assert (await policies.decide(a_call())).denial is None
    assert bench.alerts[-1] == "plugin_mended"
    assert await policies.health() == {"a": True}


@ensureDeferred
async def test_what_a_plugin_says_of_its_health_is_shown(bench: Bench) -> None:
    policies = bench.load(
        answering(check_health=True), answering(check_health=False), answering(check_health=raising(OSError())), Plugin
    )
    assert await policies.health() == {"a": True, "b": False, "c": False, "d": True}


@ensureDeferred
async def test_a_plugin_that_overwrites_what_it_is_shown_changes_nothing_for_others(bench: Bench) -> None:
    def vandal(call: Call) -> None:
        object.__setattr__(call, "resident", None)
        object.__setattr__(call, "route", None)

    seen: list[Call] = []
    policies = bench.load(answering(identify_resident=vandal), answering(limit_call=seen.append))
    decision = await policies.decide(a_call())
    assert decision.denial is None
    assert seen[0].resident == a_call().resident
    assert seen[0].route == a_call().route


@ensureDeferred
async def test_a_fault_of_the_gateways_own_denies_the_call(bench: Bench) -> None:
    def no_rates(call: Call) -> LegalCap:
        raise KeyError("tier")

    policies = bench.house.load({}, ceiling=no_rates)
    decision = await policies.decide(a_call())
    assert decision.denial is not None
    assert decision.denial.code == "policy_failed"
    assert bench.alerts == ["policy_fault"]


@ensureDeferred
async def test_a_fault_of_the_gateways_own_in_mid_call_leaves_the_limit_as_it_was(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fault(*_: object) -> None:
        raise KeyError("tier")

    policies = bench.load()
    decision = await policies.decide(a_call())
    monkeypatch.setattr("parloir.policy.policies.limit_again", fault)
    assert await policies.limit_again(a_call(), decision) == decision
    assert bench.alerts == ["policy_fault"]


def test_a_hung_plugin_does_not_keep_the_process_from_ending() -> None:
    program = """
from twisted.internet import asyncioreactor
asyncioreactor.install()
from twisted.internet import defer, reactor
import time
from tests.policy_plugins import QUICK, House, a_call, answering
policies = House().load({"a": answering(authorize_call=lambda call: time.sleep(600))}, patience=QUICK)
def ask():
    defer.ensureDeferred(policies.decide(a_call())).addCallback(lambda d: (print(d.denial.code), reactor.stop()))
reactor.callWhenRunning(ask)
reactor.run()
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert ran.stdout.strip() == "policy_failed", ran.stderr
    assert ran.returncode == 0
