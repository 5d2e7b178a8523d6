"""The relay as the process it is: started, commanded, met by a whole WebRTC stack, and ended."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from aiortc import RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack
from av import AudioFrame
from twisted.internet import protocol, reactor
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from parloir.calls.leg import browser_side, phone_side
from parloir.relay import commands
from parloir.rtp.agreement import agree
from parloir.rtp.description import Kind
from parloir.rtp.packet import Packet
from parloir.rtp.sdp import parse
from parloir.webrtc.sdp import Chosen, answer, read

from .media_ends import AUDIO_TYPE, VIDEO_TYPE, Phone
from .relay_rig import (
    Gateway,
    connect,
    over_amp,
    prompts,
    rest,
    settings,
    soon,
)

PHONE = """v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio {audio} RTP/AVP 0 101
a=rtcp:{audio_rtcp}
a=rtpmap:101 telephone-event/8000
m=video {video} RTP/AVP 97
a=rtcp:{video_rtcp}
a=rtpmap:97 H264/90000
a=fmtp:97 profile-level-id=42e01f;packetization-mode=1
"""


class Child(protocol.ProcessProtocol):
    """The process, its gateway, and what it has written."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.written = b""
        self.status: int | None = None

    def start(self) -> None:
        """Start it with the connection as descriptor 3."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with ours, theirs:
            spawn: Any = reactor.spawnProcess
            spawn(
                self,
                sys.executable,
                [sys.executable, "-m", "parloir.relay.main"],
                env=os.environ,
                childFDs={0: "w", 1: "r", 2: "r", 3: theirs.fileno()},
            )
            factory = protocol.Factory.forProtocol(lambda: self.gateway)
            reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, factory)

    def childDataReceived(self, childFD: int, data: bytes) -> None:  # noqa: N802, N803
        self.written += data

    def processEnded(self, reason: Failure) -> None:  # noqa: N802
        self.status = getattr(reason.value, "exitCode", -1)


@pytest_twisted.async_yield_fixture
async def child(tmp_path: Path) -> AsyncIterator[Child]:
    """A relay process that is configured; it must have ended well and have had nothing to complain of."""
    made = Child(Gateway())
    made.start()
    await made.gateway.do(commands.Configure, settings=settings(prompts(tmp_path), 21_000, 21_039))
    yield made
    made.gateway.transport.loseConnection()
    await soon(lambda: made.status is not None, "the relay's end")
    assert (made.status, made.written) == (0, b"")


def future(coroutine: Any) -> "Deferred[Any]":
    """An asyncio coroutine as a Deferred."""
    return Deferred.fromFuture(asyncio.ensure_future(asyncio.wait_for(coroutine, 30)))


async def offer(page: RTCPeerConnection) -> str:
    page.addTrack(AudioStreamTrack())
    video = page.addTransceiver(VideoStreamTrack())
    video.setCodecPreferences([c for c in RTCRtpSender.getCapabilities("video").codecs if c.mimeType == "video/H264"])
    await page.setLocalDescription(await page.createOffer())
    return page.localDescription.sdp


@over_amp
async def test_a_whole_webrtc_stack_and_a_phone_see_and_hear_one_another(child: Child) -> None:
    gateway, phone, page = child.gateway, Phone(), RTCPeerConnection()
    theirs = read(await future(offer(page)))
    numbers = {f"{kind}": phone.rtp[kind].address.port for kind in phone.kinds}
    numbers |= {f"{kind}_rtcp": phone.rtcp[kind].address.port for kind in phone.kinds}
    agreement = agree(parse(PHONE.format(**numbers)), theirs.description, None)
    await gateway.do(commands.OpenBridge, bridge="call", privileged=False)
    phone.opened(await gateway.do(commands.OpenPhone, bridge="call", video=True))
    await gateway.do(commands.SetPhone, bridge="call", side=phone_side(agreement, {}))
    terms = await gateway.do(commands.OpenBrowser, bridge="call")
    await gateway.do(commands.SetBrowser, bridge="call", side=browser_side(agreement, theirs))
    assert agreement.video is not None
    sdp = answer(theirs, Chosen.of(agreement.audio), Chosen.of(agreement.video), terms)
    await future(page.setRemoteDescription(RTCSessionDescription(sdp, "answer")))
    await soon(lambda: gateway.heard("up", "browser"), "the browser", 20)
    await gateway.do(commands.Announce, bridge="call", prompt="en/notice")
    await gateway.do(commands.Join, bridge="call")
    await soon(lambda: phone.rtp[Kind.VIDEO].rtp, "the page's picture", 20)
    heard = await soon(lambda: phone.rtp[Kind.AUDIO].rtp[20:], "the page's sound", 20)
    assert {packet.payload_type for packet in heard} == {AUDIO_TYPE}
    assert {packet.payload_type for packet in phone.rtp[Kind.VIDEO].rtp} == {VIDEO_TYPE}
    sound = page.getReceivers()[0].track
    for number in range(50):
        phone.send(Packet(AUDIO_TYPE, number, number * 160, 5, b"\x10" * 80 + b"\x90" * 80))
        await rest(0.005)
    levels: set[int] = set()
    while len(levels) < 2:
        frame = await future(sound.recv())
        assert isinstance(frame, AudioFrame)
        levels |= {abs(sample) // 1000 for sample in memoryview(bytes(frame.planes[0])).cast("h") if sample}
    await future(page.close())
    await soon(lambda: gateway.heard("lost", "browser"), "the page's leaving")
    report = await gateway.do(commands.CloseBridge, bridge="call")
    assert report.browser[0].received > 20
    phone.close()


@over_amp
async def test_a_relay_that_cannot_bind_says_so_and_takes_no_calls() -> None:
    gateway = Gateway()
    relay = connect(gateway)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        taken = settings("", 21_100, 21_109, webrtc_port=other.getsockname()[1])
        with pytest.raises(commands.Refused, match=r"127\.0\.0\.1"):
            await gateway.do(commands.Configure, settings=taken)
    with pytest.raises(commands.Refused, match="not configured"):
        await gateway.do(commands.OpenBridge, bridge="call", privileged=False)
    gateway.transport.loseConnection()
    await soon(lambda: relay.ended, "the relay's end")
