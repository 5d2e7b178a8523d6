"""Visitors without a browser: aiortc connections with ready-made media, many in one process, each packet known."""

import asyncio
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import suppress
from fractions import Fraction
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aioice.ice
import av
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.rtp import RtpPacket

from .packets import Received, clock, interval, payload, wait_for_count
from .patched_answer import for_aiortc
from .websocket import WebSocket

T = TypeVar("T")
LOOPBACK = ["127.0.0.1"]


def _only_loopback(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    return LOOPBACK


aioice.ice.get_host_addresses = _only_loopback


class Numbered(MediaStreamTrack):
    """A track whose every packet is different and knows its number; nothing is encoded."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.sent: list[bytes] = []
        self._start: float | None = None

    async def recv(self) -> Any:
        now = time.monotonic()
        if self._start is None:
            self._start = now
        number = len(self.sent)
        await asyncio.sleep(max(0.0, self._start + number * interval(self.kind) - now))
        body = payload(self.kind, number)
        packet = av.Packet(body if self.kind == "audio" else b"\x00\x00\x00\x01" + body)
        packet.pts = int(number * interval(self.kind) * clock(self.kind))
        packet.time_base = Fraction(1, clock(self.kind))
        self.sent.append(body)
        return packet


class Visitors:
    """Runs visitors on a thread and an event loop of their own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="visitors", daemon=True)
        self._thread.start()
        self._all: list[Visitor] = []

    def submit(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        """Start something on the visitors' loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def run(self, work: Coroutine[Any, Any, T], timeout: float = 30.0) -> T:
        """Do something on the visitors' loop."""
        return self.submit(work).result(timeout)

    def enter(self, link: str) -> "Visitor":
        """Open a visit's link as a page does."""
        visitor = Visitor(self, link)
        self.run(visitor.connect())
        self._all.append(visitor)
        return visitor

    def forget(self, visitor: "Visitor") -> None:
        """Close one visitor for good."""
        self._all.remove(visitor)
        self.run(visitor.close())

    def stop(self) -> None:
        """Close whatever is open."""
        for visitor in self._all:
            self.run(visitor.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()


class Visitor:
    """One visitor. `messages` are the gateway's, with the time each came; `received` by kind of media."""

    def __init__(self, visitors: Visitors, link: str) -> None:
        where = urlsplit(link)
        self._visitors = visitors
        self._base = f"{where.scheme}://{where.netloc}"
        self._token = where.path.rsplit("/", 1)[-1]
        self.messages: list[tuple[float, dict[str, Any]]] = []
        self.received: dict[str, list[Received]] = {"audio": [], "video": []}
        self.tracks: dict[str, Numbered] = {}
        self._grown = threading.Condition()
        self._socket: WebSocket | None = None
        self._reading: asyncio.Task[None] | None = None
        self._connection: RTCPeerConnection | None = None

    async def connect(self) -> None:
        """Open the WebSocket."""
        self._socket = await WebSocket.open(self._base, self._token)
        self._reading = asyncio.ensure_future(self._read(self._socket))

    async def _read(self, socket: WebSocket) -> None:
        while (messages := await socket.receive()) is not None:
            for message in messages:
                with self._grown:
                    self.messages.append((time.time(), message))
                    self._grown.notify_all()
                if message["type"] == "answer" and self._connection is not None:
                    sdp = for_aiortc(message["sdp"], self._connection.localDescription.sdp)
                    await self._connection.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
                    self._listen(self._connection)

    def _listen(self, connection: RTCPeerConnection) -> None:
        for transceiver in connection.getTransceivers():
            taken = self.received[transceiver.kind]

            async def take(packet: RtpPacket, arrival_time_ms: int, taken: list[Received] = taken) -> None:
                numbers = (packet.ssrc, packet.sequence_number, packet.timestamp)
                taken.append(Received(time.time(), *numbers, packet.payload, packet.payload_type))

            transceiver.receiver._handle_rtp_packet = take  # type: ignore[method-assign]

    def join(self, *, video: bool = True) -> None:
        """Press Join: offer sound and, if wanted, a picture."""
        self._visitors.run(self._join(video))

    async def _join(self, video: bool) -> None:
        if self._connection is not None:
            await self._connection.close()
        connection = self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        for kind in ("audio", "video") if video else ("audio",):
            self.tracks[kind] = Numbered(kind)
            connection.addTrack(self.tracks[kind])
        await connection.setLocalDescription(await connection.createOffer())
        self.say({"type": "join", "sdp": connection.localDescription.sdp})

    def say(self, message: dict[str, Any]) -> None:
        """Send a message of the page's; only on the visitors' loop."""
        assert self._socket is not None
        self._socket.send(message)

    def leave(self) -> None:
        """Hang up, as the page's button does."""

        async def work() -> None:
            self.say({"type": "leave"})

        self._visitors.run(work())

    def vanish(self) -> None:
        """Be gone without a word: the machine lost power."""
        self._visitors.run(self._vanish())

    async def _vanish(self) -> None:
        assert self._socket is not None
        assert self._connection is not None
        self._socket.close()
        for transceiver in self._connection.getTransceivers():
            ice = transceiver.sender.transport.transport
            for protocol in ice._connection._protocols:
                protocol.transport.abort()

    def find(self, kind: str, start: int = 0, **fields: Any) -> tuple[float, dict[str, Any]] | None:
        """The first message of that type and fields from number `start` on."""
        for at, message in self.messages[start:]:
            if message["type"] == kind and all(message.get(k) == v for k, v in fields.items()):
                return at, message
        return None

    def wait_for(self, kind: str, timeout: float = 40.0, start: int = 0, **fields: Any) -> tuple[float, dict[str, Any]]:
        """Wait for such a message: when it came, and the message. Raises TimeoutError."""
        with self._grown:
            if not self._grown.wait_for(lambda: self.find(kind, start, **fields) is not None, timeout):
                seen = [{k: v for k, v in m.items() if k != "sdp"} for _, m in self.messages]
                raise TimeoutError(f"no {kind} {fields} in {timeout} s, only {seen}")
            found = self.find(kind, start, **fields)
        assert found is not None
        return found

    def wait_for_any(self, *wanted: tuple[str, dict[str, Any]], timeout: float = 40.0) -> dict[str, Any]:
        """Wait for one of several kinds of message with given fields; returns the first found."""

        def look() -> tuple[float, dict[str, Any]] | None:
            return next((f for kind, fields in wanted if (f := self.find(kind, **fields))), None)

        with self._grown:
            if not self._grown.wait_for(lambda: look() is not None, timeout):
                raise TimeoutError(f"none of {wanted} in {timeout} s, only {[m['type'] for _, m in self.messages]}")
            found = look()
        assert found is not None
        return found[1]

    def wait_for_state(self, state: str, timeout: float = 40.0, start: int = 0) -> float:
        """Wait until the visit stands there; returns when it was said."""
        return self.wait_for("status", timeout, start, state=state)[0]

    def wait_for_packets(self, kind: str, count: int, timeout: float = 30.0) -> None:
        """Wait until so many packets of that kind have come. Raises TimeoutError."""
        wait_for_count(self.received[kind], count, timeout)

    async def close(self) -> None:
        """Close the connection and the WebSocket; harmless when they are closed."""
        if self._connection is not None:
            await self._connection.close()
        if self._socket is not None:
            self._socket.close()
            await self._socket.closed()
        if self._reading is not None:
            self._reading.cancel()
            with suppress(asyncio.CancelledError):
                await self._reading
