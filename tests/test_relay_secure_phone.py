"""A relay over AMP with a phone that encrypts, multiplexes RTCP, moves, or knows less RTCP than others."""

from functools import partial
from typing import Any

import pytest

from parloir.relay import commands
from parloir.relay.bodies import Secrets
from parloir.relay.commands import Refused
from parloir.relay.srtp import Workbench
from parloir.rtp import rtcp
from parloir.rtp.description import Kind
from parloir.rtp.dtmf import press
from parloir.rtp.packet import Packet, is_rtcp
from parloir.rtp.sdes import Suite

from .media_ends import BROWSER_VIDEO_TYPE, EVENT_TYPE, Wire
from .relay_rig import (
    Call,
    exchange,
    over_amp,
    picture,
    rest,
    soon,
    sound,
    wired,  # noqa: F401
)


def secrets(suite: Suite = Suite.AES_128_CM_80, first: int = 0) -> Secrets:
    theirs, ours = (bytes((first + start + n) & 0xFF for n in range(suite.octets)) for start in (0, 90))
    return Secrets(profile=suite, receive=theirs, send=ours)


class Sealed:
    """The phone's side of SRTP, at the sockets of a rig's phone."""

    def __init__(self, call: Call, keys: Secrets) -> None:
        self._call = call
        self._bench = Workbench()
        self._sends = self._bench.add(keys.profile, keys.receive, b"", "send")
        self._hears = self._bench.add(keys.profile, keys.send, b"", "receive")
        for wires in (call.phone.rtp, call.phone.rtcp):
            for wire in wires.values():
                wire.take = partial(self._take, wire)  # type: ignore[method-assign]

    def _take(self, wire: Wire, datagram: bytes) -> None:
        if is_rtcp(datagram):
            plain = self._bench.control(self._hears, datagram, "receive")
            assert plain is not None
            wire.rtcp += rtcp.parse(plain)
        else:
            self._bench.buffer[: len(datagram)] = datagram
            size = self._bench.open(self._hears, len(datagram))
            assert size
            wire.rtp.append(Packet.parse(bytes(self._bench.buffer[:size])))

    def send(self, packet: Packet, kind: Kind = Kind.AUDIO) -> None:
        phone, plain = self._call.phone, packet.build()
        self._bench.buffer[: len(plain)] = plain
        size = self._bench.seal(self._sends, 0, len(plain))
        sealed = bytes(self._bench.buffer[:size])
        phone.rtp[kind].socket.sendto(sealed, ("127.0.0.1", phone.ports[kind]))


async def both(call: Call, phone: Sealed, number: int) -> None:
    """One packet of each kind each way."""
    phone.send(sound(number, b"from phone"))
    phone.send(picture(number, b"\x41from phone"), Kind.VIDEO)
    call.browser.send(sound(number, b"from browser"))
    call.browser.send(picture(number, b"\x41from browser", BROWSER_VIDEO_TYPE))
    await rest(0.02)


def payloads(packets: list[Packet]) -> list[bytes]:
    return [packet.payload for packet in packets]


@over_amp
async def test_a_call_is_encrypted_toward_the_phone_with_its_prompts_and_rtcp(call: Call) -> None:
    keys = secrets()
    phone = Sealed(call, keys)
    await call.connect(secrets=keys)
    await call.join()
    assert len(call.phone.rtp[Kind.AUDIO].rtp) > 3, "the notice came encrypted"
    await both(call, phone, 1)
    await soon(lambda: b"from phone" in payloads(call.browser.rtp), "the phone's sound")
    await soon(lambda: b"\x41from browser" in payloads(call.phone.rtp[Kind.VIDEO].rtp), "the browser's picture")
    asked = call.phone.rtcp[Kind.VIDEO].rtcp
    await soon(lambda: [p for p in asked if isinstance(p, rtcp.PictureLoss)], "an encrypted PLI")


@over_amp
async def test_a_phone_that_changes_its_key_is_heard_and_our_numbers_go_on_under_our_key(call: Call) -> None:
    keys = secrets()
    phone = Sealed(call, keys)
    await call.connect(secrets=keys)
    await call.join()
    await both(call, phone, 1)
    changed = Secrets(profile=keys.profile, receive=secrets(first=40).receive, send=keys.send)
    await call.do(commands.SetPhone, side=call.phone.side(secrets=changed))
    renewed = Sealed(call, changed)
    phone.send(sound(2, b"old key"))
    await both(call, renewed, 2)
    await soon(lambda: payloads(call.browser.rtp).count(b"from phone") == 2, "sound under the new key")
    assert b"old key" not in payloads(call.browser.rtp)
    await soon(lambda: payloads(call.phone.rtp[Kind.AUDIO].rtp).count(b"from browser") == 2, "sound for the phone")
    numbers = [p.sequence for p in call.phone.rtp[Kind.AUDIO].rtp]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@over_amp
async def test_a_key_that_fits_no_profile_is_refused_and_not_shown(call: Call) -> None:
    await call.do(commands.OpenBridge, privileged=False)
    call.phone.opened(await call.do(commands.OpenPhone, video=True))
    short = Secrets(profile=Suite.AES_256_GCM, receive=b"secret", send=b"secret")
    with pytest.raises(Refused) as refused:
        await call.do(commands.SetPhone, side=call.phone.side(secrets=short))
    assert "secret" not in str(refused.value)


@over_amp
async def test_rtcp_comes_and_goes_on_the_port_of_rtp_where_that_was_agreed(call: Call) -> None:
    await call.connect(multiplexed=True)
    await exchange(call, 1)
    await call.join()
    wire = call.phone.rtp[Kind.VIDEO]
    await soon(lambda: [p for p in wire.rtcp if isinstance(p, rtcp.PictureLoss)], "a PLI on the port of RTP")
    assert call.phone.rtcp[Kind.VIDEO].rtcp == []
    ours = wire.rtp[0].ssrc if wire.rtp else next(p.sender for p in wire.rtcp if isinstance(p, rtcp.PictureLoss))
    before = len([p for p in call.browser.rtcp if isinstance(p, rtcp.PictureLoss)])
    await rest(0.6)
    wanted = rtcp.build(rtcp.ReceiverReport(99), rtcp.PictureLoss(99, ours))
    wire.socket.sendto(wanted, ("127.0.0.1", call.phone.ports[Kind.VIDEO]))
    await soon(
        lambda: len([p for p in call.browser.rtcp if isinstance(p, rtcp.PictureLoss)]) > before, "the phone's wish"
    )


@over_amp
async def test_a_phone_that_sends_from_another_port_is_heard_only_where_latching_is_allowed(call: Call) -> None:
    await call.connect()
    await call.join()
    elsewhere = Wire()
    elsewhere.socket.sendto(sound(1, b"elsewhere").build(), ("127.0.0.1", call.phone.ports[Kind.AUDIO]))
    await rest(0.05)
    assert b"elsewhere" not in payloads(call.browser.rtp)
    await call.do(commands.SetPhone, side=call.phone.side(latch=("127.0.0.1",)))
    elsewhere.socket.sendto(sound(1, b"elsewhere").build(), ("127.0.0.1", call.phone.ports[Kind.AUDIO]))
    await soon(lambda: b"elsewhere" in payloads(call.browser.rtp), "the phone at its other port")
    call.browser.send(sound(5, b"to where it is"))
    await soon(lambda: b"to where it is" in payloads(elsewhere.rtp), "sound at the port that was learned")
    call.phone.send(sound(9, b"late stranger"))
    await rest(0.05)
    assert b"late stranger" not in payloads(call.browser.rtp)
    elsewhere.close()


@over_amp
async def test_keys_are_read_under_every_type_and_clock_of_telephone_event(call: Call) -> None:
    await call.connect(events=((EVENT_TYPE, 8000), (103, 48_000)))
    await call.join()
    number = 100
    for kind, digit in ((EVENT_TYPE, "5"), (103, "#")):
        stamp = number * 160
        for payload, marker in press(digit, clock=8000, milliseconds=60):
            call.phone.send(Packet(kind, number, stamp, 77, payload, marker))
            number += 1
    await soon(lambda: call.gateway.heard("digit", "#"), "the second key")
    assert [said[1] for said in call.gateway.said if said[0] == "digit"] == ["5", "#"]


def asked_of(call: Call) -> list[Any]:
    return [p for p in call.phone.rtcp[Kind.VIDEO].rtcp if isinstance(p, rtcp.PictureLoss | rtcp.FullIntra)]


@pytest.mark.parametrize(
    ("feedback", "kinds", "signalled"),
    [
        ({"nack pli"}, {rtcp.PictureLoss}, False),
        ({"ccm fir"}, {rtcp.FullIntra}, False),
        ({"nack pli", "ccm fir"}, {rtcp.PictureLoss, rtcp.FullIntra}, False),
        (set(), {rtcp.PictureLoss}, True),
        ({"nack", "ccm tmmbr"}, {rtcp.PictureLoss}, True),
    ],
    ids=["pli", "fir", "both", "none", "neither"],
)
def test_a_keyframe_is_asked_for_as_the_phone_said_it_can(
    call: Call, feedback: set[str], kinds: set[type], signalled: bool
) -> Any:
    @over_amp
    async def run() -> None:
        await call.connect(feedback=frozenset(feedback))
        await exchange(call, 1)
        await call.join()
        await soon(lambda: {type(p) for p in asked_of(call)} == kinds, "the request")
        await soon(lambda: call.gateway.heard("keyframe", "call") or not signalled, "the request by signalling")
        assert call.gateway.heard("keyframe", "call") is signalled

    return run()


@over_amp
async def test_what_a_phone_asks_for_by_tmmbr_is_acknowledged_and_told_to_the_browser(call: Call) -> None:
    await call.connect(feedback=frozenset({"nack pli", "ccm tmmbr"}))
    await exchange(call, 1)
    await call.join()
    await exchange(call, 2)
    ours = call.phone.rtp[Kind.VIDEO].rtp[0].ssrc
    call.phone.tell(rtcp.ReceiverReport(99), rtcp.BitrateRequest(99, ((ours, 200_000, 40),)))
    heard = call.phone.rtcp[Kind.VIDEO].rtcp
    await soon(lambda: [p for p in heard if isinstance(p, rtcp.BitrateNotice)], "a TMMBN")
    assert next(p.limits for p in heard if isinstance(p, rtcp.BitrateNotice))[0][0] == 99
    told = call.browser.rtcp
    await soon(lambda: [p for p in told if isinstance(p, rtcp.Remb) and p.bitrate <= 200_000], "a REMB under the limit")


@over_amp
async def test_a_phone_that_sends_what_was_not_agreed_is_told_of_once(call: Call) -> None:
    await call.connect()
    await call.join()
    for number in range(3):
        call.phone.send(Packet(13, number, number * 160, 77, b"noise"))
    await rest(1.2)
    assert not call.gateway.heard("strays")
    for number in range(60):
        call.phone.send(Packet(8, number + 10, number * 160, 77, b"another codec"))
    await soon(lambda: call.gateway.heard("strays", "call"), "the news")
    assert b"another codec" not in payloads(call.browser.rtp)
