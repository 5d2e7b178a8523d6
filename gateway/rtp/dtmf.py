"""Key presses in RTP (RFC 4733): read so that each press is one digit whatever is lost, and written."""

import struct
from collections.abc import Iterator

from parloir.rtp.packet import timestamp_delta

DIGITS = "0123456789*#ABCD"
_EVENT = struct.Struct("!BBH")
_LONGEST = 0xFFFF
_LATE_SECONDS = 5
_VOLUME = 10
_END = 0x80


class DigitReader:
    """Reads the telephone-event packets of one source. `clock` in Hz, that of the event's payload type."""

    def __init__(self, clock: int) -> None:
        self._clock = clock
        self._event: int | None = None
        self._timestamp: int | None = None
        self._ended = False

    def read(self, timestamp: int, payload: bytes) -> str | None:
        """The digit when this packet is the first seen of its press, else None (also for what is not a digit).

        All packets of a press carry the timestamp of its beginning; a press over 0xFFFF ticks goes on under another.
        """
        if len(payload) < 4:
            return None
        event, flags, _ = _EVENT.unpack_from(payload)
        if event >= len(DIGITS):
            return None
        ended = bool(flags & _END)
        if self._timestamp is not None:
            ahead = timestamp_delta(timestamp, self._timestamp)
            if ahead == 0:
                self._ended = self._ended or ended
                return None
            if -_LATE_SECONDS * self._clock < ahead < 0:
                return None
            if ahead == _LONGEST and event == self._event and not self._ended:
                self._timestamp, self._ended = timestamp, ended
                return None
        self._event, self._timestamp, self._ended = event, timestamp, ended
        return DIGITS[event]


def press(digit: str, *, clock: int, milliseconds: int = 160, interval: int = 20) -> Iterator[tuple[bytes, bool]]:
    """The payloads of one press with their marker bits, to be sent `interval` ms apart under one timestamp.

    The end is sent three times (RFC 4733 section 2.5.1.4).
    """
    event = DIGITS.index(digit.upper())
    step = clock * interval // 1000
    count = max(1, milliseconds // interval)
    for number in range(1, count + 1):
        yield _EVENT.pack(event, _VOLUME, min(_LONGEST, number * step)), number == 1
    for _ in range(3):
        yield _EVENT.pack(event, _END | _VOLUME, min(_LONGEST, count * step)), False
