"""A phone that dials the code of a visit: which calls are let in, and what the phone hears meanwhile."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from parloir.webrtc.signalling import Answer, Ended, Join
from tests.live_scene import BROWSER, PHONE, FakeIncoming, Scene, staged


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    yield from staged(tmp_path)


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
