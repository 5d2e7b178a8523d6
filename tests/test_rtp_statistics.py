"""Loss, jitter, round trip, the quality estimate, and what counts as media flowing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parloir.rtp.flow import RTCP_GAP, Flow, Leg
from parloir.rtp.rtcp import Block
from parloir.rtp.statistics import Reception, middle, mos, ntp_time, round_trip


def received(numbers: list[int], spacing: float = 0.02) -> Reception:
    reception = Reception(7, 8000)
    for index, number in enumerate(numbers):
        reception.arrived(number & 0xFFFF, number * 160, index * spacing)
    return reception


def test_a_clean_stream_has_neither_loss_nor_jitter() -> None:
    reception = received(list(range(65530, 65630)))
    assert (reception.expected, reception.lost) == (100, 0)
    assert reception.jitter == pytest.approx(0, abs=1e-6)


@given(st.sets(st.integers(1, 198), max_size=120))
def test_every_missing_packet_is_counted_once(missing: set[int]) -> None:
    reception = received([n for n in range(200) if n not in missing])
    assert reception.lost == len(missing)
    assert reception.block().fraction == len(missing) * 256 // 200


def test_packets_out_of_order_are_not_lost() -> None:
    assert received([1, 3, 2, 5, 4]).lost == 0


def test_an_interval_is_reported_once() -> None:
    reception = received([0, 1, 3])
    assert reception.block().fraction == 64
    again = reception.block(last_report=9, delay=0.5)
    assert (again.fraction, again.lost, again.last_report, again.delay) == (0, 1, 9, 32768)


def test_repeated_packets_make_loss_negative_and_no_fraction() -> None:
    block = received([0, 1, 1, 1]).block()
    assert (block.lost, block.fraction) == (-2, 0)


def test_jitter_settles_at_the_mean_difference() -> None:
    reception = Reception(7, 8000)
    for number in range(400):
        reception.arrived(number, number * 160, number * 0.02 + (0.010 if number % 2 else 0.0))
    assert reception.jitter == pytest.approx(10, rel=0.01)


def test_the_round_trip_leaves_out_the_time_at_the_other_side() -> None:
    sent, now = ntp_time(1000.0), ntp_time(1001.25)
    block = Block(7, last_report=middle(sent), delay=65536)
    assert round_trip(block, now) == pytest.approx(250, abs=1)
    assert round_trip(Block(7), now) is None
    assert round_trip(Block(7, last_report=middle(now), delay=65536), sent) is None


@given(st.floats(0, 1), st.floats(0, 2000), st.floats(0, 500))
def test_quality_never_rises_with_loss_delay_or_jitter(loss: float, trip: float, jitter: float) -> None:
    found = mos("PCMU", loss, trip, jitter)
    assert 1.0 <= found <= 4.5
    assert mos("PCMU", min(1.0, loss + 0.1), trip, jitter) <= found
    assert mos("PCMU", loss, trip + 100, jitter) <= found
    assert mos("PCMU", loss, trip, jitter + 50) <= found


def test_a_perfect_line_is_good_and_a_lossy_one_bad() -> None:
    assert mos("PCMU", 0, 20, 1) > 4.3
    assert mos("opus", 0.3, 400, 60) < 2.6


def observed(flow: Flow, start: int, stop: int, *, phone: int = 50, browser: int = 50, rtcp: bool = False) -> None:
    """Both legs seen once a second from start to stop, in seconds, with so many packets each second."""
    for second in range(start, stop + 1):
        flow.observe(second * 1000, Leg.PHONE, 1 + phone * second, rtcp)
        flow.observe(second * 1000, Leg.BROWSER, 1 + browser * second, rtcp)


def test_time_counts_while_both_legs_send() -> None:
    flow = Flow()
    flow.join(0)
    observed(flow, 0, 10)
    assert flow.milliseconds == 10_000


def test_one_leg_alone_is_not_a_call() -> None:
    flow = Flow()
    flow.join(0)
    for second in range(10):
        flow.observe(second * 1000, Leg.PHONE, second * 50, rtcp_alive=True)
        flow.observe(second * 1000, Leg.BROWSER, 0, rtcp_alive=True)
    assert flow.milliseconds == 0


def test_nothing_counts_before_the_join_or_after_the_part() -> None:
    flow = Flow()
    observed(flow, 0, 5)
    flow.join(5_000)
    observed(flow, 6, 8)
    flow.part(8_000)
    observed(flow, 9, 20)
    flow.join(20_000)
    observed(flow, 21, 22)
    assert flow.milliseconds == 5_000


def test_silence_with_rtcp_counts() -> None:
    flow = Flow()
    flow.join(0)
    observed(flow, 0, 2)
    for second in range(3, 13):
        flow.observe(second * 1000, Leg.PHONE, 101, rtcp_alive=second in (7, 12))
        flow.observe(second * 1000, Leg.BROWSER, second * 50, rtcp_alive=False)
    assert flow.milliseconds == 12_000


def test_a_leg_that_vanished_is_not_charged_for_the_wait() -> None:
    flow = Flow()
    flow.join(0)
    observed(flow, 0, 3)
    for second in range(4, 30):
        flow.observe(second * 1000, Leg.PHONE, 1 + second * 50, rtcp_alive=True)
        flow.observe(second * 1000, Leg.BROWSER, 151, rtcp_alive=False)
    assert flow.milliseconds == 3_000
    observed(flow, 30, 32)
    assert flow.milliseconds == 5_000, "and its return begins a new stretch"


def test_rtcp_cannot_vouch_for_a_longer_silence_than_its_interval() -> None:
    flow = Flow()
    flow.join(0)
    observed(flow, 0, 2)
    after = 2_000 + RTCP_GAP + 1
    flow.observe(after, Leg.PHONE, 101, rtcp_alive=True)
    flow.observe(after, Leg.BROWSER, 101, rtcp_alive=True)
    assert flow.milliseconds == 2_000


@given(st.lists(st.tuples(st.integers(0, 3000), st.sampled_from(Leg), st.integers(0, 60), st.booleans()), max_size=60))
def test_no_more_than_the_time_itself_is_ever_counted(steps: list[tuple[int, Leg, int, bool]]) -> None:
    flow, now, packets, counted = Flow(), 0, dict.fromkeys(Leg, 0), 0
    flow.join(0)
    for later, leg, more, rtcp in steps:
        now += later
        packets[leg] += more
        flow.observe(now, leg, packets[leg], rtcp)
        assert counted <= flow.milliseconds <= now
        counted = flow.milliseconds
