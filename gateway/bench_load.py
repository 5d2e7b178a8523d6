"""The load of `parloir bench`: phones and browsers of N calls in one process, told by JSON lines what to do.

Each call sends sound at 50 packets a second and pictures at 110, both ways, as a PCMU and H.264 call does. Every
packet carries when it was sent; how long it was on its way is read from the kernel's own time of arrival, so that
this process's delays are not counted as the relay's.
"""

import heapq
import json
import os
import random
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from parloir.bench_browser import BrowserTransport, Identity
from parloir.relay.bodies import BrowserTerms
from parloir.relay.srtp import Workbench
from parloir.rtp import rtcp
from parloir.rtp.packet import HEADER

AUDIO_TYPE, PHONE_VIDEO_TYPE, BROWSER_VIDEO_TYPE, SEND_TIME = 0, 97, 108, 3
SOUND = 160
PICTURE = 1080
FRAME_PACKETS = 4
FRAME = FRAME_PACKETS / 110
SAMPLE = 16
"""One packet in so many is measured."""
CONSENT = 3.0

_STAMP = struct.Struct("!Bq")
_SLICE = 0x41
_EXTENSION = struct.Struct("!HHI")
_TIMESTAMPNS = 35
_ROOM = socket.CMSG_SPACE(16)


class Stream:
    """One stream to be sent: a packet whose numbers and time are written anew for each sending."""

    def __init__(self, payload_type: int, size: int, step: int, extended: bool = False) -> None:
        self.ssrc = random.getrandbits(31)
        self._type = payload_type
        self._step = step
        self._sequence = random.getrandbits(15)
        self._timestamp = random.getrandbits(31)
        self._extended = extended
        self._start = 20 if extended else 12
        self._packet = bytearray(self._start) + os.urandom(size)

    def next(self, marker: bool, new_frame: bool) -> bytearray:
        """The next packet, stamped now; a new frame has a new timestamp."""
        self._sequence = (self._sequence + 1) & 0xFFFF
        if new_frame:
            self._timestamp = (self._timestamp + self._step) & 0xFFFFFFFF
        second = self._type | (0x80 if marker else 0)
        first = 0x90 if self._extended else 0x80
        HEADER.pack_into(self._packet, 0, first, second, self._sequence, self._timestamp, self.ssrc)
        now = time.time_ns()
        if self._extended:
            fraction = (now // 1000 * 262_144 // 1_000_000) & 0xFFFFFF
            _EXTENSION.pack_into(self._packet, 12, 0xBEDE, 1, (SEND_TIME << 4 | 2) << 24 | fraction)
        _STAMP.pack_into(self._packet, self._start, _SLICE, now)
        return self._packet


class Phone:
    """A phone's four sockets."""

    def __init__(self) -> None:
        self.audio, self.audio_rtcp, self.video, self.video_rtcp = (_bound() for _ in range(4))
        self.sound = Stream(AUDIO_TYPE, SOUND, 160)
        self.picture = Stream(PHONE_VIDEO_TYPE, PICTURE, 3000)

    def ports(self) -> list[int]:
        """Where the sockets are bound: RTP and RTCP of sound, then of pictures."""
        return [each.getsockname()[1] for each in (self.audio, self.audio_rtcp, self.video, self.video_rtcp)]

    def call(self, audio: int, video: int) -> None:
        """Turn to the relay's ports."""
        for own, port in ((self.audio, audio), (self.audio_rtcp, audio + 1), (self.video, video)):
            own.connect(("127.0.0.1", port))
        self.video_rtcp.connect(("127.0.0.1", video + 1))

    def speak(self) -> None:
        """Send 20 ms of sound."""
        self.audio.send(self.sound.next(False, True))

    def show(self) -> None:
        """Send a frame."""
        for number in range(FRAME_PACKETS):
            self.video.send(self.picture.next(number == FRAME_PACKETS - 1, number == 0))

    def report(self) -> None:
        """Send RTCP."""
        self.audio_rtcp.send(rtcp.build(rtcp.ReceiverReport(self.sound.ssrc)))
        self.video_rtcp.send(rtcp.build(rtcp.ReceiverReport(self.picture.ssrc)))


class Browser(BrowserTransport):
    """A browser's socket and streams."""

    def __init__(self, identity: Identity, bench: Workbench) -> None:
        super().__init__(identity, bench)
        _prepare(self.socket)
        self.sound = Stream(AUDIO_TYPE, SOUND, 160)
        self.picture = Stream(BROWSER_VIDEO_TYPE, PICTURE, 3000, extended=True)

    def speak(self) -> None:
        """Send 20 ms of sound."""
        self.socket.send(self.media(self.sound.next(False, True)))

    def show(self) -> None:
        """Send a frame."""
        for number in range(FRAME_PACKETS):
            self.socket.send(self.media(self.picture.next(number == FRAME_PACKETS - 1, number == 0)))

    def report(self) -> None:
        """Send RTCP."""
        packet = self._bench.control(self.sends, rtcp.build(rtcp.ReceiverReport(self.picture.ssrc)), "send")
        if packet is not None:
            self.socket.send(packet)


class Ear(BrowserTransport):
    """A listener's browser: it takes what comes, and says only that it is there."""

    def __init__(self, identity: Identity, bench: Workbench) -> None:
        super().__init__(identity, bench)
        _prepare(self.socket)


@dataclass
class Tally:
    """What was sent and what came, what came to listeners, and how long the measured ones took, in ns."""

    sent: int = 0
    received: int = 0
    heard: int = 0
    delays: list[int] = field(default_factory=list)


class Load:
    """N phones and N browsers, and so many listeners for each call."""

    def __init__(self, calls: int, listeners: int = 0) -> None:
        self._bench = Workbench()
        self.identity = Identity.new()
        self.phones = [Phone() for _ in range(calls)]
        self.browsers = [Browser(self.identity, self._bench) for _ in range(calls)]
        self.ears = [Ear(self.identity, self._bench) for _ in range(calls * listeners)]
        self._buffer = bytearray(2048)
        self._epoll = select.epoll()
        self._browser_of = {browser.socket.fileno(): browser for browser in self.browsers}
        self._ear_of = {ear.socket.fileno(): ear for ear in self.ears}
        self._sockets = {each.socket.fileno(): each.socket for each in (*self.browsers, *self.ears)}
        for phone in self.phones:
            for own in (phone.audio, phone.audio_rtcp, phone.video, phone.video_rtcp):
                self._sockets[own.fileno()] = own
        for fd in self._sockets:
            self._epoll.register(fd, select.EPOLLIN)
        self.tally = Tally()

    def connect(self, terms: list[dict[str, Any]], seconds: float = 60.0) -> bool:
        """Turn everyone to the relay; whether all browsers have their keys in time."""
        for phone, browser, told in zip(self.phones, self.browsers, terms, strict=True):
            phone.call(told["audio"], told["video"])
            browser.call(BrowserTerms.model_validate(told["terms"]))
        return self._shake_hands(self.browsers, seconds)

    def listen(self, terms: list[dict[str, Any]], seconds: float = 60.0) -> bool:
        """Turn the listeners to the relay; whether all have their keys in time."""
        for ear, told in zip(self.ears, terms, strict=True):
            ear.call(BrowserTerms.model_validate(told))
        return self._shake_hands(self.ears, seconds)

    def _shake_hands(self, ends: Sequence[BrowserTransport], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        nudge = time.monotonic() + 1
        while time.monotonic() < deadline and not all(end.keyed for end in ends):
            self._read(0.1)
            if time.monotonic() > nudge:
                nudge += 1
                for end in ends:
                    end.nudge()
        return all(end.keyed for end in ends)

    def run(self, seconds: float) -> Iterator[Tally]:
        """Send and receive; the tally once a second, and a last time when the last packets have had time to come."""
        self._read(0)
        self.tally = Tally()
        start = time.monotonic()
        due = list(self._agenda(start))
        heapq.heapify(due)
        second = start + 1
        while (now := time.monotonic()) < start + seconds:
            while due and due[0][0] <= now:
                at, order, kind, who = due[0]
                self._do(kind, who)
                heapq.heapreplace(due, (at + _EVERY[kind], order, kind, who))
            if now >= second:
                second += 1
                yield self.tally
            self._read(max(0.0, min(0.005, due[0][0] - time.monotonic())) if due else 0.005)
        quiet = time.monotonic() + 0.5
        while time.monotonic() < quiet:
            self._read(0.05)
        yield self.tally

    def _agenda(self, start: float) -> Iterator[tuple[float, int, str, "Phone | Browser | Ear"]]:
        order = 0
        everyone: list[Phone | Browser | Ear] = [*self.phones, *self.browsers, *self.ears]
        for who in everyone:
            for kind, every in _EVERY.items():
                if isinstance(who, BrowserTransport) if kind == "check" else not isinstance(who, Ear):
                    order += 1
                    yield start + random.random() * every, order, kind, who

    def _do(self, kind: str, who: "Phone | Browser | Ear") -> None:
        if isinstance(who, Ear):
            who.check()
            return
        match kind:
            case "speak":
                who.speak()
                self.tally.sent += 1
            case "show":
                who.show()
                self.tally.sent += FRAME_PACKETS
            case "report":
                who.report()
            case _:
                if isinstance(who, Browser):
                    who.check()

    def _read(self, timeout: float) -> None:
        for fd, _ in self._epoll.poll(timeout):
            own, browser, ear = self._sockets[fd], self._browser_of.get(fd), self._ear_of.get(fd)
            try:
                for _ in range(32):
                    if ear is not None:
                        self._hear(ear)
                    else:
                        self._take(own, browser)
            except OSError:
                continue

    def _hear(self, ear: Ear) -> None:
        size, buffer = ear.socket.recv_into(self._buffer), self._buffer
        if not 128 <= buffer[0] <= 191:
            ear.receive(bytes(buffer[:size]))
        elif not 192 <= buffer[1] <= 223:
            self.tally.heard += 1

    def _take(self, own: socket.socket, browser: "Browser | None") -> None:
        buffer, tally = self._buffer, self.tally
        if tally.received % SAMPLE:
            size, arrived = own.recv_into(buffer), 0
        else:
            size, ancillary, _, _ = own.recvmsg_into([buffer], _ROOM)
            arrived = _arrival(ancillary)
        if not 128 <= buffer[0] <= 191:
            if browser is not None:
                browser.receive(bytes(buffer[:size]))
        elif not 192 <= buffer[1] <= 223:
            tally.received += 1
            if arrived:
                self._measure(size, arrived, browser)

    def _measure(self, size: int, arrived: int, browser: "Browser | None") -> None:
        packet = bytes(self._buffer[:size])
        plain = packet if browser is None else browser.plain(packet)
        if plain is not None:
            self.tally.delays.append(arrived - _STAMP.unpack_from(plain, 12)[1])


_EVERY = {"speak": 0.02, "show": FRAME, "report": 1.0, "check": CONSENT}


def _bound() -> socket.socket:
    own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    own.bind(("127.0.0.1", 0))
    _prepare(own)
    return own


def _prepare(own: socket.socket) -> None:
    own.setblocking(False)
    own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    own.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)


def _arrival(ancillary: list[tuple[int, int, bytes]]) -> int:
    """When the kernel took the datagram in, in ns since 1970; 0 if it does not say."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("=qq", data[:16])
            return int(seconds * 1_000_000_000 + nanoseconds)
    return 0


def _say(**what: Any) -> None:
    print(json.dumps(what), flush=True)


def _told() -> dict[str, Any]:
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    told: dict[str, Any] = json.loads(line)
    return told


def main() -> None:
    """Be told how many calls, then whom to call, then how long; tell the ports, the connection, the tallies.

    Ends when nobody listens any more; an interrupt from a terminal is the listener's to heed.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    first = _told()
    load = Load(first["calls"], first["listeners"])
    _say(phones=[phone.ports() for phone in load.phones], fingerprint=load.identity.fingerprint)
    if not load.connect(_told()["calls"]):
        _say(connected=False)
        return
    _say(connected=True)
    if load.ears:
        _say(connected=load.listen(_told()["listeners"]))
    for tally in load.run(_told()["seconds"]):
        _say(sent=tally.sent, received=tally.received)
    _say(sent=tally.sent, received=tally.received, heard=tally.heard, delays=sorted(tally.delays))


if __name__ == "__main__":
    main()
