"""Sounds added up: decoded, a party's lowered beneath whoever speaks over it, encoded again. No socket, no clock.

All is reckoned in frames of 20 ms at 16 kHz. What comes is held for some frames, so that its jitter is not heard.
"""

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import av

from parloir.relay.coding import coding, open_decoder, open_encoder
from parloir.relay.prompt import FRAME
from parloir.rtp.errors import MalformedPacket
from parloir.rtp.packet import HEADER, Packet, sequence_delta

RATE: Final = 16_000
SAMPLES: Final = RATE * FRAME // 1_000_000_000
HELD: Final = 2
"""Frames that are waited for before a sound begins, or begins again."""
MOST: Final = 10
"""Frames held at most; what is older is left out."""
BENEATH: Final = 4
"""By how much a party's sound is divided while somebody speaks over it: 12 dB."""
LOUDEST: Final = 32_767

_SILENCE = array("h", bytes(2 * SAMPLES))


class Incoming:
    """One sound as it comes in (a Voice); `arrived` gives the packets that came since it was asked last.

    Raises BadPrompt for a codec that the relay does not speak.
    """

    def __init__(self, codec: str, arrived: Callable[[], Iterable[bytes]] = tuple) -> None:
        terms = coding(codec)
        self._arrived = arrived
        self._decoder = open_decoder(terms)
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        self._samples = array("h")
        self._ssrc = -1
        self._last = 0
        self._flows = False

    def hear(self, packet: bytes) -> None:
        """Take an RTP packet; one that cannot be read, or comes too late, is left out."""
        try:
            read = Packet.parse(packet)
            if read.ssrc == self._ssrc and sequence_delta(read.sequence, self._last) <= 0:
                return
            for frame in self._decoder.decode(av.Packet(read.payload)):
                for piece in self._resampler.resample(frame):
                    self._samples.frombytes(bytes(piece.planes[0])[: 2 * piece.samples])
        except (MalformedPacket, av.FFmpegError, ValueError):
            return
        self._ssrc, self._last = read.ssrc, read.sequence
        if (beyond := len(self._samples) - MOST * SAMPLES) > 0:
            del self._samples[:beyond]

    def take(self) -> "array[int] | None":
        """The next frame; None while there is none."""
        for packet in self._arrived():
            self.hear(packet)
        if len(self._samples) < (1 if self._flows else HELD) * SAMPLES:
            self._flows = False
            return None
        self._flows = True
        frame = self._samples[:SAMPLES]
        del self._samples[:SAMPLES]
        return frame


class Outgoing:
    """One sound as it goes out: RTP packets numbered from 0. Raises BadPrompt as Incoming does."""

    def __init__(self, codec: str, payload_type: int) -> None:
        terms = coding(codec)
        self._encoder = open_encoder(terms)
        self._resampler = av.AudioResampler(
            format=terms.format, layout="mono", rate=terms.rate, frame_size=terms.rate * SAMPLES // RATE
        )
        self._type = payload_type
        self._step = terms.step
        self._count = 0

    def say(self, samples: "array[int]") -> list[bytes]:
        """Encode a frame."""
        frame = av.AudioFrame(format="s16", layout="mono", samples=SAMPLES)
        frame.sample_rate = RATE
        frame.planes[0].update(samples.tobytes().ljust(frame.planes[0].buffer_size, b"\0"))
        coded = [packet for piece in self._resampler.resample(frame) for packet in self._encoder.encode(piece)]
        return [self._packet(bytes(each)) for each in coded]

    def _packet(self, payload: bytes) -> bytes:
        number, self._count = self._count, self._count + 1
        marker = 0x80 if number == 0 else 0
        stamp = number * self._step & 0xFFFFFFFF
        return HEADER.pack(0x80, marker | self._type, number & 0xFFFF, stamp, 0) + payload


def together(voices: "Iterable[array[int] | None]") -> "array[int] | None":
    """One frame of several voices; None where none of them says anything."""
    frames = [frame for frame in voices if frame is not None]
    if len(frames) < 2:
        return frames[0] if frames else None
    return array("h", [_bounded(sum(samples)) for samples in zip(*frames, strict=True)])


def mixed(over: "array[int] | None", beneath: "array[int] | None") -> "array[int]":
    """One frame above another; silence where there is neither. What nobody speaks over is as loud as it came."""
    if over is None or beneath is None:
        return over or beneath or _SILENCE
    return array("h", [_bounded(one + other // BENEATH) for one, other in zip(over, beneath, strict=True)])


def _bounded(sample: int) -> int:
    return max(-LOUDEST, min(LOUDEST, sample))


class Voice(Protocol):
    """What can be heard in a mix: the next frame, None where there is none. It is taken once for all who hear it."""

    def take(self) -> "array[int] | None": ...


@dataclass(eq=False)
class Ear:
    """What one party is to hear, packet by packet (player.Sound): the voices `over` it all, above the one `beneath`."""

    mixer: "Mixer"
    outgoing: Outgoing
    over: Sequence[Voice] = ()
    beneath: Voice | None = None
    waiting: deque[bytes] = field(default_factory=deque)
    played: int = 0

    @property
    def milliseconds(self) -> int:
        """How much has been played."""
        return self.played * FRAME // 1_000_000

    def due(self, now: int) -> list[bytes]:
        """The packets to send now."""
        self.mixer.advance(now)
        packets = list(self.waiting)
        self.waiting.clear()
        self.played += len(packets)
        return packets

    def ended(self, now: int) -> bool:
        """Never: it is ended by those who began it."""
        return False


class Mixer:
    """Makes what its ears hear, by one clock of 20 ms from `started` on. Times are monotonic ns."""

    def __init__(self, started: int) -> None:
        self._started = started
        self._tick = 0
        self._ears: list[Ear] = []

    def ear(self, codec: str, payload_type: int) -> Ear:
        """Somebody who hears; nothing yet. Raises BadPrompt for a codec that the relay does not speak."""
        made = Ear(self, Outgoing(codec, payload_type))
        self._ears.append(made)
        return made

    def forget(self, ear: Ear) -> None:
        """Somebody hears no more."""
        self._ears.remove(ear)

    def advance(self, now: int) -> None:
        """Make the frames that are due, for everybody at once; after a long pause what was missed is left out."""
        due = (now - self._started) // FRAME
        self._tick = max(self._tick, due - MOST)
        while self._tick <= due:
            self._tick += 1
            self._speak()

    def _speak(self) -> None:
        voices = {id(voice): voice for ear in self._ears for voice in (*ear.over, ear.beneath) if voice is not None}
        frames = {number: voice.take() for number, voice in voices.items()}
        for ear in self._ears:
            over = together(frames[id(voice)] for voice in ear.over)
            ear.waiting.extend(ear.outgoing.say(mixed(over, frames.get(id(ear.beneath)))))
