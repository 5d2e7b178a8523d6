"""A call in progress between a fake relay, phone, page and clock: the stage of its tests."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock as Reactor

from parloir.calls.bookings import Wish
from parloir.calls.desk import Desk, DeskTerms
from parloir.calls.facilities import Facilities, Facility
from parloir.calls.relays import Relays
from parloir.calls.room import Presence
from parloir.calls.stations import Station, Stations
from parloir.calls.timeline import Clock, Timelines
from parloir.config.address import SipAddress
from parloir.policy.hooks import Hooks
from parloir.policy.pace import Pace
from parloir.policy.policies import Policies
from parloir.policy.values import Alert
from parloir.rtp.description import Address
from parloir.sip.session import EndKind, Gone, Referred, Session, SessionEnd, SessionEvents
from parloir.store import visits
from parloir.store.database import Database
from parloir.webrtc.signalling import Join, Status, ToPage
from tests.databases import furnished
from tests.fake_relay import FakeRelay

START = datetime(2026, 3, 1, 18, 0, tzinfo=UTC)


PRINT = ":".join(["AB"] * 32)


BROWSER = "".join(
    f"{line}\r\n"
    for line in (
        "v=0",
        "o=- 1 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0 1",
        "m=audio 9 UDP/TLS/RTP/SAVPF 0 8",
        "c=IN IP4 0.0.0.0",
        "a=mid:0",
        "a=rtcp-mux",
        "a=setup:actpass",
        "a=ice-ufrag:abcd",
        "a=ice-pwd:abcdabcdabcdabcdabcdabcd",
        f"a=fingerprint:sha-256 {PRINT}",
        "m=video 9 UDP/TLS/RTP/SAVPF 102",
        "c=IN IP4 0.0.0.0",
        "a=mid:1",
        "a=rtcp-mux",
        "a=setup:actpass",
        "a=ice-ufrag:abcd",
        "a=ice-pwd:abcdabcdabcdabcdabcdabcd",
        f"a=fingerprint:sha-256 {PRINT}",
        "a=rtpmap:102 H264/90000",
        "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
    )
)


PHONE = (
    "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 0\r\na=sendrecv\r\n"
    "m=video 4002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=42e01f;packetization-mode=1\r\n"
)


@dataclass
class FakePage:
    """A visitor's page that remembers what it was told."""

    heard: list[ToPage] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)

    def send(self, message: ToPage) -> None:
        self.heard.append(message)

    def close(self, reason: str) -> None:
        self.closed.append(reason)

    def last(self, kind: type) -> Any:
        return [m for m in self.heard if isinstance(m, kind)][-1]

    @property
    def states(self) -> list[str]:
        return [m.state for m in self.heard if isinstance(m, Status)]


@dataclass
class FakeSession:
    """A phone's leg that ends when it is told to."""

    events: SessionEvents
    id: str = "s1"
    remote: Address = field(default_factory=lambda: Address("192.0.2.7", 5060))
    over: bool = False
    restated: list[str] = field(default_factory=list)

    def restate(self) -> None:
        self.restated.append(self.events.current(self))

    def end(self, status: int = 603) -> None:
        if not self.over:
            self.over = True
            self.events.ended(self, SessionEnd(EndKind.ENDED_HERE))

    def ask_keyframe(self) -> None: ...

    def refer(self, target: str, heard: Referred) -> None:
        heard(False)


@dataclass
class FakePhones:
    """The SIP side: takes every invitation."""

    offers: list[str] = field(default_factory=list)
    session: Any = None
    fail: Exception | None = None

    async def find(self, target: Any) -> str:
        return "127.0.0.1"

    async def invite(self, target: Any, sdp: str, events: SessionEvents, caller: str = "") -> Session:
        if self.fail:
            raise self.fail
        self.offers.append(sdp)
        session = self.session = FakeSession(events)
        return session


@dataclass
class FakeIncoming:
    """A phone that dials."""

    dialled: str
    facility: str = "north"
    station: str = "pod-a-1"
    offer: str | None = PHONE
    remote: Address = field(default_factory=lambda: Address("192.0.2.7", 5060))
    answers: list[Any] = field(default_factory=list)
    session: FakeSession | None = None
    gone: Gone | None = None

    def ring(self) -> None:
        self.answers.append(180)

    def accept(self, sdp: str, events: SessionEvents) -> FakeSession:
        self.answers.append(200)
        self.session = FakeSession(events)
        return self.session

    def reject(self, status: int, phrase: str = "") -> None:
        self.answers.append(status)

    def on_cancel(self, gone: Gone) -> None:
        self.gone = gone


class InstantDatabase(Database):
    """The real database, its work done at once on this thread."""

    async def run(self, work: Any, lane: str = "") -> Any:
        return self._transact(work)


class Scene:
    """A gateway without processes: the real desk, rooms, calls and store between fakes."""

    def __init__(self, where: Path | str, node: str = "gateway") -> None:
        self.reactor = Reactor()
        self.database = InstantDatabase.open(furnished(where) if isinstance(where, Path) else where, self.reactor)
        self.relays = Relays()
        self.relay = FakeRelay()
        self.relays.came_up(0, self.relay)  # type: ignore[arg-type]
        self.phones = FakePhones()
        self.lines: list[str] = []
        self.alerts: list[Alert] = []
        clock = Clock(self.now, lambda: int(self.reactor.seconds() * 1e9))
        self.desk = Desk(
            self.reactor,
            self.database,
            Timelines(self.database, clock, lambda event, /, **fields: self.lines.append(event)),
            self.relays,
            self.phones,
            Stations(
                [Station("north", "pod-a-1", "North", "en", True, SipAddress("1001", "192.0.2.7"))],
            ),
            Facilities({"north": self.facility()}),
            DeskTerms(lambda host: "192.0.2.1", lambda visit: (), node=node),
        )

    def facility(self) -> Facility:
        """The facility, without a plugin."""
        policies = Policies(Hooks([], Pace(self.reactor), self.alerts.append), self.alerts.append)
        return Facility("north", "North", "America/Chicago", None, "en", policies)

    def now(self) -> datetime:
        return START + timedelta(seconds=self.reactor.seconds())

    def do(self, work: Any) -> Any:
        """What a coroutine that never waits answers."""
        results: list[Any] = []
        ensureDeferred(work).addBoth(results.append)
        (result,) = results
        if hasattr(result, "raiseException"):
            result.raiseException()
        return result

    def visit(self, *, start: datetime = START, minutes: int = 20, rings: bool = True) -> visits.Visit:
        found: visits.Visit = self.do(self.desk.add_visit(Wish("north", "pod-a-1", "Visitor", start, minutes, rings)))
        return found

    def enter(self, visit: visits.Visit) -> tuple[FakePage, Presence]:
        page = FakePage()
        presence = self.do(self.desk.enter(visit.token, page))
        return page, presence

    @property
    def call(self) -> Any:
        (call,) = self.desk.live.values()
        return call

    def reason(self) -> str | None:
        """The last call's recorded reason."""
        reason: str | None = self.do(self.desk.list_calls())[0].call.reason
        return reason

    def talk(self, *, start: datetime = START) -> tuple[FakePage, Presence]:
        """A call brought to where both talk."""
        page, presence = self.enter(self.visit(start=start))
        presence.receive(Join(sdp=BROWSER))
        self.phones.session.events.ringing(self.phones.session)
        self.phones.session.events.answered(self.phones.session, PHONE)
        self.call.media.leg_up("browser")
        self.relay.finish()
        assert page.states[-1] == "talking"
        return page, presence


def staged(where: Path | str, node: str = "gateway") -> Iterator[Scene]:
    """A scene on this data directory or database, taken down afterwards."""
    made = Scene(where, node)
    try:
        yield made
    finally:
        for thread in made.database._threads:
            thread.stop()
        made.database._engine.dispose()
