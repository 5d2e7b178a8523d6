"""Plugins' tasks: when they are done, what staff hear of their failures, and when they end."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from pytest_twisted import ensureDeferred
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.threads import deferToThread

from parloir.api import Task
from parloir.calls.tasks import FIRST, Alone, Tasks
from parloir.policy.job import Raised, Returned
from parloir.policy.policies import Additions
from parloir.policy.values import Severity
from parloir.policy.worker import Late, Result

from .policy_plugins import House, answering


@dataclass
class FakePlugins:
    """Runs nothing: a test says how each run went."""

    additions: tuple[Additions, ...]
    runs: list[Deferred[Result]] = field(default_factory=list)
    alarms: list[tuple[Severity, str]] = field(default_factory=list)

    async def run(self, plugin: str, function: Callable[..., Any], arguments: tuple[Any, ...], within: float) -> Result:
        self.runs.append(Deferred())
        return await self.runs[-1]

    def alarm(self, plugin: str, severity: Severity, code: str, text: str) -> None:
        self.alarms.append((severity, code))


def begun(every: float) -> tuple[FakePlugins, Clock, Tasks]:
    """One task, started."""
    plugins, clock = FakePlugins((Additions("tidy", tasks=(Task("sweep", every, lambda: None),)),)), Clock()
    tasks = Tasks(plugins, clock)
    tasks.start()
    return plugins, clock, tasks


def test_a_task_is_done_soon_and_then_every_so_many_seconds() -> None:
    plugins, clock, _ = begun(86_400.0)
    clock.advance(FIRST)
    assert len(plugins.runs) == 1
    clock.advance(100)
    plugins.runs[0].callback(Returned(None, 0.0))
    clock.advance(86_299)
    assert len(plugins.runs) == 1
    clock.advance(1)
    assert len(plugins.runs) == 2


def test_a_run_in_progress_keeps_the_next_from_beginning() -> None:
    plugins, clock, _ = begun(10.0)
    clock.pump([5.0, *[10.0] * 5])
    assert len(plugins.runs) == 1


def test_staff_are_told_once_that_a_task_fails_and_once_that_it_is_well_again() -> None:
    plugins, clock, _ = begun(10.0)
    clock.advance(5)
    for result in (Raised("ValueError: no", 0.0), Late(), Returned(None, 0.0), Returned(None, 0.0)):
        plugins.runs[-1].callback(result)
        clock.advance(10)
    assert plugins.alarms == [(Severity.WARNING, "task_failed"), (Severity.NOTICE, "task_mended")]


def test_tasks_end_at_a_reload_and_a_run_in_progress_is_not_followed_by_another() -> None:
    plugins, clock, tasks = begun(10.0)
    clock.advance(5)
    tasks.close()
    plugins.runs[0].callback(Raised("too late to matter", 0.0))
    clock.advance(100)
    assert len(plugins.runs) == 1
    assert plugins.alarms == []
    assert clock.getDelayedCalls() == []


@ensureDeferred
async def test_a_run_that_was_given_up_but_goes_on_is_not_overtaken() -> None:
    begin, release = Event(), Event()

    def hang() -> None:
        begin.set()
        release.wait(10)

    alone = Alone(hang)
    run: Deferred[None] = deferToThread(alone.function)
    await deferToThread(begin.wait, 10)
    assert alone.busy
    release.set()
    await run
    assert not alone.busy


@ensureDeferred
async def test_a_plugins_own_tasks_run_in_its_worker_and_what_they_raise_reaches_staff() -> None:
    done: Deferred[None] = Deferred()
    house = House()

    async def good() -> None:
        reactor.callFromThread(done.callback, None)

    def bad() -> None:
        raise SystemExit(3)

    tasks = (Task("good", 3600.0, good), Task("bad", 3600.0, bad))
    policies = house.load({"tidy": answering(register_tasks=tasks)})
    clock = Clock()
    Tasks(policies, clock).start()
    clock.advance(FIRST)
    await done
    while not house.alerts:
        await deferToThread(lambda: None)
    assert [(each.code, each.subject) for each in house.alerts] == [("task_failed", "tidy")]
    assert "bad" in house.alerts[0].text
    await policies.close()
