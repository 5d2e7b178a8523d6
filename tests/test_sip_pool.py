"""The slots of the lines, and the stations that may call: plain bookkeeping."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parloir.rtp.description import Address
from parloir.sip.ending import kind_of
from parloir.sip.session import EndKind, NoFreeLine
from parloir.sip.settings import Settings
from parloir.sip.slots import Slot, Slots
from parloir.sip.stations import Station, Stations


def test_calls_are_spread_over_the_lines() -> None:
    slots = Slots(calls=6, per_line=4)
    slots.line_up(0)
    slots.line_up(1)
    assert [slots.size(line) for line in (0, 1)] == [4, 2]
    assert [slots.reserve().line for _ in range(6)] == [0, 0, 0, 1, 0, 1]
    with pytest.raises(NoFreeLine):
        slots.reserve()


def test_some_slots_can_be_kept() -> None:
    slots = Slots(calls=2, per_line=4)
    slots.line_up(0)
    slots.reserve(kept=1)
    with pytest.raises(NoFreeLine):
        slots.reserve(kept=1)
    assert slots.reserve() == Slot(0, 1)


@given(st.lists(st.sampled_from(["reserve", "release", "up", "down"]), max_size=40), st.integers(1, 9))
def test_no_slot_is_taken_twice_or_lost(story: list[str], calls: int) -> None:
    slots, up, held = Slots(calls, 4), False, set[Slot]()
    for step in story:
        match step:
            case "up" if not up:
                slots.line_up(0)
                up = True
            case "down":
                slots.line_down(0)
                up, held = False, set()
            case "reserve" if slots.free:
                slot = slots.reserve()
                assert slot not in held
                held.add(slot)
            case "release" if held:
                slot = held.pop()
                slots.release(slot)
                slots.release(slot)
        assert slots.free == (slots.size(0) - len(held) if up else 0)


def test_lines_wanted() -> None:
    assert [Settings((), calls=calls, calls_per_line=4).lines for calls in (1, 4, 5, 24)] == [1, 1, 2, 6]


def station(name: str, host: str, port: int, user: str = "") -> Station:
    return Station("north", name, Address(host, port), user)


def test_a_station_is_known_by_its_address_and_then_by_its_user() -> None:
    stations = Stations(
        [
            station("alone", "10.0.0.1", 5060, "1"),
            station("left", "10.0.0.2", 5060, "2"),
            station("right", "10.0.0.2", 5062, "3"),
            station("behind-a", "10.0.0.3", 5060, "4"),
            station("behind-b", "10.0.0.3", 5060, "5"),
        ]
    )

    def who(host: str, port: int, user: str) -> str | None:
        found = stations.identify(Address(host, port), user)
        return found.station if found else None

    assert who("10.0.0.1", 40000, "anything") == "alone"
    assert who("10.0.0.2", 5062, "2") == "right"
    assert who("10.0.0.2", 40000, "2") == "left"
    assert who("10.0.0.2", 40000, "9") is None
    assert who("10.0.0.3", 5060, "5") == "behind-b"
    assert who("10.0.0.3", 5060, "9") is None
    assert who("10.0.0.4", 5060, "1") is None
    assert (stations.knows("10.0.0.3"), stations.knows("10.0.0.4")) == (True, False)
    stations.replace([])
    assert who("10.0.0.1", 5060, "1") is None


def test_what_refusals_mean() -> None:
    assert kind_of(408, rang=False) is EndKind.UNREACHABLE
    assert kind_of(408, rang=True) is EndKind.NO_ANSWER
    assert kind_of(302, rang=True) is EndKind.UNREACHABLE
    assert kind_of(500, rang=True) is EndKind.UNREACHABLE
    assert kind_of(420, rang=False) is EndKind.FAILED


@given(st.integers(300, 699), st.booleans())
def test_every_refusal_means_something(status: int, rang: bool) -> None:
    assert kind_of(status, rang) not in (EndKind.HUNG_UP, EndKind.ENDED_HERE, EndKind.LINE_LOST, EndKind.CANCELLED)
