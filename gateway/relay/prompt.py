"""Spoken prompts: read from WAV, encoded once for each codec into payloads of 20 ms, played by the clock."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av

from parloir.relay.coding import CODINGS, SAMPLES, Coding, open_encoder
from parloir.relay.errors import BadPrompt
from parloir.rtp.packet import HEADER

FRAME = 20_000_000
"""One payload's length, in ns."""
PAUSE = 50
"""Payloads' worth of silence between two repetitions."""
LONGEST = 60
"""Seconds of a prompt beyond which it is refused."""

_NAME = re.compile(r"[a-z]{2,3}/[a-z0-9-]{1,64}")


CODECS = tuple(CODINGS)


@dataclass(frozen=True)
class Encoded:
    """A prompt in one codec: RTP payloads of 20 ms each, whose timestamps are `step` ticks apart."""

    payloads: tuple[bytes, ...]
    step: int

    @property
    def milliseconds(self) -> int:
        """How long it takes to say."""
        return len(self.payloads) * FRAME // 1_000_000


def locate(folder: Path, name: str) -> Path:
    """The WAV of a prompt named like "en/notice", or a plugin's own by its whole path ("/.../x.wav").

    Raises BadPrompt, also for a name that leads elsewhere.
    """
    own = Path(name)
    if own.is_absolute() and own.suffix == ".wav" and own.is_file():
        return own
    if not _NAME.fullmatch(name):
        raise BadPrompt(name, "not of the form language/name")
    path = folder / f"{name}.wav"
    if not path.is_file():
        raise BadPrompt(name, f"there is no {path}")
    return path


def encode(path: Path, codec: str) -> Encoded:
    """Read and encode one prompt; takes some milliseconds of CPU, so not on the reactor's thread. Raises BadPrompt."""
    terms = (CODINGS | SAMPLES).get(codec)
    if terms is None:
        raise BadPrompt(path.stem, f"no encoder for {codec}")
    try:
        payloads = tuple(_payloads(path, terms))
    except (av.FFmpegError, OSError, ValueError) as error:
        raise BadPrompt(path.stem, f"cannot be read: {error}") from error
    if not payloads:
        raise BadPrompt(path.stem, "has no sound in it")
    return Encoded(payloads, terms.step)


def _payloads(path: Path, terms: Coding) -> Iterator[bytes]:
    encoder = open_encoder(terms)
    samples = terms.rate * FRAME // 1_000_000_000
    for frame in _frames(path, terms, samples):
        for packet in encoder.encode(frame):
            yield bytes(packet)
    for packet in encoder.encode(None):
        yield bytes(packet)


def _frames(path: Path, terms: Coding, samples: int) -> Iterator[av.AudioFrame]:
    """The WAV in frames of exactly 20 ms, the last one filled up with silence."""
    resampler = av.AudioResampler(format=terms.format, layout="mono", rate=terms.rate, frame_size=samples)
    with av.open(str(path)) as container:
        for decoded in container.decode(audio=0):
            if decoded.time is not None and decoded.time > LONGEST:
                raise ValueError(f"longer than {LONGEST} s")
            yield from resampler.resample(decoded)
    for rest in resampler.resample(None):
        yield rest if rest.samples == samples else _filled(rest, samples)


def _filled(frame: av.AudioFrame, samples: int) -> av.AudioFrame:
    """A short frame of 16-bit sound with silence after it."""
    filled = av.AudioFrame(format=frame.format.name, layout="mono", samples=samples)
    filled.sample_rate, filled.pts, filled.time_base = frame.sample_rate, frame.pts, frame.time_base
    sound = bytes(frame.planes[0])[: 2 * frame.samples]
    filled.planes[0].update(sound.ljust(filled.planes[0].buffer_size, b"\0"))
    return filled


class Playback:
    """One playing of a prompt: which RTP packets are due at a time. Pure; times are monotonic ns.

    `times` 0 repeats it without end, a second of silence between.
    """

    def __init__(self, encoded: Encoded, payload_type: int, times: int, started: int) -> None:
        self._encoded = encoded
        self._type = payload_type
        self._started = started
        self._tick = 0
        self._sequence = 0
        self._round = len(encoded.payloads) + PAUSE
        self._end = times * self._round - PAUSE if times else None

    def due(self, now: int) -> list[bytes]:
        """The packets to send now, numbered from 0 within this playback."""
        packets = []
        last = (now - self._started) // FRAME
        while self._tick <= last and not self._spoken():
            index = self._tick % self._round
            if index < len(self._encoded.payloads):
                packets.append(self._packet(index))
            self._tick += 1
        return packets

    def ended(self, now: int) -> bool:
        """Whether the last payload has been sent and has had its 20 ms to be heard."""
        return self._spoken() and now >= self._started + self._tick * FRAME

    @property
    def milliseconds(self) -> int:
        """How much has been played."""
        return self._tick * FRAME // 1_000_000

    def _spoken(self) -> bool:
        return self._end is not None and self._tick >= self._end

    def _packet(self, index: int) -> bytes:
        marker = 0x80 if index == 0 else 0
        stamp = self._tick * self._encoded.step & 0xFFFFFFFF
        head = HEADER.pack(0x80, marker | self._type, self._sequence & 0xFFFF, stamp, 0)
        self._sequence += 1
        return head + self._encoded.payloads[index]
