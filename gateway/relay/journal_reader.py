"""Reads journals back: what can be recovered of one, and where it is not what was written."""

import json
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from parloir.relay.journal import (
    CHUNK,
    HEAD,
    LARGEST,
    RECORD,
    TAG,
    TITLE,
    End,
    Record,
    RecordKind,
    bound,
    chained,
    title,
)

LONGEST_TITLE = 512


class Fault(NamedTuple):
    """One place in a file that is not what was written: the octets from `start` up to `stop`."""

    start: int
    stop: int
    what: str

    def __str__(self) -> str:
        return f"octets {self.start} to {self.stop - 1}: {self.what}"


class Chunk(NamedTuple):
    """One chunk of a journal: where its head begins, its number, and where its ciphertext begins and ends."""

    start: int
    number: int
    sealed: int
    stop: int


@dataclass(frozen=True)
class Scan:
    """A whole journal as it lies in its file. `cut` tells that its last chunk is not whole, as after a crash."""

    recording: str
    chunks: tuple[Chunk, ...]
    faults: tuple[Fault, ...]
    end: End
    cut: bool = False


class Journal:
    """A journal's file, open for reading. Raises OSError where it cannot be read."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            empty = path.stat().st_size == 0
            self._data: bytes | mmap.mmap = b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        if isinstance(self._data, mmap.mmap):
            self._data.close()

    def scan(self) -> Scan:
        """Go through the journal without its key: which chunks there are, and where the chain is broken."""
        return scanned(self._data)

    def records(self, found: Scan, key: bytes) -> Iterator[Record | Fault]:
        """What the chunks hold, in order; a Fault in place of one that is not what was encrypted under this key."""
        cipher = AESGCM(key)
        for chunk in found.chunks:
            nonce, data = bound(found.recording, chunk.number)
            try:
                plain = cipher.decrypt(nonce, self._data[chunk.sealed : chunk.stop], data)
            except InvalidTag:
                yield Fault(chunk.start, chunk.stop, f"chunk {chunk.number} does not open with this recording's key")
                continue
            yield from _unpacked(plain)


def scan(path: Path) -> Scan:
    """Go through a journal's file without its key. Raises OSError."""
    with Journal(path) as journal:
        return journal.scan()


def facts(record: Record) -> dict[str, Any]:
    """What a FACT record says."""
    said = json.loads(record.data)
    assert isinstance(said, dict)
    return said


def scanned(data: bytes | mmap.mmap) -> Scan:
    """Go through a journal in memory."""
    at = data.find(b"\n", 0, LONGEST_TITLE) + 1
    recording, faults = _recording(data[:at])
    found: list[Chunk] = []
    places = {sha256(data[:at]).digest()}
    last, place, cut = 0, next(iter(places)), False
    while at < len(data):
        chunk = _chunk(data, at)
        if chunk is None:
            following = _resume(data, at + 1)
            if following is None:
                cut = True
                break
            faults.append(Fault(at, following, f"what follows chunk {last} is no chunk"))
            at, places = following, set()
            continue
        place, sealed = HEAD.unpack_from(data, at)[3], data[chunk.sealed : chunk.stop]
        if places and not any(chained(each, chunk.number, sealed) == place for each in places):
            faults.append(Fault(at, chunk.stop, f"chunk {last + 1} is not what was written"))
            places = {place, *(chained(each, last + 1, sealed) for each in places)}
            last += 1
        else:
            if chunk.number != last + 1 and places:
                faults.append(Fault(at, chunk.stop, f"chunk {chunk.number} follows chunk {last}"))
            places, last = {place}, chunk.number
        found.append(chunk)
        at = chunk.stop
    return Scan(recording, tuple(found), tuple(faults), End(last, at, place.hex()), cut)


def _recording(line: bytes) -> tuple[str, list[Fault]]:
    words = line.split(b" ")
    name = words[2].decode("ascii", "replace") if len(words) > 2 else ""
    if not line.startswith(TITLE) or line != title(name):
        return name, [Fault(0, max(len(line), 1), "the title is not what was written")]
    return name, []


def _chunk(data: bytes | mmap.mmap, at: int) -> Chunk | None:
    if at + HEAD.size > len(data):
        return None
    mark, index, size, _ = HEAD.unpack_from(data, at)
    start = at + HEAD.size
    if mark != CHUNK or not TAG <= size <= LARGEST or start + size > len(data):
        return None
    return Chunk(at, index, start, start + size)


def _resume(data: bytes | mmap.mmap, at: int) -> int | None:
    """Where the next chunk begins that is followed by another, or by the end."""
    while (at := data.find(CHUNK, at)) >= 0:
        chunk = _chunk(data, at)
        if chunk is not None and (chunk.stop == len(data) or data.find(CHUNK, chunk.stop, chunk.stop + 4) >= 0):
            return at
        at += 1
    return None


def _unpacked(plain: bytes) -> Iterator[Record]:
    at = 0
    while at + RECORD.size <= len(plain):
        kind, stream, epoch, arrival, size = RECORD.unpack_from(plain, at)
        at += RECORD.size
        yield Record(RecordKind(kind), stream, epoch, arrival, plain[at : at + size])
        at += size
