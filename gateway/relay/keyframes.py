"""Asking a party for a keyframe, but not more often than helps."""

INTERVAL = 500_000_000
"""The least time between two requests to one party, in ns; a keyframe takes a phone about that long."""


class KeyframeRequests:
    """Throttles requests to one party: one at once, further ones when the interval is over. Monotonic ns."""

    def __init__(self) -> None:
        self._asked: int | None = None
        self._wanted = False
        self._reminds = False

    def want(self) -> None:
        """A keyframe is wanted, as soon as `due` allows."""
        self._wanted = True

    def due(self, now: int) -> bool:
        """Whether a request that had to wait is to be made now; it then counts as made."""
        if not self._wanted or (self._asked is not None and now - self._asked < INTERVAL):
            return False
        self._asked, self._wanted, self._reminds = now, False, False
        return True

    def remind(self, now: int) -> int | None:
        """In how many ns a request that has to wait is `due`; None where none waits, or where that was told before."""
        if not self._wanted or self._asked is None or self._reminds:
            return None
        self._reminds = True
        return max(0, self._asked + INTERVAL - now)
