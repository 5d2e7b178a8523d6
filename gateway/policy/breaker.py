"""When a plugin that fails again and again is left alone, and when it is tried again. Pure."""

from dataclasses import dataclass

FAILURES = 3
REST = 30.0


@dataclass
class Breaker:
    """Counts one plugin's failures in a row; `now` is monotonic seconds.

    After `failures` of them it is broken for `rest` seconds. Then one question is let through: an answer mends it, a
    failure breaks it for as long again.
    """

    failures: int = FAILURES
    rest: float = REST
    in_a_row: int = 0
    broken_at: float | None = None
    probing: bool = False

    def may_ask(self, now: float) -> bool:
        """Whether the plugin may be asked now; the one who gets True must say how it went."""
        if self.broken_at is None:
            return True
        if self.probing or now - self.broken_at < self.rest:
            return False
        self.probing = True
        return True

    def answered(self) -> bool:
        """It answered; True when that mended it."""
        mended = self.broken_at is not None
        self.in_a_row, self.broken_at, self.probing = 0, None, False
        return mended

    def failed(self, now: float) -> bool:
        """It failed; True when that broke it."""
        self.in_a_row += 1
        breaks = self.broken_at is None and self.in_a_row >= self.failures
        if breaks or self.probing:
            self.broken_at, self.probing = now, False
        return breaks
