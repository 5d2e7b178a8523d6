"""The far side of a visit without a phone: a desk's room that answers a page's offers with aiortc."""

import asyncio
import fractions
import math
from typing import Any

import av
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from twisted.internet.defer import Deferred, ensureDeferred

from parloir.webrtc.signalling import Answer, FromPage, Join, Leave, Restart, Status

from ..web_desk import FakeRoom
from . import visitor  # noqa: F401  (keeps aiortc on the loopback interface)
from .picture import Colour

RATE = 8000
# A page offers before it has candidates; aiortc needs one to begin, and learns the real one from the page's checks.
NOWHERE = "a=candidate:1 1 udp 1 127.0.0.1 9 typ host"


class Bursts(MediaStreamTrack):
    """A tone, half of each half second."""

    kind = "audio"

    def __init__(self, hertz: int) -> None:
        super().__init__()
        self._hertz = hertz
        self._sent = 0

    async def recv(self) -> av.AudioFrame:
        await asyncio.sleep(0.02)
        samples = range(self._sent, self._sent + RATE // 50)
        loud = self._sent % (RATE // 2) < RATE // 4
        wave = [int(12000 * math.sin(2 * math.pi * self._hertz * i / RATE)) if loud else 0 for i in samples]
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(wave))
        frame.planes[0].update(b"".join(value.to_bytes(2, "little", signed=True) for value in wave))
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._sent, fractions.Fraction(1, RATE)
        self._sent += len(wave)
        return frame


class Plain(MediaStreamTrack):
    """A picture of one colour, 10 a second."""

    kind = "video"

    def __init__(self, colour: Colour) -> None:
        super().__init__()
        pixel = bytes((colour.red, colour.green, colour.blue))
        frame = av.VideoFrame(320, 240, "rgb24")
        frame.planes[0].update(pixel * (frame.planes[0].buffer_size // 3))
        self._frame = frame.reformat(format="yuv420p")
        self._sent = 0

    async def recv(self) -> av.VideoFrame:
        await asyncio.sleep(0.1)
        self._frame.pts, self._frame.time_base = self._sent * 9000, fractions.Fraction(1, 90000)
        self._sent += 1
        return self._frame


class FarSide:
    """Answers every Join with a new connection and every Restart on the same; `answers` has what it sent."""

    def __init__(self, hertz: int, colour: Colour, *, video: bool = True) -> None:
        self._hertz = hertz
        self._colour = colour
        self._video = video
        self._connection: RTCPeerConnection | None = None
        self.joins = 0
        self.restarts = 0
        self.left = False
        self.answering = True
        self.limits: dict[str, Any] = {}
        self.room: FakeRoom | None = None

    def take(self, room: FakeRoom, message: FromPage) -> None:
        """A desk's on_message."""
        self.room = room
        match message:
            case Join():
                self.joins += 1
                room.page.send(Status(state="ringing"))
                if self.answering:
                    ensureDeferred(self._join(room, message.sdp))
            case Restart():
                self.restarts += 1
                ensureDeferred(self._answer(room, message.sdp))
            case Leave():
                self.left = True

    async def _join(self, room: FakeRoom, sdp: str) -> None:
        await self.close()
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._connection.addTrack(Bursts(self._hertz))
        if self._video:
            self._connection.addTrack(Plain(self._colour))
        await self._answer(room, sdp)

    async def _answer(self, room: FakeRoom, sdp: str) -> None:
        assert self._connection is not None
        answer = await _await(self._negotiate(self._connection, sdp))
        room.page.send(
            Answer(sdp=answer, video=self._video, why_no_video="" if self._video else "No lens.", **self.limits)
        )

    async def _negotiate(self, connection: RTCPeerConnection, sdp: str) -> str:
        lines = sdp.rstrip().split("\r\n")
        first = next(i for i, line in enumerate(lines) if line.startswith("a=ice-ufrag"))
        lines.insert(first, NOWHERE)
        await connection.setRemoteDescription(RTCSessionDescription("\r\n".join(lines) + "\r\n", "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        return str(connection.localDescription.sdp)

    async def close(self) -> None:
        """End the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await _await(connection.close())


async def _await(work: Any) -> Any:
    return await Deferred.fromFuture(asyncio.ensure_future(work))
