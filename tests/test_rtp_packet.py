"""RTP packets, H.264 payloads and DTMF: what is built reads back, what is broken is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parloir.rtp import h264
from parloir.rtp.dtmf import DIGITS, DigitReader, press
from parloir.rtp.errors import MalformedPacket
from parloir.rtp.packet import ExtendedSequence, Packet, is_rtcp, sequence_delta, timestamp_delta
from parloir.rtp.packetization import Reassembly, nal_units, payloads

EXTENSIONS = st.lists(st.tuples(st.integers(1, 14), st.binary(min_size=1, max_size=16)), max_size=4).map(tuple)
PACKETS = st.builds(
    Packet,
    payload_type=st.integers(0, 127),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(0, 0xFFFFFFFF),
    payload=st.binary(max_size=60),
    marker=st.booleans(),
    csrcs=st.lists(st.integers(0, 0xFFFFFFFF), max_size=3).map(tuple),
    extensions=EXTENSIONS,
)


@given(PACKETS)
def test_a_packet_reads_back_as_it_was_built(packet: Packet) -> None:
    assert Packet.parse(packet.build()) == packet


def test_padding_is_taken_off() -> None:
    built = bytearray(Packet(0, 1, 2, 3, b"abc").build() + b"\0\0\0\x04")
    built[0] |= 0x20
    assert Packet.parse(bytes(built)).payload == b"abc"


def test_two_byte_extensions_are_read() -> None:
    data = bytes.fromhex("9000000100000002000000031000000205 02aabb 00 06 00 00".replace(" ", "")) + b"x"
    assert Packet.parse(data).extensions == ((5, b"\xaa\xbb"), (6, b""))


@given(st.binary(max_size=80))
def test_any_datagram_is_a_packet_or_malformed(data: bytes) -> None:
    try:
        packet = Packet.parse(data)
    except MalformedPacket:
        return
    assert len(packet.payload) <= len(data) - 12


def test_rtcp_is_told_from_rtp() -> None:
    assert is_rtcp(bytes([0x80, 200]))
    assert not is_rtcp(bytes([0x80, 0x80 | 96]))
    assert not is_rtcp(b"\x80")


def test_numbers_wrap() -> None:
    assert sequence_delta(2, 0xFFFE) == 4
    assert sequence_delta(0xFFFE, 2) == -4
    assert timestamp_delta(5, 0xFFFFFFFB) == 10
    counted = ExtendedSequence()
    assert [counted.extend(n) for n in (0xFFFE, 0xFFFF, 1, 0, 2)] == [0xFFFE, 0xFFFF, 0x10001, 0x10000, 0x10002]


UNITS = st.lists(
    st.builds(lambda kind, body: bytes([0x60 | kind]) + body + b"\x80", st.sampled_from((1, 5, 7, 8)), st.binary()).map(
        lambda unit: unit.replace(b"\x00", b"\x01")
    ),
    min_size=1,
    max_size=5,
)


def pictures(units: list[bytes], most: int) -> list[Packet]:
    cut = list(payloads(units, most))
    return [Packet(97, n, 3000, 1, body, n == len(cut) - 1) for n, body in enumerate(cut)]


@given(UNITS, st.integers(10, 60))
def test_a_picture_survives_being_cut_into_packets(units: list[bytes], most: int) -> None:
    taker = Reassembly()
    found = [picture for p in pictures(units, most) if (picture := taker.take(p))]
    assert [nal_units(picture) for picture in found] == [tuple(units)]
    assert taker.broken == 0


@given(UNITS, st.data())
def test_a_picture_with_a_packet_missing_is_not_shown(units: list[bytes], data: st.DataObject) -> None:
    taker = Reassembly()
    taker.take(Packet(97, 0xFFFF, 0, 1, b"\x61\x80", True))
    packets = pictures(units, 10)
    packets.pop(data.draw(st.integers(0, len(packets) - 1)))
    assert [p for p in packets if taker.take(p)] == []


@given(st.lists(st.binary(max_size=30), max_size=8))
def test_any_payloads_are_put_together_or_refused(bodies: list[bytes]) -> None:
    taker = Reassembly()
    for number, body in enumerate(bodies):
        h264.is_keyframe_start(body)
        h264.nal_type(body)
        try:
            picture = taker.take(Packet(97, number, 0, 1, body, number % 3 == 0))
        except MalformedPacket:
            continue
        assert picture is None or picture.startswith(b"\x00\x00\x00\x01")


@pytest.mark.parametrize(
    ("payload", "kind", "keyframe"),
    [
        (b"\x65\x88", h264.IDR, True),
        (b"\x41\x9a", h264.SLICE, False),
        (b"\x67\x42", h264.SPS, True),
        (b"\x7c\x85\x88", h264.IDR, True),
        (b"\x7c\x05\x88", h264.IDR, False),
        (b"\x7c\x81\x88", h264.SLICE, False),
        (h264.stap_a((b"\x67\x42\xe0", b"\x68\xce")), h264.SPS, True),
        (h264.stap_a((b"\x06\x01", b"\x65\x88")), h264.SEI, True),
        (b"", None, False),
        (b"\x78\x00", None, False),
    ],
)
def test_what_a_payload_begins_is_seen(payload: bytes, kind: int | None, keyframe: bool) -> None:
    assert h264.nal_type(payload) == kind
    assert h264.is_keyframe_start(payload) is keyframe


def test_an_aggregate_carries_its_units() -> None:
    units = (b"\x67\x42\xe0", b"\x68\xce")
    assert h264.aggregated(h264.stap_a(units)) == units
    assert h264.has_parameter_sets(h264.stap_a(units))
    assert h264.aggregated(b"\x78\x00\xff\x01") == ()
    assert h264.begins_idr(b"\x65\x00")


@given(st.lists(st.sampled_from(DIGITS), min_size=1, max_size=8), st.data())
def test_each_press_is_one_digit_whatever_is_lost(digits: list[str], data: st.DataObject) -> None:
    reader, found = DigitReader(8000), []
    for number, digit in enumerate(digits):
        sent = list(press(digit, clock=8000))
        kept = data.draw(st.lists(st.sampled_from(range(len(sent))), min_size=1, unique=True))
        found += [reader.read(0xFFFFF000 + 4000 * number & 0xFFFFFFFF, sent[index][0]) for index in kept]
    assert [digit for digit in found if digit] == digits


def test_a_late_packet_of_an_earlier_press_is_no_new_press() -> None:
    reader = DigitReader(8000)
    one, two = next(press("1", clock=8000))[0], next(press("2", clock=8000))[0]
    assert [reader.read(0, one), reader.read(4000, two), reader.read(0, one)] == ["1", "2", None]


def test_a_press_longer_than_its_counter_is_still_one() -> None:
    reader = DigitReader(8000)
    body = next(press("5", clock=8000))[0]
    assert [reader.read(0, body), reader.read(0xFFFF, body), reader.read(0x1FFFE, body)] == ["5", None, None]


def test_what_is_no_digit_is_passed_over() -> None:
    reader = DigitReader(8000)
    assert reader.read(0, b"\x10\x0a\x00\xa0") is None
    assert reader.read(0, b"\x01") is None


def test_only_the_first_packet_of_a_press_is_marked_and_its_end_is_sent_thrice() -> None:
    sent = list(press("#", clock=8000, milliseconds=100))
    assert [marker for _, marker in sent] == [True] + [False] * 7
    assert [body[1] >> 7 for body, _ in sent] == [0] * 5 + [1] * 3
    assert sent[-1][0] == bytes([11, 0x8A, 0x03, 0x20])
