"""RTCP of the relay's own: reports in one time, lip-sync kept, feedback understood."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from parloir.relay.entries import SinkCounters, SourceCounters
from parloir.relay.keyframes import INTERVAL, KeyframeRequests
from parloir.relay.leg import Leg, Stream
from parloir.relay.party_clock import MOST_STREAMS, SECOND, OwnClock, PartyClock
from parloir.relay.reporter import Heard, Reporter, Sent, Wishes
from parloir.relay.switch import Switch
from parloir.rtp import rtcp
from parloir.rtp.description import Kind
from parloir.rtp.flow import Leg as Party
from parloir.rtp.statistics import NTP_EPOCH, middle

NTP = 3_900_000_000 * SECOND
NS = 1_000_000_000
SENT = SinkCounters(
    ssrc=11, packets=100, octets=16_000, sequence=5, timestamp=50_000, sent_at=10 * NS, epoch=1, shift=1000
)
HEARD = SourceCounters(
    ssrc=22, expected=100, received=90, octets=1, highest=65_636, jitter=12.6, heard=10 * NS, heard_timestamp=0
)


def sender_report(packet: bytes) -> rtcp.SenderReport:
    return next(p for p in rtcp.parse(packet) if isinstance(p, rtcp.SenderReport))


def test_our_time_is_the_wall_clock_at_the_start_and_never_steps() -> None:
    clock = OwnClock(1_000_000.0, 5 * NS)
    assert clock.ntp(5 * NS) == (1_000_000 + NTP_EPOCH) * SECOND
    assert clock.ntp(7 * NS) - clock.ntp(5 * NS) == 2 * SECOND


def test_sound_and_picture_of_a_party_keep_their_distance() -> None:
    """A phone's clocks said: sound 8000 and picture 90000 at one of its own instants, an hour off ours."""
    clock = PartyClock()
    theirs = NTP - 3600 * SECOND
    clock.heard(rtcp.SenderReport(1, theirs, 8_000, 0, 0), NTP)
    clock.heard(rtcp.SenderReport(2, theirs + SECOND, 180_000, 0, 0), NTP + SECOND + SECOND // 10)
    later = NTP + 5 * SECOND
    assert clock.timestamp(1, 8_000, later) == 8_000 + 5 * 8_000
    assert clock.timestamp(2, 90_000, later) == 180_000 + 4 * 90_000
    assert clock.timestamp(3, 90_000, later) is None


def test_a_partys_clock_that_was_set_is_measured_anew_for_all_its_streams() -> None:
    clock = PartyClock()
    clock.heard(rtcp.SenderReport(1, NTP, 0, 0, 0), NTP)
    clock.heard(rtcp.SenderReport(2, NTP + 60 * SECOND, 500, 0, 0), NTP)
    assert clock.timestamp(1, 8000, NTP) is None
    assert clock.timestamp(2, 8000, NTP) == 500


def test_a_report_says_what_was_sent_and_what_came() -> None:
    reporter = Reporter("cname", PartyClock())
    packet = reporter.compound([Sent(SENT, 8000)], [Heard(HEARD, 8000)], 11, 10 * NS, NTP)
    report, name = rtcp.parse(packet)
    assert report == rtcp.SenderReport(11, NTP, 50_000, 100, 16_000, (rtcp.Block(22, 25, 10, 65_636, 12, 0, 0),))
    assert name == rtcp.SourceDescription(11, "cname")


def test_loss_is_told_for_the_interval_and_in_all() -> None:
    reporter = Reporter("cname", PartyClock())
    reporter.compound([], [Heard(HEARD, 8000)], 11, 0, NTP)
    more = HEARD._replace(expected=200, received=190)
    (report, _) = rtcp.parse(reporter.compound([], [Heard(more, 8000)], 11, 0, NTP + SECOND))
    assert isinstance(report, rtcp.ReceiverReport)
    assert [(block.fraction, block.lost) for block in report.blocks] == [(0, 10)]


def test_a_report_right_after_a_change_of_source_goes_by_the_packets() -> None:
    reporter = Reporter("cname", PartyClock())
    packet = reporter.compound([Sent(SENT, 8000)], [], 11, 10 * NS + NS // 2, NTP)
    assert sender_report(packet).timestamp == 50_000 + 4000


def test_a_forwarded_stream_is_reported_by_its_partys_own_reports() -> None:
    origin = PartyClock()
    origin.heard(rtcp.SenderReport(22, NTP, 48_000, 0, 0), NTP)
    reporter = Reporter("cname", PartyClock())
    packet = reporter.compound([Sent(SENT, 8000, origin, 22)], [], 11, 10 * NS, NTP + SECOND)
    assert sender_report(packet).timestamp == 48_000 + 8000 + SENT.shift


@pytest.mark.parametrize("claimed", [0, 48_000 + 3 * 8000, 1 << 31])
def test_a_partys_report_that_cannot_be_is_not_passed_on(claimed: int) -> None:
    origin = PartyClock()
    origin.heard(rtcp.SenderReport(22, NTP, claimed, 0, 0), NTP)
    reporter = Reporter("cname", PartyClock())
    packet = reporter.compound([Sent(SENT, 8000, origin, 22)], [], 11, 10 * NS, NTP)
    assert sender_report(packet).timestamp == SENT.timestamp


def test_nothing_sent_yet_is_a_receiver_report() -> None:
    reporter = Reporter("cname", PartyClock())
    unsent = SENT._replace(sent_at=-1, packets=0)
    report, name = rtcp.parse(reporter.compound([Sent(unsent, 8000)], [], 11, 0, NTP))
    assert report == rtcp.ReceiverReport(11)
    assert isinstance(name, rtcp.SourceDescription)


def test_the_way_there_and_back_is_measured() -> None:
    reporter = Reporter("cname", PartyClock())
    block = rtcp.Block(11, fraction=64, lost=7, last_report=middle(NTP), delay=1 << 16)
    reporter.hear([rtcp.ReceiverReport(5, (block,))], frozenset({11}), NTP + SECOND + SECOND // 4)
    remote = reporter.remote[11]
    assert remote.round_trip == pytest.approx(250, abs=1)
    assert (remote.lost, remote.fraction) == (7, 0.25)


def test_the_last_report_of_a_party_is_acknowledged_with_its_age() -> None:
    reporter = Reporter("cname", PartyClock())
    reporter.hear([rtcp.SenderReport(22, NTP - SECOND, 0, 0, 0)], frozenset(), NTP)
    report = rtcp.parse(reporter.compound([], [Heard(HEARD, 8000)], 11, 0, NTP + SECOND // 2))[0]
    assert isinstance(report, rtcp.ReceiverReport)
    assert (report.blocks[0].last_report, report.blocks[0].delay) == (middle(NTP - SECOND), 1 << 15)


def test_feedback_about_our_streams_is_heard_and_about_others_is_not() -> None:
    reporter = Reporter("cname", PartyClock())
    feedback: list[rtcp.Rtcp] = [
        rtcp.PictureLoss(5, 11),
        rtcp.Nack(5, 11, (1, 2)),
        rtcp.FullIntra(5, ((12, 1), (99, 1))),
        rtcp.PictureLoss(5, 98),
        rtcp.Remb(5, 300_000, (11,)),
        rtcp.Remb(5, 1, (97,)),
    ]
    wishes = reporter.hear(feedback, frozenset({11, 12}), NTP)
    assert wishes == {11: Wishes(True, (1, 2)), 12: Wishes(True)}
    assert reporter.bitrate == 300_000


def test_report_blocks_about_strangers_fill_no_memory() -> None:
    reporter = Reporter("cname", PartyClock())
    for ssrc in range(1000):
        reporter.hear([rtcp.SenderReport(ssrc, NTP, 0, 0, 0, (rtcp.Block(ssrc),))], frozenset(), NTP)
    assert not reporter.remote
    assert len(reporter._last_reports) == MOST_STREAMS
    assert len(reporter.clock._reports) == MOST_STREAMS


@given(st.lists(st.integers(0, 5 * INTERVAL), max_size=60))
def test_keyframes_are_asked_for_at_most_once_an_interval_and_never_forgotten(pauses: list[int]) -> None:
    requests, now, asked = KeyframeRequests(), 0, []
    for pause in pauses:
        now += pause
        requests.want()
        if requests.due(now):
            asked.append(now)
    if requests.due(now + INTERVAL):
        asked.append(now + INTERVAL)
    assert all(later - earlier >= INTERVAL for earlier, later in itertools.pairwise(asked))
    if pauses:
        assert asked[-1] >= now - INTERVAL
    assert not requests.due(now + 10 * INTERVAL)


class Asked(Leg):
    """A party whose requests are noted with their times, in seconds."""

    def __init__(self, switch: Switch, clock: Clock) -> None:
        super().__init__(Party.PHONE, switch, OwnClock(0.0, 0), "cname", clock.callLater)
        self.at: list[float] = []
        source = switch.table.add_source(90_000)
        switch.table.sources[source].ssrc = 7
        self.streams[Kind.VIDEO] = Stream(Kind.VIDEO, "H264", 90_000, 97, source, 0, 0, 1)
        self._fake = clock

    def _request_keyframe(self) -> None:
        self.at.append(self._fake.seconds())


def test_second_listener_waits_for_its_keyframe_no_longer_than_the_interval() -> None:
    switch, clock = Switch(), Clock()
    leg = Asked(switch, clock)
    for tick in range(64):  # of 1/16 s, which a float holds exactly
        if tick in (0, 1, 5, 32, 39):
            leg.ask_keyframe(int(clock.seconds() * NS))
        clock.advance(1 / 16)
    assert leg.at == [0.0, 0.5, 2.0, 2.5]
    assert clock.getDelayedCalls() == []
    for _ in range(2):
        leg.ask_keyframe(int(clock.seconds() * NS))
    leg.streams.clear()  # it goes away while a request waits
    clock.advance(1)
    assert len(leg.at) == 5
    switch.close()
