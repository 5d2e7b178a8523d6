"""What a simulated phone saw of its streams, and how it tells: a line for people, or JSON for programs."""

from dataclasses import asdict, dataclass, field
from typing import Any

from parloir.rtp.packet import Packet, sequence_delta, timestamp_delta
from parloir.rtp.statistics import Reception


@dataclass
class Seen:
    """Counters of one received stream since the call began.

    `gaps`: jumps over one or more sequence numbers. `regressions`: a later packet with an earlier timestamp.
    `worst_step`: the most, in ms, by which the timestamp moved otherwise than the clock did between two packets.
    `largest`: bytes of the largest RTP packet. `strays`: packets of a payload type that was not agreed.
    """

    packets: int = 0
    octets: int = 0
    lost: int = 0
    gaps: int = 0
    regressions: int = 0
    worst_step: int = 0
    largest: int = 0
    sources: int = 0
    strays: int = 0
    first: float | None = None


@dataclass
class Watch:
    """Fills Seen from packets; `clock` in Hz, times in seconds."""

    clock: int
    seen: Seen = field(default_factory=Seen)
    reception: Reception | None = None
    _lost_before: int = 0
    _last: tuple[int, int, float] | None = None

    def saw(self, packet: Packet, size: int, now: float) -> bool:
        """Count a packet; whether it shows a gap before it."""
        seen = self.seen
        if self.reception is None or self.reception.ssrc != packet.ssrc:
            self._lost_before = seen.lost
            self.reception = Reception(packet.ssrc, self.clock)
            seen.sources += 1
            self._last = None
        seen.first = now if seen.first is None else seen.first
        seen.packets += 1
        seen.octets += len(packet.payload)
        seen.largest = max(seen.largest, size)
        self.reception.arrived(packet.sequence, packet.timestamp, now)
        seen.lost = self._lost_before + max(0, self.reception.lost)
        return self._followed(packet, now)

    def _followed(self, packet: Packet, now: float) -> bool:
        last, self._last = self._last, (packet.sequence, packet.timestamp, now)
        if last is None:
            return False
        ahead = sequence_delta(packet.sequence, last[0])
        if ahead <= 0:
            self._last = last
            return False
        step = timestamp_delta(packet.timestamp, last[1])
        self.seen.regressions += step < 0
        self.seen.gaps += ahead > 1
        self.seen.worst_step = max(self.seen.worst_step, round(abs(step / self.clock - (now - last[2])) * 1000))
        return ahead > 1


@dataclass(frozen=True)
class StreamReport:
    """One stream of one second: what was sent, what was seen, and what it held."""

    codec: str
    sent: int
    seen: Seen
    frames: int
    undecodable: int
    round_trip: float | None
    tone: float | None = None
    level: float | None = None
    colour: str | None = None
    size: tuple[int, int] | None = None
    keyframes: int | None = None
    asked: int | None = None
    digits: str | None = None

    def as_json(self) -> dict[str, Any]:
        """All of it, flat; what does not apply is left out."""
        values = asdict(self)
        seen = values.pop("seen")
        seen.pop("first")
        return {key: value for key, value in (values | seen).items() if value is not None}

    def __str__(self) -> str:
        seen = self.seen
        text = (
            f"{self.codec} sent {self.sent} got {seen.packets} lost {seen.lost} gaps {seen.gaps} frames {self.frames}"
        )
        if self.size:
            text += f" {self.size[0]}x{self.size[1]} {self.colour or 'no picture'}"
        if self.tone is not None:
            text += f" {self.tone:.0f} Hz {self.level:.0f} dB"
        if self.digits:
            text += f" keys {self.digits}"
        return f"{text} largest {seen.largest}"
