"""Asking a facility's plugins, each by itself: what one does reaches neither the others nor the gateway.

`ask` is the only way to call a hook; pluggy's own (`manager.hook.x()`) would stop at the first that raises.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from twisted.internet.defer import Deferred, gatherResults, succeed

from parloir.policy.breaker import Breaker
from parloir.policy.job import Raised, Returned
from parloir.policy.pace import Pace
from parloir.policy.questions import question
from parloir.policy.trail import Answer, Outcome
from parloir.policy.values import Alert, Severity
from parloir.policy.worker import Late, Result, Worker

DEADLINE = 0.25
REMOTE_DEADLINE = 2.0


@dataclass(frozen=True)
class Implementation:
    """A hook as one plugin has it: what to call, and by which of the hook's arguments."""

    function: Callable[..., Any]
    arguments: tuple[str, ...]


@dataclass(eq=False)
class Enabled:
    """A plugin at work in one facility. `deadline` is how long its answer is waited for, in seconds."""

    name: str
    hooks: Mapping[str, Implementation]
    worker: Worker
    deadline: float = DEADLINE
    breaker: Breaker = field(default_factory=Breaker)


class Hooks:
    """The plugins of one facility, in the order of its configuration."""

    def __init__(self, plugins: Sequence[Enabled], pace: Pace, raise_alert: Callable[[Alert], None]) -> None:
        self.plugins = tuple(plugins)
        self._pace = pace
        self._raise_alert = raise_alert

    def having(self, hook: str) -> tuple[Enabled, ...]:
        """The plugins that have this hook."""
        return tuple(each for each in self.plugins if hook in each.hooks)

    async def ask(self, hook: str, /, within: float | None = None, **arguments: Any) -> tuple[Answer, ...]:
        """Ask all plugins that have the hook at once; one answer of each, in the configuration's order.

        Takes no longer than the longest of their deadlines, or `within` seconds where that is given, and raises
        nothing for a plugin's fault.
        """
        plugins = self.having(hook)
        if not plugins:
            return ()
        await self._pace.turn()
        try:
            asked = [self._ask(plugin, hook, within or plugin.deadline, arguments) for plugin in plugins]
        except BaseException:
            self._pace.release()
            raise
        answers: list[Answer] = await self._pace.last(gatherResults(asked))
        return tuple(answers)

    def _ask(self, plugin: Enabled, hook: str, deadline: float, arguments: Mapping[str, Any]) -> "Deferred[Answer]":
        began = monotonic()
        if not plugin.breaker.may_ask(began):
            return succeed(Answer(plugin.name, Outcome.BROKEN, error="not asked: it failed again and again"))
        implementation = plugin.hooks[hook]
        given = tuple(arguments[name] for name in implementation.arguments)
        ran = plugin.worker.run(implementation.function, given, deadline, question(hook).values)
        return ran.addCallback(lambda result: self._judged(plugin, hook, result, monotonic() - began))

    def _judged(self, plugin: Enabled, hook: str, result: Result, seconds: float) -> Answer:
        match result:
            case Returned(value=None):
                answer = Answer(plugin.name, Outcome.SILENT, seconds=seconds)
            case Returned():
                answer = Answer(plugin.name, Outcome.ANSWERED, result.value, seconds=seconds)
            case Raised():
                answer = Answer(plugin.name, Outcome.RAISED, error=result.error, seconds=seconds)
            case Late():
                error = f"no answer within {seconds:.2g} s"
                answer = Answer(plugin.name, Outcome.LATE, error=error, seconds=seconds)
            case _:
                error = "not asked: its earlier runs never came to an end"
                answer = Answer(plugin.name, Outcome.BROKEN, error=error, seconds=seconds)
        self._count(plugin, hook, answer)
        return answer

    def _count(self, plugin: Enabled, hook: str, answer: Answer) -> None:
        if not answer.failed:
            if plugin.breaker.answered():
                self._alert(plugin, Severity.NOTICE, "plugin_mended", "answers again and is asked as before")
            return
        broke = plugin.breaker.failed(monotonic())
        if answer.outcome is not Outcome.BROKEN:
            self._alert(plugin, Severity.WARNING, "plugin_failed", f"failed at {hook}: {answer.error}")
        if broke:
            text = f"failed {plugin.breaker.failures} times in a row and is left alone for {plugin.breaker.rest:g} s"
            self._alert(plugin, Severity.URGENT, "plugin_broken", text)

    def _alert(self, plugin: Enabled, severity: Severity, code: str, text: str) -> None:
        self._raise_alert(Alert(severity=severity, code=code, text=f"{plugin.name} {text}"[:500], subject=plugin.name))
