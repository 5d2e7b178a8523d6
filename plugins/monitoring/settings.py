"""What a facility writes under `plugins: monitoring:`."""

from enum import StrEnum
from typing import Annotated, Self, TypeAlias

from pydantic import Field, StringConstraints, model_validator

from parloir.api import Action, Call, CallClass, Settings, Unfit

Name: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Role: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{0,31}$")]
Number: TypeAlias = Annotated[str, StringConstraints(pattern=r"^\+?[0-9 ()./-]{3,32}$")]

LIVE = frozenset({Action.LISTEN, Action.WATCH, Action.WARN, Action.MUTE, Action.PAUSE, Action.WHISPER, Action.BARGE})
"""What is done to live calls, and is this plugin's to judge."""
SPOKEN = frozenset({Action.WHISPER, Action.BARGE})


class Which(StrEnum):
    """Which calls may be monitored: all that may be, or none."""

    ORDINARY = "ordinary"
    NOTHING = "nothing"


class Rule(Settings):
    """Staff with one of `roles` may do `acts` to calls of these `units`, or of all where none is named.

    `class` can only be `ordinary`: it is there to be read by people.
    """

    roles: Annotated[frozenset[Role], Field(min_length=1)]
    acts: Annotated[frozenset[Action], Field(min_length=1)] = LIVE
    units: frozenset[Name] = frozenset()
    call_class: CallClass = Field(default=CallClass.ORDINARY, alias="class")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.call_class is not CallClass.ORDINARY:
            raise Unfit(f"class {self.call_class}", "nobody can listen to calls that are not ordinary: leave it out")
        if other := sorted(self.acts - LIVE):
            raise Unfit(f"acts names {', '.join(other)}", f"name some of {', '.join(sorted(LIVE))}")
        return self

    def fits(self, call: Call, action: Action, roles: frozenset[str]) -> bool:
        """Whether it lets somebody with these roles do that to the call."""
        return action in self.acts and bool(self.roles & roles) and (not self.units or unit_of(call) in self.units)


class HotList(Settings):
    """Whose calls staff are told of: residents and visitors by their ids, and visitors' telephone numbers."""

    residents: frozenset[Name] = frozenset()
    visitors: frozenset[Name] = frozenset()
    numbers: frozenset[Number] = frozenset()


class MonitoringSettings(Settings):
    """`present` are units whose calls pause while nobody listens. `reasons` are acts for which a reason must be given.

    `hot` is the hot list's part that only the configuration changes; staff keep the rest through the routes.
    """

    monitor: Which = Which.ORDINARY
    rules: tuple[Rule, ...] = (Rule(roles=frozenset({"officer"})),)
    present: frozenset[Name] = frozenset()
    reasons: frozenset[Action] = SPOKEN
    hot: HotList = HotList()

    @model_validator(mode="after")
    def _somebody_can_be_present(self) -> Self:
        if self.present and self.monitor is Which.NOTHING:
            raise Unfit("present names units, but monitor is nothing", "write monitor: ordinary, or remove present")
        listened = [rule for rule in self.rules if Action.LISTEN in rule.acts]
        for unit in sorted(self.present):
            if not any(not rule.units or unit in rule.units for rule in listened):
                raise Unfit(f"nobody may listen to unit {unit}, whose calls wait for somebody who does", "add a rule")
        return self


def unit_of(call: Call) -> str:
    """The resident's unit, else the station's."""
    return call.resident.unit if call.resident and call.resident.unit else call.unit


def digits(number: str) -> str:
    """A telephone number as it is compared."""
    return "".join(character for character in number if character.isdigit())
