"""When a call must end, and the warnings before that."""

from collections.abc import Callable
from datetime import datetime

from parloir.calls.timers import Timers

LAST_MINUTE = 60
LAST_SECONDS = 10


class Deadline:
    """A call's end as it is known now; setting it again replaces it. `warn` is called with the seconds left then."""

    def __init__(
        self,
        ends: datetime,
        timers: Timers,
        now: Callable[[], datetime],
        over: Callable[[], None],
        warn: Callable[[int], None],
    ) -> None:
        self.ends = ends
        self._timers = timers
        self._now = now
        self._over = over
        self._warn = warn
        self._names: set[str] = set()

    def set(self, ends: datetime, warnings: tuple[int, ...] = ()) -> None:
        """Let the call end then, with a warning so many seconds before: always in the last minute and seconds."""
        for name in self._names:
            self._timers.stop(name)
        self.ends = ends
        left = (ends - self._now()).total_seconds()
        self._timers.start("limit", max(0.0, left), self._over)
        for seconds in {LAST_MINUTE, LAST_SECONDS, *warnings}:
            if left > seconds:
                self._start(f"warn {seconds}", left - seconds, seconds)

    def _start(self, name: str, after: float, seconds: int) -> None:
        self._names.add(name)
        self._timers.start(name, after, lambda: self._warn(seconds))
