"""What plugins are shown of a call, a visit, a recording and of what happened. Frozen, and JSON all through."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, TypeAlias

from pydantic import AwareDatetime, Field, JsonValue, TypeAdapter
from pydantic.dataclasses import dataclass

from parloir.policy.answers import CallClass, Payer, RateStep
from parloir.policy.participants import STRICT, Code, Line, Relationship, Resident, Visitor

Seconds: TypeAlias = Annotated[int, Field(ge=0)]


class WayIn(StrEnum):
    """Who began the call: a scheduled visit's time, or the phone inside."""

    SCHEDULED = "scheduled"
    INSIDE = "inside"


class Route(StrEnum):
    """What the call is for. An emergency or hotline call is never denied; a hotline call asks no plugin anything."""

    VISIT = "visit"
    EMERGENCY = "emergency"
    HOTLINE = "hotline"


class Medium(StrEnum):
    """What crosses between the parties."""

    AUDIO = "audio"
    VIDEO = "video"


class BookedBy(StrEnum):
    """Who asked for a visit. Staff vouch for those they book."""

    STAFF = "staff"
    VISITOR = "visitor"
    RESIDENT = "resident"
    PLUGIN = "plugin"


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Visit:
    """A booked time, or one asked for (`id` None). `call_class` is what staff said it is, if they did. UTC times."""

    id: str | None = None
    facility: str
    station: str
    unit: str = ""
    resident: Resident | None = None
    visitors: tuple[Visitor, ...] = ()
    start: AwareDatetime
    end: AwareDatetime
    asked_at: AwareDatetime
    booked_by: BookedBy
    call_class: CallClass | None = None
    media: tuple[Medium, ...] = (Medium.AUDIO, Medium.VIDEO)
    state: str = "asked"


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Suspension:
    """Staff stopped the visits of a resident, or of a visitor, until `finish` (None: until further notice)."""

    resident: str | None = None
    visitor: str | None = None
    reason: Line = ""
    start: AwareDatetime
    finish: AwareDatetime | None = None


@dataclass(frozen=True, kw_only=True, config=STRICT)
class SlotSearch:
    """A visit for which times are wanted: between two UTC moments, so many minutes long, at any of the stations."""

    facility: str
    resident: Resident | None
    visitors: tuple[Visitor, ...]
    stations: tuple[str, ...]
    after: AwareDatetime
    before: AwareDatetime
    minutes: Annotated[int, Field(ge=1, le=1440)]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Application:
    """A relationship that a visitor asks staff to approve. `bar_id` is an attorney's, as they gave it."""

    facility: str
    resident: Resident
    visitor: Visitor
    relationship: Relationship
    bar_id: str = ""


@dataclass(frozen=True, config=STRICT)
class Decided:
    """One question that was already answered for this call, and why."""

    question: str
    result: Line
    why: Line = ""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Call:
    """A call as it stands at `at`. It never holds a PIN, SDP or a network address. UTC times, whole seconds.

    `rate` is the price agreed so far, step after step; `hold` is what was set aside for it, in micro-dollars.
    """

    id: str
    facility: str
    timezone: str
    tier: str | None = None
    way_in: WayIn
    route: Route = Route.VISIT
    station: str
    unit: str = ""
    resident: Resident | None = None
    identified_by: str | None = None
    visitors: tuple[Visitor, ...] = ()
    visit: Visit | None = None
    call_class: CallClass = CallClass.UNKNOWN
    class_reason: Line = ""
    media: tuple[Medium, ...] = (Medium.AUDIO,)
    languages: tuple[str, ...] = ("en",)
    at: AwareDatetime
    opened: AwareDatetime
    answered: AwareDatetime | None = None
    ended: AwareDatetime | None = None
    talked: Seconds = 0
    held: Seconds = 0
    decisions: tuple[Decided, ...] = ()
    payer: Payer | None = None
    rate: tuple[RateStep, ...] | None = None
    hold: int | None = None
    record: bool = False
    monitor: bool = False
    state: str = "new"
    end: str | None = None


class Action(StrEnum):
    """What staff want to do to a call or a recording."""

    LISTEN = "listen"
    WATCH = "watch"
    WARN = "warn"
    MUTE = "mute"
    PAUSE = "pause"
    WHISPER = "whisper"
    BARGE = "barge"
    END = "end"
    RECORD = "record"
    PLAY = "play"
    EXPORT = "export"
    DELETE = "delete"


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Actor:
    """A member of staff, with their roles and the reason they gave."""

    user: str
    roles: tuple[str, ...]
    why: Line = ""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Recording:
    """A recording that exists."""

    id: str
    call: str
    facility: str
    call_class: CallClass
    media: tuple[Medium, ...]
    made: AwareDatetime
    seconds: Seconds


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Happening:
    """Something that happened to a call, a visit or a person: its kind in a word, when, and its facts.

    `position` rises with every happening of the facility; a plugin that keeps the last one it has dealt with
    recognises what it is told twice.
    """

    position: Seconds
    kind: str
    at: AwareDatetime
    facts: Mapping[str, JsonValue]


class Severity(StrEnum):
    """How soon somebody must look."""

    NOTICE = "notice"
    WARNING = "warning"
    URGENT = "urgent"


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Alert:
    """Something that staff should know; `subject` is the id of the call, visit or plugin that it is about."""

    severity: Severity
    code: Code
    text: Line
    subject: str = ""


def to_json(value: Any) -> Any:
    """Any value of this package as plain JSON data."""
    return TypeAdapter(type(value)).dump_python(value, mode="json")
