"""Visiting hours, count times and blackouts as real time.

Hours mean the first showing of a time that the clock shows twice; what forbids lasts until the second.
"""

from collections.abc import Iterable
from datetime import date
from zoneinfo import ZoneInfo

from . import wall
from .settings import Blackout, Hours, Times
from .span import Span, joined

ALL_DAY = (Times(0, 1440),)


def applying(hours: Iterable[Hours], unit: str) -> tuple[Hours, ...]:
    """The entries that name the unit, or, where none does, those that name no unit."""
    everything = tuple(hours)
    return tuple(entry for entry in everything if unit in entry.units) or tuple(
        entry for entry in everything if not entry.units
    )


def openings(hours: tuple[Hours, ...], unit: str, day: date) -> tuple[Times, ...]:
    """The visiting hours of a unit that begin on a day; without any entry the whole day."""
    if not hours:
        return ALL_DAY
    return tuple(times for entry in applying(hours, unit) if _weekday(entry, day) for times in entry.times)


def open_spans(hours: tuple[Hours, ...], unit: str, zone: ZoneInfo, within: Span) -> tuple[Span, ...]:
    """When a unit has its visiting hours, at least within that time."""
    return joined(
        Span(wall.first(wall.at(day, times.opens), zone), wall.first(wall.at(day, times.closes), zone))
        for day in wall.days(within, zone)
        for times in openings(hours, unit, day)
    )


def count_spans(counts: tuple[Hours, ...], unit: str, zone: ZoneInfo, within: Span) -> tuple[Span, ...]:
    """When the people of a unit are counted: by the entries that name it and by those that name none."""
    return joined(
        _forbidden(day, times, zone)
        for entry in counts
        if not entry.units or unit in entry.units
        for day in wall.days(within, zone)
        if _weekday(entry, day)
        for times in entry.times
    )


def blackout_spans(blackouts: tuple[Blackout, ...], unit: str, zone: ZoneInfo, within: Span) -> tuple[Span, ...]:
    """When a unit has no visits by the calendar."""
    return joined(
        _forbidden(day, times, zone)
        for entry in blackouts
        if not entry.units or unit in entry.units
        for day in wall.days(within, zone)
        if entry.first <= day <= (entry.last or entry.first)
        for times in entry.times or ALL_DAY
    )


def _weekday(entry: Hours, day: date) -> bool:
    return day.weekday() in {each.number for each in entry.days}


def _forbidden(day: date, times: Times, zone: ZoneInfo) -> Span:
    return Span(wall.first(wall.at(day, times.opens), zone), wall.last(wall.at(day, times.closes), zone))
