"""The parts of an export: sizes from parameter sets, access units from packets, runs from wrapping numbers."""

from fractions import Fraction
from itertools import pairwise

import av
import pytest

from parloir.export.frames import AccessUnits, Payload, duration
from parloir.export.runs import Runs
from parloir.export.sps import size
from parloir.export.timetable import Stream, Timetable

from .recorded_call import fragments

SOUND = Stream(1, "PCMU", 8000)


@pytest.mark.parametrize("wanted", [(1920, 1080), (640, 360), (176, 144), (322, 242), (1280, 718)])
@pytest.mark.parametrize("profile", ["baseline", "high"])
def test_size_is_read_from_the_parameter_set(wanted: tuple[int, int], profile: str) -> None:
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = *wanted, "yuv420p", Fraction(1, 15)
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "profile": profile}
    frame = av.VideoFrame(*wanted, "yuv420p")
    frame.pts = 0
    packets = [bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)]]
    units = b"".join(packets).replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")
    (sps,) = [unit for unit in units if unit and unit[0] & 0x1F == 7]
    assert size(sps) == wanted


@pytest.mark.parametrize("unit", [b"\x67", b"\x67\x42\xe0\x1f", b"\x67" + bytes(40), b"\x67\x64\x00\x1f\xff"])
def test_damaged_parameter_set_is_refused(unit: bytes) -> None:
    with pytest.raises(ValueError, match="SPS"):
        size(unit)


def payloads(*units: bytes, timestamp: int = 0, first: int = 0) -> list[Payload]:
    return [Payload(0.0, 1, first + n, timestamp, False, data) for n, data in enumerate(fragments(units))]


def test_fragments_are_put_together_again() -> None:
    slice_, units = b"\x65" + bytes(range(256)) * 8, AccessUnits()
    for payload in payloads(b"\x67abc", b"\x68de", slice_):
        assert units.take(payload) is None
    frame = units.finish()
    assert frame is not None
    assert frame.key
    assert frame.data == b"".join(len(u).to_bytes(4, "big") + u for u in (b"\x67abc", b"\x68de", slice_))
    assert (units.sets.sps, units.sets.pps) == (b"\x67abc", b"\x68de")


@pytest.mark.parametrize("missing", [0, 1, 2, 3])
def test_unit_of_which_a_fragment_is_missing_is_left_out(missing: int) -> None:
    units = AccessUnits()
    sent = payloads(b"\x41whole", b"\x41" + bytes(1500))
    for payload in sent[:missing] + sent[missing + 1 :]:
        units.take(payload)
    frame = units.finish()
    if missing == 0:
        assert frame is not None
        assert len(frame.data) == 1501 + 4
    else:
        assert frame is not None
        assert frame.data == (6).to_bytes(4, "big") + b"\x41whole"


@pytest.mark.parametrize(
    ("codec", "data", "seconds"),
    [
        ("PCMU", bytes(160), 0.02),
        ("G722", bytes(240), 0.03),
        ("opus", bytes([0x78]), 0.02),
        ("opus", bytes([0x79, 1]), 0.04),
        ("opus", bytes([0x0B, 3]), 0.06),
        ("opus", b"", 0.0),
    ],
)
def test_length_of_sound_is_known_without_decoding(codec: str, data: bytes, seconds: float) -> None:
    assert duration(codec, data) == pytest.approx(seconds)


def test_numbers_go_on_across_their_wraps() -> None:
    runs = Runs(8000)
    places = [
        runs.place(5, 1, (65_534 + n) & 0xFFFF, (0xFFFFFF60 + 160 * n) & 0xFFFFFFFF, n * 20_000_000) for n in range(4)
    ]
    assert [place.sequence for place in places] == [65_534, 65_535, 65_536, 65_537]
    assert len({place.run for place in places}) == 1
    assert [b.timestamp - a.timestamp for a, b in pairwise(places)] == [160] * 3


def test_new_sender_hold_or_jump_begins_another_run() -> None:
    runs = Runs(8000)
    first = runs.place(5, 1, 10, 1000, 0).run
    assert runs.place(5, 1, 11, 1160, 20_000_000).run == first
    assert runs.place(5, 2, 12, 1320, 40_000_000).run != first
    assert runs.place(6, 2, 13, 1480, 60_000_000).run != first
    jumped = runs.place(5, 1, 14, 900_000, 80_000_000).run
    assert jumped != first


def test_sender_without_a_clock_is_placed_by_its_arrivals() -> None:
    table = Timetable()
    for n in range(100):
        table.packet(SOUND, 1, 5, n * 160, 50.0 + n * 0.02 + (0.03 if n % 3 else 0.0))
    table.report("inside", 5, 0, 0, 51.0)
    table.settle()
    assert table.at(SOUND, 1, 0, 50.0) == pytest.approx(50.0)
    assert table.at(SOUND, 1, 50 * 160, 51.03) == pytest.approx(51.0)
