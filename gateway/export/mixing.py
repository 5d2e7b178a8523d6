"""Several sounds added up to one, second by second; silence where nobody speaks. Pure."""

from array import array
from collections.abc import Iterator, Sequence
from operator import add

LOUDEST = 32_767


class Strip:
    """One track's sound on a line of samples that begins at 0; what came for samples that are gone is left out."""

    def __init__(self, pieces: Iterator[tuple[float, Sequence[int]]], rate: int) -> None:
        self._pieces = pieces
        self._rate = rate
        self._start = 0
        self._samples = array("h")
        self._next: tuple[int, Sequence[int]] | None = None
        self._end = 0
        self._advance()

    def take(self, count: int) -> "array[int]":
        """The next samples."""
        stop = self._start + count
        out = array("h", bytes(2 * count))
        while self._next is not None and self._next[0] < stop:
            at, piece = self._next
            begin, skip = max(at, self._start), max(0, self._start - at)
            part = piece[skip : skip + stop - begin]
            out[begin - self._start : begin - self._start + len(part)] = array("h", part)
            if at + len(piece) > stop:
                self._next = stop, piece[stop - at :]
                break
            self._advance()
        self._start = stop
        return out

    def _advance(self) -> None:
        """The next piece; one that follows the last within 10 ms follows it without a seam."""
        following = next(self._pieces, None)
        if following is None:
            self._next = None
            return
        seconds, piece = following
        at = round(seconds * self._rate)
        if abs(at - self._end) <= self._rate // 100:
            at = self._end
        self._end = at + len(piece)
        self._next = at, piece


def mixed(strips: Sequence[Strip], count: int) -> "array[int]":
    """The next samples of all strips added up."""
    if not strips:
        return array("h", bytes(2 * count))
    total: Sequence[int] = strips[0].take(count)
    for strip in strips[1:]:
        total = list(map(add, total, strip.take(count)))
    return array("h", [max(-LOUDEST, min(LOUDEST, sample)) for sample in total])


def peaks(strip: Strip, count: int, step: int) -> list[int]:
    """The loudest of every `step` samples, from 0 to 32767."""
    found = []
    for _ in range(count):
        samples = strip.take(step)
        found.append(min(LOUDEST, max(max(samples), -min(samples))))
    return found
