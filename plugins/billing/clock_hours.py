"""Hours of the day by a facility's clock, as `08:00-18:00` or, past midnight, `22:00-06:00`. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Self, TypeAlias

from pydantic import PlainValidator

from parloir.api import Unfit

from ..period import Weekday

DAYS = tuple(Weekday)
_TIMES = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-(?:([01][0-9]|2[0-3]):([0-5][0-9])|(24):(00))")


@dataclass(frozen=True)
class ClockHours:
    """From one minute after midnight up to another; an end that is not later is on the next day."""

    start: int
    end: int

    @classmethod
    def read(cls, value: object) -> Self:
        """From text; raises Unfit."""
        if isinstance(value, cls):
            return value
        found = _TIMES.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise Unfit("these are not hours of the day", "write them like 08:00-18:00")
        first, first_minute, last, last_minute = (int(part) for part in found.groups() if part is not None)
        start, end = first * 60 + first_minute, last * 60 + last_minute
        if start == end:
            raise Unfit("these hours are none at all", "leave them out for the whole day")
        return cls(start, end)

    def began(self, local: datetime) -> Weekday | None:
        """The day on which the hours began that a local time lies in; None where it lies in none."""
        minute, today = local.hour * 60 + local.minute, DAYS[local.weekday()]
        if self.start < self.end:
            return today if self.start <= minute < self.end else None
        if minute >= self.start:
            return today
        return DAYS[(local.date() - timedelta(days=1)).weekday()] if minute < self.end else None


Hours: TypeAlias = Annotated[ClockHours, PlainValidator(ClockHours.read)]
