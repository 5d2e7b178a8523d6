"""Phones that encrypt their media, those that insist on it, and those whose media comes from elsewhere."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest

from parloir.rtp.sdes import Suite
from parloir.rtp.sdp import parse

from .packets import is_ours
from .ports import free_ports
from .raw_media import RawStream
from .raw_phone import RawPhone, h264_type
from .stage import Stage
from .visitor import Visitor

REQUIRED = {"srtp": "required"}


def test_every_suite_carries_sound_and_picture_both_ways_and_a_phones_largest_packets(stage: Stage) -> None:
    phones = {f"pod-a-{n}": stage.secure_phone(suite, user=f"100{n}", large=True) for n, suite in enumerate(Suite, 1)}
    gateway = stage.gateway({name: phone.address for name, phone in phones.items()}, defaults=REQUIRED)
    visitors = {}
    for name in phones:
        visitors[name] = stage.visitor(gateway.add_visit(name))
        visitors[name].join()
    for name, phone in phones.items():
        invite = phone.wait_for("INVITE")
        assert "RTP/AVP" not in invite.body
        phone.talk(invite.body)
        visitors[name].wait_for_state("talking")
    for name, phone in phones.items():
        _crosses(phone, visitors[name], largest=1388)


def test_a_phone_that_dials_is_answered_under_its_own_suite_and_changes_its_keys_in_mid_call(stage: Stage) -> None:
    phone = stage.secure_phone(Suite.AES_128_CM_32)
    gateway = stage.gateway({"pod-a-1": phone.address}, defaults=REQUIRED)
    visit = gateway.add_visit(rings=False)
    visitor = stage.visitor(visit)
    visitor.join()
    visitor.wait_for_state("waiting")
    answer = phone.dial(f"sip:{visit['code']}@127.0.0.1:{gateway.sip_port}")
    assert answer.status == 200
    assert [m.keys[0].suite for m in parse(answer.body).media] == [Suite.AES_128_CM_32] * 2
    phone.acknowledge()
    phone.talk(answer.body)
    visitor.wait_for_state("talking")
    _crosses(phone, visitor)
    phone.change_keys()
    answer = phone.request("INVITE", phone.sdp())
    assert answer.status == 200
    phone.secure(answer.body)
    before = phone.audio.sent[-1]
    visitor.wait_for_packets("audio", len(visitor.received["audio"]) + 50)
    phone.wait_for_packets("audio", len(phone.audio.received) + 50)
    came = [packet.payload for packet in visitor.received["audio"]]
    assert any(body in came for body in phone.audio.sent[phone.audio.sent.index(before) + 1 :])


def test_required_refuses_what_is_plain(stage: Stage) -> None:
    strict = stage.raw_phone()
    gateway = stage.gateway({"pod-a-1": strict.address}, defaults=REQUIRED)
    visit = gateway.add_visit(rings=False)
    stage.visitor(visit).join()
    assert strict.dial(f"sip:{visit['code']}@127.0.0.1:{gateway.sip_port}").status == 488


def test_optional_falls_back_to_what_is_plain(stage: Stage) -> None:
    lenient = stage.raw_phone()
    lenient.decide = lambda phone, invite: (
        (488, "") if "RTP/SAVP" in invite.body else (200, phone.sdp(h264=h264_type(invite.body)))
    )
    gateway = stage.gateway({"pod-a-1": lenient.address}, defaults={"srtp": "optional"})
    visitor = stage.visitor(gateway.add_visit())
    visitor.join()
    assert "RTP/AVP" not in lenient.wait_for("INVITE").body
    plain = lenient.wait_for("INVITE", text="RTP/AVP")
    lenient.talk(plain.body)
    visitor.wait_for_state("talking")
    _crosses(lenient, visitor)


def _named_elsewhere(phone: RawPhone, port: int, host: str = "127.0.0.1") -> str:
    """Its description with another place for its sound than it sends from."""
    own = phone.sdp([f"m=audio {port} RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000"])
    return own.replace(f"c=IN IP4 {phone.host}", f"c=IN IP4 {host}")


def _talk(stage: Stage, visits: Mapping[str, Any], phones: Mapping[str, RawPhone]) -> dict[str, Visitor]:
    """The visits' visitors, all talking, by station."""
    visitors = {station: stage.visitor(visit) for station, visit in visits.items()}
    for visitor in visitors.values():
        visitor.join()
    for station, phone in phones.items():
        phone.talk(phone.wait_for("INVITE").body)
        visitors[station].wait_for_state("talking")
    return visitors


def _strays(stage: Stage) -> dict[str, RawPhone]:
    """Phones that name another port, and another address, than the one that they send from."""
    strays = {}
    for number, host in enumerate(("127.0.0.1", "127.0.0.9")):
        said = partial(_named_elsewhere, port=free_ports(2), host=host)
        phone = stage.raw_phone(video=False, decide=lambda phone, invite, said=said: (200, said(phone)))
        strays[f"stray-{number}"] = phone
    return strays


def test_media_from_elsewhere_than_was_said_is_latched_to_where_that_is_allowed(stage: Stage) -> None:
    phones = _strays(stage)
    gateway = stage.gateway({name: phone.address for name, phone in phones.items()}, defaults={"latch": True})
    visitors = _talk(stage, {name: gateway.add_visit(name) for name in phones}, phones)
    for name, phone in phones.items():
        _crosses(phone, visitors[name], kinds=("audio",))


@pytest.mark.invariant
def test_media_from_elsewhere_than_was_said_stays_out(stage: Stage) -> None:
    """But where its description names another host than its signalling's, it crosses."""
    phones = _strays(stage)
    honest = stage.raw_phone(video=False)
    honest.audio.stop()
    honest.audio = RawStream("audio", 0x33333333, host="127.0.0.9")
    honest.decide = lambda phone, invite: (200, _named_elsewhere(phone, phone.audio.port, "127.0.0.9"))
    everybody = phones | {"honest": honest}
    gateway = stage.gateway({name: phone.address for name, phone in everybody.items()})
    visits = {name: gateway.add_visit(name) for name in everybody}
    visitors = _talk(stage, visits, everybody)
    _crosses(honest, visitors["honest"], kinds=("audio",))
    for name, phone in phones.items():
        assert not [p for p in visitors[name].received["audio"] if is_ours(p.payload)]
        assert not [p for p in phone.audio.received if is_ours(p.payload)]
        visitors[name].leave()
        assert gateway.event(visits[name], "report")["data"]["since_join"]


def _crosses(
    phone: RawPhone, visitor: Visitor, *, largest: int = 0, kinds: tuple[str, ...] = ("audio", "video")
) -> None:
    """What one sends the other hears, as it was, of each kind and both ways."""
    for kind in kinds:
        stream = phone.audio if kind == "audio" else phone.video
        assert stream is not None
        visitor.wait_for_packets(kind, len(visitor.received[kind]) + 20)
        phone.wait_for_packets(kind, len(stream.received) + 20)
        for received, sent in ((visitor.received[kind], stream.sent), (stream.received, visitor.tracks[kind].sent)):
            came = [packet.payload for packet in list(received) if is_ours(packet.payload)]
            assert came, kind
            assert set(came) <= set(sent), kind
    if largest:
        assert max(len(packet.payload) for packet in visitor.received["video"]) == largest


def test_a_phone_that_kept_two_codecs_and_sends_the_second_is_locked_to_the_first(stage: Stage) -> None:
    phone = stage.raw_phone(video=False)
    phone.decide = lambda phone, invite: (200, phone.sdp([f"m=audio {phone.audio.port} RTP/AVP 0 8"]))
    gateway = stage.gateway({"pod-a-1": phone.address})
    visitor = stage.visitor(gateway.add_visit())
    visitor.join()
    phone.talk(phone.wait_for("INVITE").body)
    phone.audio.payload_type = 8
    locked = phone.wait_for("INVITE", text="RTP/AVP 0\r\n")
    phone.wait_for("ACK", start=phone.messages.index(locked))
    phone.audio.payload_type = 0
    visitor.wait_for_state("talking")
    _crosses(phone, visitor, kinds=("audio",))
