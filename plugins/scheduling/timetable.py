"""When one unit is open and when it is not, from its hours, count times, blackouts and closures together."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from parloir.api import Deny

from .closure import Closure, in_the_way
from .hours import blackout_spans, count_spans, open_spans
from .reasons import BLACKOUT, COUNT, OUTSIDE_HOURS
from .settings import Hours, SchedulingSettings
from .span import Span


@dataclass(frozen=True)
class Timetable:
    """What holds for a unit in the time it was made for."""

    unit: str
    opened: tuple[Span, ...]
    counts: tuple[Span, ...]
    blackouts: tuple[Span, ...]
    closures: tuple[Closure, ...]

    def refusal(self, span: Span) -> Deny | None:
        """Why there is no visit or call for the whole of that time."""
        if closure := in_the_way(self.closures, self.unit, span):
            return closure.deny()
        if any(each.meets(span) for each in self.blackouts):
            return BLACKOUT.deny()
        if any(each.meets(span) for each in self.counts):
            return COUNT.deny()
        if not any(each.covers(span) for each in self.opened):
            return OUTSIDE_HOURS.deny()
        return None

    def closes(self, moment: datetime) -> datetime:
        """Until when it stays open from a moment at which it is."""
        shut = [*self.counts, *self.blackouts, *(each.span for each in self.closures if each.concerns(self.unit))]
        ends = [each.end for each in self.opened if each.holds(moment)]
        return min([*ends, *(each.start for each in shut if each.start >= moment)], default=moment)


def timetable(
    settings: SchedulingSettings,
    hours: tuple[Hours, ...],
    unit: str,
    zone: ZoneInfo,
    within: Span,
    closures: Iterable[Closure],
) -> Timetable:
    """The timetable of a unit for that time, with these visiting hours."""
    return Timetable(
        unit=unit,
        opened=open_spans(hours, unit, zone, within),
        counts=count_spans(settings.counts, unit, zone, within),
        blackouts=blackout_spans(settings.blackouts, unit, zone, within),
        closures=tuple(closures),
    )


def visiting_hours(settings: SchedulingSettings, privileged: bool) -> tuple[Hours, ...]:
    """The hours that hold for a visit."""
    return settings.privileged_hours if privileged and settings.privileged_hours else settings.hours
