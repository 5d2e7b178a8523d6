"""Writes Matroska (RFC 9559): tracks of H.264, Opus, G.711 and G.722 as they are, with their own times."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

CLUSTER = 2.0
"""Seconds of media in a cluster at most."""

_VIDEO, _AUDIO = 1, 2
_ACM = {"PCMU": (0x0007, 8000, 8), "PCMA": (0x0006, 8000, 8), "G722": (0x028F, 16000, 4)}
"""WAVE's numbers of codecs, their sampling rates, and bits a sample (RFC 2361)."""
_EPOCH = 978_307_200
"""Matroska's dates count from 2001-01-01, in seconds since 1970."""
_UNKNOWN = b"\x01\xff\xff\xff\xff\xff\xff\xff"


@dataclass(frozen=True)
class Track:
    """A track: its number from 1, its name for people, and its codec; size and parameter sets for H.264."""

    number: int
    name: str
    codec: str
    width: int = 0
    height: int = 0
    sps: bytes = b""
    pps: bytes = b""

    @property
    def video(self) -> bool:
        """Whether it is a picture."""
        return self.codec == "H264"


def element(ident: int, content: bytes) -> bytes:
    """An EBML element."""
    head = ident.to_bytes((ident.bit_length() + 7) // 8, "big")
    return head + _size(len(content)) + content


def _size(octets: int) -> bytes:
    """An element's size as a variable-length integer; the value of all ones is reserved."""
    for length in range(1, 9):
        if octets < (1 << 7 * length) - 1:
            return (octets | 1 << 7 * length).to_bytes(length, "big")
    raise ValueError("too large for Matroska")


def number(ident: int, value: int) -> bytes:
    """An unsigned integer."""
    return element(ident, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def text(ident: int, value: str) -> bytes:
    """A string in UTF-8."""
    return element(ident, value.encode())


def real(ident: int, value: float) -> bytes:
    """A floating-point number."""
    return element(ident, struct.pack(">d", value))


class Matroska:
    """Writes one file; the frames of all tracks in the order of their times. `file` must be seekable."""

    def __init__(self, file: BinaryIO, tracks: Iterable[Track], begun: datetime, title: str) -> None:
        self._file = file
        self._tracks = {track.number: track for track in tracks}
        self._cluster: list[bytes] = []
        self._cluster_at = -1
        self._cues: list[bytes] = []
        self._end = 0.0
        file.write(_header())
        file.write(b"\x18\x53\x80\x67" + _UNKNOWN)
        self._segment = file.tell()
        self._write_info(begun, title)
        file.write(element(0x1654AE6B, b"".join(_entry(track) for track in self._tracks.values())))

    def write(self, track: int, seconds: float, data: bytes, key: bool, duration: float) -> None:
        """Add a frame."""
        stamp = max(0, round(seconds * 1000))
        picture = self._tracks[track].video
        full = self._cluster_at >= 0 and not 0 <= stamp - self._cluster_at < CLUSTER * 1000
        if self._cluster_at < 0 or full:
            self._flush()
            self._cluster_at = stamp
        if picture and key:
            self._cue(track, stamp)
        flags = 0x80 if key else 0
        block = bytes([0x80 | track]) + struct.pack(">hB", stamp - self._cluster_at, flags) + data
        self._cluster.append(element(0xA3, block))
        self._end = max(self._end, seconds + duration)

    def close(self) -> float:
        """Write what is left, the index and the length; how long the recording is, in seconds."""
        self._flush()
        if self._cues:
            self._file.write(element(0x1C53BB6B, b"".join(self._cues)))
        stop = self._file.tell()
        self._file.seek(self._segment - 8)
        self._file.write(((stop - self._segment) | 1 << 56).to_bytes(8, "big"))
        self._file.seek(self._duration)
        self._file.write(real(0x4489, self._end * 1000))
        self._file.seek(stop)
        return self._end

    def _write_info(self, begun: datetime, title: str) -> None:
        since = int((begun.timestamp() - _EPOCH) * 1e9)
        parts = [number(0x2AD7B1, 1_000_000), text(0x4D80, "parloir"), text(0x5741, "parloir"), text(0x7BA9, title)]
        parts += [element(0x4461, struct.pack(">q", since)), real(0x4489, 0.0)]
        info = element(0x1549A966, b"".join(parts))
        self._duration = self._file.tell() + len(info) - len(parts[-1])
        self._file.write(info)

    def _cue(self, track: int, stamp: int) -> None:
        place = number(0xF7, track) + number(0xF1, self._file.tell() - self._segment)
        self._cues.append(element(0xBB, number(0xB3, stamp) + element(0xB7, place)))

    def _flush(self) -> None:
        if self._cluster:
            self._file.write(element(0x1F43B675, number(0xE7, self._cluster_at) + b"".join(self._cluster)))
            self._cluster = []


def _header() -> bytes:
    fields = number(0x4286, 1) + number(0x42F7, 1) + number(0x42F2, 4) + number(0x42F3, 8)
    return element(0x1A45DFA3, fields + text(0x4282, "matroska") + number(0x4287, 4) + number(0x4285, 2))


def _entry(track: Track) -> bytes:
    kind = _VIDEO if track.video else _AUDIO
    common = number(0xD7, track.number) + number(0x73C5, track.number) + number(0x83, kind) + number(0x9C, 0)
    common += text(0x536E, track.name) + text(0x22B59C, "und")
    return element(0xAE, common + (_picture(track) if track.video else _sound(track)))


def _picture(track: Track) -> bytes:
    private = bytes([1, *track.sps[1:4], 0xFF, 0xE1]) + len(track.sps).to_bytes(2, "big") + track.sps
    private += b"\x01" + len(track.pps).to_bytes(2, "big") + track.pps
    size = number(0xB0, track.width) + number(0xBA, track.height)
    return text(0x86, "V_MPEG4/ISO/AVC") + element(0x63A2, private) + element(0xE0, size)


def _sound(track: Track) -> bytes:
    if track.codec == "opus":
        private = b"OpusHead" + struct.pack("<BBHIHB", 1, 2, 0, 48_000, 0, 0)
        terms = real(0xB5, 48_000.0) + number(0x9F, 2)
        return text(0x86, "A_OPUS") + element(0x63A2, private) + number(0x56BB, 80_000_000) + element(0xE1, terms)
    wave, rate, bits = _ACM[track.codec]
    private = struct.pack("<HHIIHHH", wave, 1, rate, 8000, 1, bits, 0)
    terms = real(0xB5, float(rate)) + number(0x9F, 1) + number(0x6264, bits)
    return text(0x86, "A_MS/ACM") + element(0x63A2, private) + element(0xE1, terms)
