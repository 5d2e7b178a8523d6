"""RTCP reads back as it was built, and nothing that arrives can do harm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parloir.rtp.errors import MalformedPacket
from parloir.rtp.rtcp import (
    BitrateNotice,
    BitrateRequest,
    Block,
    Bye,
    FullIntra,
    Nack,
    PictureLoss,
    ReceiverReport,
    Remb,
    Rtcp,
    SenderReport,
    SourceDescription,
    build,
    parse,
)

U32 = st.integers(0, 0xFFFFFFFF)
BLOCKS = st.lists(
    st.builds(Block, U32, st.integers(0, 255), st.integers(-0x800000, 0x7FFFFF), U32, U32, U32, U32), max_size=3
).map(tuple)
LIMITS = st.lists(
    st.tuples(U32, st.builds(lambda m, e: m << e, st.integers(0, 0x1FFFF), st.integers(0, 20)), st.integers(0, 511)),
    max_size=3,
).map(tuple)
PACKETS: st.SearchStrategy[Rtcp] = st.one_of(
    st.builds(SenderReport, U32, st.integers(0, 2**64 - 1), U32, U32, U32, BLOCKS),
    st.builds(ReceiverReport, U32, BLOCKS),
    st.builds(SourceDescription, U32, st.text(st.characters(max_codepoint=126), max_size=40)),
    st.builds(Bye, st.lists(U32, max_size=4).map(tuple)),
    st.builds(PictureLoss, U32, U32),
    st.builds(FullIntra, U32, st.lists(st.tuples(U32, st.integers(0, 255)), max_size=3).map(tuple)),
    st.builds(BitrateRequest, U32, LIMITS),
    st.builds(BitrateNotice, U32, LIMITS),
    st.builds(
        Remb,
        U32,
        st.builds(lambda m, e: m << e, st.integers(0, 0x3FFFF), st.integers(0, 20)),
        st.lists(U32, max_size=3).map(tuple),
    ),
)


@given(st.lists(PACKETS, min_size=1, max_size=5))
def test_a_compound_reads_back_as_it_was_built(packets: list[Rtcp]) -> None:
    assert parse(build(*packets)) == packets


@given(st.sets(st.integers(0, 0xFFFF), min_size=1, max_size=40))
def test_every_missing_number_is_asked_for_again(lost: set[int]) -> None:
    (found,) = parse(build(Nack(1, 2, tuple(sorted(lost)))))
    assert isinstance(found, Nack)
    assert set(found.lost) == lost


def test_numbers_missing_across_the_wrap_need_one_entry() -> None:
    built = build(Nack(1, 2, (0xFFFF, 0, 15)))
    assert len(built) == 16
    assert parse(built) == [Nack(1, 2, (0xFFFF, 0, 15))]


@given(st.binary(max_size=120))
def test_any_datagram_is_rtcp_or_malformed(data: bytes) -> None:
    try:
        found = parse(data)
    except MalformedPacket:
        return
    assert len(found) <= 32 * 31


@given(st.lists(PACKETS, min_size=1, max_size=3), st.data())
def test_a_damaged_compound_is_read_or_refused(packets: list[Rtcp], data: st.DataObject) -> None:
    built = bytearray(build(*packets))
    for _ in range(data.draw(st.integers(1, 4))):
        built[data.draw(st.integers(0, len(built) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = parse(bytes(built))
    except MalformedPacket:
        return
    assert len(found) <= 32 * 31


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\xc9\x00",
        b"\x40\xc9\x00\x01\x00\x00\x00\x01",
        b"\x80\xc9\x00\x02\x00\x00\x00\x01",
        b"\x81\xc9\x00\x01\x00\x00\x00\x01",
        b"\xa0\xc9\x00\x01\x00\x00\x00\x00",
        b"\x80\xc9\x00\x01\x00\x00\x00\x01" * 33,
    ],
)
def test_what_does_not_add_up_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedPacket):
        parse(data)


def test_kinds_we_do_not_know_are_passed_over() -> None:
    extended = b"\x80\xcf\x00\x01\x00\x00\x00\x01"
    assert parse(extended + build(Bye((7,)))) == [Bye((7,))]


def test_padding_of_the_last_packet_is_taken_off() -> None:
    assert parse(b"\xa0\xc9\x00\x02\x00\x00\x00\x07\x00\x00\x00\x04") == [ReceiverReport(7)]
