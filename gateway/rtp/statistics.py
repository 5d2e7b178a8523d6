"""How well a stream arrives: loss, jitter, round trip and an estimate of how it sounds (RFC 3550, ITU-T G.107)."""

from parloir.rtp.packet import ExtendedSequence
from parloir.rtp.rtcp import Block

NTP_EPOCH = 2_208_988_800
"""Seconds from 1900 to 1970."""

_MOST_LOST = 0x7FFFFF
_IMPAIRMENT = {"PCMU": (0.0, 25.1), "PCMA": (0.0, 25.1), "G722": (0.0, 20.0), "opus": (0.0, 30.0)}
"""Codec: equipment impairment Ie, robustness against loss Bpl, both with concealment (G.113 appendix I)."""


class Reception:
    """What one source sent us, as the receiver's side of RTCP needs it; one instance for each SSRC."""

    def __init__(self, ssrc: int, clock: int) -> None:
        self.ssrc = ssrc
        self.received = 0
        self._clock = clock
        self._sequence = ExtendedSequence()
        self._first: int | None = None
        self._transit: float | None = None
        self._jitter = 0.0
        self._reported = (0, 0)

    def arrived(self, sequence: int, timestamp: int, now: float) -> None:
        """Count a packet. `now` in seconds on any steady clock; a late or repeated packet counts like any other."""
        number = self._sequence.extend(sequence)
        self._first = number if self._first is None else min(self._first, number)
        self.received += 1
        transit = now * self._clock - timestamp
        if self._transit is not None:
            change = abs((transit - self._transit + 2**31) % 2**32 - 2**31)
            self._jitter += (change - self._jitter) / 16
        self._transit = transit

    @property
    def expected(self) -> int:
        """How many packets the sequence numbers say were sent."""
        if self._first is None or self._sequence.highest is None:
            return 0
        return self._sequence.highest - self._first + 1

    @property
    def lost(self) -> int:
        """Expected less received; negative where packets were repeated."""
        return self.expected - self.received

    @property
    def jitter(self) -> float:
        """Interarrival jitter in milliseconds."""
        return self._jitter * 1000 / self._clock

    def block(self, last_report: int = 0, delay: float = 0.0) -> Block:
        """The report block since the last one. `last_report`: the middle 32 bits of the NTP time of the source's
        last SR; `delay`: seconds since it came."""
        expected, received = self.expected, self.received
        new, arrived = expected - self._reported[0], received - self._reported[1]
        self._reported = expected, received
        fraction = max(0, min(255, ((new - arrived) << 8) // new)) if new > 0 else 0
        return Block(
            self.ssrc,
            fraction,
            max(-_MOST_LOST, min(_MOST_LOST, expected - received)),
            (self._sequence.highest or 0) & 0xFFFFFFFF,
            min(0xFFFFFFFF, int(self._jitter)),
            last_report,
            min(0xFFFFFFFF, int(delay * 65536)),
        )


def ntp_time(unix: float) -> int:
    """A wall time in seconds since 1970 as NTP's 32.32 fixed point."""
    return int((unix + NTP_EPOCH) * 2**32) & 0xFFFFFFFFFFFFFFFF


def middle(ntp: int) -> int:
    """The middle 32 bits of an NTP time, by which reports name a sender report."""
    return ntp >> 16 & 0xFFFFFFFF


def round_trip(block: Block, now: int) -> float | None:
    """Milliseconds there and back, from a block about our own stream and the NTP time it came at (RFC 3550 6.4.1).

    None when the other side has not seen a sender report of ours, or its numbers cannot be.
    """
    if not block.last_report:
        return None
    ticks = (middle(now) - block.last_report - block.delay) & 0xFFFFFFFF
    return ticks * 1000 / 65536 if ticks < 60 << 16 else None


def mos(codec: str, loss: float, round_trip_ms: float, jitter_ms: float) -> float:
    """Mean opinion score, 1.0 to 4.5, by the simplified E-model of G.107; `loss` from 0 to 1.

    Delay is half the round trip, a jitter buffer of twice the jitter and 20 ms of packet.
    """
    impairment, robustness = _IMPAIRMENT.get(codec, (10.0, 15.0))
    delay = round_trip_ms / 2 + 2 * jitter_ms + 20
    percent = 100 * max(0.0, min(1.0, loss))
    rating = 93.2 - 0.024 * delay - (0.11 * (delay - 177.3) if delay > 177.3 else 0)
    rating -= impairment + (95 - impairment) * percent / (percent + robustness)
    rating = max(0.0, min(100.0, rating))
    return round(max(1.0, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6), 2)
