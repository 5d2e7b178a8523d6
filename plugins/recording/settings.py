"""What a facility writes under `plugins: recording:`. What is recorded it must say itself: there is no default."""

from enum import StrEnum
from typing import Annotated, Self, TypeAlias

from pydantic import Field, Strict, StringConstraints, model_validator

from parloir.api import Call, CallClass, Medium, Recording, Settings, Unfit

Days: TypeAlias = Annotated[int, Strict(), Field(ge=1, le=36_500)]
Name: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Role: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{0,31}$")]


class What(StrEnum):
    """Which calls are recorded: all that may be, those of the watch list, or none."""

    ORDINARY = "ordinary"
    WATCHED = "watched"
    NOTHING = "nothing"


class Watch(Settings):
    """The watch list: residents and visitors by their ids, stations and units by name."""

    residents: frozenset[Name] = frozenset()
    visitors: frozenset[Name] = frozenset()
    stations: frozenset[Name] = frozenset()
    units: frozenset[Name] = frozenset()

    def names(self, call: Call) -> bool:
        """Whether somebody or something of this call is on the list."""
        resident = call.resident.id if call.resident else ""
        unit = call.resident.unit if call.resident and call.resident.unit else call.unit
        return (
            resident in self.residents
            or call.station in self.stations
            or unit in self.units
            or any(visitor.id in self.visitors for visitor in call.visitors)
        )


class Retention(Settings):
    """How long recordings of a kind are kept; what is left out may be anything."""

    days: Days
    call_class: CallClass | None = Field(default=None, alias="class")
    medium: Medium | None = None

    def fits(self, recording: Recording) -> bool:
        """Whether this is for that recording. One of video is kept as video, whatever sound is in it."""
        medium = Medium.VIDEO if Medium.VIDEO in recording.media else Medium.AUDIO
        return self.call_class in (None, recording.call_class) and self.medium in (None, medium)


class RecordingSettings(Settings):
    """`keep` is tried from the top and the first that fits holds; what nothing fits is kept until staff decide.

    `play` and `export` are the roles of staff who may; nobody where they are left out. `expire` is how often, in
    seconds, recordings whose time is over are erased.
    """

    record: What
    watch: Watch = Watch()
    keep: tuple[Retention, ...] = ()
    holds: frozenset[Name] = frozenset()
    play: frozenset[Role] = frozenset()
    export: frozenset[Role] = frozenset()
    expire: Annotated[int, Strict(), Field(ge=60, le=604_800)] = 86_400

    @model_validator(mode="after")
    def _somebody_watched(self) -> Self:
        lists = (self.watch.residents, self.watch.visitors, self.watch.stations, self.watch.units)
        if self.record is What.WATCHED and not any(lists):
            raise Unfit("nobody is on the watch list", "name residents, visitors, stations or units under watch")
        if self.record is not What.WATCHED and any(lists):
            raise Unfit(f"a watch list, but record is {self.record}", "write record: watched, or remove watch")
        return self
