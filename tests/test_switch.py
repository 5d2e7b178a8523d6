"""The switch on real sockets: what goes in comes out, under numbers of its own."""

import hashlib
import os
from itertools import pairwise

from parloir.relay.entries import Drop, PuntKind, Verb
from parloir.rtp.packet import Packet

from .switch_board import (
    EVENT_TYPE,
    OUT_AUDIO,
    OUT_VIDEO,
    SECOND,
    VIDEO_TYPE,
    Board,
    audio,
    join,
    part,
    video,
    wired,  # noqa: F401
)


def test_payloads_come_out_as_they_went_in_also_at_1400_bytes(board: Board) -> None:
    join(board)
    sizes = [1, 160, 1000, 1400]
    for index, size in enumerate(sizes):
        payload = os.urandom(size)
        heard = board.from_phone(audio(100 + index, payload=payload))
        seen = board.from_browser(video(100 + index, payload))
        digests = [hashlib.sha256(p.payload).digest() for p in heard + seen]
        assert digests == [hashlib.sha256(payload).digest()] * 2


def test_a_packet_leaves_under_the_streams_own_numbers_and_types(board: Board) -> None:
    join(board)
    (first,) = board.from_phone(audio(40_000))
    assert (first.ssrc, first.payload_type, first.sequence, first.timestamp) == (0xA0A0, OUT_AUDIO, 1000, 50_000)
    (second,) = board.from_phone(audio(40_001))
    assert (second.sequence, second.timestamp) == (1001, 50_160)
    (frame,) = board.from_browser(video(5))
    assert (frame.ssrc, frame.payload_type, frame.sequence, frame.marker) == (0xB0B0, OUT_VIDEO, 2000, True)


def test_media_before_the_join_never_crosses(board: Board) -> None:
    assert board.from_phone(audio(1)) == []
    assert board.from_browser(video(1)) == []
    join(board)
    assert [p.payload for p in board.from_phone(audio(2))] == [b"sound"]
    assert board.switch.table.dropped(board.ids["phone"]) == {Drop.NOT_JOINED: 1}


def test_no_step_in_sequence_nor_clock_across_notice_join_hold_and_rejoin(board: Board) -> None:
    audio_sink = board.ids["audio"]
    out: list[Packet] = []
    for number in range(5):
        board.now += SECOND // 50
        notice = Packet(OUT_AUDIO, number, number * 160, 0, b"notice")
        assert board.switch.inject(audio_sink, 1, notice.build())
        out += board.at_browser()
    join(board, epoch=2)
    for number in range(60_000, 60_005):
        board.now += SECOND // 50
        out += board.from_phone(audio(number))
    part(board)
    for number in range(60_005, 60_055):
        board.now += SECOND // 50
        out += board.from_phone(audio(number))
    join(board, epoch=3)
    for number in range(60_055, 60_060):
        board.now += SECOND // 50
        out += board.from_phone(audio(number))
    assert [p.sequence for p in out] == list(range(1000, 1015))
    steps = [after.timestamp - before.timestamp for before, after in pairwise(out)]
    assert steps == [160] * 9 + [51 * 160] + [160] * 4


def test_what_a_prompt_has_replaced_is_dropped_and_so_is_a_prompt_that_was_replaced(board: Board) -> None:
    join(board, epoch=1)
    assert len(board.from_phone(audio(1))) == 1
    assert board.switch.inject(board.ids["audio"], 2, Packet(OUT_AUDIO, 0, 0, 0, b"prompt").build())
    assert [p.payload for p in board.at_browser()] == [b"prompt"]
    assert board.from_phone(audio(2)) == []
    join(board, epoch=3)
    assert len(board.from_phone(audio(3))) == 1
    assert not board.switch.inject(board.ids["audio"], 2, Packet(OUT_AUDIO, 1, 160, 0, b"prompt").build())
    assert board.at_browser() == []


def test_a_packet_of_before_the_epoch_that_comes_late_is_dropped(board: Board) -> None:
    join(board, epoch=1)
    board.from_phone(audio(10))
    board.from_phone(audio(12))
    join(board, epoch=2)
    board.from_phone(audio(13))
    assert board.from_phone(audio(11)) == []
    assert board.switch.table.dropped(board.ids["phone"]) == {Drop.LATE: 1}


def test_a_late_packet_within_the_epoch_takes_its_own_place(board: Board) -> None:
    join(board)
    numbers = [p.sequence for n in (10, 12, 11, 13) for p in board.from_phone(audio(n))]
    assert numbers == [1000, 1002, 1001, 1003]


def test_a_repeated_packet_is_sent_once(board: Board) -> None:
    join(board)
    assert len(board.from_phone(audio(10))) == 1
    assert board.from_phone(audio(10, payload=b"other")) == []


def test_a_key_press_is_punted_and_leaves_no_gap(board: Board) -> None:
    join(board)
    numbers = [p.sequence for n in (1, 2) for p in board.from_phone(audio(n))]
    for n in (3, 4, 5):
        assert board.from_phone(Packet(EVENT_TYPE, n, 480, 7, b"\x05\x0a\x01\x40")) == []
    numbers += [p.sequence for n in (6, 7) for p in board.from_phone(audio(n))]
    assert numbers == [1000, 1001, 1002, 1003]
    events = [punt for punt in board.switch.take_punts() if punt.kind is PuntKind.EVENT]
    assert [Packet.parse(punt.data).payload for punt in events] == [b"\x05\x0a\x01\x40"] * 3
    assert {punt.subject for punt in events} == {board.ids["heard"]}


def test_a_key_press_is_read_while_nothing_crosses(board: Board) -> None:
    part(board)
    board.from_phone(Packet(EVENT_TYPE, 3, 480, 7, b"\x05\x0a\x01\x40"))
    assert PuntKind.EVENT in [punt.kind for punt in board.switch.take_punts()]


def test_a_payload_type_nobody_agreed_to_leaves_no_gap(board: Board) -> None:
    join(board)
    board.from_phone(audio(1))
    assert board.from_phone(Packet(13, 2, 320, 7, b"noise")) == []
    assert [p.sequence for p in board.from_phone(audio(3))] == [1001]


def test_header_extensions_csrcs_and_padding_stay_behind(board: Board) -> None:
    join(board)
    extended = Packet(VIDEO_TYPE, 1, 9000, 9, b"frame", csrcs=(1, 2), extensions=((3, b"\x01\x02\x03"),))
    board.browser.send(board.protect(extended.build()))
    padded = bytearray(video(2, b"frame" + b"\0\0\3").build())
    padded[0] |= 0x20
    board.browser.send(board.protect(bytes(padded)))
    out = board.at_phone()
    assert [(p.payload, p.csrcs, p.extensions) for p in out] == [(b"frame", (), ())] * 2


def test_padding_alone_is_not_forwarded_and_leaves_no_gap(board: Board) -> None:
    join(board)
    board.from_browser(video(1))
    probe = bytearray(video(2, b"\0\0\0\4").build())
    probe[0] |= 0x20
    board.browser.send(board.protect(bytes(probe)))
    assert board.at_phone() == []
    assert [p.sequence for p in board.from_browser(video(3))] == [2001]


def test_send_times_are_sampled_frame_by_frame(board: Board) -> None:
    join(board)
    for number, (timestamp, sent) in enumerate([(0, 10), (0, 11), (3000, 20), (6000, 30)]):
        stamp = ((3, sent.to_bytes(3, "big")),)
        board.from_browser(Packet(VIDEO_TYPE, number, timestamp, 9, bytes(100), extensions=stamp))
    frames = board.switch.table.take_frames(board.ids["seen"])
    assert [(frame.send_time, frame.octets, frame.ssrc) for frame in frames] == [(11, 240, 9), (20, 120, 9)]


def test_parameter_sets_go_before_a_keyframe_that_lacks_them_and_only_there(board: Board) -> None:
    table, ids = board.switch.table, board.ids
    table.swap_route(ids["video_route"], Verb.FORWARD, 1, ids["video"], OUT_VIDEO, prelude=(b"\x67sps", b"\x68pps"))
    out = board.from_browser(video(1, b"\x41delta", 3000))
    out += board.from_browser(video(2, b"\x7c\x85idr begins", 6000))
    out += board.from_browser(video(3, b"\x7c\x45idr ends", 6000))
    out += board.from_browser(video(4, b"\x67its own sps", 9000))
    out += board.from_browser(video(5, b"\x65idr", 9000))
    assert [p.payload[:4] for p in out] == [
        b"\x41del", b"\x67sps", b"\x68pps", b"\x7c\x85id", b"\x7c\x45id", b"\x67its", b"\x65idr",
    ]  # fmt: skip
    assert [p.sequence for p in out] == list(range(2000, 2007))


def test_a_lost_packet_is_sent_again_as_the_same_bytes(board: Board) -> None:
    table, ids = board.switch.table, board.ids
    sink = table.add_sink(ids["browser"], 0xC0C0, 8000, 160, 1000, 0, resend=True)
    table.swap_route(ids["audio_route"], Verb.FORWARD, 1, sink, OUT_AUDIO)
    board.phone.send(audio(1).build())
    (sent,) = board.received(board.browser)
    assert board.switch.resend(sink, 1000)
    assert board.received(board.browser) == [sent]
    assert not board.switch.resend(sink, 999)
    assert not board.switch.resend(ids["audio"], 1000)


def test_loss_and_jitter_of_a_stream_are_counted(board: Board) -> None:
    join(board)
    for number in [*range(65_530, 65_536), 0, 1, 4, 5]:
        board.now += SECOND // 50
        board.from_phone(audio(number, timestamp=0))
    counted = board.switch.table.source(board.ids["heard"])
    assert (counted.received, counted.expected, counted.highest) == (10, 12, 65_536 + 5)
    assert 70 < counted.jitter < 160
