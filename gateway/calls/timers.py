"""A call's clocks, each under a name, so that setting one again replaces it and an ended call leaves none."""

from collections.abc import Callable
from typing import Any


class Timers:
    """Named timers on a reactor; seconds."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._running: dict[str, Any] = {}

    def start(self, name: str, seconds: float, act: Callable[[], None]) -> None:
        """Call `act` once after so many seconds, in place of an earlier timer of that name."""
        self.stop(name)

        def fire() -> None:
            del self._running[name]
            act()

        self._running[name] = self._reactor.callLater(seconds, fire)

    def stop(self, name: str) -> None:
        """Stop one timer, if it runs."""
        if timer := self._running.pop(name, None):
            timer.cancel()

    def stop_all(self) -> None:
        """Stop every timer."""
        while self._running:
            self._running.popitem()[1].cancel()
