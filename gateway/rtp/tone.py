"""Tones in samples: made, and found again, so that a test can tell whom it hears. Samples are signed 16-bit mono."""

import cmath
import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

WINDOW = 1024
"""Samples that `dominant` looks at: 128 ms at 8 kHz."""

_FULL_SCALE = 32768
_SILENCE = -60.0


@dataclass(frozen=True)
class Tone:
    """The strongest frequency in Hz and the level of the whole in dB below full scale."""

    hz: float
    level: float


def sine(hz: float, rate: int, start: int, count: int, amplitude: int = 8000) -> "array[int]":
    """`count` samples of a tone, from sample number `start` on, so that pieces join without a click."""
    step = 2 * math.pi * hz / rate
    return array("h", (round(amplitude * math.sin(step * number)) for number in range(start, start + count)))


def dominant(samples: Sequence[int], rate: int) -> Tone | None:
    """The tone in the last WINDOW samples; None when there are fewer, or only silence (under -60 dB)."""
    taken = samples[-WINDOW:]
    power = sum(s * s for s in taken) / max(1, len(taken))
    if len(taken) < WINDOW or power < 1:
        return None
    level = 10 * math.log10(power / _FULL_SCALE**2)
    if level < _SILENCE:
        return None
    hann = (0.5 - 0.5 * math.cos(2 * math.pi * n / WINDOW) for n in range(WINDOW))
    spectrum = _fft([complex(s * w) for s, w in zip(taken, hann, strict=True)])
    sizes = [abs(value) for value in spectrum[: WINDOW // 2]]
    peak = max(range(1, WINDOW // 2 - 1), key=sizes.__getitem__)
    return Tone(round((peak + _offset(*sizes[peak - 1 : peak + 2])) * rate / WINDOW, 1), round(level, 1))


def _offset(before: float, peak: float, after: float) -> float:
    """Where the top of a parabola through three neighbours' logarithms lies, in bins from the middle one."""
    low, top, high = (math.log(max(value, 1e-9)) for value in (before, peak, after))
    curve = low - 2 * top + high
    return 0.5 * (low - high) / curve if curve else 0.0


def _fft(values: list[complex]) -> list[complex]:
    """Cooley and Tukey's transform; the length is a power of two."""
    size = len(values)
    if size == 1:
        return values
    even, odd = _fft(values[::2]), _fft(values[1::2])
    turned = [cmath.exp(-2j * math.pi * n / size) * value for n, value in enumerate(odd)]
    return [e + t for e, t in zip(even, turned, strict=True)] + [e - t for e, t in zip(even, turned, strict=True)]
