"""Whatever SDP a phone sends, the line processes live on and the next call works."""

from collections.abc import Callable

import pytest

from .gateway_process import Gateway
from .raw_phone import Decide, RawPhone, answer_all
from .stage import Stage

Body = Callable[[RawPhone], str]

AUDIO = "m=audio {port} RTP/AVP 0"
OPUS = ["m=audio {port} RTP/AVP 111", "a=rtpmap:111 opus/48000/2"]
VIDEO = ["m=video {port} RTP/AVP 97", "a=rtpmap:97 H264/90000"]

BODIES: dict[str, list[str] | str] = {
    "opus_only": OPUS,
    "no_audio": VIDEO,
    "audio_refused": ["m=audio 0 RTP/AVP 0"],
    "no_lines": [],
    "more_lines": [AUDIO, *VIDEO, *VIDEO, "m=application {port} UDP/BFCP *", AUDIO, *VIDEO],
    "fewer_lines": [AUDIO],
    "encrypted_only": [AUDIO.replace("RTP/AVP", "RTP/SAVP")],
    "unknown_codec": ["m=audio {port} RTP/AVP 120", "a=rtpmap:120 G729E/8000"],
    "port_too_high": ["m=audio 99999 RTP/AVP 0"],
    "garbage": "\x00\x01m=audio what\r\n\r\nv=9\xff",
    "not_sdp": "<html>hello</html>",
    "very_long": "v=0\r\n" + "a=x\r\n" * 4000,
    "nothing": "",
}


def body_of(name: str, phone: RawPhone) -> str:
    body = BODIES[name]
    if isinstance(body, str):
        return body
    return phone.sdp([line.format(port=phone.audio.port) for line in body])


def accept_with(name: str) -> Decide:
    return lambda phone, invite: (200, body_of(name, phone))


def a_call_works(stage: Stage, gateway: Gateway, phone: RawPhone) -> None:
    phone.decide = answer_all
    visitor = stage.visitor(gateway.add_visit())
    visitor.join()
    visitor.wait_for_state("notice")
    visitor.leave()
    phone.wait_for("BYE", start=len(phone.messages) - 2)


@pytest.fixture
def phone(stage: Stage) -> RawPhone:
    return stage.raw_phone()


@pytest.fixture
def gateway(stage: Stage, phone: RawPhone) -> Gateway:
    return stage.gateway({"pod-a-1": phone.address})


def test_lines_survive_every_answer(stage: Stage, gateway: Gateway, phone: RawPhone) -> None:
    lines = gateway.lines()
    for name in BODIES:
        phone.decide = accept_with(name)
        visit = gateway.add_visit()
        visitor = stage.visitor(visit)
        visitor.join()
        outcome = visitor.wait_for_any(("ended", {}), ("status", {"state": "notice"}))
        if outcome["type"] == "ended":
            assert outcome["reason"] == "CodecMismatch", name
        else:
            assert name in ("opus_only", "fewer_lines", "more_lines"), name
            visitor.leave()
        gateway.end_reason(visit)
        gateway.cancel(visit)
        assert gateway.lines() == lines, name
    a_call_works(stage, gateway, phone)
    assert gateway.lines() == lines


def test_lines_survive_every_offer(stage: Stage, gateway: Gateway, phone: RawPhone) -> None:
    lines = gateway.lines()
    for name in BODIES:
        visit = gateway.add_visit(rings=False)
        visitor = stage.visitor(visit)
        visitor.join()
        answer = phone.dial(f"sip:{visit['code']}@127.0.0.1:{gateway.sip_port}", body_of(name, phone))
        if answer.status == 200:
            assert name in ("opus_only", "fewer_lines", "more_lines", "nothing"), name
            phone.acknowledge(phone.sdp() if name == "nothing" else "")
            visitor.wait_for_state("notice")
            phone.hang_up()
        else:
            assert answer.status in (400, 413, 415, 488), (name, answer.first)
        gateway.cancel(visit)
        assert gateway.lines() == lines, name
    a_call_works(stage, gateway, phone)
    assert gateway.lines() == lines


def test_lines_survive_every_change_in_a_call_that_began_without_an_offer(
    stage: Stage, gateway: Gateway, phone: RawPhone
) -> None:
    lines = gateway.lines()
    visit = gateway.add_visit(rings=False)
    visitor = stage.visitor(visit)
    visitor.join()
    answer = phone.dial(f"sip:{visit['code']}@127.0.0.1:{gateway.sip_port}", "")
    assert answer.status == 200
    assert "m=audio" in answer.body
    phone.acknowledge(answer_all(phone, answer)[1])
    phone.talk(answer.body)
    visitor.wait_for_state("talking")
    visitor.wait_for_packets("video", 10)
    phone.wait_for_packets("video", 10)
    for name in BODIES:
        for method in ("INVITE", "UPDATE"):
            if method == "UPDATE" and name == "nothing":
                continue
            answer = phone.request(method, body_of(name, phone))
            assert answer.status in (200, 400, 413, 415, 488), (name, method, answer.first)
            assert gateway.lines() == lines, (name, method)
    assert phone.request("INVITE", phone.sdp()).status == 200
    visitor.wait_for_packets("audio", len(visitor.received["audio"]) + 25)
    phone.hang_up()
    assert gateway.end_reason(visit) == "PhoneHungUp"
    gateway.cancel(visit)
    a_call_works(stage, gateway, phone)
    assert gateway.lines() == lines


def test_no_inner_address_reaches_a_phone(stage: Stage) -> None:
    phone = stage.raw_phone(host="127.0.0.3")
    gateway = stage.gateway({"pod-a-1": phone.address}, host="127.0.0.2")
    visitor = stage.visitor(gateway.add_visit())
    visitor.join()
    phone.talk(phone.wait_for("INVITE").body)
    visitor.wait_for_state("notice")
    assert phone.request("INVITE", phone.sdp(direction="sendonly")).status == 200
    visitor.leave()
    phone.wait_for("BYE")
    assert not [message for message in phone.messages if "127.0.0.1" in message.text]
    invite = phone.wait_for("INVITE")
    assert len(invite.headers["via"]) == 1
    assert "record-route" not in invite.headers
    assert f"127.0.0.2:{gateway.sip_port}" in invite["contact"]
