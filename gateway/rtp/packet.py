"""RTP packets as data, and the arithmetic of their wrapping numbers (RFC 3550 section 5.1, RFC 8285)."""

import struct
from dataclasses import dataclass

from parloir.rtp.errors import MalformedPacket

HEADER = struct.Struct("!BBHII")
ONE_BYTE = 0xBEDE
_TWO_BYTE = 0x1000


@dataclass(frozen=True)
class Packet:
    """One RTP packet without its padding. `extensions` are (id, value) pairs in either form of RFC 8285."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False
    csrcs: tuple[int, ...] = ()
    extensions: tuple[tuple[int, bytes], ...] = ()

    @classmethod
    def parse(cls, data: bytes | memoryview) -> "Packet":
        """Read a datagram. Raises MalformedPacket."""
        start, stop = payload_span(data)
        first, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
        csrcs = struct.unpack_from(f"!{first & 15}I", data, 12)
        extensions = _extensions(bytes(data[12 + 4 * len(csrcs) : start])) if first & 0x10 else ()
        return cls(
            second & 0x7F,
            sequence,
            timestamp,
            ssrc,
            bytes(data[start:stop]),
            bool(second & 0x80),
            csrcs,
            extensions,
        )

    def build(self) -> bytes:
        """The datagram; extensions in the one-byte form (ids 1 to 14, values of 1 to 16 bytes)."""
        extended = b""
        if self.extensions:
            body = b"".join(bytes([(number << 4) | (len(value) - 1)]) + value for number, value in self.extensions)
            body += bytes(-len(body) % 4)
            extended = struct.pack("!HH", ONE_BYTE, len(body) // 4) + body
        first = 0x80 | (0x10 if extended else 0) | len(self.csrcs)
        second = (0x80 if self.marker else 0) | self.payload_type
        head = HEADER.pack(first, second, self.sequence & 0xFFFF, self.timestamp & 0xFFFFFFFF, self.ssrc)
        return head + struct.pack(f"!{len(self.csrcs)}I", *self.csrcs) + extended + self.payload


def is_rtcp(data: bytes | memoryview) -> bool:
    """Whether a datagram on a multiplexed port is RTCP (RFC 5761 section 4); it must have two bytes."""
    return len(data) >= 2 and 192 <= data[1] <= 223


def payload_span(data: bytes | memoryview) -> tuple[int, int]:
    """Where the payload begins and ends, after every header and before the padding. Raises MalformedPacket."""
    size = len(data)
    if size < 12 or data[0] >> 6 != 2:
        raise MalformedPacket("not RTP version 2")
    start = 12 + 4 * (data[0] & 15)
    if data[0] & 0x10:
        if size < start + 4:
            raise MalformedPacket("RTP header extension cut off")
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    stop = size
    if data[0] & 0x20:
        stop -= data[-1]
        if data[-1] == 0:
            raise MalformedPacket("RTP padding of no length")
    if stop < start:
        raise MalformedPacket("RTP headers and padding longer than the packet")
    return start, stop


def _extensions(block: bytes) -> tuple[tuple[int, bytes], ...]:
    """The elements of a header extension; an unknown profile has none, a truncated element ends the list."""
    profile = int.from_bytes(block[:2], "big")
    if profile != ONE_BYTE and profile & 0xFFF0 != _TWO_BYTE:
        return ()
    found, at = [], 4
    while at < len(block):
        if block[at] == 0:
            at += 1
            continue
        if profile == ONE_BYTE:
            number, size, at = block[at] >> 4, (block[at] & 15) + 1, at + 1
            if number == 15:
                break
        else:
            if at + 1 >= len(block):
                break
            number, size, at = block[at], block[at + 1], at + 2
        if at + size > len(block):
            break
        found.append((number, block[at : at + size]))
        at += size
    return tuple(found)


def sequence_delta(new: int, old: int) -> int:
    """How far `new` is ahead of `old`, from -32768 to 32767, across the wrap at 2^16."""
    return ((new - old + 0x8000) & 0xFFFF) - 0x8000


def timestamp_delta(new: int, old: int) -> int:
    """The same for timestamps, which wrap at 2^32."""
    return ((new - old + 0x80000000) & 0xFFFFFFFF) - 0x80000000


class ExtendedSequence:
    """Counts sequence numbers past their wraps (RFC 3550 appendix A.1)."""

    def __init__(self) -> None:
        self.highest: int | None = None

    def extend(self, sequence: int) -> int:
        """The number without wraps, nearest to the highest seen; never negative."""
        if self.highest is None:
            self.highest = sequence
            return sequence
        found = self.highest + sequence_delta(sequence, self.highest & 0xFFFF)
        if found < 0:
            found += 0x10000
        self.highest = max(self.highest, found)
        return found
