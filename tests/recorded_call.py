"""A call as a relay would record it: flash and beep together every few seconds, over a network that the test makes."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from math import pi, sin
from pathlib import Path

import av

from parloir.relay.journal import End, JournalWriter, Record, RecordKind, fact, packed
from parloir.rtp import rtcp
from parloir.rtp.packet import Packet

KEY = bytes(range(32))
RATE, FPS, WIDTH, HEIGHT = 8000, 15, 160, 120
EVERY, LASTS = 4.0, 0.2
"""Flash and beep: seconds from one to the next (the first half a period in), and how long they last."""
BIAS = 0x84
FRAGMENT = 600


def flashing(seconds: float) -> bool:
    """Whether there is light and sound at a time of the party's."""
    return (seconds - EVERY / 2) % EVERY < LASTS and seconds >= EVERY / 2


@cache
def pictures(seconds: int) -> tuple[tuple[bytes, ...], ...]:
    """The NAL units of each frame: dark, and bright while it flashes."""
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, FPS), Fraction(FPS, 1)
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline", "g": "30"}
    frames: list[tuple[bytes, ...]] = []
    for index in range(seconds * FPS):
        frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
        light = 235 if flashing(index / FPS) else 16
        for plane, value in zip(frame.planes, (light, 128, 128), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        frame.pts = index
        frames += [_units(bytes(packet)) for packet in encoder.encode(frame)]
    return tuple(frames)


def _units(annex_b: bytes) -> tuple[bytes, ...]:
    return tuple(unit.rstrip(b"\0") for unit in annex_b.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if unit)


@cache
def sounds(seconds: int) -> tuple[bytes, ...]:
    """Packets of 20 ms of G.711: silence, and 1 kHz while it beeps."""
    packets = []
    for start in range(0, seconds * RATE, 160):
        samples = (
            int(12_000 * sin(2 * pi * 1000 * n / RATE)) if flashing(n / RATE) else 0 for n in range(start, start + 160)
        )
        packets.append(bytes(map(mu_law, samples)))
    return tuple(packets)


def mu_law(sample: int) -> int:
    """ITU-T G.711."""
    sign, size = (0x80, -sample) if sample < 0 else (0, sample)
    size = min(size, 32_635) + BIAS
    exponent = size.bit_length() - 8
    return ~(sign | exponent << 4 | size >> (exponent + 3) & 0x0F) & 0xFF


def fragments(units: tuple[bytes, ...]) -> Iterator[bytes]:
    """RFC 6184 payloads, mode 1."""
    for unit in units:
        if len(unit) <= FRAGMENT:
            yield unit
            continue
        for at in range(1, len(unit), FRAGMENT):
            start, end = (0x80 if at == 1 else 0), (0x40 if at + FRAGMENT >= len(unit) else 0)
            yield bytes([unit[0] & 0xE0 | 28, start | end | unit[0] & 0x1F]) + unit[at : at + FRAGMENT]


@dataclass
class Network:
    """What lies between a party and the relay, in seconds; `seed` makes it the same each time."""

    audio_delay: float = 0.03
    video_delay: float = 0.03
    jitter: float = 0.0
    loss: float = 0.0
    reordered: float = 0.0
    reports: bool = True
    seed: int = 1
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    def arrival(self, sent: float, delay: float) -> float | None:
        """When a packet arrives; None for one that is lost."""
        if self.dice.random() < self.loss:
            return None
        late = 0.03 if self.dice.random() < self.reordered else 0.0
        return sent + delay + late + self.dice.random() * self.jitter


def party(first_stream: int, seconds: int, network: Network, base: float) -> list[Record]:
    """What one party sends for so many seconds from `base` on, as it arrives."""
    dice, found = random.Random(first_stream), list[tuple[float, int, RecordKind, bytes]]()
    audio, video = dice.getrandbits(32), dice.getrandbits(32)
    audio_zero, video_zero, sequence = dice.getrandbits(32), dice.getrandbits(32), dice.getrandbits(16)
    wall = 3_900_000_000.0 + dice.random() * 1000

    def put(stream: int, packet: Packet, sent: float, delay: float) -> None:
        arrival = network.arrival(sent, delay)
        if arrival is not None:
            found.append((arrival, stream, RecordKind.RTP, packet.build()))

    for index, payload in enumerate(sounds(seconds)):
        stamp = (audio_zero + index * 160) & 0xFFFFFFFF
        put(first_stream, Packet(0, index & 0xFFFF, stamp, audio, payload), base + index * 0.02, network.audio_delay)
    for index, units in enumerate(pictures(seconds)):
        payloads = list(fragments(units))
        for payload in payloads:
            stamp = (video_zero + index * 90_000 // FPS) & 0xFFFFFFFF
            packet = Packet(97, sequence & 0xFFFF, stamp, video, payload, marker=payload is payloads[-1])
            put(first_stream + 1, packet, base + index / FPS, network.video_delay)
            sequence += 1
    for second in range(1, seconds, 5) if network.reports else ():
        ntp = int((wall + second) * (1 << 32))
        for ssrc, stamp, delay in (
            (audio, audio_zero + second * RATE, network.audio_delay),
            (video, video_zero + second * 90_000, network.video_delay),
        ):
            report = rtcp.build(rtcp.SenderReport(ssrc, ntp, stamp & 0xFFFFFFFF, 1, 1))
            found.append((base + second + delay, first_stream, RecordKind.RTCP, report))
    return [Record(kind, stream, 1, int(arrival * 1e9), data) for arrival, stream, kind, data in found]


def codecs(base: float) -> list[Record]:
    """What the journal says of its four streams."""
    at = int(base * 1e9)
    kinds = {1: ("PCMU", RATE), 2: ("H264", 90_000), 3: ("PCMU", RATE), 4: ("H264", 90_000)}
    return [fact(at, n, "codec", codec=codec, clock=clock, parameter_sets=[]) for n, (codec, clock) in kinds.items()]


def write(path: Path, records: list[Record], recording: str = "r1", orderly: bool = True, base: float = 5000.0) -> End:
    """A journal of these records, a chunk for each half second."""
    writer = JournalWriter(path, recording, KEY)
    first = fact(int(base * 1e9), 0, "began", recording=recording, unix=1_790_000_000.0)
    writer.append(packed([first, *codecs(base)]))
    rest = sorted(records, key=lambda record: record.arrival)
    chunk: list[Record] = []
    for record in rest:
        if chunk and record.arrival - chunk[0].arrival > 500_000_000:
            writer.append(packed(chunk))
            chunk = []
        chunk.append(record)
    if orderly:
        chunk.append(fact(chunk[-1].arrival, 0, "ended", why="the call ended"))
    writer.append(packed(chunk))
    writer.close()
    return writer.end


def call(path: Path, seconds: int, inside: Network, visitor: Network, base: float = 5000.0) -> End:
    """A whole call's journal."""
    records = party(1, seconds, inside, base) + party(3, seconds, visitor, base)
    return write(path, records, base=base)


def flashes(path: Path, stream: int) -> list[float]:
    """When a video stream begins to be bright, in seconds of the file."""
    found, dark = [], True
    with av.open(str(path)) as container:
        for frame in container.decode(video=stream):
            bright = max(bytes(frame.reformat(format="gray").planes[0])[:WIDTH]) > 128
            if bright and dark and frame.time is not None:
                found.append(frame.time)
            dark = not bright
    return found


def beeps(path: Path, stream: int) -> list[float]:
    """When a sound stream begins to be loud, in seconds of the file."""
    found, last_loud = [], -1.0
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        for decoded in container.decode(audio=stream):
            for frame in resampler.resample(decoded):
                assert frame.time is not None
                samples = memoryview(bytes(frame.planes[0])[: 2 * frame.samples]).cast("h")
                for index, sample in enumerate(samples):
                    at = frame.time + index / RATE
                    if abs(sample) > 3000:
                        if at - last_loud > 0.5:
                            found.append(at)
                        last_loud = at
    return found


def spans(path: Path) -> list[tuple[str, float, float]]:
    """Of each stream of a file: its codec, and the time of its first and its last packet's end, in seconds."""
    with av.open(str(path)) as container:
        times: dict[int, list[float]] = {stream.index: [] for stream in container.streams}
        for packet in container.demux():
            if packet.pts is not None and packet.time_base is not None:
                times[packet.stream_index].append(float(packet.pts * packet.time_base))
        names = [stream.codec_context.name for stream in container.streams]
    return [(name, min(times[index]), max(times[index])) for index, name in enumerate(names)]
