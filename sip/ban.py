"""A source that guessed passwords, and for how long nothing of its is read; kept across a restart."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Ban:
    """An IP literal and its ban. Times are seconds since 1970; `count` is how often it was banned in a row."""

    host: str
    count: int
    since: float
    until: float


class BanStore(Protocol):
    """Where bans outlive the process; save and forget return at once and write behind, in order."""

    def save(self, ban: Ban) -> None: ...

    def forget(self, host: str) -> None: ...

    async def left_over(self) -> list[Ban]:
        """Those of the previous run, ended ones among them."""
