"""Wrong visit codes: after five in a row a station must pause, so that codes cannot be guessed. Pure."""

from dataclasses import dataclass, field

TRIES = 5
PAUSE = 300.0


@dataclass
class CodeGuard:
    """Counts wrong codes per station; times are monotonic seconds. A six-digit code has a million values; five
    tries each five minutes are at most 1,440 of them a day."""

    tries: int = TRIES
    pause: float = PAUSE
    wrong: dict[str, int] = field(default_factory=dict)
    until: dict[str, float] = field(default_factory=dict)

    def paused(self, station: str, now: float) -> float:
        """Seconds that the station must still wait, 0 if it may dial."""
        return max(0.0, self.until.get(station, 0.0) - now)

    def missed(self, station: str, now: float) -> bool:
        """Count a wrong code; say whether it began a pause."""
        self.wrong[station] = self.wrong.get(station, 0) + 1
        if self.wrong[station] < self.tries:
            return False
        self.wrong[station] = 0
        self.until[station] = now + self.pause
        return True

    def matched(self, station: str) -> None:
        """A right code clears the count."""
        self.wrong.pop(station, None)
