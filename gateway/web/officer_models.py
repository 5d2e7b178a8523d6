"""The bodies of what officers see of live calls, and do to them."""

from typing import Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from parloir.calls.acts_speech import INSIDE, Speaker, Spoken
from parloir.calls.call import Recorded
from parloir.calls.wall import Tile
from parloir.config import prompts
from parloir.store.calls import CallClass
from parloir.web.models import Body, Words
from parloir.web.recording_models import ListenerBody, Why


class SpeakerBody(Body):
    """Someone who speaks to a call, to the party inside or to both; `heard` once it reaches them."""

    id: str
    user: str
    name: str
    to: Literal["inside", "both"]
    since: AwareDatetime
    heard: bool

    @classmethod
    def of(cls, speaker: Speaker) -> Self:
        return cls(
            id=speaker.id,
            user=speaker.user,
            name=speaker.name,
            to="inside" if speaker.to == INSIDE else "both",
            since=speaker.since,
            heard=speaker.heard,
        )


class TileBody(Body):
    """A live call on the wall. `opens`: it can be listened to, as far as its class and its notice go; `attended`: it
    pauses while nobody listens; `withheld`: what an officer keeps from crossing, such as `visitor video`; `recorded`:
    `failed` once it is not recorded any more, though both were told that it would be."""

    id: str
    facility: str
    station: str
    unit: str
    resident: str
    visitors: tuple[str, ...]
    call_class: CallClass = Field(serialization_alias="class")
    state: str
    opened: AwareDatetime
    ends: AwareDatetime
    video: bool
    opens: bool
    attended: bool
    holds: tuple[str, ...]
    withheld: tuple[str, ...]
    listeners: tuple[ListenerBody, ...]
    speaker: SpeakerBody | None
    recorded: Recorded

    @classmethod
    def of(cls, tile: Tile) -> Self:
        return cls(
            id=tile.id,
            facility=tile.facility,
            station=tile.station,
            unit=tile.unit,
            resident=tile.resident,
            visitors=tile.visitors,
            call_class=CallClass(tile.call_class.value),
            state=tile.state,
            opened=tile.opened,
            ends=tile.ends,
            video=tile.video,
            opens=tile.opens,
            attended=tile.attended,
            holds=tile.holds,
            withheld=tile.withheld,
            listeners=tuple(map(ListenerBody.of, tile.listeners)),
            speaker=SpeakerBody.of(tile.speaker) if tile.speaker else None,
            recorded=tile.recorded,
        )


class WarningBody(Body):
    """A warning that can be spoken to both."""

    name: str
    en: str
    es: str

    @classmethod
    def named(cls, name: str) -> Self:
        return cls(name=name, en=prompts.text(name, "en"), es=prompts.text(name, "es"))


class WallBody(Body):
    """All live calls, the oldest first, and the warnings there are."""

    calls: list[TileBody]
    warnings: list[WarningBody]


class Because(Body):
    """Why something is done, for the record; the facility's policies may insist on it."""

    reason: str = Field("", max_length=500)


class Warn(Because):
    """A warning: one of those that are spoken to both, or a text for the visitor's page, or both."""

    prompt: str | None = None
    text: Words | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.prompt is None and self.text is None:
            raise ValueError("give a prompt or a text")
        return self


class Withhold(Because):
    """Keep a party's sound or picture from crossing (`on`), or let it cross again."""

    party: Literal["inside", "visitor"]
    kind: Literal["audio", "video"]
    on: bool


class Speech(Body):
    """An officer's browser that will speak: what it offers to send (SDP), to whom, and why."""

    sdp: str = Field(max_length=32_000)
    to: Literal["inside", "both"]
    reason: Why


class Speaking(Body):
    """A speaker who was let in, and the answer (SDP)."""

    speaker: SpeakerBody
    sdp: str

    @classmethod
    def of(cls, spoken: Spoken) -> Self:
        return cls(speaker=SpeakerBody.of(spoken.speaker), sdp=spoken.sdp)
