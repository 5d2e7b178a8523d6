"""How many visits a resident may have in a week, and how much time must lie between two."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from parloir.api import Deny, Visit

from ..period import Per, period
from . import wall
from .reasons import GAP, WEEKLY_VISITS
from .settings import SchedulingSettings
from .span import Span
from .wanted import Wanted, is_privileged

USED = frozenset({"scheduled", "active", "done", "missed"})
"""States of a visit that has used up its place in the week; a cancelled one gives it back."""


def week_of(settings: SchedulingSettings, zone: ZoneInfo, moment: datetime) -> Span:
    """The week of that moment, from local midnight to local midnight."""
    return Span(*period(Per.WEEK, moment, zone, settings.week_begins))


def around(settings: SchedulingSettings, zone: ZoneInfo, span: Span) -> Span:
    """The time whose visits must be known to judge one at that span: its week, and the gaps on both sides."""
    week = week_of(settings, zone, span.start)
    gap = timedelta(minutes=settings.gap_minutes)
    return Span(min(week.start, span.start - gap), max(week.end, span.end + gap))


def refusal(settings: SchedulingSettings, zone: ZoneInfo, wanted: Wanted, visits: Iterable[Visit]) -> Deny | None:
    """Why the resident may not have one more visit then; privileged visits neither count nor are counted.

    A visit belongs to the week in which it begins, by the clock on the wall.
    """
    if wanted.privileged or wanted.resident is None:
        return None
    theirs = [visit for visit in visits if _counts(visit, wanted)]
    week = week_of(settings, zone, wanted.span.start)
    count = sum(week.holds(visit.start) for visit in theirs)
    if settings.weekly_visits is not None and count >= settings.weekly_visits:
        return WEEKLY_VISITS.deny(
            f"{count} in the week of {wall.day_of(week.start, zone)}", count=settings.weekly_visits
        )
    gap = timedelta(minutes=settings.gap_minutes)
    wide = Span(wanted.span.start - gap, wanted.span.end + gap)
    if gap and any(wide.meets(Span(visit.start, visit.end)) for visit in theirs):
        return GAP.deny(minutes=settings.gap_minutes)
    return None


def _counts(visit: Visit, wanted: Wanted) -> bool:
    return (
        visit.state in USED
        and visit.id != wanted.id
        and visit.resident is not None
        and visit.resident.id == wanted.resident
        and not is_privileged(visit.call_class, visit.resident, visit.visitors)
    )
