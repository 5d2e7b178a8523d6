"""A time that staff closed the facility or a unit for: a lockdown, or a blackout they planned."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from parloir.api import Deny

from .reasons import BLACKOUT, LOCKDOWN
from .span import Span

NEVER = datetime.max.replace(tzinfo=UTC)


class ClosureKind(StrEnum):
    """LOCKDOWN holds from the moment it is entered, BLACKOUT is planned."""

    LOCKDOWN = "lockdown"
    BLACKOUT = "blackout"


@dataclass(frozen=True)
class Closure:
    """Nobody visits or calls from `start` to `finish` (None: until it is lifted). `unit` None is the whole facility."""

    id: str
    kind: ClosureKind
    unit: str | None
    start: datetime
    finish: datetime | None
    why: str
    by: str
    lifted: datetime | None = None

    @property
    def span(self) -> Span:
        """When it holds; one that was lifted held until then."""
        ends = [moment for moment in (self.finish, self.lifted) if moment is not None]
        return Span(self.start, min(ends, default=NEVER))

    def concerns(self, unit: str) -> bool:
        """Whether it holds for a station of that unit."""
        return self.unit is None or self.unit == unit

    def deny(self) -> Deny:
        """The denial of what falls in it."""
        reason = LOCKDOWN if self.kind is ClosureKind.LOCKDOWN else BLACKOUT
        return reason.deny(f"{self.kind} {self.id} by {self.by}: {self.why}")


def in_the_way(closures: Iterable[Closure], unit: str, span: Span) -> Closure | None:
    """The closure that a visit in that unit and time would fall into, a lockdown first.

    A lockdown whose end nobody knows forbids the calls of now, not the visits of next week: see `ahead`.
    """
    found = [closure for closure in closures if closure.concerns(unit) and closure.span.meets(span)]
    return min(found, key=lambda closure: closure.kind is not ClosureKind.LOCKDOWN, default=None)


def ahead(closure: Closure, until: datetime) -> Closure:
    """The closure as bookings see it: one without an end is taken to last until then."""
    if closure.span.end < NEVER:
        return closure
    return Closure(closure.id, closure.kind, closure.unit, closure.start, until, closure.why, closure.by)
