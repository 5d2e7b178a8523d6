"""Staying registered at a PBX (RFC 3261 section 10.2): when to register next, and at which of its addresses. Pure."""

from collections.abc import Callable

SOON = 4.0
LATE = 300.0
DENIED_SOON = 60.0
DENIED_LATE = 3600.0
LONGEST = 86_400


class TrunkRegistration:
    """`place` is the address in use, counted from 0; `due` is when to register next. Seconds of one clock.

    After a failure the other addresses are tried at once; after all of them it waits, twice as long each time, and
    never at the same moment as others (`jitter` answers from 0 to 1). A PBX that denies us is asked much less.
    """

    def __init__(self, places: int, expires: int, jitter: Callable[[], float], now: float) -> None:
        self.place = 0
        self.due = now
        self.asked = expires
        self._places = places
        self._jitter = jitter
        self._until = now
        self._failures = 0
        self._denials = 0

    def registered(self, now: float) -> bool:
        """Whether the PBX knows us now."""
        return now < self._until

    def accepted(self, granted: int, now: float) -> None:
        """The PBX took us for so many seconds: come again when a quarter of them, or half a minute, is left."""
        granted = max(1, min(granted, LONGEST))
        self._failures = self._denials = 0
        self._until = now + granted
        self.due = now + max(granted * 0.5, granted - max(30.0, granted * 0.25)) * (1 - 0.1 * self._jitter())

    def too_brief(self, least: int, now: float) -> None:
        """The PBX wants us to stay longer (423)."""
        if self.asked < least <= LONGEST:
            self.asked, self.due = least, now
        else:
            self.failed(now)

    def suspect(self, now: float, another: bool = False) -> None:
        """The address in use does not answer: try the next one at once, if there is one, or `another` server of it."""
        if another:
            self.due = now
        elif self._places > 1:
            self.place = (self.place + 1) % self._places
            self.due = now

    def failed(self, now: float, after: float = 0.0, denied: bool = False, servers: int = 0) -> None:
        """It did not work here; `after` is what the PBX asked us to wait. `servers` is how many there are at all its
        addresses, where one can have several."""
        self._failures += 1
        self._denials = self._denials + 1 if denied else 0
        self.place = (self.place + 1) % self._places
        each = max(servers, self._places)
        wait = 0.0 if self._failures % each else self._wait(self._failures // each - 1)
        self.due = now + max(wait, min(after, DENIED_LATE))
        if denied:
            self._until = now

    def _wait(self, rounds: int) -> float:
        first, most = (DENIED_SOON, DENIED_LATE) if self._denials else (SOON, LATE)
        longest: float = min(most, first * 2.0 ** min(rounds, 20))
        return longest * (0.5 + 0.5 * self._jitter())
