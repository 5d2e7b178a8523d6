"""What a facility writes under `plugins: scheduling:`."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Self

from pydantic import Field, PlainValidator, Strict, model_validator

from parloir.api import Settings, Unfit

from ..period import Weekday

WHOLE_DAY = 1440
TIMES = "write it like 09:00-11:30"


@dataclass(frozen=True)
class Times:
    """From one minute after local midnight to another; an end past 1440 is on the next day."""

    opens: int
    closes: int

    @classmethod
    def read(cls, value: Any) -> Self:
        """From text like 09:00-11:30, 13:00-24:00 or 22:00-01:30; raises Unfit."""
        if isinstance(value, cls):
            return value
        parts = [_minute(part) for part in str(value).split("-")]
        match parts:
            case [int(opens), int(closes)] if opens != closes and opens < WHOLE_DAY:
                return cls(opens, closes if closes > opens else closes + WHOLE_DAY)
        raise Unfit(f"{str(value)[:20]!r} is not a stretch of time", TIMES)


def _minute(text: str) -> int | None:
    hours, colon, minutes = text.strip().partition(":")
    if not (colon and len(hours) == len(minutes) == 2 and (hours + minutes).isascii() and (hours + minutes).isdigit()):
        return None
    minute = int(hours) * 60 + int(minutes)
    return minute if int(minutes) < 60 and minute <= WHOLE_DAY else None


def _date(value: Any) -> date:
    if type(value) is date:
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise Unfit(f"{str(value)[:20]!r} is not a date", "write it like 2030-12-24") from None


Range = Annotated[Times, PlainValidator(Times.read)]
Date = Annotated[date, PlainValidator(_date)]
Whole = Annotated[int, Strict(), Field(ge=1, le=100_000)]
Number = Annotated[int, Strict(), Field(ge=0, le=100_000)]
Units = tuple[Annotated[str, Field(min_length=1, max_length=200)], ...]


class Hours(Settings):
    """Times of day on some days of the week; no units: for all."""

    days: tuple[Weekday, ...] = Field(default=tuple(Weekday), min_length=1)
    times: tuple[Range, ...] = Field(min_length=1)
    units: Units = ()


class Blackout(Settings):
    """Dates on which there are no visits, both included; no `last`: one day; no `times`: all day."""

    first: Date
    last: Date | None = None
    times: tuple[Range, ...] = ()
    units: Units = ()

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last is not None and self.last < self.first:
            raise Unfit("the last day is before the first", "exchange them")
        return self


class NoShows(Settings):
    """After `count` missed visits within so many days a visitor may not book for `suspend_days` after the last."""

    count: Whole = 3
    within_days: Whole = 60
    suspend_days: Whole = 30


class SchedulingSettings(Settings):
    """When visits and calls may be; nothing written means nothing is forbidden, save that nobody is in two places."""

    hours: tuple[Hours, ...] = ()
    privileged_hours: tuple[Hours, ...] = ()
    phone_hours: tuple[Hours, ...] = ()
    counts: tuple[Hours, ...] = ()
    blackouts: tuple[Blackout, ...] = ()
    minutes: tuple[Annotated[int, Strict(), Field(ge=5, le=480)], ...] = Field(default=(30,), min_length=1)
    every: Annotated[int, Strict(), Field(ge=5, le=1440)] | None = None
    week_begins: Weekday = Weekday.MONDAY
    weekly_visits: Number | None = None
    gap_minutes: Number = 0
    book_hours_ahead: Number = 0
    book_days_ahead: Whole = 60
    cancel_hours_ahead: Number = 0
    visitors_at_once: Whole | None = None
    minors_need_adult: bool = True
    no_shows: NoShows | None = None
    lockdown_hours: Annotated[int, Strict(), Field(ge=1, le=72)] = 4
    move_within_days: Number = 7
    invitations_from: Annotated[str, Field(pattern=r"^[^\s@]+@[^\s@]+$", max_length=254)] = "no-reply@localhost"

    @property
    def step(self) -> int:
        """Minutes of the wall's clock from one slot's start to the next one's."""
        return self.every or min(self.minutes)
