"""A stretch of real time, from a UTC moment up to another."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, order=True)
class Span:
    """From `start` up to, not including, `end`; both UTC."""

    start: datetime
    end: datetime

    def holds(self, moment: datetime) -> bool:
        """Whether the moment lies in it."""
        return self.start <= moment < self.end

    def covers(self, other: "Span") -> bool:
        """Whether all of the other lies in it."""
        return self.start <= other.start and other.end <= self.end

    def meets(self, other: "Span") -> bool:
        """Whether the two share any time."""
        return self.start < other.end and other.start < self.end


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same time in as few spans as can be, in order; those that touch become one, empty ones vanish."""
    result: list[Span] = []
    for span in sorted(span for span in spans if span.start < span.end):
        if result and span.start <= result[-1].end:
            result[-1] = Span(result[-1].start, max(result[-1].end, span.end))
        else:
            result.append(span)
    return tuple(result)
