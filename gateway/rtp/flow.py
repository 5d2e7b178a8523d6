"""What "media flows both ways" means, once and for all: billing counts these milliseconds and no others.

A leg flows from its first packet on, and for as long as packets keep coming. A pause in them (mute, discontinuous
transmission) counts only once RTCP from that leg has bridged it: then it was silence, not absence. What nothing has
confirmed is not counted, so a leg that vanishes is not charged for the wait until that is noticed.
"""

from dataclasses import dataclass
from enum import StrEnum

MEDIA_GAP = 1_500
"""The longest time between two observations with packets that is still one flow, in ms."""

RTCP_GAP = 7_500
"""The longest silence that an RTCP packet can vouch for, in ms: RFC 3550's interval of 5 s, half more at random."""


class Leg(StrEnum):
    """The two parties of a bridge."""

    PHONE = "phone"
    BROWSER = "browser"


@dataclass
class _Span:
    """A stretch of time, in ms, in which one leg is known to have flowed."""

    since: int = 0
    until: int | None = None
    packets: int = 0


class Flow:
    """Counts the milliseconds in which both legs flowed while they were joined."""

    def __init__(self) -> None:
        self._spans = {leg: _Span() for leg in Leg}
        self._joined: int | None = None
        self._counted = 0
        self._total = 0

    @property
    def milliseconds(self) -> int:
        """Counted so far; never falls."""
        return self._total

    def observe(self, now_ms: int, leg: Leg, packets: int, rtcp_alive: bool) -> None:
        """Tell what was seen of a leg, about once a second and just before `part`.

        `packets`: media packets received from it since its beginning; a number that fell is a new beginning.
        `rtcp_alive`: RTCP came from it since the last observation.
        """
        span = self._spans[leg]
        moved = packets > 0 and packets != span.packets
        span.packets = packets
        if span.until is None:
            if moved:
                span.since = span.until = now_ms
        elif moved or rtcp_alive:
            gap = RTCP_GAP if rtcp_alive else MEDIA_GAP
            if now_ms - span.until > gap:
                span.since = now_ms
            span.until = max(span.until, now_ms)
        self._count()

    def join(self, now_ms: int) -> None:
        """Media crosses from now on."""
        if self._joined is None:
            self._joined = now_ms

    def part(self, now_ms: int) -> None:
        """Media no longer crosses: what is confirmed later than this is not counted."""
        self._joined = None
        self._counted = max(self._counted, now_ms)

    def _count(self) -> None:
        """Add what both legs have confirmed and was not counted yet."""
        until = [span.until for span in self._spans.values()]
        if self._joined is None or None in until:
            return
        end = min(u for u in until if u is not None)
        start = max(self._joined, self._counted, *(span.since for span in self._spans.values()))
        if end > start:
            self._total += end - start
            self._counted = end
