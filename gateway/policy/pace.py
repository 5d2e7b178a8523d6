"""One question at a time: many asked together would have their plugins' threads crowd out the reactor."""

from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredLock

T = TypeVar("T")
TURN = 0.02


class Pace:
    """Turns for asking, in the order of coming. One for all facilities of a process is best."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._lock = DeferredLock()

    async def turn(self) -> None:
        """Wait for a turn; `last` or `release` ends it."""
        await self._lock.acquire()

    def last(self, work: "Deferred[T]") -> "Deferred[T]":
        """The turn lasts until the work is done, but no longer than TURN seconds: who hangs holds up nobody."""

        def done(result: T) -> T:
            if timer.active():
                timer.cancel()
                self.release()
            return result

        timer = self._reactor.callLater(TURN, self.release)
        return work.addBoth(done)

    def release(self) -> None:
        """The next may ask."""
        self._lock.release()
