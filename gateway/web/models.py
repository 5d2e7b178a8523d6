"""The HTTP API's bodies; the OpenAPI document is made from these same models."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from parloir.calls.trace import Seen
from parloir.policy.answers import Slot
from parloir.policy.values import BookedBy
from parloir.store.alerts import Alert, Severity
from parloir.store.calls import CallClass, WayIn
from parloir.store.staff import Role, Staff
from parloir.store.timeline import Entry
from parloir.store.visits import Visit, VisitState
from parloir.web.desk import CallView

Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
Words = Annotated[
    str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]+$")
]
LONGEST = 24 * 60
WIDEST = timedelta(days=62)
MOST_VISITORS = 20


class Body(BaseModel):
    """Base of all bodies: frozen, and no unknown field."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NewVisit(Body):
    """A visit to be scheduled."""

    facility: Name
    station: Name
    visitor: Words
    start: AwareDatetime | Literal["now"] = Field(description="With a time zone, or `now`.")
    minutes: int = Field(ge=1, le=LONGEST)
    rings: bool = Field(True, description="Whether the station rings when the visitor joins, or waits to dial.")
    resident: Name | None = Field(None, description="The resident's id, if on record.")
    visitors: tuple[Name, ...] = Field((), max_length=20, description="The visitors' ids, if on record.")
    booked_by: BookedBy = Field(BookedBy.STAFF, description="Who asks; staff vouch for those they book.")
    call_class: CallClass | None = Field(None, alias="class", description="What staff say the visit is.")


class VisitBody(Body):
    """A visit. `code` is dialled on its station; `link` is for the visitor alone. Whoever may not book sees neither."""

    id: str
    facility: str
    station: str
    visitor: str
    start: datetime
    end: datetime
    minutes: int
    state: VisitState
    rings: bool
    code: str | None
    link: str | None

    @classmethod
    def of(cls, visit: Visit, public_url: str, secrets: bool = True) -> "VisitBody":
        """The visit as the API shows it, with or without the secrets that let people in."""
        return cls(
            id=visit.id,
            facility=visit.facility,
            station=visit.station,
            visitor=visit.visitor,
            start=visit.start,
            end=visit.end,
            minutes=visit.minutes,
            state=visit.state,
            rings=visit.rings,
            code=visit.code if secrets else None,
            link=f"{public_url.rstrip('/')}/visit/{visit.token}" if secrets else None,
        )


class VisitList(Body):
    """Visits by their start, earliest first."""

    visits: list[VisitBody]


class VisitQuery(Body):
    """Which visits to list: all that hold for every given field."""

    facility: Name | None = None
    station: Name | None = None
    state: VisitState | None = None


class CallBody(Body):
    """A call. `state` is where it stands now; `ended` and `reason` are null while it lives.

    `node` is the gateway that carries it. One that another gateway on the database carries is in the state `elsewhere`.
    """

    id: str
    visit: str | None
    facility: str
    station: str
    way_in: WayIn
    call_class: CallClass = Field(serialization_alias="class")
    state: str
    opened: datetime
    ended: datetime | None
    reason: str | None
    node: str | None

    @classmethod
    def of(cls, view: CallView, **more: Any) -> Self:
        """The call as the API shows it."""
        call = view.call
        return cls(
            id=call.id,
            visit=call.visit,
            facility=call.facility,
            station=call.station,
            way_in=call.way_in,
            call_class=call.call_class,
            state=view.state,
            opened=call.opened,
            ended=call.ended,
            reason=call.reason,
            node=call.node,
            **more,
        )


class CallList(Body):
    """Calls, the newest first."""

    calls: list[CallBody]


class CallQuery(Body):
    """Which calls to list: live ones, ended ones, or (without it) both."""

    live: bool | None = None


class Event(Body):
    """One event of a call's timeline. `monotonic` is in nanoseconds, of that run of the gateway."""

    number: int
    wall: datetime
    monotonic: int
    kind: str
    data: dict[str, Any]


class CallDetail(CallBody):
    """A call and all that happened to it."""

    timeline: list[Event]

    @classmethod
    def with_timeline(cls, view: CallView, entries: Iterable[Entry]) -> Self:
        """The call and its timeline as the API shows them."""
        events = [
            Event(number=e.number, wall=e.wall, monotonic=e.monotonic, kind=e.kind, data=dict(e.data)) for e in entries
        ]
        return cls.of(view, timeline=events)


class Reason(Body):
    """Why a visit is cancelled or a call ended, in words for the record."""

    reason: Words


class SlotQuery(Body):
    """A visit for which times are wanted, by ids of people on record; `visitors` with commas between them."""

    facility: Name
    after: AwareDatetime
    before: AwareDatetime
    minutes: int = Field(ge=1, le=LONGEST)
    resident: Name | None = None
    visitors: Annotated[str, StringConstraints(max_length=1300)] = ""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if not timedelta(0) < self.before - self.after <= WIDEST:
            raise ValueError(f"before must be later than after, by {WIDEST.days} days at most")
        if len(self.visitor_ids) > MOST_VISITORS:
            raise ValueError(f"visitors: {MOST_VISITORS} at most")
        return self

    @property
    def visitor_ids(self) -> tuple[str, ...]:
        """Each of the visitors."""
        return tuple(part.strip() for part in self.visitors.split(",") if part.strip())


class SlotBody(Body):
    """A time at a station that can be booked."""

    station: str
    start: datetime
    end: datetime

    @classmethod
    def of(cls, slot: Slot) -> "SlotBody":
        """The slot as the API shows it."""
        return cls(station=slot.station, start=slot.start, end=slot.end)


class SlotList(Body):
    """Slots, the earliest first."""

    slots: list[SlotBody]


class AlertBody(Body):
    """An alert, of one facility or (null) of the whole gateway, and who acknowledged it."""

    id: int
    at: datetime
    facility: str | None
    severity: Severity
    text: str
    acknowledged: datetime | None
    acknowledged_by: str | None

    @classmethod
    def of(cls, alert: Alert) -> "AlertBody":
        """The alert as the API shows it."""
        return cls(**asdict(alert))


class AlertList(Body):
    """Alerts, the newest first."""

    alerts: list[AlertBody]


class AlertQuery(Body):
    """Which alerts to list; `waiting`: those that nobody acknowledged; `after`: those with a greater id."""

    facility: Name | None = None
    waiting: bool = False
    after: int = Field(0, ge=0, le=2**31 - 1)


class TraceQuery(Body):
    """Which messages: those after that number, all that are kept for 0."""

    after: int = Field(0, ge=0, le=2**53)


class MessageBody(Body):
    """One SIP message with a phone: "in" from it or "out" to it, its address, and what was said without secrets."""

    number: int
    at: datetime
    way: Literal["in", "out"]
    peer: str
    call: str
    text: str

    @classmethod
    def of(cls, seen: Seen) -> "MessageBody":
        """The message as the API shows it."""
        way: Literal["in", "out"] = "in" if seen.way == "in" else "out"
        peer = f"{seen.peer.host} port {seen.peer.port}"
        return cls(number=seen.number, at=seen.at, way=way, peer=peer, call=seen.call_id, text=seen.text)


class TraceBody(Body):
    """The last SIP messages with a station's phone, the oldest first."""

    messages: list[MessageBody]


class NewLogin(Body):
    """A login."""

    user: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=1024)] = Field(repr=False)


class PageLink(Body):
    """A plugin's page that one may open."""

    facility: str
    plugin: str
    title: str
    href: str


class Me(Body):
    """Who asks, and what they may do: `facilities` are those they work at, none named means all.

    `zones` are those facilities' time zones by IANA name; like `pages` they are left out right after a login.
    """

    user: str
    name: str
    roles: list[Role]
    facilities: list[str]
    pages: list[PageLink]
    zones: dict[str, str]

    @classmethod
    def of(cls, person: Staff, pages: Iterable[PageLink] = (), zones: Mapping[str, str] | None = None) -> "Me":
        """One of staff as the API shows them."""
        return cls(
            user=person.user,
            name=person.name,
            roles=sorted(person.roles),
            facilities=sorted(person.facilities),
            pages=list(pages),
            zones=dict(zones or {}),
        )


class Problem(Body):
    """What was wrong with a request: a stable code, words for a person, and the field at fault if there is one."""

    code: str
    message: str
    field: str | None = None


class ErrorBody(Body):
    """The body of every error."""

    error: Problem


class Health(Body):
    """Whether each part works."""

    status: Literal["ok", "degraded"]
    parts: dict[str, bool]
