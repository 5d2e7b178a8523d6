"""The times that can be booked, cut from visiting hours by the clock on the wall."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from . import wall
from .hours import open_spans, openings
from .settings import Hours
from .span import Span


def slots(hours: tuple[Hours, ...], unit: str, zone: ZoneInfo, within: Span, *, minutes: int, every: int) -> list[Span]:
    """Spans of so many real minutes, one every so many minutes of the clock from each opening on, in order.

    A start that the clock skips is left out, one that it shows twice stands once, at its first showing. Where the
    clock goes forward, a slot that would begin inside the one before it is left out too, unless slots overlap anyway.
    """
    length = timedelta(minutes=minutes)
    hours_open = open_spans(hours, unit, zone, within)
    starts = {
        start
        for day in wall.days(within, zone)
        for times in openings(hours, unit, day)
        for minute in range(times.opens, times.closes, every)
        if (start := wall.shown(wall.at(day, minute), zone)) is not None
    }
    result: list[Span] = []
    for start in sorted(starts):
        span = Span(start, start + length)
        if not any(each.covers(span) for each in hours_open):
            continue
        if result and start < result[-1].start + timedelta(minutes=min(minutes, every)):
            continue
        result.append(span)
    return [span for span in result if within.covers(span)]
