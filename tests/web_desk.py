"""A desk for the web's tests: visits and calls in memory, and rooms that remember what pages said."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from parloir.calls.bookings import Search, Wish
from parloir.errors import ParloirError
from parloir.policy.answers import Slot
from parloir.store.calls import Call, CallClass, WayIn
from parloir.store.errors import NoSuchCall, NoSuchVisit, StationTaken, VisitOver
from parloir.store.timeline import Entry
from parloir.store.visits import Visit, VisitState
from parloir.web.desk import Page
from parloir.webrtc.signalling import FromPage, Welcome

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TOKEN = "a-token-of-the-staff-0123456789"
LINK = "the-secret-of-one-link"


class UnknownStation(ParloirError):
    """The station is not configured."""

    field = "station"


@dataclass(frozen=True)
class View:
    """A call and where it stands."""

    call: Call
    state: str


@dataclass
class FakeRoom:
    """Remembers its page and what that said."""

    page: Page
    said: list[FromPage] = field(default_factory=list)
    gone: int = 0
    on_message: Callable[["FakeRoom", FromPage], None] | None = None

    def receive(self, message: FromPage) -> None:
        self.said.append(message)
        if self.on_message:
            self.on_message(self, message)

    def left(self) -> None:
        self.gone += 1


class FakeDesk:
    """One facility `north` with the station `pod-a-1`, one live call and one ended one."""

    def __init__(self) -> None:
        self.visits: dict[str, Visit] = {}
        self.calls = {
            "live1": View(_call("live1"), "active"),
            "gone1": View(replace(_call("gone1"), ended=NOW, reason="LimitReached"), "ended"),
        }
        self.ended: list[tuple[str, str, str]] = []
        self.cancelled: list[tuple[str, str]] = []
        self.searches: list[Search] = []
        self.rooms: list[FakeRoom] = []
        self.tokens = {LINK}
        self.over: set[str] = set()
        self.welcome: Welcome | None = None
        self.on_enter: Callable[[FakeRoom], None] | None = None
        self.on_message: Callable[[FakeRoom, FromPage], None] | None = None

    async def add_visit(self, wish: Wish) -> Visit:
        facility, station, visitor, start = wish.facility, wish.station, wish.visitor, wish.start
        minutes, rings = wish.minutes, wish.rings
        if station != "pod-a-1":
            raise UnknownStation(f"there is no station {station} in {facility}")
        for other in self.visits.values():
            if other.is_open and other.start < start + timedelta(minutes=minutes) and other.end > start:
                raise StationTaken(other)
        number = len(self.visits) + 1
        visit = Visit(
            f"v{number}", facility, station, visitor, start, minutes, f"{number:06}", f"link{number}", rings=rings
        )
        self.visits[visit.id] = visit
        return visit

    async def list_visits(
        self, facility: str | None = None, station: str | None = None, states: Sequence[VisitState] | None = None
    ) -> list[Visit]:
        return [
            v
            for v in self.visits.values()
            if facility in (None, v.facility) and station in (None, v.station) and (not states or v.state in states)
        ]

    async def get_visit(self, id: str) -> Visit:
        if id not in self.visits:
            raise NoSuchVisit(id)
        return self.visits[id]

    async def open_slots(self, wanted: Search) -> Sequence[Slot]:
        self.searches.append(wanted)
        return [Slot(station="pod-a-1", start=wanted.after, end=wanted.after + timedelta(minutes=wanted.minutes))]

    async def cancel_visit(self, id: str, reason: str) -> Visit:
        if id not in self.visits:
            raise NoSuchVisit(id)
        if not self.visits[id].is_open:
            raise VisitOver(self.visits[id])
        self.cancelled.append((id, reason))
        self.visits[id] = replace(self.visits[id], state=VisitState.CANCELLED)
        return self.visits[id]

    async def list_calls(self, live: bool | None = None) -> Sequence[View]:
        return [v for v in self.calls.values() if live is None or live == (v.call.ended is None)]

    async def get_call(self, id: str) -> View:
        if id not in self.calls:
            raise NoSuchCall(id)
        return self.calls[id]

    async def timeline(self, call: str) -> Sequence[Entry]:
        return [Entry(call, 1, NOW, 123, "opened", {"by": "visit"})]

    async def end_call(self, id: str, reason: str, by: str) -> None:
        await self.get_call(id)
        self.ended.append((id, reason, by))

    async def enter(self, token: str, page: Page) -> FakeRoom | None:
        if token in self.over:
            raise VisitOver(Visit("v", "north", "pod-a-1", "Ann", NOW, 10, "000000", token, VisitState.DONE))
        if token not in self.tokens:
            return None
        room = FakeRoom(page, on_message=self.on_message)
        self.rooms.append(room)
        if self.welcome is not None:
            page.send(self.welcome)
        if self.on_enter is not None:
            self.on_enter(room)
        return room


def _call(id: str) -> Call:
    return Call(id, "v1", "north", "pod-a-1", WayIn.SCHEDULED, CallClass.ORDINARY, NOW)
