"""RTCP of one RTP session of a leg: what to make of the party's reports, and what to tell it (RFC 3550 section 6)."""

from dataclasses import dataclass

from parloir.relay.entries import SinkCounters, SourceCounters
from parloir.relay.party_clock import MOST_STREAMS, PartyClock
from parloir.rtp import rtcp
from parloir.rtp.packet import timestamp_delta
from parloir.rtp.statistics import middle, round_trip

_MOST_LOST = 0x7FFFFF
_DISBELIEF = 2
"""Seconds by which a party's report may put the present away from its latest packet before it is disbelieved."""


@dataclass(frozen=True)
class Wishes:
    """What a party's feedback asks of the stream sent to it under `ssrc`."""

    keyframe: bool = False
    lost: tuple[int, ...] = ()


@dataclass(frozen=True)
class Sent:
    """A stream we send: its figures, its clock in Hz, and, when it forwards a party's stream, where that comes from."""

    counters: SinkCounters
    clock: int
    origin: PartyClock | None = None
    origin_ssrc: int = -1


@dataclass(frozen=True)
class Heard:
    """A stream we receive: its figures and its clock in Hz."""

    counters: SourceCounters
    clock: int


@dataclass
class Remote:
    """What the party reports of a stream we send: milliseconds, packets lost in all, share of the latest (0 to 1)."""

    round_trip: float | None = None
    lost: int | None = None
    fraction: float = 0.0


class Reporter:
    """One RTP session's RTCP. NTP times are 32.32 fixed point in the gateway's own clock; monotonic ones are ns.

    `bitrate` is the party's REMB; `limit` its TMMBR as TMMBN repeats it: whose it is, bits a second, overhead octets.
    """

    def __init__(self, cname: str, clock: PartyClock) -> None:
        self.remote: dict[int, Remote] = {}
        self.bitrate: int | None = None
        self.limit: tuple[int, int, int] | None = None
        self.clock = clock
        self._cname = cname
        self._last_reports: dict[int, tuple[int, int]] = {}
        self._reported: dict[int, tuple[int, int]] = {}

    def hear(self, packets: list[rtcp.Rtcp], ssrcs: frozenset[int], ntp: int) -> dict[int, Wishes]:
        """Take a party's compound packet that came at `ntp`; its wishes by SSRC, of those we send under (`ssrcs`)."""
        wishes: dict[int, Wishes] = {}
        for packet in packets:
            match packet:
                case rtcp.SenderReport(blocks=blocks):
                    self.clock.heard(packet, ntp)
                    self._acknowledge(packet, ntp)
                    self._hear_blocks(blocks, ssrcs, ntp)
                case rtcp.ReceiverReport(_, blocks):
                    self._hear_blocks(blocks, ssrcs, ntp)
                case rtcp.PictureLoss(_, media) if media in ssrcs:
                    wishes[media] = Wishes(True, wishes.get(media, Wishes()).lost)
                case rtcp.FullIntra(_, requests):
                    for media, _ in requests:
                        if media in ssrcs:
                            wishes[media] = Wishes(True, wishes.get(media, Wishes()).lost)
                case rtcp.Nack(_, media, lost) if media in ssrcs:
                    before = wishes.get(media, Wishes())
                    wishes[media] = Wishes(before.keyframe, before.lost + lost)
                case rtcp.Remb(_, bitrate, about) if ssrcs.intersection(about):
                    self.bitrate = bitrate
                case rtcp.BitrateRequest(sender, limits):
                    for media, most, overhead in limits:
                        if media in ssrcs:
                            self.limit = sender, most, overhead
        return wishes

    def _acknowledge(self, report: rtcp.SenderReport, ntp: int) -> None:
        self._last_reports.pop(report.ssrc, None)
        self._last_reports[report.ssrc] = (middle(report.ntp), ntp)
        if len(self._last_reports) > MOST_STREAMS:
            del self._last_reports[next(iter(self._last_reports))]

    def _hear_blocks(self, blocks: tuple[rtcp.Block, ...], ssrcs: frozenset[int], ntp: int) -> None:
        for block in blocks:
            if block.ssrc in ssrcs:
                remote = self.remote.setdefault(block.ssrc, Remote())
                remote.lost, remote.fraction = max(0, block.lost), block.fraction / 256
                measured = round_trip(block, ntp)
                remote.round_trip = measured if measured is not None else remote.round_trip

    def compound(self, sent: list[Sent], heard: list[Heard], ssrc: int, now: int, ntp: int) -> bytes:
        """The report due now; `ssrc` speaks for us where nothing has been sent yet. `now` and `ntp`: one instant.

        `heard` must be in the same order each time.
        """
        blocks = tuple(self._block(place, each, ntp) for place, each in enumerate(heard) if each.counters.ssrc >= 0)
        packets: list[rtcp.Rtcp] = []
        for each in sent:
            if each.counters.sent_at >= 0:
                counters = each.counters
                stamp = _present(each, now, ntp)
                packets.append(rtcp.SenderReport(counters.ssrc, ntp, stamp, counters.packets, counters.octets, blocks))
                blocks = ()
        if not packets:
            packets.append(rtcp.ReceiverReport(ssrc, blocks))
        speakers = {packet.ssrc for packet in packets if isinstance(packet, rtcp.SenderReport)} or {ssrc}
        return rtcp.build(*packets, *(rtcp.SourceDescription(speaker, self._cname) for speaker in sorted(speakers)))

    def _block(self, place: int, heard: Heard, ntp: int) -> rtcp.Block:
        counters = heard.counters
        before = self._reported.get(place, (0, 0))
        expected, received = counters.expected - before[0], counters.received - before[1]
        self._reported[place] = (counters.expected, counters.received)
        lost = max(0, expected - received)
        last, at = self._last_reports.get(counters.ssrc, (0, ntp))
        return rtcp.Block(
            counters.ssrc,
            min(255, lost * 256 // expected) if expected > 0 else 0,
            max(0, min(_MOST_LOST, counters.expected - counters.received)),
            counters.highest & 0xFFFFFFFF,
            int(counters.jitter),
            last,
            min(0xFFFFFFFF, (ntp - at) >> 16),
        )


def _present(sent: Sent, now: int, ntp: int) -> int:
    """What the stream's media clock shows now: by the party's own reports where they make sense, else by its packets.

    The first keeps sound and picture of a party together; the second is off by how long packets were on their way.
    """
    counters = sent.counters
    by_packets = (counters.timestamp + (now - counters.sent_at) * sent.clock // 1_000_000_000) & 0xFFFFFFFF
    theirs = sent.origin.timestamp(sent.origin_ssrc, sent.clock, ntp) if sent.origin else None
    if theirs is None:
        return by_packets
    by_reports = (theirs + counters.shift) & 0xFFFFFFFF
    return by_reports if abs(timestamp_delta(by_reports, by_packets)) < _DISBELIEF * sent.clock else by_packets
