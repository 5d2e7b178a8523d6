"""What plugins' threads hand to the reactor, taken in one turn: waking it for each would cost more than the work."""

from collections import deque
from collections.abc import Callable
from typing import Any


class Inbox:
    """Calls put in by any thread and made on the reactor's, in order."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._calls: deque[Callable[[], None]] = deque()
        self._woken = False

    def put(self, call: Callable[[], None]) -> None:
        """From any thread. Once the reactor has ended, the call is not made any more."""
        self._calls.append(call)
        if not self._woken:
            self._woken = True
            try:
                self._reactor.callFromThread(self._empty)
            except RuntimeError:  # the reactor's loop is closed
                return

    def _empty(self) -> None:
        self._woken = False  # before the first is taken: one put in from now on wakes the reactor again
        while self._calls:
            self._calls.popleft()()
