"""Blocks: staff's, which keep a visitor from residents, and visitors' own, which keep residents from them. Pure."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Block:
    """Staff keep a visitor from one resident, or from all (None) but the `exceptions`. `finish` None: for good."""

    id: str
    visitor: str
    resident: str | None
    reason: str
    entered_by: str
    start: datetime
    finish: datetime | None = None
    exceptions: frozenset[str] = frozenset()

    def holds(self, at: datetime) -> bool:
        """Whether it is in force at that moment."""
        return self.start <= at and (self.finish is None or at < self.finish)

    def reaches(self, resident: str | None) -> bool:
        """Whether it keeps the visitor from that resident; one of the whole facility does so where nobody is known."""
        if self.resident is None:
            return resident not in self.exceptions
        return self.resident == resident


@dataclass(frozen=True)
class SelfBlock:
    """A visitor wants no calls of one resident, or of any (None). Only the visitor ends it."""

    id: str
    visitor: str
    resident: str | None
    entered_by: str
    start: datetime

    def reaches(self, resident: str | None) -> bool:
        """Whether the visitor wants no calls of that resident."""
        return self.resident is None or self.resident == resident
