"""RTP packets that can be told apart, and what arrived of them."""

import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

FRAMES_A_SECOND = 15
AUDIO_SIZE = 160
VIDEO_SIZE = 900


@dataclass(frozen=True)
class Received:
    """One RTP packet as it arrived. `at` in seconds since 1970."""

    at: float
    ssrc: int
    sequence: int
    timestamp: int
    payload: bytes
    payload_type: int = -1

    @classmethod
    def parse(cls, at: float, datagram: bytes) -> "Received":
        """From the wire, header extension left out (RFC 3550 section 5.1)."""
        first, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", datagram)
        start = 12 + 4 * (first & 15)
        if first & 0x10:
            start += 4 + 4 * int.from_bytes(datagram[start + 2 : start + 4], "big")
        return cls(at, ssrc, sequence, timestamp, datagram[start:], second & 127)


def payload(kind: str, number: int, size: int | None = None) -> bytes:
    """What packet `number` of a stream holds: no two are alike. Pictures look like H.264, a keyframe a second."""
    body = b"%s %08d " % (kind.encode(), number)
    if kind == "audio":
        return body.ljust(size or AUDIO_SIZE, b"U")
    header = b"\x65" if number % FRAMES_A_SECOND == 0 else b"\x61"
    return (header + body).ljust(size or VIDEO_SIZE, b"U")


def is_ours(body: bytes) -> bool:
    """Whether `payload` made it: notices and prompts are not."""
    return body[:6] == b"audio " or body[1:7] == b"video "


def interval(kind: str) -> float:
    """Seconds between packets of a stream."""
    return 0.02 if kind == "audio" else 1 / FRAMES_A_SECOND


def clock(kind: str) -> int:
    """RTP clock in Hz."""
    return 8000 if kind == "audio" else 90000


def wait_for_count(packets: Sequence[Received], count: int, timeout: float = 30.0) -> None:
    """Wait until there are so many. Raises TimeoutError."""
    deadline = time.monotonic() + timeout
    while len(packets) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(packets)} packets, not {count}, in {timeout} s")
        time.sleep(0.02)


def gaps(packets: Sequence[Received]) -> list[tuple[int, int]]:
    """Where a sequence number does not follow the one before: pairs of (before, after)."""
    ordered = sorted(range(len(packets)), key=lambda i: _extended(packets, i))
    numbers = [packets[i].sequence for i in ordered]
    return [(a, b) for a, b in pairwise(numbers) if (b - a) & 0xFFFF != 1]


def _extended(packets: Sequence[Received], index: int) -> int:
    """The sequence number as distance from the first packet's; good for 32,768 packets either way."""
    return (packets[index].sequence - packets[0].sequence + 0x8000 & 0xFFFF) - 0x8000
