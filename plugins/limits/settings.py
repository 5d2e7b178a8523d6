"""What a facility writes under `plugins: limits:`."""

from typing import Annotated, Self, TypeAlias

from pydantic import Field, Strict, StringConstraints, model_validator

from parloir.api import Call, CallClass, Medium, Settings, Unfit, WayIn

from ..period import Per, Weekday

Minutes: TypeAlias = Annotated[int, Strict(), Field(ge=1, le=44_640)]
Notice: TypeAlias = Annotated[int, Strict(), Field(ge=1, le=3600)]
Need: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Factor: TypeAlias = Annotated[float, Field(ge=1.0, le=10.0)]


class Kind(Settings):
    """Which calls something counts; what is left out may be anything."""

    medium: Medium | None = None
    way_in: WayIn | None = None

    def counts(self, medium: Medium, way_in: WayIn) -> bool:
        """Whether a call of that medium and way in is of this kind."""
        return self.medium in (None, medium) and self.way_in in (None, way_in)


class Circle(Kind):
    """Whose calls a rule is for, beside their kind: those of a unit, or of facilities of a tier."""

    unit: str | None = None
    tier: str | None = None

    def fits(self, call: Call) -> bool:
        """Whether the rule is for this call. A resident's own unit goes before that of the phone."""
        unit = call.resident.unit if call.resident and call.resident.unit else call.unit
        return (
            self.counts(medium_of(call), call.way_in) and self.unit in (None, unit) and self.tier in (None, call.tier)
        )


class Duration(Circle):
    """How long one call may last. Without `class` it is for ordinary calls only."""

    minutes: Annotated[int, Strict(), Field(ge=1, le=1440)]
    call_class: CallClass = Field(default=CallClass.ORDINARY, alias="class")

    def fits(self, call: Call) -> bool:
        return self.call_class is call.call_class and super().fits(call)


class Quota(Circle):
    """How many minutes, or calls, a resident has in a period. Privileged calls use none and are not bound by it."""

    per: Per
    minutes: Minutes | None = None
    calls: Annotated[int, Strict(), Field(ge=1, le=10_000)] | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.minutes is None and self.calls is None:
            raise Unfit("a quota of nothing", "give minutes, or calls, or both")
        return self


class Gap(Kind):
    """How long a resident waits after a call before the next of its kind."""

    minutes: Annotated[int, Strict(), Field(ge=1, le=1440)]


class LimitsSettings(Settings):
    """Durations are tried from the top and the first that fits holds; all quotas and gaps that fit hold.

    `least` is in seconds: a call is not begun for less, and a shorter one begins no gap and uses up no call of a
    quota. `warnings` are seconds before a call's end at which both parties are told. `accommodations` says how many
    times as long a resident with that need has.
    """

    durations: tuple[Duration, ...] = ()
    quotas: tuple[Quota, ...] = ()
    gaps: tuple[Gap, ...] = ()
    least: Annotated[int, Strict(), Field(ge=1, le=3600)] = 60
    warnings: Annotated[tuple[Notice, ...], Field(max_length=5)] = (60, 10)
    week_starts: Weekday = Weekday.MONDAY
    accommodations: dict[Need, Factor] = Field(default_factory=dict)


def medium_of(call: Call) -> Medium:
    """Video where a picture crosses, else audio."""
    return Medium.VIDEO if Medium.VIDEO in call.media else Medium.AUDIO
