"""Days, weeks and months as a facility's clock counts them. Pure."""

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


class Per(StrEnum):
    """How long something is counted before the count begins anew, at local midnight."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Weekday(StrEnum):
    """The day that a week begins with."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"

    @property
    def number(self) -> int:
        """0 for Monday, as `date.weekday` counts."""
        return list(Weekday).index(self)


def period(per: Per, at: datetime, zone: ZoneInfo, first: Weekday = Weekday.MONDAY) -> tuple[datetime, datetime]:
    """The first moment of the period that holds `at`, and the first after it, both UTC.

    A day on which the clocks change is shorter or longer; where they change at midnight, the day begins with the
    first moment that bears its date.
    """
    day = at.astimezone(zone).date()
    match per:
        case Per.DAY:
            start, after = day, day + timedelta(days=1)
        case Per.WEEK:
            start = day - timedelta(days=(day.weekday() - first.number) % 7)
            after = start + timedelta(days=7)
        case Per.MONTH:
            start = day.replace(day=1)
            after = (start + timedelta(days=31)).replace(day=1)
    return midnight(start, zone), midnight(after, zone)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
