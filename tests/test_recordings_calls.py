"""Recording and listening as calls do them: keys, audit and notice before media; a failure as the facility rules."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock as Reactor
from twisted.python.failure import Failure

from parloir.calls.call import Recorded as Recording
from parloir.calls.desk import Desk, DeskTerms
from parloir.calls.facilities import Facilities, Facility
from parloir.calls.listening import MayNotListen
from parloir.calls.recording import Place
from parloir.calls.shelf import MayNotPlay, NotPlayable
from parloir.policy import notices
from parloir.policy.answers import CallClass
from parloir.policy.decision import Decision, Denial, Ruling
from parloir.policy.outside import Retention
from parloir.policy.values import Action
from parloir.relay.bodies import ListenerTerms
from parloir.relay.commands import OpenListener, Refused
from parloir.relay.journal import End, JournalWriter, packed
from parloir.rtp.description import Kind
from parloir.rtp.flow import Leg
from parloir.store import alerts, audit, vault
from parloir.store.errors import KeyGone, NoSuchCall
from parloir.store.recordings import State, Wanted
from parloir.store.staff import Role, Staff
from parloir.store.vault import Vault
from parloir.webrtc.sdp import OfferRefused
from parloir.webrtc.signalling import Ended, Join, Leave, Warn

from . import recorded_call
from .fake_relay import TERMS, FakeRelay
from .live_scene import BROWSER, PHONE, START, Scene

KIM = Staff("1", "kim", "Kim", frozenset({Role.OFFICER}))
OFFER = BROWSER.replace("a=mid:0", "a=mid:0\r\na=recvonly").replace("a=mid:1", "a=mid:1\r\na=recvonly")
LISTENER_TERMS = ListenerTerms(
    ufrag="u",
    password="p" * 22,
    fingerprint=TERMS.fingerprint,
    candidates=TERMS.candidates,
    ssrcs=tuple((party, kind, 7) for party in Leg for kind in Kind),
)


class Threads:
    """A thread pool whose work is done at once."""

    def callInThreadWithCallback(self, done: Callable[..., Any], work: Callable[..., Any], *arguments: Any) -> None:  # noqa: N802
        try:
            result = True, work(*arguments)
        except Exception:
            result = False, Failure()
        done(*result)


class Instant(Reactor):
    """A clock that also has threads."""

    def getThreadPool(self) -> Threads:  # noqa: N802
        return Threads()

    def callFromThread(self, call: Callable[..., Any], *arguments: Any, **named: Any) -> None:  # noqa: N802
        call(*arguments, **named)


@dataclass
class Rules:
    """A facility's policies, as the test has them answer."""

    call_class: CallClass = CallClass.ORDINARY
    record: bool = True
    monitor: bool = True
    permitted: bool = True
    days: int | None = None
    asked: list[tuple[Action, str]] = field(default_factory=list)

    async def decide(self, call: Any) -> Decision:
        told = notices.core(self.call_class, self.record, self.monitor)
        return Decision(
            self.call_class,
            "the test says so",
            record=self.record,
            monitor=self.monitor,
            announcements=told,
        )

    async def may_act(self, call: Any, action: Action, actor: Any) -> Ruling:
        self.asked.append((action, actor.user))
        denial = None if self.permitted else Denial("test", "facility", "no", staff="not today")  # type: ignore[arg-type]
        return Ruling(self.permitted, denial)

    async def retain_recording(self, recording: Any) -> Retention:
        return Retention(self.days)

    async def authorize_visit(self, visit: Any) -> Ruling:
        return Ruling(True)


@dataclass
class ListeningRelay(FakeRelay):
    """A relay that also answers what listeners need."""

    def callRemote(self, command: type, **arguments: Any) -> "Deferred[dict[str, Any]]":  # noqa: N802
        answer = super().callRemote(command, **arguments)
        return succeed({"terms": LISTENER_TERMS}) if command is OpenListener else answer


class Recorded(Scene):
    """A scene whose calls can be recorded; `rules` are its facility's."""

    def __init__(self, folder: Path, rules: Rules, ends_call: bool = False) -> None:
        self.rules = rules
        super().__init__(folder)
        self.reactor = Instant()
        self.relay = ListeningRelay()
        self.relays.came_up(0, self.relay)  # type: ignore[arg-type]
        vault.create(folder / "keys", "first")
        self.place = Place(folder / "recordings", Vault.open(folder / "keys", folder / "recordings"))
        desk = self.desk
        self.desk = Desk(
            self.reactor,
            self.database,
            desk.timelines,
            self.relays,
            self.phones,
            desk.stations,
            Facilities({"north": self.facility()}),
            DeskTerms(
                lambda host: "192.0.2.1",
                lambda visit: (),
                recordings=self.place,
                recording_ends_call=lambda facility: ends_call,
            ),
        )

    def facility(self) -> Facility:
        return Facility("north", "North", "America/Chicago", None, "en", self.rules)  # type: ignore[arg-type]

    def told(self, command: str) -> list[dict[str, Any]]:
        """What the relay was told by commands of that name."""
        pairs = zip(self.relay.done, self.relay.arguments, strict=True)
        return [arguments for name, arguments in pairs if name == command]

    def talk_recorded(self) -> tuple[Any, Any]:
        """A call brought to where both talk, every announcement heard out."""
        page, presence = self.enter(self.visit())
        presence.receive(Join(sdp=BROWSER))
        session = self.phones.session
        session.events.answered(session, PHONE)
        self.call.media.leg_up("browser")
        while self.relay.prompts and self.desk.live and self.call.state.value == "announcing":
            self.relay.finish()
        return page, presence

    def recording(self) -> Any:
        """The one recording there is."""
        (found,) = self.do(self.desk.shelf.search(Wanted()))
        return found

    def acts(self, subject: str) -> list[str]:
        """What the audit chain has of a subject."""
        return [each.action for each in self.do(self.database.run(lambda c: audit.list(c, subject=subject)))]

    def write_journal(self, id: str) -> End:
        """Put a short journal where the relay would have."""
        writer = JournalWriter(self.place.journal(id), id, self.place.vault.key(id))
        writer.append(packed(recorded_call.codecs(1.0)))
        writer.close()
        return writer.end


Make = Callable[..., Recorded]


@pytest.fixture(name="make")
def scenes(tmp_path: Path) -> Iterator[Make]:
    made: list[Recorded] = []

    def make(ends_call: bool = False, **rules: Any) -> Recorded:
        made.append(Recorded(tmp_path, Rules(**rules), ends_call))
        return made[-1]

    yield make
    for scene in made:
        for thread in scene.database._threads:
            thread.stop()
        scene.database._engine.dispose()


def test_key_and_audit_record_come_before_media(make: Make) -> None:
    scene = make()
    scene.talk_recorded()
    (started,) = scene.told("StartRecording")
    id = started["terms"].recording
    done = scene.relay.done
    assert done.index("Announce") < done.index("StartRecording") < done.index("Join")
    assert scene.told("Announce")[-1]["told"] == "monitor record"
    assert started["terms"].key == scene.place.vault.key(id)
    assert scene.acts(f"recording {id}") == ["recording.begun"]
    assert scene.recording().state is State.RECORDING


@pytest.mark.parametrize(
    "rules",
    [
        {"record": False},
        {"call_class": CallClass.PRIVILEGED},
        {"call_class": CallClass.PRIVILEGED, "record": True, "monitor": True},
    ],
)
def test_nothing_is_recorded_that_must_not_be(make: Make, rules: dict[str, Any]) -> None:
    scene = make(**rules)
    scene.talk_recorded()
    assert scene.told("StartRecording") == []
    assert not scene.place.folder.exists()
    assert scene.do(scene.desk.shelf.search(Wanted())) == []


def test_end_of_a_recording_is_stored_with_its_last_hash(make: Make) -> None:
    scene = make()
    _, presence = scene.talk_recorded()
    id = scene.recording().id
    presence.receive(Leave())
    scene.desk.recordings.over(id, End(7, 900, "ab" * 32), "")
    found = scene.recording()
    assert (found.state, found.chunks, found.octets, found.hash) == (State.WHOLE, 7, 900, "ab" * 32)
    assert scene.acts(f"recording {id}") == ["recording.begun", "recording.whole"]
    assert not scene.desk.live


@pytest.mark.parametrize("ends", [True, False])
def test_failed_recording_ends_the_call_where_the_facility_says_so(make: Make, ends: bool) -> None:
    scene = make(ends_call=ends)
    scene.talk_recorded()
    id = scene.recording().id
    scene.desk.recordings.over(id, End(2, 90, "cd" * 32), "No space left on device")
    assert scene.recording().state is State.FAILED
    assert scene.relay.crossing is not ends, "what cannot be recorded is not said where the facility wants none of it"
    if ends:
        scene.relay.finish()
        scene.reactor.advance(6)
        assert scene.reason() == "RecordingFailed"


@pytest.mark.parametrize("ends", [True, False])
def test_recording_that_cannot_begin_is_a_failure_too(make: Make, ends: bool) -> None:
    scene = make(ends_call=ends)
    scene.relay.fail["StartRecording"] = Refused("no")
    scene.talk_recorded()
    assert scene.recording().state is State.FAILED
    assert ("Join" in scene.relay.done) is not ends


def fail(scene: Recorded) -> Any:
    """A call both of whose parties talk, and whose recording then fails; its page."""
    page, _ = scene.talk_recorded()
    scene.desk.recordings.over(scene.recording().id, End(2, 90, "cd" * 32), "No space left on device")
    return page


def spoken(scene: Recorded) -> list[tuple[str, str]]:
    """What the relay was told to play, and to whom."""
    return [(each["prompt"], each["to"]) for each in scene.told("Play")]


def test_both_are_told_that_the_call_goes_on_unrecorded(make: Make) -> None:
    scene = make()
    page = fail(scene)
    assert page.last(Warn).text == "This visit is not being recorded."
    assert spoken(scene)[-2:] == [("en/not-recorded", "phone"), ("en/not-recorded", "browser")]
    assert scene.relay.crossing
    assert scene.desk.wall.tiles()[0].recorded is Recording.FAILED
    (alert,) = scene.do(scene.database.run(lambda connection: alerts.list(connection, waiting=True)))
    assert alert.text == f"call {scene.call.id} is not recorded: No space left on device"
    scene.call.page.show_again()
    assert page.last(Warn).text == "This visit is not being recorded.", "a page that comes back is told too"


def test_both_are_told_before_a_call_ends_that_cannot_be_recorded(make: Make) -> None:
    scene = make(ends_call=True)
    page = fail(scene)
    assert page.last(Warn).text == "The visit could not be recorded and had to end. You may try again."
    assert spoken(scene)[-1] == ("en/cannot-record", "both")
    assert page.states[-1] == "held"
    assert scene.desk.live, "it ends when they have heard why"
    scene.relay.finish()
    assert page.last(Ended).reason == "RecordingFailed"


def test_who_waits_for_a_lost_visitor_is_told_too(make: Make) -> None:
    scene = make(ends_call=True)
    scene.talk_recorded()
    scene.call.media.leg_lost("browser", "silence")
    scene.desk.recordings.over(scene.recording().id, End(2, 90, "cd" * 32), "No space left on device")
    assert spoken(scene)[-1] == ("en/cannot-record", "phone")
    scene.relay.finish()
    scene.reactor.advance(6)
    assert scene.reason() == "RecordingFailed"


def test_no_tone_says_that_a_call_is_recorded_whose_recording_failed(make: Make) -> None:
    scene = make()
    scene.talk_recorded()
    scene.call.terms = replace(scene.call.terms, tone=15.0)
    scene.call._remind_later()
    scene.reactor.advance(15)
    assert spoken(scene)[-1] == ("en/tone", "both")
    scene.desk.recordings.over(scene.recording().id, End(2, 90, "cd" * 32), "No space left on device")
    scene.reactor.advance(60)
    assert [name for name, _ in spoken(scene)].count("en/tone") == 1


def test_recording_that_fails_at_the_very_end_disturbs_nobody(make: Make) -> None:
    scene = make()
    page, presence = scene.talk_recorded()
    id, call = scene.recording().id, scene.call
    presence.receive(Leave())
    scene.desk.recordings.over(id, End(2, 90, "cd" * 32), "No space left on device")
    assert call.recorded is Recording.FAILED
    assert "en/not-recorded" not in [name for name, _ in spoken(scene)]
    assert page.last(Ended).reason == "VisitorLeft"


def test_lost_relay_leaves_what_the_disk_has(make: Make) -> None:
    scene = make()
    scene.talk_recorded()
    id = scene.recording().id
    end = scene.write_journal(id)
    scene.relays.went_down(0)
    found = scene.recording()
    assert (found.state, found.hash, found.chunks) == (State.RECOVERED, end.hash, end.chunks)
    assert scene.acts(f"recording {id}") == ["recording.begun", "recording.recovered"]


def test_gateway_that_starts_again_closes_the_books(make: Make) -> None:
    scene = make()
    scene.talk_recorded()
    id = scene.recording().id
    scene.write_journal(id)
    scene.desk.recordings._going.clear()  # as after a crash
    scene.do(scene.desk.recordings.start())
    assert scene.recording().state is State.RECOVERED


def listened(scene: Recorded, who: Staff = KIM) -> Any:
    return scene.do(scene.desk.listening.begin(who, scene.call.id, OFFER, "a tip"))


def test_listener_is_let_in_after_the_audit_record(make: Make) -> None:
    scene = make()
    scene.talk_recorded()
    admitted = listened(scene)
    assert scene.acts(f"call {scene.call.id}") == ["call.listened"]
    assert "a=sendonly" in admitted.sdp
    assert [each.user for each in scene.desk.listening.of(scene.call.id)] == ["kim"]
    side = scene.told("SetListener")[0]["side"]
    assert [(each.party, each.kind) for each in side.streams] == [(Leg.PHONE, Kind.AUDIO), (Leg.PHONE, Kind.VIDEO)]
    scene.desk.listening.listener_up(scene.call.id, admitted.listener.id)
    assert scene.desk.listening.of(scene.call.id)[0].hears
    scene.do(scene.desk.listening.end(scene.call.id, admitted.listener.id))
    assert scene.told("CloseListener")
    assert scene.desk.listening.of(scene.call.id) == ()


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ({"call_class": CallClass.PRIVILEGED, "record": False, "monitor": False}, "privileged"),
        ({"call_class": CallClass.PRIVILEGED}, "privileged"),
        ({"monitor": False}, "not_announced"),
        ({"permitted": False}, "not_permitted"),
    ],
)
def test_listener_is_refused_and_the_relay_hears_nothing_of_it(make: Make, rules: dict[str, Any], code: str) -> None:
    scene = make(**rules)
    scene.talk_recorded()
    with pytest.raises(MayNotListen) as refused:
        listened(scene)
    assert refused.value.code == code
    assert scene.told("OpenListener") == []
    assert scene.acts(f"call {scene.call.id}") == []


def test_class_that_is_changed_in_mid_call_opens_nothing(make: Make) -> None:
    scene = make(call_class=CallClass.PRIVILEGED, record=False, monitor=False)
    scene.talk_recorded()
    live = scene.call
    live.decision = replace(
        live.decision,
        call_class=CallClass.ORDINARY,
        record=True,
        monitor=True,
        announcements=notices.core(CallClass.ORDINARY, True, True),
    )
    with pytest.raises(MayNotListen):  # the bridge keeps the class that it was made of
        listened(scene)
    (opened,) = scene.told("OpenBridge")
    assert opened["privileged"] is True


def test_without_an_audit_record_nobody_listens(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = make()
    scene.talk_recorded()

    def fail(*_: Any) -> None:
        raise OSError("the store is gone")

    monkeypatch.setattr("parloir.calls.listening.audit.append", fail)
    with pytest.raises(OSError, match="the store is gone"):
        listened(scene)
    assert scene.told("OpenListener") == []


@pytest.mark.parametrize("sdp", ["", "v=0", BROWSER.replace("m=audio", "m=text")])
def test_offer_that_cannot_be_answered_is_refused(make: Make, sdp: str) -> None:
    scene = make()
    scene.talk_recorded()
    with pytest.raises(OfferRefused):
        scene.do(scene.desk.listening.begin(KIM, scene.call.id, sdp))


def test_nobody_listens_to_a_call_that_is_over(make: Make) -> None:
    scene = make(record=False)
    _, presence = scene.talk_recorded()
    admitted = listened(scene)
    call = scene.call.id
    presence.receive(Leave())
    assert scene.desk.listening.of(call) == ()
    with pytest.raises(NoSuchCall):
        scene.do(scene.desk.listening.begin(KIM, call, OFFER))
    assert admitted.listener.call == call


def finished(scene: Recorded) -> str:
    """A recording that is over, its journal on the disk."""
    _, presence = scene.talk_recorded()
    id: str = scene.recording().id
    end = scene.write_journal(id)
    presence.receive(Leave())
    scene.desk.recordings.over(id, end, "")
    return id


def test_recording_is_erased_when_its_time_is_over_with_proof(make: Make) -> None:
    scene = make(days=30)
    id = finished(scene)
    assert scene.do(scene.desk.expiry.expire("north", "kim")) == ()
    scene.reactor.advance(31 * 86_400)
    (proof,) = scene.do(scene.desk.expiry.expire("north", "kim"))
    assert (proof.id, proof.master, proof.hash) == (id, "first", scene.recording().hash)
    assert scene.recording().state is State.ERASED
    assert not scene.place.journal(id).exists()
    with pytest.raises(KeyGone):
        scene.place.vault.key(id)
    assert scene.acts(f"recording {id}")[-2:] == ["recording.erasing", "recording.erased"]
    last = scene.do(scene.desk.shelf.custody(id))[-1]
    assert last.facts["key_sha256"] == proof.key_sha256
    with pytest.raises(NotPlayable):
        scene.do(scene.desk.shelf.play(KIM, id, "late"))


@pytest.mark.parametrize("days", [None, 30])
def test_held_recording_and_one_without_retention_stay(make: Make, days: int | None) -> None:
    scene = make(days=days)
    id = finished(scene)
    scene.do(scene.desk.shelf.hold(KIM, id, "case 5"))
    scene.reactor.advance(31 * 86_400)
    assert scene.do(scene.desk.expiry.expire("north", "kim")) == ()
    assert scene.place.vault.key(id)
    scene.do(scene.desk.shelf.release(KIM, id, "closed"))
    assert len(scene.do(scene.desk.expiry.expire("north", "kim"))) == (days is not None)


def test_playback_is_refused_unaudited_to_whom_policies_refuse_it(make: Make) -> None:
    scene = make(permitted=False)
    id = finished(scene)
    with pytest.raises(MayNotPlay, match="not today"):
        scene.do(scene.desk.shelf.play(KIM, id, "curious"))
    assert "recording.played" not in scene.acts(f"recording {id}")
    assert scene.desk.shelf.making(KIM, id, "playback") is None


def test_without_an_audit_record_nothing_is_played_or_erased(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = make(days=1)
    id = finished(scene)

    def fail(*_: Any) -> None:
        raise OSError("the store is gone")

    monkeypatch.setattr("parloir.store.audit.append", fail)
    for what in (scene.desk.shelf.play, scene.desk.shelf.export):
        with pytest.raises(OSError, match="the store is gone"):
            scene.do(what(KIM, id, "a tip"))
    assert not (scene.place.folder / "made").exists()
    scene.reactor.advance(2 * 86_400)
    assert scene.do(scene.desk.expiry.expire("north", "kim")) == ()
    assert scene.place.vault.has(id)


def test_recording_whose_journal_was_never_begun_is_closed_as_failed(make: Make) -> None:
    scene = make()
    scene.talk_recorded()
    scene.desk.recordings._going.clear()  # as after a crash
    scene.do(scene.desk.recordings.start())
    assert scene.recording().state is State.FAILED
    assert not scene.recording().can_be_played


def test_marks_are_on_record(make: Make) -> None:
    scene = make()
    id = finished(scene)
    mark = scene.do(scene.desk.shelf.mark(KIM, id, 1500, "here"))
    assert scene.do(scene.desk.shelf.get(id)).marks == [mark]
    scene.do(scene.desk.shelf.unmark(KIM, id, mark.id))
    assert scene.acts(f"recording {id}")[-2:] == ["recording.marked", "recording.unmarked"]
    assert mark.made >= START
