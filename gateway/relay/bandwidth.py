"""How fast a browser may send: estimated from when its frames left and when they came (REMB)."""

from collections import deque

from aiortc.rate import RemoteBitrateEstimator

from parloir.relay.entries import FrameSample

LEAST = 100_000
"""Bits a second below which video would be no use; the estimate is never told lower."""

WINDOW = 1000
"""Milliseconds over which the incoming bitrate is taken."""


class Throughput:
    """The bitrate of the last second, from whole frames: what the estimator's own counter does a millisecond at a time.

    That counter's thousand buckets cost a relay as much as all SRTP; a frame's entry costs next to nothing.
    """

    def __init__(self) -> None:
        self._frames: deque[tuple[int, int]] = deque()
        self._octets = 0
        self._since: int | None = None

    def add(self, value: int, now_ms: int) -> None:
        """So many octets came at that time."""
        if self._since is None:
            self._since = now_ms
        self._frames.append((now_ms, value))
        self._octets += value

    def rate(self, now_ms: int) -> int | None:
        """Bits a second over the last second, or over what there is of it; None where nothing came."""
        while self._frames and self._frames[0][0] <= now_ms - WINDOW:
            self._octets -= self._frames.popleft()[1]
        if not self._frames or self._since is None:
            return None
        extent = min(WINDOW, now_ms - self._since + 1)
        return round(8000 * self._octets / extent) if extent > 1 else None

    def reset(self) -> None:
        """Begin anew."""
        self._frames.clear()
        self._octets, self._since = 0, None


class Uplink:
    """A delay-based estimate of what the way from one browser bears, never above what the phone takes.

    `most` in bits a second. Frames are fed in batches: one sample each, not one a packet.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._estimator = RemoteBitrateEstimator()
        self._estimator.incoming_bitrate = Throughput()  # type: ignore[assignment]
        self._estimate: int | None = None
        self._told: int | None = None

    def feed(self, frames: list[FrameSample]) -> None:
        """Take the frames that came since the last time, oldest first."""
        for frame in frames:
            result = self._estimator.add(frame.arrival // 1_000_000, frame.send_time, frame.octets, frame.ssrc)
            if result is not None:
                self._estimate = result[0]

    def bitrate(self) -> int:
        """Bits a second to tell the browser now; before there is an estimate, what the phone takes."""
        known = self._estimate if self._estimate is not None else self.most
        return max(LEAST, min(self.most, known))

    def fell(self) -> bool:
        """Whether the estimate is so much lower than what was told last that it should be told at once."""
        return self._told is not None and self.bitrate() < 0.97 * self._told

    def tell(self) -> int:
        """The estimate, noting that it is being told."""
        self._told = self.bitrate()
        return self._told
