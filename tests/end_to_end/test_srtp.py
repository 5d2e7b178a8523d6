"""Phones that encrypt their media, those that insist on it, and those whose media comes from elsewhere."""

import time

import pytest

from parloir.rtp.sdes import Suite
from parloir.rtp.sdp import parse

from .baresip import FAKE_VIDEO
from .packets import is_ours
from .picture import BLUE
from .ports import free_ports
from .raw_media import RawStream
from .raw_phone import RawPhone, h264_type
from .stage import BROWSER_TONE, Stage
from .visitor import Visitor

CALLED, CALLING = 2400, 1700
REQUIRED = {"srtp": "required"}


def test_baresip_that_insists_on_srtp_is_called_and_another_calls(stage: Stage) -> None:
    called = stage.baresip(tone=CALLED, user="1001", encryption="srtp-mand")
    calling = stage.baresip(tone=CALLING, user="1002", encryption="srtp-mand")
    gateway = stage.gateway({"pod-a-1": called.address, "pod-a-2": calling.address}, defaults=REQUIRED)
    first = gateway.add_visit("pod-a-1", visitor="Ann Doe")
    second = gateway.add_visit("pod-a-2", visitor="Bob Roe", rings=False)

    page = stage.page(first)
    page.join()
    page.wait_for_state("talking")
    page.wait_to_hear(CALLED)
    page.wait_to_see(FAKE_VIDEO)
    called.wait_to_hear(BROWSER_TONE)
    called.wait_to_see(BLUE)

    waiting = stage.page(second)
    waiting.join()
    waiting.wait_for_state("waiting")
    calling.dial(f"sip:{second['code']}@127.0.0.1:{gateway.sip_port}")
    calling.wait_for_event("CALL_ESTABLISHED")
    waiting.wait_for_state("talking")
    waiting.wait_to_hear(CALLING)
    waiting.wait_to_see(FAKE_VIDEO)
    calling.wait_to_hear(BROWSER_TONE)
    calling.wait_to_see(BLUE)

    called.hang_up()
    page.wait_for_state("ended")
    assert gateway.end_reason(first) == "PhoneHungUp"
    waiting.hang_up()
    calling.wait_for_event("CALL_CLOSED")
    assert gateway.end_reason(second) == "VisitorLeft"


def test_every_suite_carries_the_largest_packets_both_ways(stage: Stage) -> None:
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


def test_a_phone_that_dials_is_answered_under_its_own_suite(stage: Stage) -> None:
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


def test_a_phone_changes_its_keys_in_mid_call(stage: Stage) -> None:
    phone = stage.secure_phone(Suite.AES_256_GCM)
    gateway = stage.gateway({"pod-a-1": phone.address}, defaults=REQUIRED)
    visitor = stage.visitor(gateway.add_visit())
    visitor.join()
    phone.talk(phone.wait_for("INVITE").body)
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


def test_required_refuses_what_is_plain_and_optional_falls_back(stage: Stage) -> None:
    strict, lenient = stage.raw_phone(user="1001"), stage.raw_phone(user="1002")
    lenient.decide = lambda phone, invite: (
        (488, "") if "RTP/SAVP" in invite.body else (200, phone.sdp(h264=h264_type(invite.body)))
    )
    gateway = stage.gateway({"pod-a-1": strict.address}, defaults=REQUIRED)
    visit = gateway.add_visit(rings=False)
    stage.visitor(visit).join()
    assert strict.dial(f"sip:{visit['code']}@127.0.0.1:{gateway.sip_port}").status == 488

    other = stage.gateway({"pod-a-2": lenient.address}, defaults={"srtp": "optional"})
    visitor = stage.visitor(other.add_visit("pod-a-2"))
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


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9"], ids=["port", "address"])
@pytest.mark.parametrize("latch", [True, False], ids=["latched", "strict"])
def test_media_from_elsewhere_than_was_said(stage: Stage, latch: bool, host: str) -> None:
    phone = stage.raw_phone(video=False)
    port = free_ports(2)
    phone.decide = lambda phone, invite: (200, _named_elsewhere(phone, port, host))
    gateway = stage.gateway({"pod-a-1": phone.address}, defaults={"latch": latch})
    visit = gateway.add_visit()
    visitor = stage.visitor(visit)
    visitor.join()
    phone.talk(phone.wait_for("INVITE").body)
    visitor.wait_for_state("talking")
    if latch:
        _crosses(phone, visitor, kinds=("audio",))
        return
    heard = len(visitor.received["audio"])
    time.sleep(2)
    assert not [p for p in visitor.received["audio"][heard:] if is_ours(p.payload)]
    assert not [p for p in phone.audio.received if is_ours(p.payload)]
    visitor.leave()
    assert gateway.event(visit, "report")["data"]["since_join"]


def test_media_at_another_host_than_the_signalling_crosses(stage: Stage) -> None:
    phone = stage.raw_phone(video=False)
    elsewhere = RawStream("audio", 0x33333333, host="127.0.0.9")
    phone.audio.stop()
    phone.audio = elsewhere
    phone.decide = lambda phone, invite: (200, _named_elsewhere(phone, elsewhere.port, "127.0.0.9"))
    gateway = stage.gateway({"pod-a-1": phone.address})
    visitor = stage.visitor(gateway.add_visit())
    visitor.join()
    phone.talk(phone.wait_for("INVITE").body)
    visitor.wait_for_state("talking")
    _crosses(phone, visitor, kinds=("audio",))


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
