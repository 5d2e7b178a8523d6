"""The journal of a recording: encrypted chunks in a hash chain, appended to a file (docs/recording-format.md)."""

import json
import os
import struct
from collections.abc import Iterable, Mapping
from enum import IntEnum
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TITLE = b"parloir-journal 1"
CHUNK = b"PLRC"
HEAD = struct.Struct(">4sQI32s")
"""A chunk's head: the mark, its index from 1, the octets of ciphertext that follow, and its place in the hash chain."""
RECORD = struct.Struct(">BBIQI")
"""A record's head: its kind, its stream, its epoch, its arrival in monotonic ns, and the octets that follow."""
TAG = 16
LARGEST = 1 << 24
"""Octets of ciphertext that a chunk has at most."""


class RecordKind(IntEnum):
    """What a record holds: an RTP packet, a compound RTCP packet, or a fact in JSON."""

    RTP = 1
    RTCP = 2
    FACT = 3


class Record(NamedTuple):
    """One thing that is recorded. `stream` is 1 to 5 for media, 1 or 3 for RTCP, and 0 for facts of the whole call."""

    kind: RecordKind
    stream: int
    epoch: int
    arrival: int
    data: bytes


class End(NamedTuple):
    """Where a journal ends: how many chunks and octets it has, and the last of its hashes (hex)."""

    chunks: int
    octets: int
    hash: str


def fact(arrival: int, stream: int, what: str, /, **facts: Any) -> Record:
    """A fact, such as a codec or a hold."""
    data: Mapping[str, Any] = {"fact": what, **facts}
    return Record(RecordKind.FACT, stream, 0, arrival, json.dumps(data, sort_keys=True).encode())


def title(recording: str) -> bytes:
    """The journal's first line, which binds it to its recording; it ends in its own hash."""
    line = TITLE + b" " + recording.encode() + b" "
    return line + sha256(line).hexdigest().encode() + b"\n"


def chained(previous: bytes, index: int, sealed: bytes) -> bytes:
    """A chunk's place in the chain: what came before it, its index and its ciphertext, hashed."""
    return sha256(previous + CHUNK + index.to_bytes(8, "big") + sealed).digest()


def bound(recording: str, index: int) -> tuple[bytes, bytes]:
    """A chunk's nonce, and the data it is authenticated with: one key, one recording, each index once."""
    return index.to_bytes(12, "big"), recording.encode() + index.to_bytes(8, "big")


def packed(records: Iterable[Record]) -> bytes:
    """Records as they stand in a chunk, before encryption."""
    parts: list[bytes] = []
    for kind, stream, epoch, arrival, data in records:
        parts += (RECORD.pack(kind, stream, epoch & 0xFFFFFFFF, arrival, len(data)), data)
    return b"".join(parts)


class JournalWriter:
    """Writes one journal; each chunk goes to the kernel in one write. Raises OSError where the file cannot be written.

    `key` is the recording's own, 32 octets. The file must not be there before.
    """

    def __init__(self, path: Path, recording: str, key: bytes) -> None:
        self._recording = recording
        self._cipher = AESGCM(key)
        self._chunks = 0
        first = title(recording)
        self._previous = sha256(first).digest()
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._octets = 0
        self._write(first)

    @property
    def end(self) -> End:
        """Where the journal ends now."""
        return End(self._chunks, self._octets, self._previous.hex())

    def append(self, records: bytes) -> None:
        """Seal packed records as one chunk."""
        index = self._chunks + 1
        nonce, data = bound(self._recording, index)
        sealed = self._cipher.encrypt(nonce, records, data)
        place = chained(self._previous, index, sealed)
        self._write(HEAD.pack(CHUNK, index, len(sealed), place) + sealed)
        self._chunks, self._previous = index, place

    def duplicate(self) -> int:
        """Another descriptor of the file, for its taker to close. Raises OSError."""
        return os.dup(self._file)

    def close(self) -> None:
        """Close the file; harmless when repeated."""
        if self._file >= 0:
            file, self._file = self._file, -1
            os.close(file)

    def _write(self, data: bytes) -> None:
        written = os.write(self._file, data)
        if written != len(data):
            raise OSError(28, "only a part could be written: the disk is full")
        self._octets += written
