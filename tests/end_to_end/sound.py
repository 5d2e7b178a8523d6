"""Tones that can be told apart: made as WAV files, found again in what was heard."""

import array
import math
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FLOOR = 300.0


def write_tone(path: Path, hertz: int, *, rate: int = 8000, seconds: int = 120) -> Path:
    """A 16-bit mono WAV of one tone, without a step where it ends and begins again."""
    second = array.array("h", (int(14000 * math.sin(2 * math.pi * hertz * i / rate)) for i in range(rate)))
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(second.tobytes() * seconds)
    return path


def strength(samples: Sequence[int], hertz: float, rate: int) -> float:
    """How much of the samples is that tone, 0 to 1 of their energy (Goertzel); 0 for what is near silence."""
    count = len(samples)
    energy = sum(s * s for s in samples)
    if count == 0 or energy < FLOOR * FLOOR * count / 2:
        return 0.0
    twice = 2 * math.cos(2 * math.pi * hertz / rate)
    last = older = 0.0
    for sample in samples:
        last, older = sample + twice * last - older, last
    power = last * last + older * older - twice * last * older
    return min(1.0, 2 * power / (count * energy))


@dataclass(frozen=True)
class Heard:
    """What a recording holds: seconds from its start at which the tone was first and last heard, and its length.

    Before the tone other things may be heard (a spoken notice): `voice` seconds of them, the last at `voice_end`.
    `voice_after` seconds were heard after the tone's last (a spoken farewell).
    """

    first: float | None
    last: float | None
    voice: float
    voice_end: float | None
    length: float
    voice_after: float = 0.0


def read(path: Path) -> tuple["array.array[int]", int]:
    """Samples and rate of a 16-bit mono WAV, also of one that is still being written (its header says 0 frames)."""
    data = path.read_bytes()
    rate = int.from_bytes(data[24:28], "little")
    start = data.find(b"data") + 8
    body = data[start:]
    samples = array.array("h")
    samples.frombytes(body[: len(body) // 2 * 2])
    return samples, rate


def listen(path: Path, hertz: int, window: float = 0.05) -> Heard:
    """Look through a recording for the tone, window by window (seconds)."""
    samples, rate = read(path)
    size = int(rate * window)
    first = last = voice_end = None
    voice = after = 0.0
    for index in range(0, len(samples) - size + 1, size):
        part = samples[index : index + size]
        end = (index + size) / rate
        if strength(part, hertz, rate) > 0.6:
            first = index / rate if first is None else first
            last, after = end, 0.0
        elif first is not None and _loud(part):
            after += window
        elif first is None and _loud(part):
            voice_end = end
            voice += window
    return Heard(first, last, voice, voice_end, len(samples) / rate, after)


def _loud(part: Sequence[int]) -> bool:
    return sum(s * s for s in part) > FLOOR * FLOOR * len(part)
