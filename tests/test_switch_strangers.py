"""The switch on real sockets: whom it hears, and what it hands up instead of forwarding."""

import socket

import pytest

from parloir.relay.entries import Drop, PuntKind, Verb

from .switch_board import (
    OUT_VIDEO,
    SECOND,
    VIDEO_TYPE,
    Board,
    audio,
    bound,
    join,
    srtp,
    video,
    wired,  # noqa: F401
)


def test_a_stranger_is_not_heard_even_if_he_came_first(board: Board) -> None:
    join(board)
    stranger = bound()
    stranger.sendto(audio(1).build(), board.to_phone)
    stranger.sendto(srtp(inbound=False).protect(video(1).build()), board.to_browser)
    assert board.at_browser() == []
    assert board.at_phone() == []
    assert board.switch.dropped == {Drop.UNNAMED: 1}
    stranger.close()


def test_what_strangers_sent_before_the_phone_was_named_is_thrown_away(board: Board) -> None:
    early, stranger, phone = bound(), bound(), bound()
    address = early.getsockname()
    fd = early.detach()
    board.switch.add_socket(fd)
    stranger.sendto(audio(1).build(), address)
    peer = board.switch.add_peer(fd)
    board.switch.move_peer(peer, phone.getsockname())
    assert board.switch.dropped == {Drop.UNNAMED: 1}
    stranger.close()
    phone.close()


def test_the_port_of_a_symmetric_phone_is_learned_from_its_own_host_alone(board: Board) -> None:
    table, ids = board.switch.table, board.ids
    join(board)
    elsewhere = bound()
    board.switch.move_peer(ids["phone"], ("127.0.0.1", elsewhere.getsockname()[1]), frozenset({"127.0.0.1"}))
    other_host = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    other_host.bind(("127.0.0.2", 0))
    other_host.sendto(audio(1).build(), board.to_phone)
    assert board.at_browser() == []
    assert [p.payload for p in board.from_phone(audio(1))] == [b"sound"]
    assert PuntKind.LEARNED in [punt.kind for punt in board.switch.take_punts()]
    assert [p.payload for p in board.from_browser(video(1, b"to the port learned"))] == [b"to the port learned"]
    assert table.peers[ids["phone"]].address is None
    other_host.close()
    elsewhere.close()


def test_another_ssrc_is_heard_only_after_the_first_has_been_silent(board: Board) -> None:
    join(board)
    board.from_phone(audio(1))
    assert board.from_phone(audio(500, ssrc=8)) == []
    board.now += SECOND
    out = [p for n in (501, 502, 503, 504) for p in board.from_phone(audio(n, ssrc=8))]
    assert [p.sequence for p in out] == [1001, 1002]
    assert {p.ssrc for p in out} == {0xA0A0}


def test_an_ssrc_that_signalling_did_not_name_is_never_heard(board: Board) -> None:
    table, ids = board.switch.table, board.ids
    named = table.add_source(90000, frozenset({10}))
    route = table.add_route(ids["browser"], VIDEO_TYPE, named)
    table.swap_route(route, Verb.FORWARD, 1, ids["video"], OUT_VIDEO)
    assert board.from_browser(video(1)) == []
    assert board.switch.table.dropped(ids["browser"]) == {Drop.FOREIGN_SSRC: 1}


def test_a_phone_that_starts_its_numbers_anew_is_followed_after_two_packets(board: Board) -> None:
    join(board)
    board.from_phone(audio(20_000))
    assert board.from_phone(audio(100)) == []
    out = [p.sequence for n in (101, 102) for p in board.from_phone(audio(n))]
    assert out == [1001, 1002]


def test_a_browser_without_keys_is_sent_nothing(board: Board) -> None:
    join(board)
    board.switch.table.set_contexts(board.ids["browser"], 0, 0)
    board.phone.send(audio(1).build())
    assert board.received(board.browser) == []
    assert not board.switch.send_control(board.ids["browser"], bytes(8))


def test_a_forged_packet_from_the_browsers_address_is_dropped(board: Board) -> None:
    join(board)
    forged = bytearray(board.protect(video(1).build()))
    forged[20] ^= 1
    board.browser.send(forged)
    assert board.at_phone() == []
    assert board.switch.table.dropped(board.ids["browser"]) == {Drop.UNAUTHENTIC: 1}


def test_rtcp_is_decrypted_and_punted_and_never_forwarded(board: Board) -> None:
    join(board)
    report = bytes([0x80, 201, 0, 1, 0, 0, 0, 9])
    board.browser.send(srtp(inbound=False).protect_rtcp(report))
    board.phone.send(report)
    assert board.at_phone() == []
    assert board.at_browser() == []
    punts = [punt for punt in board.switch.take_punts() if punt.kind is PuntKind.RTCP]
    assert {(punt.subject, punt.data) for punt in punts} == {
        (board.ids["phone"], report),
        (board.ids["browser"], report),
    }


def test_stun_is_punted_from_anyone_and_dtls_only_from_a_known_address(board: Board) -> None:
    stranger = bound()
    stranger.sendto(bytes([0, 1]) + bytes(18), board.to_browser)
    stranger.sendto(bytes([22]) + bytes(20), board.to_browser)
    board.browser.send(bytes([22]) + bytes(20))
    board.at_browser()
    punts = board.switch.take_punts()
    assert [(p.kind, p.subject, p.address) for p in punts] == [
        (PuntKind.STUN, 0, stranger.getsockname()),
        (PuntKind.DTLS, board.ids["browser"], board.browser.getsockname()),
    ]
    stranger.close()


def test_a_flood_of_stun_is_bounded(board: Board) -> None:
    stranger = bound()
    for _ in range(400):
        stranger.sendto(bytes([0, 1]) + bytes(18), board.to_browser)
    board.at_browser()
    assert len(board.switch.take_punts()) == 256
    assert board.switch.dropped[Drop.FLOOD] == 144
    stranger.close()


@pytest.mark.parametrize(
    "datagram", [b"", b"\x80", b"\x80" * 11, b"\x90" + bytes(11), b"\xaf" + bytes(12), bytes(1600)]
)
def test_garbage_is_dropped(board: Board, datagram: bytes) -> None:
    join(board)
    board.phone.send(datagram)
    board.browser.send(datagram)
    assert board.at_browser() == []
    assert board.at_phone() == []


def test_a_phone_whose_port_was_closed_is_heard_of_again_when_it_opens(board: Board) -> None:
    join(board)
    address = board.phone.getsockname()
    board.phone.close()
    for number in range(3):
        board.browser.send(board.protect(video(number).build()))
        while board.switch.pump():
            pass
    board.phone = bound(address[1])
    assert [p.payload for p in board.from_browser(video(4, b"back"))] == [b"back"]
