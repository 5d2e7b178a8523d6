"""Which calls a rule of a facility's prices is for. Pure."""

from zoneinfo import ZoneInfo

from pydantic import Field

from parloir.api import Call, CallClass, Medium, RelationshipKind, Settings, WayIn

from ..period import Weekday
from .clock_hours import DAYS, Hours


def medium_of(call: Call) -> Medium:
    """Video where a picture crosses, else audio."""
    return Medium.VIDEO if Medium.VIDEO in call.media else Medium.AUDIO


class Which(Settings):
    """The calls that all of these fit; what is left out may be anything.

    `hours` and `days` are by the facility's clock when the call begins; the price of then holds to its end. Hours that
    go past midnight belong to the day on which they begin.
    """

    call_class: CallClass | None = Field(default=None, alias="class")
    medium: Medium | None = None
    way_in: WayIn | None = None
    unit: str | None = None
    relationship: RelationshipKind | None = None
    days: frozenset[Weekday] | None = Field(default=None, min_length=1)
    hours: Hours | None = None

    @property
    def fits_all(self) -> bool:
        """Whether no ordinary call is left out."""
        bounds = (self.medium, self.way_in, self.unit, self.relationship, self.hours)
        everyday = self.days is None or len(self.days) == len(DAYS)
        return everyday and self.call_class in (None, CallClass.ORDINARY) and all(each is None for each in bounds)

    def fits(self, call: Call, zone: ZoneInfo) -> bool:
        """Whether the call is one of these. A resident's own unit goes before that of the phone."""
        unit = call.resident.unit if call.resident and call.resident.unit else call.unit
        return (
            self.call_class in (None, call.call_class)
            and self.medium in (None, medium_of(call))
            and self.way_in in (None, call.way_in)
            and self.unit in (None, unit)
            and (self.relationship is None or self.relationship in _ties(call))
            and self._is_then(call, zone)
        )

    def _is_then(self, call: Call, zone: ZoneInfo) -> bool:
        local = (call.answered or call.at).astimezone(zone)
        day = DAYS[local.weekday()] if self.hours is None else self.hours.began(local)
        return day is not None and (self.days is None or day in self.days)


def _ties(call: Call) -> set[RelationshipKind]:
    return {tie.kind for visitor in call.visitors for tie in visitor.with_resident(call.resident) if tie.holds(call.at)}
