"""How long before a visit it may be booked and cancelled."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from parloir.api import BookedBy, Deny

from . import wall
from .reasons import IN_PAST, TOO_FAR, TOO_LATE_TO_CANCEL, TOO_SOON
from .settings import SchedulingSettings
from .wanted import Wanted


def refusal(settings: SchedulingSettings, zone: ZoneInfo, wanted: Wanted) -> Deny | None:
    """Why it is too soon or too late to ask for this visit. Staff may book at any time."""
    if wanted.by is BookedBy.STAFF:
        return None
    if wanted.span.start < wanted.asked:
        return IN_PAST.deny()
    if wanted.span.start < wanted.asked + timedelta(hours=settings.book_hours_ahead):
        return TOO_SOON.deny(hours=settings.book_hours_ahead)
    days = wall.day_of(wanted.span.start, zone) - wall.day_of(wanted.asked, zone)
    if days > timedelta(days=settings.book_days_ahead):
        return TOO_FAR.deny(days=settings.book_days_ahead)
    return None


def cancelling(settings: SchedulingSettings, start: datetime, now: datetime, by: BookedBy) -> Deny | None:
    """Why it is too late to cancel a visit that begins at `start`. Staff may cancel at any time."""
    if by is not BookedBy.STAFF and now > start - timedelta(hours=settings.cancel_hours_ahead):
        return TOO_LATE_TO_CANCEL.deny(hours=settings.cancel_hours_ahead)
    return None
