"""Whether a child process still answers: one that hangs holds its calls for ever, and none but its parent can tell."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.protocols import amp
from twisted.python.failure import Failure


class Ping(amp.Command):
    """Are you there? A child that knows no such command says so, which shows as well that it lives."""


@dataclass
class Pulse:
    """Asks every so many seconds, and calls `dead` once when so many askings in a row went by without an answer.

    It counts its own askings and no time, so that a parent that was held up itself does not blame its children.
    """

    reactor: Any
    dead: Callable[[], None]
    every: float = 5.0
    most_missed: int = 6
    _missed: int = 0
    _timer: Any = None

    def start(self, connection: amp.AMP) -> None:
        """Begin to ask the child at the other end, in place of an earlier one."""
        self.stop()
        self._missed = 0
        self._timer = self.reactor.callLater(self.every, self._ask, connection)

    def stop(self) -> None:
        """Ask no more."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _ask(self, connection: amp.AMP) -> None:
        if self._missed >= self.most_missed:
            self._timer = None
            self.dead()
            return
        self._missed += 1
        connection.callRemote(Ping).addBoth(self._answered, connection)  # type: ignore[no-untyped-call]
        self._timer = self.reactor.callLater(self.every, self._ask, connection)

    def _answered(self, answer: object, connection: amp.AMP) -> None:
        lost = isinstance(answer, Failure) and connection.transport is None
        self._missed = self._missed if lost else 0
