"""As much of a reactor as policies need, turned only while a test waits for an answer."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, TypeVar

from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure

T = TypeVar("T")


@dataclass(eq=False)
class Timer:
    """A call that is due at a monotonic time, unless it is cancelled before."""

    due: float
    call: Callable[[], object]
    done: bool = False

    def active(self) -> bool:
        """Whether the call is still to be made."""
        return not self.done

    def cancel(self) -> None:
        """Do not make the call."""
        self.done = True


class Loop:
    """Waits for one coroutine at a time, beside any reactor or none. Its methods bear the names of Twisted's."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._timers: list[Timer] = []

    def callFromThread(self, call: Callable[..., object], *arguments: Any) -> None:  # noqa: N802
        """Make the call at the next turn; from any thread."""
        self._calls.put(partial(call, *arguments))

    def callLater(self, seconds: float, call: Callable[..., object], *arguments: Any) -> Timer:  # noqa: N802
        """Make the call after so many seconds."""
        timer = Timer(monotonic() + seconds, partial(call, *arguments))
        self._timers.append(timer)
        return timer

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Turn until `work` is done; returns or raises what it does."""
        outcome: list[Any] = []
        ensureDeferred(work).addBoth(outcome.append)
        while not outcome:
            self._turn()
        if isinstance(outcome[0], Failure):
            outcome[0].raiseException()
        result: T = outcome[0]
        return result

    def _turn(self) -> None:
        self._timers = [timer for timer in self._timers if timer.active()]
        first = min(self._timers, key=lambda timer: timer.due, default=None)
        try:
            call = self._calls.get(timeout=max(0.0, first.due - monotonic()) if first else None)
        except Empty:
            if first is not None:
                first.done = True
                first.call()
            return
        call()
