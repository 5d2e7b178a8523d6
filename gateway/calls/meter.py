"""How many seconds a call has talked, as it is known now: what is paid for is used up by these alone. Pure."""

from dataclasses import dataclass


@dataclass
class Meter:
    """Goes by what the relay has counted of two-way media, and reckons that it flows on while the parties are joined.

    That is never less than what will be charged, save for a moment's delay of the relay's word. Times are seconds of
    one clock that is never set.
    """

    _counted: float = 0.0
    _since: float | None = None

    @property
    def runs(self) -> bool:
        """Whether the parties are joined."""
        return self._since is not None

    def join(self, now: float) -> None:
        """Media crosses from now on."""
        if self._since is None:
            self._since = now

    def part(self, now: float) -> None:
        """Media no longer crosses."""
        self._counted, self._since = self.used(now), None

    def count(self, flowing: int, now: float) -> None:
        """The relay has counted so many milliseconds up to now."""
        self._counted = flowing / 1000
        if self._since is not None:
            self._since = now

    def used(self, now: float) -> float:
        """Seconds so far."""
        return self._counted + (max(0.0, now - self._since) if self._since is not None else 0.0)
