"""A party's clock in ours: one offset for all its streams, so that its sound and picture stay together."""

from parloir.rtp.rtcp import SenderReport
from parloir.rtp.statistics import NTP_EPOCH

SECOND = 1 << 32
"""One second in NTP's 32.32 fixed point."""

MOST_STREAMS = 16
"""Of how many SSRCs the latest report is remembered; those unheard of for longest are forgotten."""
_TOLERANCE = SECOND // 2


class OwnClock:
    """The gateway's NTP time, counted from its start on the monotonic clock, so that it never steps."""

    def __init__(self, unix: float, monotonic_ns: int) -> None:
        self._zero = int((unix + NTP_EPOCH) * SECOND)
        self._start = monotonic_ns

    def ntp(self, monotonic_ns: int) -> int:
        """A monotonic time as NTP's 32.32 fixed point."""
        return self._zero + (monotonic_ns - self._start) * SECOND // 1_000_000_000


class PartyClock:
    """What one party's sender reports say: which instant of its media clocks is which of our time.

    The offset between its NTP time and ours is measured once, and again for all streams when the party's clock has
    moved by half a second. NTP times are 32.32 fixed point (RFC 3550 section 6.4.1).
    """

    def __init__(self) -> None:
        self._offset: int | None = None
        self._reports: dict[int, tuple[int, int]] = {}

    def heard(self, report: SenderReport, ntp: int) -> None:
        """Note a sender report that came at our time `ntp`; one of a sender without a clock (0) says nothing."""
        if not report.ntp:
            return
        offset = ntp - report.ntp
        if self._offset is None or abs(offset - self._offset) > _TOLERANCE:
            self._offset = offset
            self._reports.clear()
        self._reports.pop(report.ssrc, None)
        self._reports[report.ssrc] = (report.ntp + self._offset, report.timestamp)
        if len(self._reports) > MOST_STREAMS:
            del self._reports[next(iter(self._reports))]

    def timestamp(self, ssrc: int, clock: int, ntp: int) -> int | None:
        """What the media clock of that SSRC shows at our time `ntp`; None before its first report."""
        known = self._reports.get(ssrc)
        if known is None:
            return None
        return (known[1] + (ntp - known[0]) * clock // SECOND) & 0xFFFFFFFF
