"""A call in progress, with a fake relay, phone, page and clock: what each is told, and when."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock as Reactor

from parloir.calls.bookings import Wish
from parloir.calls.call import Recorded
from parloir.calls.desk import Desk, DeskTerms
from parloir.calls.facilities import Facilities, Facility
from parloir.calls.relays import Relays
from parloir.calls.room import Presence
from parloir.calls.stations import MediaTerms, Station, Stations
from parloir.calls.timeline import Clock, Timelines
from parloir.config.address import SipAddress
from parloir.policy.answers import CallClass, DenialKind
from parloir.policy.decision import Decision, Denial
from parloir.policy.hooks import Hooks
from parloir.policy.notices import NOTICE
from parloir.policy.pace import Pace
from parloir.policy.policies import Policies
from parloir.policy.values import Alert, Call
from parloir.relay.commands import Interrupted, NoPorts
from parloir.rtp.description import Address
from parloir.rtp.sdes import Encryption
from parloir.sip.session import EndKind, Gone, NoFreeLine, NotAcceptable, Referred, Session, SessionEnd, SessionEvents
from parloir.store import relationships, residents, visitors, visits
from parloir.store.database import Database
from parloir.store.relationships import RelationshipKind, RelationshipState
from parloir.webrtc.signalling import Answer, Ended, Join, Leave, Notice, Restart, Status, ToPage, Warn
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
        self.session = FakeSession(events)
        return self.session


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

    def __init__(self, folder: Path) -> None:
        self.reactor = Reactor()
        self.database = InstantDatabase.open(folder, self.reactor)
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
            Timelines(self.database, clock, lambda event, **fields: self.lines.append(event)),
            self.relays,
            self.phones,
            Stations(
                [Station("north", "pod-a-1", "North", "en", True, SipAddress("1001", "192.0.2.7"))],
            ),
            Facilities({"north": self.facility()}),
            DeskTerms(lambda host: "192.0.2.1", lambda visit: ()),
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

    def talk(self) -> tuple[FakePage, Presence]:
        """A call brought to where both talk."""
        page, presence = self.enter(self.visit())
        presence.receive(Join(sdp=BROWSER))
        self.phones.session.events.ringing(self.phones.session)
        self.phones.session.events.answered(self.phones.session, PHONE)
        self.call.media.leg_up("browser")
        self.relay.finish()
        assert page.states[-1] == "talking"
        return page, presence


@pytest.fixture
def scene(tmp_path: Path) -> Any:
    made = Scene(tmp_path)
    yield made
    for thread in made.database._threads:
        thread.stop()
    made.database._engine.dispose()


def test_join_rings_the_phone_and_the_notice_comes_before_media(scene: Scene) -> None:
    page, presence = scene.enter(scene.visit())
    presence.receive(Join(sdp=BROWSER))
    session = scene.phones.session
    session.events.ringing(session)
    assert page.states[-1] == "ringing"
    session.events.answered(session, PHONE)
    assert page.last(Answer).video
    scene.call.media.leg_up("browser")
    assert page.last(Notice).text == NOTICE.words.en
    assert "Join" not in scene.relay.done
    scene.relay.finish()
    assert scene.relay.crossing
    assert page.states == ["ringing", "connecting", "notice", "talking"]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (EndKind.BUSY, "Busy"),
        (EndKind.DECLINED, "Declined"),
        (EndKind.NO_ANSWER, "NoAnswer"),
        (EndKind.NOT_ACCEPTABLE, "CodecMismatch"),
        (EndKind.UNREACHABLE, "Unreachable"),
        (EndKind.LINE_LOST, "LineLost"),
    ],
)
def test_phone_that_does_not_answer_gives_its_reason_to_page_and_record(
    scene: Scene, kind: EndKind, reason: str
) -> None:
    page, presence = scene.enter(scene.visit())
    presence.receive(Join(sdp=BROWSER))
    session = scene.phones.session
    session.over = True
    session.events.ended(session, SessionEnd(kind, 400))
    assert page.last(Ended).reason == reason
    assert scene.reason() == reason
    assert not scene.desk.live


def test_visitor_hangs_up_and_the_phone_is_ended(scene: Scene) -> None:
    page, presence = scene.talk()
    presence.receive(Leave())
    assert scene.phones.session.over
    assert scene.relay.done[-1] == "CloseBridge"
    assert page.last(Ended).reason == "VisitorLeft"


def test_phone_hangs_up_and_the_visitor_may_try_again(scene: Scene) -> None:
    page, presence = scene.talk()
    session = scene.phones.session
    session.over = True
    session.events.ended(session, SessionEnd(EndKind.HUNG_UP))
    assert page.last(Ended).reason == "PhoneHungUp"
    assert page.last(Ended).again
    presence.receive(Join(sdp=BROWSER))
    assert len(scene.phones.offers) == 2


def test_call_ends_when_the_visits_time_is_over_after_a_warning(scene: Scene) -> None:
    page, _ = scene.talk()
    scene.reactor.advance(19 * 60)
    assert page.last(Warn).text == "One minute is left."
    assert scene.relay.prompts[-1][0] == "en/one-minute"
    scene.relay.finish()
    scene.reactor.advance(50)
    assert page.last(Warn).text == "10 seconds are left."
    assert scene.relay.prompts[-1][0] == "en/ten-seconds"
    scene.reactor.advance(9.9)
    assert scene.desk.live
    scene.reactor.advance(0.2)
    assert page.last(Ended).reason == "LimitReached"
    assert not page.last(Ended).again


def test_both_hear_a_tone_now_and_then_while_a_call_is_recorded(scene: Scene) -> None:
    _, _ = scene.talk()
    scene.call.terms = replace(scene.call.terms, tone=15.0)
    scene.call._remind_later()
    scene.reactor.advance(15)
    assert not scene.relay.prompts, "a call that is not recorded reminds of nothing"
    scene.call.recorded = Recorded.YES
    scene.call._remind_later()
    for _ in range(3):
        scene.reactor.advance(15)
        assert scene.relay.prompts[-1][0] == "en/tone"
        scene.relay.finish()


def test_lost_browser_parts_media_and_the_phone_is_asked_to_wait(scene: Scene) -> None:
    page, _ = scene.talk()
    scene.call.media.leg_lost("browser", "no checks")
    assert not scene.relay.crossing
    assert scene.relay.prompts[-1][0] == "en/please-wait"
    scene.call.media.leg_back("browser")
    assert scene.relay.crossing
    assert page.states[-1] == "talking"


def test_browser_that_stays_lost_ends_the_call_after_the_window(scene: Scene) -> None:
    scene.talk()
    scene.call.media.leg_lost("browser", "no checks")
    scene.reactor.advance(59)
    assert scene.desk.live
    scene.reactor.advance(2)
    assert scene.reason() == "MediaLost"


def test_reloaded_page_joins_again_with_a_connection_of_its_own(scene: Scene) -> None:
    _page, presence = scene.talk()
    presence.left()
    fresh = FakePage()
    again = scene.do(scene.desk.enter(scene.call.visit.token, fresh))
    again.receive(Join(sdp=BROWSER))
    assert scene.relay.done.count("OpenBrowser") == 2
    assert fresh.last(Answer).sdp
    scene.call.media.leg_up("browser")
    assert fresh.states[-1] == "talking"
    assert len(scene.desk.live) == 1


def test_network_change_restarts_ice_on_the_same_connection(scene: Scene) -> None:
    page, presence = scene.talk()
    presence.receive(Restart(sdp=BROWSER))
    assert "a=ice-ufrag:fresh" in page.last(Answer).sdp
    assert scene.relay.done.count("OpenBrowser") == 1


def test_second_window_takes_the_visit_over_and_the_first_is_told(scene: Scene) -> None:
    visit = scene.visit()
    first, old = scene.enter(visit)
    second, _ = scene.enter(visit)
    assert first.last(Ended).reason == "Replaced"
    assert first.closed
    old.receive(Join(sdp=BROWSER))
    assert not scene.desk.live
    old.left()
    assert scene.desk.rooms[visit.id].page is second


def test_phone_on_hold_parts_media_and_the_page_says_so(scene: Scene) -> None:
    page, _ = scene.talk()
    session = scene.phones.session
    answer = scene.do(session.events.offered(session, PHONE.replace("sendrecv", "sendonly")))
    assert "a=recvonly" in answer
    assert not scene.relay.crossing
    assert (page.states[-1], page.last(Status).why) == ("held", "phone")
    scene.do(session.events.offered(session, PHONE))
    assert scene.relay.crossing
    assert page.states[-1] == "talking"


def test_phone_that_comes_back_from_hold_with_another_favourite_keeps_the_codec(scene: Scene) -> None:
    scene.talk()
    session = scene.phones.session
    answer = scene.do(session.events.offered(session, PHONE.replace("RTP/AVP 0", "RTP/AVP 8 0")))
    assert "RTP/AVP 0\r\n" in answer
    with pytest.raises(NotAcceptable):
        scene.do(session.events.offered(session, PHONE.replace("RTP/AVP 0", "RTP/AVP 8")))
    assert scene.desk.live


def test_notice_cut_short_by_a_reload_is_played_again_from_the_start(scene: Scene) -> None:
    _page, presence = scene.enter(scene.visit())
    presence.receive(Join(sdp=BROWSER))
    session = scene.phones.session
    session.events.answered(session, PHONE)
    scene.call.media.leg_up("browser")
    presence.receive(Join(sdp=BROWSER))
    scene.call.media.leg_up("browser")
    scene.relay.interrupt()
    assert scene.call.state.value == "announcing"
    assert not scene.relay.crossing
    scene.relay.finish()
    assert scene.relay.crossing


def test_relay_that_dies_ends_its_calls_and_the_phone(scene: Scene) -> None:
    page, _ = scene.talk()
    scene.relays.went_down(0)
    assert scene.phones.session.over
    assert scene.reason() == "RelayLost"
    assert page.last(Ended).again


@pytest.mark.parametrize("fault", [NoFreeLine(), NoPorts()])
def test_full_gateway_says_so(scene: Scene, fault: Exception) -> None:
    if isinstance(fault, NoPorts):
        scene.relay.fail["OpenPhone"] = fault
    else:
        scene.phones.fail = fault
    page, presence = scene.enter(scene.visit())
    presence.receive(Join(sdp=BROWSER))
    assert page.last(Ended).reason == "NoCapacity"


def test_visitor_who_comes_early_waits_and_the_phone_rings_in_time(scene: Scene) -> None:
    page, presence = scene.enter(scene.visit(start=START + timedelta(minutes=5)))
    presence.receive(Join(sdp=BROWSER))
    assert page.states == ["waiting"]
    scene.reactor.advance(299)
    assert not scene.phones.offers
    scene.reactor.advance(1.1)
    assert len(scene.phones.offers) == 1


def test_page_closed_while_it_rings_ends_the_ringing(scene: Scene) -> None:
    _, presence = scene.enter(scene.visit())
    presence.receive(Join(sdp=BROWSER))
    presence.left()
    scene.reactor.advance(11)
    assert scene.phones.session.over
    assert scene.reason() == "VisitorLeft"


def test_phone_that_dials_its_code_gets_the_waiting_visitor(scene: Scene) -> None:
    visit = scene.visit(rings=False)
    page, presence = scene.enter(visit)
    presence.receive(Join(sdp=BROWSER))
    assert not scene.phones.offers
    phone = FakeIncoming(visit.code)
    scene.desk.incoming(phone)
    assert phone.answers == [200]
    assert phone.session is not None
    phone.session.events.answered(phone.session, PHONE)
    scene.call.media.leg_up("browser")
    scene.relay.finish()
    assert page.states[-1] == "talking"


def test_phone_that_dials_first_hears_ringing_until_the_visitor_joins(scene: Scene) -> None:
    visit = scene.visit(rings=False)
    phone = FakeIncoming(visit.code)
    scene.desk.incoming(phone)
    assert phone.answers == [180]
    _, presence = scene.enter(visit)
    presence.receive(Join(sdp=BROWSER))
    assert phone.answers == [180, 200]


def test_phone_that_dials_and_waits_in_vain_is_let_go(scene: Scene) -> None:
    phone = FakeIncoming(scene.visit().code)
    scene.desk.incoming(phone)
    scene.reactor.advance(46)
    assert phone.answers == [180, 480]


def test_another_stations_code_is_a_wrong_code_and_five_of_them_pause_it(scene: Scene) -> None:
    visit = scene.visit()
    wrong = f"{(int(visit.code) + 1) % 1_000_000:06}"
    answers = []
    for _ in range(6):
        phone = FakeIncoming(wrong)
        scene.desk.incoming(phone)
        answers += phone.answers
    assert answers == [404] * 5 + [403]
    right = FakeIncoming(visit.code)
    scene.desk.incoming(right)
    assert right.answers == [403]
    elsewhere = FakeIncoming(visit.code, station="pod-a-2")
    scene.desk.incoming(elsewhere)
    assert elsewhere.answers == [404]
    scene.reactor.advance(301)
    scene.desk.incoming(later := FakeIncoming(visit.code))
    assert later.answers == [180]


def test_delayed_offer_is_answered_with_ours_and_settled_by_the_ack(scene: Scene) -> None:
    visit = scene.visit(rings=False)
    page, presence = scene.enter(visit)
    presence.receive(Join(sdp=BROWSER))
    phone = FakeIncoming(visit.code, offer=None)
    scene.desk.incoming(phone)
    assert phone.session is not None
    phone.session.events.answered(phone.session, PHONE)
    assert page.last(Answer).video


def test_phone_without_a_common_codec_is_refused_with_488(scene: Scene) -> None:
    visit = scene.visit(rings=False)
    page, presence = scene.enter(visit)
    presence.receive(Join(sdp=BROWSER))
    phone = FakeIncoming(visit.code, offer=PHONE.replace("RTP/AVP 0", "RTP/AVP 18"))
    scene.desk.incoming(phone)
    assert phone.answers == [488]
    assert page.last(Ended).reason == "CodecMismatch"


class Denying(Policies):
    """Policies that let nobody talk."""

    async def decide(self, call: Call) -> Decision:
        denial = Denial("scheduling", DenialKind.SCHEDULE, "outside_hours")
        return Decision(CallClass.ORDINARY, "as it is", denials=(denial,))


def test_denied_visitor_reads_why_and_the_phone_never_rings(scene: Scene) -> None:
    policies = Denying(Hooks([], Pace(scene.reactor), scene.alerts.append), scene.alerts.append)
    page, presence = scene.enter(scene.visit())
    scene.desk.facilities.replace({"north": replace(scene.facility(), policies=policies)})
    presence.receive(Join(sdp=BROWSER))
    assert page.last(Ended).reason == "Denied"
    assert "not held at this time" in page.last(Ended).text
    assert not scene.phones.offers
    assert "OpenBridge" not in scene.relay.done
    (call,) = scene.do(scene.desk.list_calls())
    ends = [e for e in scene.do(scene.desk.timeline(call.call.id)) if e.kind == "end"]
    assert (ends[0].data["plugin"], ends[0].data["code"], ends[0].data["kind"]) == (
        "scheduling",
        "outside_hours",
        "schedule",
    )


def test_bridge_of_a_privileged_call_is_made_privileged(scene: Scene) -> None:
    visit = scene.do(
        scene.desk.add_visit(Wish("north", "pod-a-1", "Visitor", START, 20, call_class=CallClass.PRIVILEGED))
    )
    _page, presence = scene.enter(visit)
    presence.receive(Join(sdp=BROWSER))
    opened = scene.relay.arguments[scene.relay.done.index("OpenBridge")]
    assert opened["privileged"] is True


def test_staff_cancel_a_visit_and_its_call_ends(scene: Scene) -> None:
    page, _ = scene.talk()
    scene.do(scene.desk.cancel_visit(scene.call.visit.id, "lockdown"))
    assert page.last(Ended).reason == "VisitCancelled"
    assert scene.phones.session.over


def test_staff_end_a_call_and_the_record_names_them(scene: Scene) -> None:
    scene.talk()
    id = scene.call.id
    scene.do(scene.desk.end_call(id, "threats", "api"))
    ends = [e for e in scene.do(scene.desk.timeline(id)) if e.kind == "end"]
    assert ends[0].data["reason"] == "OfficerEnded"
    assert (ends[0].data["by"], ends[0].data["why"]) == ("api", "threats")


def test_draining_tells_those_who_talk_and_takes_nobody_new(scene: Scene) -> None:
    page, _ = scene.talk()
    idle: list[bool] = []
    scene.desk.on_idle = lambda: idle.append(True)
    scene.desk.drain()
    assert page.last(Warn).text
    assert scene.relay.prompts[-1][0] == "en/closing"
    scene.desk.incoming(phone := FakeIncoming("123456"))
    assert phone.answers == [503]
    assert not idle
    scene.desk.end_all()
    assert idle
    assert scene.reason() == "ServiceClosing"


def test_records_left_open_by_a_crash_are_closed_at_the_next_start(scene: Scene) -> None:
    scene.talk()
    lost = scene.call.id
    scene.desk.live.clear()
    scene.do(scene.desk.start())
    assert scene.do(scene.desk.get_call(lost)).call.reason == "GatewayRestarted"


def test_interrupted_prompt_is_no_fault(scene: Scene) -> None:
    scene.talk()
    scene.reactor.advance(19 * 60)
    scene.relay.prompts.pop()[1].errback(Interrupted())
    assert scene.desk.live


def test_call_leaves_no_timer_and_no_room_behind(scene: Scene) -> None:
    _, presence = scene.talk()
    presence.receive(Leave())
    presence.left()
    assert not scene.reactor.getDelayedCalls()
    assert not scene.desk.rooms


def test_relationship_whose_time_is_over_is_marked_so(scene: Scene) -> None:
    def enter(connection: Any) -> str:
        resident = residents.add(connection, facility="north", number="1", name="Resident")
        visitor = visitors.add(connection, facility="north", name="Visitor")
        made = relationships.add(
            connection,
            resident=resident.id,
            visitor=visitor.id,
            kind=RelationshipKind.FAMILY,
        )
        until = START + timedelta(days=1)
        relationships.decide(connection, made.id, RelationshipState.APPROVED, by="staff", now=START, expires=until)
        return made.id

    id = scene.do(scene.database.run(enter))
    scene.do(scene.desk.start())
    scene.reactor.advance(25 * 3600)
    scene.reactor.advance(60)
    found = scene.do(scene.database.run(lambda connection: relationships.get(connection, id)))
    assert found.state is RelationshipState.EXPIRED


def with_srtp(scene: Scene, srtp: Encryption, latch: bool = False) -> None:
    """The station's media as the configuration may ask for it."""
    terms = MediaTerms(srtp, latch)
    station = Station("north", "pod-a-1", "North", "en", True, SipAddress("1001", "192.0.2.7"), terms=terms)
    scene.desk.stations.replace(Stations([station]))


def test_a_phone_that_refuses_an_encrypted_offer_is_rung_again_in_clear_where_that_is_optional(scene: Scene) -> None:
    with_srtp(scene, Encryption.OPTIONAL)
    page, presence = scene.enter(scene.visit())
    presence.receive(Join(sdp=BROWSER))
    refused = scene.phones.session
    refused.events.ended(refused, SessionEnd(EndKind.NOT_ACCEPTABLE, 488))
    assert ["RTP/SAVP" in offer for offer in scene.phones.offers] == [True, False]
    session = scene.phones.session
    session.events.ringing(session)
    session.events.answered(session, PHONE)
    assert page.last(Answer).video
    session.events.ended(session, SessionEnd(EndKind.NOT_ACCEPTABLE, 488))
    assert len(scene.phones.offers) == 2


def test_a_phone_that_refuses_even_the_plain_offer_ends_the_call(scene: Scene) -> None:
    with_srtp(scene, Encryption.OPTIONAL)
    _, presence = scene.enter(scene.visit())
    presence.receive(Join(sdp=BROWSER))
    for _ in range(2):
        session = scene.phones.session
        session.over = True
        session.events.ended(session, SessionEnd(EndKind.NOT_ACCEPTABLE, 488))
    assert scene.reason() == "CodecMismatch"
    assert not scene.desk.live


@pytest.mark.parametrize("status", [None, 488])
def test_required_encryption_never_falls_back(scene: Scene, status: int | None) -> None:
    with_srtp(scene, Encryption.REQUIRED)
    _, presence = scene.enter(scene.visit())
    presence.receive(Join(sdp=BROWSER))
    session = scene.phones.session
    if status:
        session.over = True
        session.events.ended(session, SessionEnd(EndKind.NOT_ACCEPTABLE, status))
    else:
        session.events.answered(session, PHONE)
    assert len(scene.phones.offers) == 1
    assert scene.reason() == "CodecMismatch"


def test_a_plain_call_from_a_station_that_must_encrypt_is_refused(scene: Scene) -> None:
    with_srtp(scene, Encryption.REQUIRED)
    visit = scene.visit(rings=False)
    _, presence = scene.enter(visit)
    presence.receive(Join(sdp=BROWSER))
    incoming = FakeIncoming(visit.code)
    scene.desk.incoming(incoming)
    assert incoming.answers[-1] == 488


def test_latching_takes_the_address_that_signalling_comes_from(scene: Scene) -> None:
    with_srtp(scene, Encryption.OFF, latch=True)
    scene.talk()
    (side,) = [a["side"] for a in scene.relay.arguments if "side" in a and hasattr(a["side"].streams[0], "latch")]
    assert side.streams[0].latch == ("192.0.2.7",)


def test_a_phone_that_sends_another_format_than_it_named_first_is_told_which_is_meant_once(scene: Scene) -> None:
    scene.talk()
    session = scene.phones.session
    assert "RTP/AVP 0 8 101" in scene.phones.offers[0]
    scene.call.media.phone_strays()
    (body,) = session.restated
    assert "RTP/AVP 0\r\n" in body
    session.events.reanswered(session, PHONE)
    scene.call.media.phone_strays()
    assert len(session.restated) == 1


def test_a_phone_whose_own_offer_was_answered_is_told_nothing_more(scene: Scene) -> None:
    visit = scene.visit(rings=False)
    _, presence = scene.enter(visit)
    presence.receive(Join(sdp=BROWSER))
    incoming = FakeIncoming(visit.code)
    scene.desk.incoming(incoming)
    assert incoming.session is not None
    incoming.session.events.answered(incoming.session, PHONE)
    scene.call.media.phone_strays()
    assert incoming.session.restated == []
