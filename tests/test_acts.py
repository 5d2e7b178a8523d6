"""What officers do to live calls: each act permitted, audited before it is done, and told to those who look on."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from parloir.calls.acts import UnknownWarning
from parloir.calls.acts_speech import NotNow, SomebodySpeaks
from parloir.calls.call import Hold
from parloir.calls.listening import MayNotListen
from parloir.calls.permission import MayNotAct
from parloir.calls.wall import Onlooker, Tile
from parloir.config import prompts
from parloir.policy.answers import CallClass
from parloir.policy.values import Action
from parloir.relay import commands
from parloir.relay.bodies import Withheld
from parloir.rtp.description import Kind
from parloir.rtp.flow import Leg
from parloir.store import audit
from parloir.store.errors import NoSuchCall
from parloir.store.staff import Role, Staff
from parloir.webrtc.sdp import OfferRefused
from parloir.webrtc.signalling import Join, Status, Warn
from tests.live_scene import BROWSER
from tests.watched_scene import Rules, Watched, permissive, watched

__all__ = ["permissive", "watched"]

OFFICER = Staff("s1", "sergeant", "Sergeant One", frozenset({Role.OFFICER}))
ANOTHER = Staff("s2", "corporal", "Corporal Two", frozenset({Role.OFFICER}))
SPEAKER = (
    BROWSER.replace("a=mid:0\r\n", "a=mid:0\r\na=sendonly\r\n").split("m=video")[0].replace("BUNDLE 0 1", "BUNDLE 0")
)
RECEIVING = BROWSER.replace("a=mid:0\r\n", "a=mid:0\r\na=recvonly\r\n").replace(
    "a=mid:1\r\n", "a=mid:1\r\na=recvonly\r\n"
)


def test_warning_is_heard_by_both_and_read_by_the_visitor(scene: Watched) -> None:
    call = scene.begin()
    scene.do(scene.desk.acts.warn(OFFICER, call, prompt="warning-conduct", why="swearing"))
    assert scene.last(commands.Play)["prompt"] == "en/warning-conduct"
    assert scene.last(commands.Play)["to"] == "both"
    assert scene.last(commands.Play)["over"]  # they go on hearing each other beneath it
    assert scene.page.last(Warn).text == prompts.text("warning-conduct", "en")
    scene.do(scene.desk.acts.warn(OFFICER, call, text="Please sit down."))
    assert scene.page.last(Warn).text == "Please sit down."
    assert scene.audited()[-2:] == [("sergeant", "call.warned")] * 2
    assert scene.kinds(call).count("officer_warned") == 2
    with pytest.raises(UnknownWarning):
        scene.do(scene.desk.acts.warn(OFFICER, call, prompt="notice"))


def test_muted_party_and_picture_are_withheld_until_given_back(scene: Watched) -> None:
    call, acts = scene.begin(), scene.desk.acts
    sound, picture = (Leg.BROWSER, Kind.AUDIO), (Leg.PHONE, Kind.VIDEO)
    scene.do(acts.withhold(OFFICER, call, sound, True, "insults"))
    scene.do(acts.withhold(OFFICER, call, picture, True))
    assert set(scene.last(commands.Withhold)["streams"].streams) == {sound, picture}
    assert scene.desk.wall.tiles()[0].withheld == ("inside video", "visitor audio")
    scene.do(acts.withhold(OFFICER, call, sound, False))
    assert scene.last(commands.Withhold)["streams"] == Withheld(streams=(picture,))
    assert scene.audited()[-3:] == [("sergeant", "call.withheld")] * 3


def test_pause_parts_the_parties_until_an_officer_lets_them_go_on(scene: Watched) -> None:
    call, acts = scene.begin(), scene.desk.acts
    assert scene.relay.crossing
    for _ in range(2):
        scene.do(acts.pause(OFFICER, call, "a count"))
        assert not scene.relay.crossing
        assert scene.page.last(Status).why == "officer"
    scene.do(acts.resume(ANOTHER, call))
    assert scene.relay.crossing
    assert ("corporal", "call.resumed") in scene.audited()
    assert "officer_paused" in scene.kinds(call)


def test_end_is_done_at_once_even_where_nothing_else_may_be(scene: Watched, rules: Rules) -> None:
    rules.call_class = CallClass.PRIVILEGED
    call = scene.begin()
    scene.do(scene.desk.end_call(call, "a fire", "sergeant"))
    assert scene.reason() == "OfficerEnded"
    assert scene.audited()[-1] == ("sergeant", "call.ended")
    scene.do(scene.desk.end_call(call, "again", "sergeant"))
    assert scene.audited().count(("sergeant", "call.ended")) == 1


def everything(scene: Watched, call: str) -> Iterator[tuple[Action, Any]]:
    """Every act there is but the end."""
    acts = scene.desk.acts
    yield Action.WARN, acts.warn(OFFICER, call, text="Hello.")
    yield Action.MUTE, acts.withhold(OFFICER, call, (Leg.PHONE, Kind.AUDIO), True)
    yield Action.PAUSE, acts.pause(OFFICER, call)
    yield Action.PAUSE, acts.resume(OFFICER, call)
    yield Action.BARGE, acts.speak(OFFICER, call, SPEAKER, frozenset(Leg), "why")
    yield Action.WHISPER, acts.speak(OFFICER, call, SPEAKER, frozenset({Leg.PHONE}), "why")


def test_nothing_else_is_done_to_a_privileged_call_whatever_plugins_say(scene: Watched, rules: Rules) -> None:
    rules.call_class = CallClass.PRIVILEGED
    call = scene.begin()
    done = list(scene.relay.done)
    for _, act in everything(scene, call):
        with pytest.raises(MayNotAct, match="privileged") as raised:
            scene.do(act)
        assert raised.value.code == "privileged"
    for sparse in (False, True):
        with pytest.raises(MayNotListen):
            scene.do(scene.desk.listening.begin(OFFICER, call, RECEIVING, "", sparse))
    assert scene.relay.done == done
    assert scene.ruled.asked == []
    assert not any(action.startswith("call.") for _, action in scene.audited())
    (tile,) = scene.desk.wall.tiles()
    assert tile.call_class is CallClass.PRIVILEGED
    assert not tile.opens


def test_class_cannot_be_changed_in_mid_call(scene: Watched, rules: Rules) -> None:
    rules.call_class = CallClass.PRIVILEGED
    call = scene.begin()
    live = scene.desk.live[call]
    rules.call_class = CallClass.ORDINARY
    assert live.decision is not None
    live.decision = replace(live.decision, call_class=CallClass.ORDINARY, monitor=True)
    with pytest.raises(MayNotListen):  # the bridge is what it was made
        scene.do(scene.desk.listening.begin(OFFICER, call, RECEIVING))
    with pytest.raises(MayNotAct):
        scene.do(scene.desk.acts.pause(OFFICER, call))
    assert not scene.desk.wall.tiles()[0].opens


def test_nothing_is_done_to_a_call_that_turns_out_to_be_privileged(scene: Watched) -> None:
    call = scene.begin()
    live = scene.desk.live[call]
    assert live.decision is not None
    live.decision = replace(live.decision, call_class=CallClass.PRIVILEGED)
    with pytest.raises(MayNotAct):
        scene.do(scene.desk.acts.pause(OFFICER, call))
    with pytest.raises(MayNotListen):
        scene.do(scene.desk.listening.begin(OFFICER, call, RECEIVING))
    assert not scene.desk.wall.tiles()[0].opens


def test_what_the_policies_forbid_is_neither_done_nor_audited(scene: Watched, rules: Rules) -> None:
    call = scene.begin()
    rules.forbidden = frozenset(Action)
    done = list(scene.relay.done)
    asked = []
    for action, act in everything(scene, call):
        with pytest.raises(MayNotAct, match="no, says the rule"):
            scene.do(act)
        asked.append(action)
    assert [action for action, _, _ in scene.ruled.asked] == asked
    assert scene.relay.done == done
    assert not any(action.startswith("call.") for _, action in scene.audited())


def test_act_that_cannot_be_audited_is_not_done(scene: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    call = scene.begin()
    done = list(scene.relay.done)

    def fail(*_: Any, **__: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(audit, "append", fail)
    for _, act in everything(scene, call):
        with pytest.raises(OSError, match="full"):
            scene.do(act)
    with pytest.raises(OSError, match="full"):
        scene.do(scene.desk.listening.begin(OFFICER, call, RECEIVING))
    assert scene.relay.done == done
    with pytest.raises(OSError, match="full"):  # but an end is an end
        scene.do(scene.desk.end_call(call, "a fire", "sergeant"))
    assert scene.reason() == "OfficerEnded"


def test_officer_speaks_to_both_until_they_have_finished(scene: Watched) -> None:
    call, acts = scene.begin(), scene.desk.acts
    spoken = scene.do(acts.speak(OFFICER, call, SPEAKER, frozenset(Leg), "a warning"))
    assert "a=recvonly" in spoken.sdp
    assert scene.audited()[-1] == ("sergeant", "call.spoken_to")
    assert scene.last(commands.SetSpeaker)["side"].codec == "PCMU"
    assert scene.last(commands.SetSpeaker)["side"].who == "sergeant"  # who listens too, and hears no echo
    assert scene.ruled.asked[-1] == (Action.BARGE, "sergeant", "a warning")
    with pytest.raises(SomebodySpeaks):
        scene.do(acts.speak(ANOTHER, call, SPEAKER, frozenset(Leg), "me too"))
    acts.speeches.speaker_up(call, spoken.speaker.id)
    speaker = scene.desk.wall.tiles()[0].speaker
    assert speaker is not None
    assert speaker.heard
    scene.do(acts.hush(call, spoken.speaker.id))
    scene.do(acts.hush(call, spoken.speaker.id))
    assert scene.relay.done.count("CloseSpeaker") == 1
    whispered = scene.do(acts.speak(ANOTHER, call, SPEAKER, frozenset({Leg.PHONE}), "me too"))
    assert scene.ruled.asked[-1][0] is Action.WHISPER
    acts.speeches.speaker_gone(call, whispered.speaker.id, "the browser has gone")
    assert acts.speaker(call) is None
    assert [kind for kind in scene.kinds(call) if kind.startswith("speaking")] == [
        "speaking_begun",
        "speaking",
        "speaking_ended",
        "speaking_begun",
        "speaking_ended",
    ]


def test_speaker_whom_the_relay_refuses_leaves_room_for_another(scene: Watched) -> None:
    call, acts = scene.begin(), scene.desk.acts
    scene.relay.fail["SetSpeaker"] = commands.Refused("no")
    with pytest.raises(NotNow):
        scene.do(acts.speak(OFFICER, call, SPEAKER, frozenset(Leg), "why"))
    scene.relay.fail.clear()
    scene.do(acts.speak(OFFICER, call, SPEAKER, frozenset(Leg), "why"))


@pytest.mark.parametrize(
    "offer", ["", SPEAKER.replace("sendonly", "recvonly"), SPEAKER.replace("RTP/SAVPF 0 8", "RTP/SAVPF 13")]
)
def test_offer_without_sound_that_we_hear_is_refused(scene: Watched, offer: str) -> None:
    call = scene.begin()
    with pytest.raises(OfferRefused):
        scene.do(scene.desk.acts.speak(OFFICER, call, offer, frozenset(Leg), "why"))
    assert scene.desk.acts.speaker(call) is None


def test_nobody_is_warned_or_spoken_to_who_does_not_talk_yet(scene: Watched) -> None:
    _, presence = scene.enter(scene.visit())
    presence.receive(Join(sdp=BROWSER))
    call = scene.call.id
    with pytest.raises(NotNow):
        scene.do(scene.desk.acts.warn(OFFICER, call, text="Hello."))
    with pytest.raises(NotNow):
        scene.do(scene.desk.acts.speak(OFFICER, call, SPEAKER, frozenset(Leg), "why"))
    for act in (scene.desk.acts.pause(OFFICER, "nothing"), scene.desk.acts.resume(OFFICER, "nothing")):
        with pytest.raises(NoSuchCall):
            scene.do(act)


def test_end_of_the_call_ends_what_was_done_to_it(scene: Watched) -> None:
    call, acts = scene.begin(), scene.desk.acts
    scene.do(acts.withhold(OFFICER, call, (Leg.PHONE, Kind.AUDIO), True))
    scene.do(acts.speak(OFFICER, call, SPEAKER, frozenset(Leg), "why"))
    scene.do(scene.desk.end_call(call, "enough", "sergeant"))
    assert acts.speaker(call) is None
    assert acts.withheld(call) == frozenset()
    assert scene.desk.wall.tiles() == ()


def test_attended_call_pauses_while_nobody_listens(scene: Watched, rules: Rules) -> None:
    rules.attended = True
    call = scene.begin()
    listening = scene.desk.listening
    assert not scene.relay.crossing
    assert scene.page.last(Status).why == "monitor"
    assert "monitor" in scene.desk.wall.tiles()[0].holds
    thumbnails = scene.do(listening.begin(ANOTHER, call, RECEIVING, "", True))
    listening.listener_up(call, thumbnails.listener.id)
    assert not scene.relay.crossing  # thumbnails are not ears
    ears = scene.do(listening.begin(OFFICER, call, RECEIVING))
    assert not scene.relay.crossing
    listening.listener_up(call, ears.listener.id)
    assert scene.relay.crossing
    assert scene.page.last(Status).state == "talking"
    listening.listener_gone(call, ears.listener.id, "its browser has gone")
    assert not scene.relay.crossing
    assert Hold.MONITOR in scene.call.call.holds


def test_wall_tells_onlookers_of_each_change_once(scene: Watched) -> None:
    told: list[tuple[str, str, Tile | None]] = []
    onlooker = Onlooker(lambda id, facility, tile: told.append((id, facility, tile)))
    scene.desk.wall.look(onlooker)
    call = scene.begin()
    scene.reactor.advance(1)
    assert [(id, facility) for id, facility, _ in told] == [(call, "north")]
    assert told[0][2] is not None
    assert told[0][2].state == "active"
    assert told[0][2].opens
    admitted = scene.do(scene.desk.listening.begin(OFFICER, call, RECEIVING))
    scene.reactor.advance(1)
    assert told[-1][2] is not None
    assert [each.user for each in told[-1][2].listeners] == ["sergeant"]
    assert admitted.listener.user == "sergeant"
    scene.desk.timelines.event(call, "quality")
    scene.reactor.advance(1)
    assert len(told) == 2
    scene.do(scene.desk.end_call(call, "enough", "sergeant"))
    scene.reactor.advance(1)
    assert told[-1] == (call, "north", None)
    scene.desk.wall.leave(onlooker)
    scene.begin()
    scene.reactor.advance(1)
    assert told[-1][0] == call
