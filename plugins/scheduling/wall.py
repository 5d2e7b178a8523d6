"""The clock on a facility's wall: when it shows a time, skips one, or shows one twice."""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from .span import Span

DAY = timedelta(days=1)


def at(day: date, minute: int) -> datetime:
    """What the clock shows so many minutes after midnight by its own face; 1440 and more are the next day."""
    return datetime.combine(day, time()) + timedelta(minutes=minute)


def shown(local: datetime, zone: ZoneInfo) -> datetime | None:
    """The first UTC moment at which the clock shows `local`, or None if it skips that time."""
    moment = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    return moment if moment.astimezone(zone).replace(tzinfo=None) == local else None


def first(local: datetime, zone: ZoneInfo) -> datetime:
    """The first UTC moment at which the clock shows `local`, or jumps over it."""
    return shown(local, zone) or _jump(local, zone)


def last(local: datetime, zone: ZoneInfo) -> datetime:
    """The last UTC moment at which the clock shows `local`, or jumps over it."""
    if shown(local, zone) is None:
        return _jump(local, zone)
    return local.replace(tzinfo=zone, fold=1).astimezone(UTC)


def is_shown_twice(moment: datetime, zone: ZoneInfo) -> bool:
    """Whether the clock shows the time of this moment at another moment too."""
    local = moment.astimezone(zone).replace(tzinfo=None)
    return first(local, zone) != last(local, zone)


def day_of(moment: datetime, zone: ZoneInfo) -> date:
    """The date on the wall."""
    return moment.astimezone(zone).date()


def days(within: Span, zone: ZoneInfo) -> Iterator[date]:
    """Each date the wall shows in that time, and the one before it, whose hours may reach past midnight."""
    day = day_of(within.start, zone) - DAY
    final = day_of(within.end, zone)
    while day <= final:
        yield day
        day += DAY


def _jump(local: datetime, zone: ZoneInfo) -> datetime:
    """When the clock jumps over `local`: fold 1 reads it by the offset after the jump, fold 0 by the one before."""
    early = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    late = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    after = late.astimezone(zone).utcoffset()

    def jumped(second: int) -> bool:
        return (early + timedelta(seconds=second)).astimezone(zone).utcoffset() == after

    span = int((late - early).total_seconds())
    return early + timedelta(seconds=bisect_left(range(span), True, key=jumped))
