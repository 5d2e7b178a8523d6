"""News to plugins: each plugin at its own pace, in order, each item until the plugin has taken it.

A plugin's cursor is stored after the item was taken, so that a crash between the two tells it again: at least once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from twisted.internet.defer import ensureDeferred

from parloir.policy.hooks import Enabled
from parloir.policy.job import Raised, Returned, describe
from parloir.policy.participants import Resident
from parloir.policy.values import Alert, Call, Happening, Severity, Visit

DEADLINE = 5.0
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 300.0
MOST = 100
URGENT_AFTER = 8


@dataclass(frozen=True)
class Item:
    """One piece of news: the hook it goes to, whom or what it is about, and what happened."""

    hook: str
    subject: Call | Visit | Resident | Alert
    event: Happening


class Journal(Protocol):
    """Where news is kept, and each plugin's place in it."""

    async def after(self, position: int, most: int) -> Sequence[Item]:
        """The news after a position, rising, at most so many."""

    async def cursor(self, plugin: str) -> int:
        """The position of the last item the plugin has taken; 0 before the first."""

    async def advance(self, plugin: str, position: int) -> None:
        """The plugin has taken all up to this position."""


class Courier:
    """Brings one plugin its news."""

    def __init__(self, plugin: Enabled, journal: Journal, reactor: Any, raise_alert: Callable[[Alert], None]) -> None:
        self._plugin = plugin
        self._journal = journal
        self._reactor = reactor
        self._raise_alert = raise_alert
        self._busy = False
        self._more = False
        self._closed = False
        self._failures = 0
        self._retry: Any = None

    @property
    def plugin(self) -> str:
        """Whom it brings news."""
        return self._plugin.name

    def wake(self) -> None:
        """There is news, or may be."""
        self._more = True
        if not self._busy and not self._closed and self._retry is None:
            self._busy = True
            ensureDeferred(self._run())

    def close(self) -> None:
        """Bring no more; what was not taken is brought by the next courier."""
        self._closed = True
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    async def _run(self) -> None:
        error = ""
        while self._more and not self._closed and not error:
            self._more = False
            try:
                error = await self._deliver()
            except Exception as fault:
                error = describe(fault)
        self._busy = False
        if error and not self._closed:
            self._pause(error)

    async def _deliver(self) -> str:
        """Bring all there is; answers what went wrong, or nothing."""
        name = self._plugin.name
        position = await self._journal.cursor(name)
        while items := await self._journal.after(position, MOST):
            taken = position
            for item in items:
                if item.hook in self._plugin.hooks:
                    if self._closed or (error := await self._tell(item)):
                        return "" if self._closed else error
                    self._failures = 0
                    taken = item.event.position
                    await self._journal.advance(name, taken)
            position = items[-1].event.position
            if position != taken:
                await self._journal.advance(name, position)
        return ""

    async def _tell(self, item: Item) -> str:
        hook = self._plugin.hooks[item.hook]
        names = {"call": item.subject, "visit": item.subject, "person": item.subject, "alert": item.subject}
        given = tuple({**names, "event": item.event}[name] for name in hook.arguments)
        result = await self._plugin.worker.run(hook.function, given, DEADLINE, background=True)
        match result:
            case Returned():
                return ""
            case Raised():
                return f"{item.hook} {item.event.position}: {result.error}"
        return f"{item.hook} {item.event.position}: not done within {DEADLINE:g} s"

    def _pause(self, error: str) -> None:
        self._failures += 1
        if self._failures in (1, URGENT_AFTER):
            severity = Severity.WARNING if self._failures == 1 else Severity.URGENT
            text = f"{self._plugin.name} does not take its news, and is told again later: {error}"[:500]
            self._raise_alert(Alert(severity=severity, code="news_refused", text=text, subject=self._plugin.name))
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self._failures - 1, 20))
        self._retry = self._reactor.callLater(pause, self._again)

    def _again(self) -> None:
        self._retry = None
        self.wake()
