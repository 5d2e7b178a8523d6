"""How fast a browser may send: estimated from when its frames left and when they came (REMB)."""

from aiortc.rate import RemoteBitrateEstimator

from parloir.relay.entries import FrameSample

LEAST = 100_000
"""Bits a second below which video would be no use; the estimate is never told lower."""


class Uplink:
    """A delay-based estimate of what the way from one browser bears, never above what the phone takes.

    `most` in bits a second. Frames are fed in batches: one sample each, not one a packet.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._estimator = RemoteBitrateEstimator()
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
