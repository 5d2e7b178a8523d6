"""Listening to live calls: permitted, announced and on record, or refused."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from parloir.calls.listening import MayNotListen
from parloir.policy import notices
from parloir.policy.answers import CallClass
from parloir.rtp.description import Kind
from parloir.rtp.flow import Leg
from parloir.store.errors import NoSuchCall
from parloir.store.staff import Staff
from parloir.webrtc.sdp import OfferRefused
from parloir.webrtc.signalling import Leave

from .live_scene import BROWSER
from .recorded_scene import KIM, Make, Recorded, staged

OFFER = BROWSER.replace("a=mid:0", "a=mid:0\r\na=recvonly").replace("a=mid:1", "a=mid:1\r\na=recvonly")


@pytest.fixture(name="make")
def scenes(tmp_path: Path) -> Iterator[Make]:
    yield from staged(tmp_path)


def listened(scene: Recorded, who: Staff = KIM, sparse: bool = False) -> Any:
    return scene.do(scene.desk.listening.begin(who, scene.call.id, OFFER, "a tip", sparse))


def test_listener_is_let_in_after_the_audit_record(make: Make) -> None:
    scene = make()
    scene.talk_recorded()
    admitted = listened(scene)
    assert scene.acts(f"call {scene.call.id}") == ["call.listened"]
    assert "a=sendonly" in admitted.sdp
    assert [each.user for each in scene.desk.listening.of(scene.call.id)] == ["kim"]
    side = scene.told("SetListener")[0]["side"]
    assert side.who == "kim"
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


def test_thumbnails_are_on_record_too_and_without_sound(make: Make) -> None:
    scene = make()
    scene.talk_recorded()
    listened(scene, sparse=True)
    assert scene.acts(f"call {scene.call.id}") == ["call.watched"]
    side = scene.told("SetListener")[0]["side"]
    assert (side.sparse, {each.kind for each in side.streams}) == (True, {Kind.VIDEO})


@pytest.mark.parametrize("sparse", [False, True])
def test_without_an_audit_record_nobody_listens_or_sees_thumbnails(
    make: Make, monkeypatch: pytest.MonkeyPatch, sparse: bool
) -> None:
    scene = make()
    scene.talk_recorded()

    def fail(*_: Any) -> None:
        raise OSError("the store is gone")

    monkeypatch.setattr("parloir.calls.listening.audit.append", fail)
    with pytest.raises(OSError, match="the store is gone"):
        listened(scene, sparse=sparse)
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
