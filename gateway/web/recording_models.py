"""The bodies of what concerns recordings and listeners."""

from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, Field, StringConstraints

from parloir.calls.listening import Admitted, Listener
from parloir.calls.shelf import Detail, Making
from parloir.policy.facility import ErasedRecording
from parloir.store.audit import Record
from parloir.store.call_notes import Note
from parloir.store.calls import CallClass
from parloir.store.recording_holds import Hold
from parloir.store.recording_marks import Mark
from parloir.store.recordings import Recording, State
from parloir.web.models import Body, Name

Why = Annotated[
    str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Text = Annotated[str, StringConstraints(min_length=1, max_length=1000, strip_whitespace=True, pattern=r"^[^\x00]+$")]
LONGEST = 24 * 3600 * 1000


class Offer(Body):
    """A listener's browser: what it offers to receive (SDP), and why its user listens.

    With `thumbnails` it is sent a keyframe now and then instead of pictures, and no sound.
    """

    sdp: str = Field(max_length=32_000)
    reason: str = Field("", max_length=500)
    thumbnails: bool = False


class ListenerBody(Body):
    """Someone who listens to a call, or sees its thumbnails; `hears` once media reaches their browser."""

    id: str
    call: str
    user: str
    name: str
    since: AwareDatetime
    hears: bool
    thumbnails: bool

    @classmethod
    def of(cls, listener: Listener) -> Self:
        return cls(
            id=listener.id,
            call=listener.call,
            user=listener.user,
            name=listener.name,
            since=listener.since,
            hears=listener.hears,
            thumbnails=listener.sparse,
        )


class ListenerList(Body):
    """Who listens to a call now."""

    listeners: list[ListenerBody]


class Listening(Body):
    """A listener who was let in, and the answer (SDP): first audio and video the phone's, second the visitor's."""

    listener: ListenerBody
    sdp: str

    @classmethod
    def of(cls, admitted: Admitted) -> Self:
        return cls(listener=ListenerBody.of(admitted.listener), sdp=admitted.sdp)


class RecordingQuery(Body):
    """Which recordings; what is left out may be anything. `person` is part of a resident's or visitor's name, or all
    of their number; `note` is part of a note or bookmark, or of a note on the call; `resident` and `visitor` are
    ids; `before` is not included.
    """

    facility: Name | None = None
    station: Name | None = None
    call: Name | None = None
    resident: Name | None = None
    visitor: Name | None = None
    after: AwareDatetime | None = None
    before: AwareDatetime | None = None
    state: State | None = None
    call_class: CallClass | None = Field(None, alias="class")
    person: str = Field("", max_length=200)
    note: str = Field("", max_length=200)


class RecordingBody(Body):
    """One recording; `hash` is the last of its journal's chain, `held` says that a legal hold is in force."""

    id: str
    call: str
    facility: str
    station: str
    visitor: str
    resident: str
    call_class: CallClass = Field(serialization_alias="class")
    held: bool
    begun: AwareDatetime
    ended: AwareDatetime | None
    state: State
    octets: int
    hash: str
    failure: str
    erased: AwareDatetime | None

    @classmethod
    def of(cls, recording: Recording) -> Self:
        return cls(**{name: getattr(recording, name) for name in cls.model_fields})


class RecordingList(Body):
    """Recordings, the newest first; with `more`, there are older ones that it does not show."""

    recordings: list[RecordingBody]
    more: bool


class MarkBody(Body):
    """A bookmark, `at` so many milliseconds into the recording; without it a note."""

    id: int
    at: int | None
    text: str
    made: AwareDatetime
    made_by: str

    @classmethod
    def of(cls, mark: Mark) -> Self:
        return cls(id=mark.id, at=mark.at, text=mark.text, made=mark.made, made_by=mark.made_by)


class NewMark(Body):
    """A bookmark or a note to be added."""

    at: int | None = Field(None, ge=0, le=LONGEST)
    text: Text


class NoteBody(Body):
    """A note on the recorded call, live or over, as a plugin handed it on. It cannot be taken away."""

    text: str
    made: AwareDatetime
    made_by: str

    @classmethod
    def of(cls, note: Note) -> Self:
        return cls(text=note.text, made=note.made, made_by=note.made_by)


class HoldBody(Body):
    """A legal hold, in force until it was lifted."""

    reason: str
    placed: AwareDatetime
    placed_by: str
    lifted: AwareDatetime | None
    lifted_by: str | None

    @classmethod
    def of(cls, hold: Hold) -> Self:
        return cls(**{name: getattr(hold, name) for name in cls.model_fields})


class Reasoned(Body):
    """Why something is done; it goes into the audit chain."""

    reason: Why


class ActBody(Body):
    """An act on a recording, from the audit chain."""

    number: int
    at: AwareDatetime
    actor: str
    action: str
    facts: dict[str, Any]

    @classmethod
    def of(cls, record: Record) -> Self:
        return cls(
            number=record.number, at=record.at, actor=record.actor, action=record.action, facts=dict(record.facts)
        )


class RecordingDetail(Body):
    """A recording, its bookmarks and notes (`marks`), the notes on its call, its holds, and every act on it."""

    recording: RecordingBody
    marks: list[MarkBody]
    notes: list[NoteBody]
    holds: list[HoldBody]
    acts: list[ActBody]

    @classmethod
    def with_acts(cls, detail: Detail, acts: Sequence[Record]) -> Self:
        return cls(
            recording=RecordingBody.of(detail.recording),
            marks=[MarkBody.of(mark) for mark in detail.marks],
            notes=[NoteBody.of(note) for note in detail.notes],
            holds=[HoldBody.of(hold) for hold in detail.holds],
            acts=[ActBody.of(act) for act in acts],
        )


class MakingBody(Body):
    """How far a playback or a bundle has come (0 to 1), or why it cannot be made. `file`: where it is when done."""

    progress: float
    done: bool
    error: str
    file: str | None
    summary: dict[str, Any] | None = Field(
        None, description="Of a playback: tracks, what happened when, waveform and thumbnails."
    )

    @classmethod
    def of(cls, making: Making, file: str, summary: dict[str, Any] | None = None) -> Self:
        return cls(
            progress=making.progress,
            done=making.done,
            error=making.error,
            file=file if making.done else None,
            summary=summary,
        )


class Expiring(Body):
    """The facility whose recordings are erased when their time is over."""

    facility: Name


class ErasedBody(Body):
    """Proof of a recording that is no more."""

    id: str
    call: str
    master: str
    key_sha256: str
    hash: str


class ErasedList(Body):
    """What was erased."""

    erased: list[ErasedBody]

    @classmethod
    def of(cls, erased: Sequence[ErasedRecording]) -> Self:
        return cls(
            erased=[
                ErasedBody(id=e.id, call=e.call, master=e.master, key_sha256=e.key_sha256, hash=e.hash) for e in erased
            ]
        )
