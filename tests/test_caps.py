"""The legal caps: dated data, and which of them holds for a call."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parloir.config import caps
from parloir.config.caps import COLUMNS, BadCaps, Caps, LegalCap, Status
from parloir.policy import rates
from parloir.policy.values import Medium
from tests.policy_plugins import a_call

HEAD = ",".join(COLUMNS)
DAY = date(2026, 11, 22)


def table(*lines: str) -> Caps:
    return Caps(caps.read("t.csv", "\n".join(("# what it is", HEAD, *lines))))


def row(
    tier: str = "jail", medium: str = "audio", since: str = "2026-04-06", until: str = "", cap: str = "0.10"
) -> str:
    return f"{tier},{medium},{since},{until},{cap},0.02,in_force,An order,2026-01-01,"


@pytest.mark.parametrize(
    ("tier", "audio", "video"),
    [
        ("prison", 110_000, 250_000),
        ("jail-1000-plus", 100_000, 190_000),
        ("jail-350-999", 120_000, 190_000),
        ("jail-100-349", 130_000, 210_000),
        ("jail-50-99", 150_000, 250_000),
        ("jail-0-49", 190_000, 440_000),
    ],
)
def test_the_caps_since_april_2026_are_shipped(tier: str, audio: int, video: int) -> None:
    shipped = caps.shipped()
    assert shipped.cap(date(2026, 4, 6), tier, "audio").per_minute == audio
    assert shipped.cap(DAY, tier, "video").per_minute == video
    assert all(each.additive == 20_000 and not each.confirmed for each in shipped.in_force(DAY, tier))


def test_before_that_day_the_older_audio_cap_held_and_none_for_video() -> None:
    shipped, eve = caps.shipped(), date(2026, 4, 5)
    assert shipped.cap(eve, "prison", "audio").per_minute == 140_000
    assert shipped.cap(eve, "prison", "video") == LegalCap(0, "prison", "video", caps.NO_ROW)


def test_a_suspended_cap_never_holds() -> None:
    suspended = [each for each in caps.shipped().rows if each.status is Status.SUSPENDED]
    assert len(suspended) == 12
    assert not any(each.holds(day) for each in suspended for day in (date(2025, 2, 1), date(2025, 8, 1), DAY))


def test_without_a_tier_the_lowest_cap_of_any_holds() -> None:
    shipped = caps.shipped()
    assert shipped.cap(DAY, None, "audio").per_minute == 100_000
    assert shipped.cap(DAY, None, "video").per_minute == 190_000


def test_an_unknown_tier_and_an_unknown_day_charge_nothing() -> None:
    assert caps.shipped().cap(DAY, "jail-12", "audio").per_minute == 0
    assert caps.shipped().cap(date(2020, 1, 1), "prison", "audio").per_minute == 0


def test_of_two_caps_in_force_the_lower_holds() -> None:
    both = table(row(cap="0.10"), row(cap="0.05"), row(since="2027-01-01", cap="0.01"))
    assert both.cap(DAY, "jail", "audio").per_minute == 70_000
    assert both.cap(date(2027, 1, 1), "jail", "audio").per_minute == 30_000


def test_a_cap_ends_the_day_before_until() -> None:
    until = table(row(until="2026-11-22"), row(since="2026-11-22", cap="0.01"))
    assert until.cap(date(2026, 11, 21), "jail", "audio").per_minute == 120_000
    assert until.cap(DAY, "jail", "audio").per_minute == 30_000
    higher = table(row(until="2026-11-22", cap="0.01"), row(since="2026-11-22"))
    assert [higher.cap(day, "jail", "audio").per_minute for day in (date(2026, 11, 21), DAY)] == [30_000, 120_000]
    assert table(row(until="2026-11-22")).cap(DAY, "jail", "audio").per_minute == 0


def test_the_day_is_the_facilitys_own() -> None:
    known = table(row(until="2026-04-07"), row(since="2026-04-07", cap="0.01"))
    late = datetime(2026, 4, 7, 4, 30, tzinfo=UTC)  # half past eleven at night in Chicago, the day before
    call = a_call(tier="jail", at=late, media=(Medium.AUDIO,))
    assert call.timezone == "America/Chicago"
    assert rates.legal_cap(known, call).per_minute == 120_000


def test_a_call_with_a_picture_has_the_cap_of_video() -> None:
    at = datetime(2026, 11, 22, 18, tzinfo=UTC)
    seen = a_call(tier="prison", at=at, media=(Medium.AUDIO, Medium.VIDEO))
    heard = a_call(tier="prison", at=at, media=(Medium.AUDIO,))
    found = [rates.legal_cap(caps.shipped(), call).per_minute for call in (seen, heard)]
    assert found == [250_000, 110_000]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("jail,audio,2026-04-06", "3 cells under 10 columns"),
        (row(tier=""), "a cap without tier or source"),
        (row(medium="text"), "'text' is neither audio nor video"),
        (row(cap="0.1234567"), "'0.1234567' is not an amount like 0.11"),
        (row(cap="1e-1"), "'1e-1' is not an amount like 0.11"),
        (row(cap="-0.10"), "'-0.10' is not an amount like 0.11"),
        (row(since="06.04.2026"), "Invalid isoformat string"),
        (row(until="2026-04-06"), "it would end before it begins"),
        (row().replace("in_force", "maybe"), "'maybe' is not a valid Status"),
    ],
)
def test_a_line_that_is_no_cap_is_named(line: str, message: str) -> None:
    with pytest.raises(BadCaps, match=r"t\.csv:4: ") as raised:
        table(row(), line)
    assert message in str(raised.value)


@given(st.integers(0, 999_999_999))
def test_decimal_dollars_are_read_exactly(micro: int) -> None:
    assert caps.dollars(f"{micro // 1_000_000}.{micro % 1_000_000:06}") == micro


@given(st.text(max_size=200))
def test_whatever_a_table_holds_is_read_or_refused(text: str) -> None:
    try:
        caps.read("t.csv", text)
    except BadCaps:
        return
