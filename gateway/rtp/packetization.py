"""H.264 pictures cut into RTP payloads and put together again (RFC 6184, packetization modes 0 and 1)."""

import re
from collections.abc import Iterator, Sequence

from parloir.rtp.errors import MalformedPacket
from parloir.rtp.h264 import FU_A, STAP_A, aggregated
from parloir.rtp.packet import Packet, sequence_delta

MOST_PICTURE = 2_000_000
"""Bytes of one picture past which its packets are given up."""

_START_CODE = re.compile(rb"\x00\x00\x01")


def nal_units(stream: bytes) -> tuple[bytes, ...]:
    """The NAL units of an Annex B byte stream."""
    marks = [(m.start(), m.end()) for m in _START_CODE.finditer(stream)]
    ends = [start for start, _ in marks[1:]] + [len(stream)]
    units = (stream[begin:end].rstrip(b"\x00") for (_, begin), end in zip(marks, ends, strict=True))
    return tuple(unit for unit in units if unit)


def payloads(units: Sequence[bytes], most: int) -> Iterator[bytes]:
    """Cut units into payloads of at most `most` bytes each: whole where they fit, else FU-A fragments (mode 1)."""
    for unit in units:
        if len(unit) <= most:
            yield unit
            continue
        indicator, kind = unit[0] & 0x60 | FU_A, unit[0] & 0x1F
        size = most - 2
        for at in range(1, len(unit), size):
            edge = (0x80 if at == 1 else 0) | (0x40 if at + size >= len(unit) else 0)
            yield bytes([indicator, edge | kind]) + unit[at : at + size]


class Reassembly:
    """Packets in, pictures out; a picture with a packet missing is left out and counted in `broken`."""

    def __init__(self) -> None:
        self.broken = 0
        self._last: int | None = None
        self._timestamp: int | None = None
        self._units: list[bytes] = []
        self._fragment: bytearray | None = None
        self._size = 0
        self._whole = True

    def take(self, packet: Packet) -> bytes | None:
        """Take the next packet; the Annex B stream of a picture when its last packet (the marker) came.

        Packets that come late are dropped. Raises MalformedPacket.
        """
        gap = False
        if self._last is not None:
            ahead = sequence_delta(packet.sequence, self._last)
            if ahead <= 0:
                return None
            gap = ahead > 1
        self._last = packet.sequence
        if packet.timestamp != self._timestamp:
            self._begin(packet.timestamp)
        if gap:
            self._whole = False
        self._size += len(packet.payload)
        if self._size > MOST_PICTURE:
            self._whole = False
        elif packet.payload and self._whole:
            self._add(packet.payload)
        return self._finished() if packet.marker else None

    def _begin(self, timestamp: int) -> None:
        """A new picture; one that was not finished is lost."""
        if self._units or self._fragment is not None:
            self.broken += 1
        self._timestamp = timestamp
        self._units, self._fragment, self._size, self._whole = [], None, 0, True

    def _add(self, payload: bytes) -> None:
        kind = payload[0] & 0x1F
        if kind == STAP_A:
            self._units += aggregated(payload)
        elif kind != FU_A:
            self._units.append(payload)
        elif len(payload) < 3:
            raise MalformedPacket("H.264 fragment without content")
        else:
            self._add_fragment(payload)

    def _add_fragment(self, payload: bytes) -> None:
        header = payload[1]
        if header & 0x80:
            self._fragment = bytearray([payload[0] & 0xE0 | header & 0x1F])
        if self._fragment is None:
            self._whole = False
            return
        self._fragment += payload[2:]
        if header & 0x40:
            self._units.append(bytes(self._fragment))
            self._fragment = None

    def _finished(self) -> bytes | None:
        whole = self._whole and self._fragment is None and bool(self._units)
        units = self._units
        self._units, self._fragment = [], None
        if not whole:
            self.broken += 1
            return None
        return b"".join(b"\x00\x00\x00\x01" + unit for unit in units)
