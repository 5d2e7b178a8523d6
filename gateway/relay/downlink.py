"""Whether the way to a browser bears the phone's picture, where the phone cannot be asked to send less. Pure."""

PATIENCE = 4
"""Looks in a row at which the picture must be too much before it is paused."""
MARGIN = 1.1
"""By how much the picture may exceed the browser's own estimate, which lags behind and errs to the low side."""
FIRST_REST, LONGEST_REST = 20.0, 160.0
"""Seconds for which a picture rests: the browser's estimate cannot rise without one, so it is tried again."""
STEADY = 60.0
"""Seconds of picture after which the next rest is a short one again."""


class Downlink:
    """Looks once a second; the sound is never paused, so that a bad network costs a visit its picture alone."""

    def __init__(self) -> None:
        self.paused = False
        self._octets: int | None = None
        self._looked = 0.0
        self._over = 0
        self._since = 0.0
        self._rest = FIRST_REST

    def look(self, octets: int, bears: int | None, now: float) -> bool:
        """Whether the picture must rest from now on; seconds on any steady clock.

        `octets` counts all that the phone has sent of it; `bears` is the browser's estimate (REMB) in bits a second,
        None where it has none.
        """
        rate = self._rate(octets, now)
        if self.paused:
            if now - self._since >= self._rest:
                self._turn(False, now)
                self._rest = min(2 * self._rest, LONGEST_REST)
            return self.paused
        self._over = self._over + 1 if bears is not None and rate > MARGIN * bears else 0
        if self._over >= PATIENCE:
            if now - self._since >= STEADY:
                self._rest = FIRST_REST
            self._turn(True, now)
        return self.paused

    def _rate(self, octets: int, now: float) -> float:
        before, self._octets = self._octets, octets
        passed, self._looked = now - self._looked, now
        return 0.0 if before is None or passed <= 0 else 8 * (octets - before) / passed

    def _turn(self, paused: bool, now: float) -> None:
        self.paused, self._since, self._over = paused, now, 0
