"""When a call must end, and the warnings before that."""

from collections.abc import Callable
from datetime import datetime, timedelta

from parloir.calls.meter import Meter
from parloir.calls.timeline import Clock
from parloir.calls.timers import Timers

LAST_MINUTE = 60
LAST_SECONDS = 10
SOONEST = 0.2
"""Seconds after which the end is looked at again where what is paid for is all but used up."""


class Deadline:
    """A call's end as it is known now: at `latest`, and sooner when the seconds are talked that are paid for.

    `over` is called at either, and `warn` with the seconds left then, each of them once; both are told whether it is
    for the money. What is paid for is used up while media flows: otherwise that end moves out, and its warnings do.
    """

    def __init__(
        self,
        latest: datetime,
        timers: Timers,
        clock: Clock,
        over: Callable[[bool], None],
        warn: Callable[[int, bool], None],
    ) -> None:
        self.latest = latest
        self.paid: int | None = None
        self._meter = Meter()
        self._timers = timers
        self._clock = clock
        self._over = over
        self._warn = warn
        self._marks: set[int] = set()

    def set(self, latest: datetime, warnings: tuple[int, ...] = (), paid: int | None = None) -> None:
        """Let the call end then, or when so many seconds were talked as are `paid` for (None: all).

        There is a warning so many seconds before, if that is to come: always in the last minute and seconds.
        """
        for mark in self._marks:
            self._timers.stop(f"warn {mark}")
        self.latest, self.paid = latest, paid
        left = (latest - self._clock.wall()).total_seconds()
        shortest = left if paid is None else min(left, paid)
        self._marks = {mark for mark in (LAST_MINUTE, LAST_SECONDS, *warnings) if mark < shortest}
        self._arm()

    @property
    def runs(self) -> bool:
        """Whether media crosses, so that what is paid for is used up."""
        return self._meter.runs

    @property
    def talked(self) -> float:
        """Seconds in which media flowed both ways so far."""
        return self._meter.used(self._now())

    @property
    def paid_left(self) -> float | None:
        """For how many seconds more of talking is paid; None: for as long as the call may last."""
        return None if self.paid is None else max(0.0, self.paid - self.talked)

    @property
    def ends(self) -> datetime:
        """When the call ends if media flows from now on."""
        left = self.paid_left
        return self.latest if left is None else min(self.latest, self._clock.wall() + timedelta(seconds=left))

    def join(self) -> None:
        """Media crosses from now on."""
        self._meter.join(self._now())
        self._arm()

    def part(self) -> None:
        """Media no longer crosses."""
        self._meter.part(self._now())
        self._arm()

    def count(self, flowing: int) -> None:
        """The relay has counted so many milliseconds of two-way media up to now."""
        self._meter.count(flowing, self._now())
        self._arm()

    def _now(self) -> float:
        return self._clock.monotonic() / 1e9

    def _arm(self) -> None:
        left, money = (self.latest - self._clock.wall()).total_seconds(), False
        paid = self.paid_left if self.runs else None
        if paid is not None and max(paid, SOONEST) < left:
            left, money = max(paid, SOONEST), True
        self._timers.start("limit", max(0.0, left), lambda: self._over(money))
        for mark in self._marks:
            after = max(0.0, left - mark)
            self._timers.start(f"warn {mark}", after, lambda mark=mark: self._say(mark, money))  # type: ignore[misc]

    def _say(self, mark: int, money: bool) -> None:
        self._marks.discard(mark)
        self._warn(mark, money)
