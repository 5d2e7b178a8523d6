"""Plugins' tasks: each is done again and again in its plugin's own worker, and never twice at once."""

from collections.abc import Awaitable, Callable, Sequence
from inspect import iscoroutinefunction
from typing import Any, Protocol

from twisted.internet.defer import ensureDeferred

from parloir.policy.collections import Task
from parloir.policy.job import Raised, Returned
from parloir.policy.policies import Additions
from parloir.policy.values import Severity
from parloir.policy.worker import Late, Result

FIRST = 5.0
"""How soon a task is done first, in seconds: one done once a day must not wait a day after each restart."""
SHORTEST = 1.0


class Plugins(Protocol):
    """What tasks need of a facility's policies."""

    @property
    def additions(self) -> Sequence[Additions]: ...

    async def run(
        self, plugin: str, function: Callable[..., Any], arguments: tuple[Any, ...], within: float
    ) -> Result: ...

    def alarm(self, plugin: str, severity: Severity, code: str, text: str) -> None: ...


class Tasks:
    """All tasks of one facility's plugins."""

    def __init__(self, plugins: Plugins, reactor: Any) -> None:
        self._rounds = [
            Rounds(each.plugin, task, plugins, reactor) for each in plugins.additions for task in each.tasks
        ]

    def start(self) -> None:
        """Begin to do them."""
        for rounds in self._rounds:
            rounds.start()

    def close(self) -> None:
        """Begin none any more; a run in progress comes to its own end."""
        for rounds in self._rounds:
            rounds.close()


class Rounds:
    """One task, run after run. Staff are told when it begins to fail, and when it is well again."""

    def __init__(self, plugin: str, task: Task, plugins: Plugins, reactor: Any) -> None:
        self._plugin = plugin
        self._name = task.name
        self._every = max(task.every, SHORTEST)
        self._run = Alone(task.run)
        self._plugins = plugins
        self._reactor = reactor
        self._timer: Any = None
        self._failing = False
        self._closed = False

    def start(self) -> None:
        """Do it soon, and then every so many seconds."""
        self._in(min(FIRST, self._every))

    def close(self) -> None:
        """Do it no more."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _in(self, seconds: float) -> None:
        if not self._closed:
            self._timer = self._reactor.callLater(seconds, self._begin)

    def _begin(self) -> None:
        self._timer = None
        if self._run.busy:
            # A def that was given up cannot be stopped.
            self._failed("its earlier run has not come to an end")
            self._in(self._every)
        else:
            ensureDeferred(self._once())

    async def _once(self) -> None:
        began = self._reactor.seconds()
        result = await self._plugins.run(self._plugin, self._run.function, (), self._every)
        if self._closed:
            return
        match result:
            case Returned():
                self._went_well()
            case Raised():
                self._failed(result.error)
            case Late():
                self._failed(f"not done within {self._every:g} s, and given up")
            case _:
                self._failed("not begun: earlier runs of the plugin never came to an end")
        self._in(max(began + self._every - self._reactor.seconds(), SHORTEST))

    def _failed(self, error: str) -> None:
        if not self._failing:
            self._failing = True
            self._plugins.alarm(self._plugin, Severity.WARNING, "task_failed", f"failed at {self._name}: {error}")

    def _went_well(self) -> None:
        if self._failing:
            self._failing = False
            self._plugins.alarm(self._plugin, Severity.NOTICE, "task_mended", f"does {self._name} again")


class Alone:
    """Knows whether a task's `def` or `async def` is at work. `function` is what to run in its stead."""

    def __init__(self, run: Callable[[], Awaitable[None] | None]) -> None:
        self.busy = False
        self._run: Callable[[], Any] = run
        self.function: Callable[[], Any] = self._await if iscoroutinefunction(run) else self._call

    def _call(self) -> Any:
        self.busy = True
        try:
            return self._run()
        finally:
            self.busy = False

    async def _await(self) -> None:
        self.busy = True
        try:
            await self._run()
        finally:
            self.busy = False
