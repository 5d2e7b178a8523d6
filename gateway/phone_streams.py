"""The two streams of a simulated phone: when they send, and what becomes of what they receive."""

import time
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path

from parloir.phone_flow import Flow
from parloir.phone_picture import PictureSink, PictureSource
from parloir.phone_report import StreamReport
from parloir.phone_sound import SoundSink, SoundSource
from parloir.rtp.dtmf import DigitReader, press
from parloir.rtp.packet import Packet
from parloir.rtp.packetization import Reassembly, payloads

_ASK_AGAIN = 0.5
_BEHIND = 0.2


@dataclass(frozen=True)
class Show:
    """What the phone shows and plays: a tone in Hz and a colour, or files. `packet` is the most bytes of one RTP
    packet, `size` in pixels, `rate` in frames a second, `bitrate` in bits a second."""

    tone: float = 440.0
    colour: tuple[int, int, int] = (30, 180, 30)
    audio: Path | None = None
    video: Path | None = None
    size: tuple[int, int] = (352, 288)
    rate: float = 15.0
    bitrate: int = 256_000
    packet: int = 1200


class Sound:
    """The audio stream."""

    def __init__(self, flow: Flow, show: Show) -> None:
        self.flow = flow
        codec, ptime = flow.agreed.phone.codec, flow.agreed.ptime
        self._step = ptime / 1000
        self._ticks = codec.clock * ptime // 1000
        self._source = SoundSource(codec, ptime, show.tone, show.audio)
        self._sink = SoundSink(codec)
        self._next = time.monotonic()
        self._count = 0
        self._digits: deque[str] = deque()
        self._press: deque[tuple[bytes, bool]] = deque()
        self._pressed_at = 0
        event = flow.agreed.event
        self._reader = DigitReader(event.codec.clock) if event else None
        self._read = ""

    def due(self) -> float:
        return self._next

    def dial(self, digit: str) -> None:
        """Press a key."""
        self._digits.append(digit)

    def send(self, now: float) -> None:
        event = self.flow.agreed.event
        ticks = self._count * self._ticks
        payload = self._source.next()
        if event and not self._press and self._digits:
            self._press.extend(press(self._digits.popleft(), clock=event.codec.clock))
            self._pressed_at = ticks
        if event and self._press:
            body, marker = self._press.popleft()
            self.flow.send(body, self._pressed_at, marker, now, event.payload_type)
        else:
            self.flow.send(payload, ticks, self._count == 0, now)
        self._count += 1
        self._next += self._step
        while now - self._next > _BEHIND:
            self._next += self._step
            self._count += 1

    def take(self, packet: Packet, gap: bool, now: float) -> None:
        if packet.payload_type == self.flow.agreed.receive_type:
            self._sink.take(packet.payload)
        elif self._reader:
            self._read += self._reader.read(packet.timestamp, packet.payload) or ""

    def keyframe_asked(self) -> None:
        return

    def report(self) -> StreamReport:
        tone = self._sink.tone()
        return StreamReport(
            self.flow.agreed.phone.codec.name,
            self.flow.sent,
            replace(self.flow.watch.seen),
            self._sink.frames,
            self._sink.undecodable,
            self.flow.round_trip,
            tone=tone.hz if tone else None,
            level=tone.level if tone else None,
            digits=self._read or None,
        )


class Picture:
    """The video stream."""

    def __init__(self, flow: Flow, show: Show) -> None:
        self.flow = flow
        rate = min(show.rate, flow.agreed.frame_rate or show.rate)
        bitrate = min(show.bitrate, flow.agreed.bitrate or show.bitrate)
        self._most = show.packet - 12
        slices = self._most if flow.agreed.packetization_mode == 0 else None
        self._source = PictureSource(show.size, rate, bitrate, show.colour, show.video, slices)
        self._sink = PictureSink()
        self._reassembly = Reassembly()
        self._step = 1 / rate
        self._started = self._next = time.monotonic()
        self._keyframe = True
        self._keyframes = 0
        self._asked_at = self._seen_at = 0.0

    def due(self) -> float:
        return self._next

    def send(self, now: float) -> None:
        ticks = round((self._next - self._started) * 90_000)
        units = self._source.next(self._keyframe)
        self._keyframes += self._keyframe
        self._keyframe = False
        bodies = list(payloads(units, self._most))
        for number, body in enumerate(bodies, 1):
            self.flow.send(body, ticks, number == len(bodies), now)
        self._next += self._step
        while now - self._next > _BEHIND:
            self._next += self._step

    def take(self, packet: Packet, gap: bool, now: float) -> None:
        picture = self._reassembly.take(packet)
        if picture and self._sink.take(picture):
            self._seen_at = now
        if gap:
            self._ask(now)

    def lost(self, now: float) -> bool:
        """Whether a picture is wanted: the other side sends, and none was seen for a second."""
        return self.flow.watch.seen.packets > 0 and now - self._seen_at > 1

    def _ask(self, now: float) -> None:
        if now - self._asked_at > _ASK_AGAIN:
            self._asked_at = now
            self.flow.report_out(now, picture_lost=True)

    def keyframe_asked(self) -> None:
        self._keyframe = True

    def report(self) -> StreamReport:
        return StreamReport(
            "H264",
            self.flow.sent,
            replace(self.flow.watch.seen),
            self._sink.frames,
            self._sink.undecodable + self._reassembly.broken,
            self.flow.round_trip,
            colour=self._sink.colour(),
            size=self._sink.size,
            keyframes=self._keyframes,
            asked=self.flow.asked,
        )
