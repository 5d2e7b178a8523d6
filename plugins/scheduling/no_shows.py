"""Visitors who do not come: how often they may, and what follows."""

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from parloir.api import Deny, Visit

from . import wall
from .reasons import NO_SHOWS
from .settings import NoShows
from .wanted import Wanted


def bookable_from(rule: NoShows, missed: Iterable[date]) -> date | None:
    """The first day on which a visitor who missed visits on these days may book again; None if they always might."""
    days = sorted(missed)
    full = (
        latest
        for earliest, latest in zip(days, days[rule.count - 1 :], strict=False)
        if latest - earliest <= timedelta(days=rule.within_days)
    )
    return max((latest + timedelta(days=rule.suspend_days) for latest in full), default=None)


def refusal(
    rule: NoShows, zone: ZoneInfo, wanted: Wanted, visits: Iterable[Visit], excused: Collection[str]
) -> Deny | None:
    """Why one of the visitors may not book now; `excused` are the missed visits that staff do not count.

    A suspension holds for bookings, not for visits booked before; days are those on the wall.
    """
    if wanted.privileged:
        return None
    missed = [visit for visit in visits if visit.state == "missed" and visit.id not in excused]
    for visitor in sorted(wanted.visitor_ids):
        theirs = (visit for visit in missed if any(who.id == visitor for who in visit.visitors))
        day = bookable_from(rule, (wall.day_of(visit.start, zone) for visit in theirs))
        if day is not None and wall.day_of(wanted.asked, zone) < day:
            return NO_SHOWS.deny(f"visitor {visitor}", count=rule.count, day=day.isoformat())
    return None


def since(rule: NoShows, at: datetime) -> datetime:
    """From when on missed visits can matter at that time."""
    return at - timedelta(days=rule.within_days + rule.suspend_days + 2)
