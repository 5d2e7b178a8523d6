"""What a phone and the gateway agree to send each other: encryption, formats, where the media comes from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from parloir.calls.stations import MediaTerms, Station, Stations
from parloir.config.address import SipAddress
from parloir.rtp import sdp as grammar
from parloir.rtp.sdes import Encryption
from parloir.sip.session import EndKind, NotAcceptable, SessionEnd
from parloir.webrtc.signalling import Answer, Join
from tests.live_scene import BROWSER, PHONE, FakeIncoming, Scene, staged


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    yield from staged(tmp_path)


def test_phone_that_comes_back_from_hold_with_another_favourite_keeps_the_codec(scene: Scene) -> None:
    scene.talk()
    session = scene.phones.session
    answer = scene.do(session.events.offered(session, PHONE.replace("RTP/AVP 0", "RTP/AVP 8 0")))
    assert "RTP/AVP 0\r\n" in answer
    with pytest.raises(NotAcceptable):
        scene.do(session.events.offered(session, PHONE.replace("RTP/AVP 0", "RTP/AVP 8")))
    assert scene.desk.live


def test_a_description_has_another_version_only_where_it_says_something_else(scene: Scene) -> None:
    scene.talk()
    session = scene.phones.session
    assert "RTP/AVP 0 8 101" in scene.phones.offers[0]
    restated = [session.events.current(session) for _ in range(2)]
    held, still = (scene.do(session.events.offered(session, PHONE + "a=sendonly\r\n")) for _ in range(2))
    resumed = scene.do(session.events.offered(session, PHONE))
    said = [scene.phones.offers[0], *restated, held, still, resumed]
    assert [grammar.parse(each).version for each in said] == [1, 2, 2, 3, 3, 4]
    assert restated[0] == restated[1]
    assert held == still


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
