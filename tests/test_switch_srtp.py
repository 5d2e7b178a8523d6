"""The switch on real sockets with a phone that encrypts: every suite, MKIs, changed keys, and latching."""

import pytest
from pylibsrtp import Policy, Session

from parloir.relay.entries import Drop, PuntKind
from parloir.relay.srtp import PROFILES, Workbench
from parloir.rtp.packet import Packet
from parloir.rtp.sdes import Suite

from .switch_board import (
    Board,
    audio,
    bound,
    join,
    video,
    wired,  # noqa: F401
)

REPORT = bytes([0x80, 201, 0, 1, 0, 0, 0, 9])
TAGS = {Suite.AES_128_CM_80: 10, Suite.AES_128_CM_32: 4}


def master(suite: Suite, first: int = 0) -> bytes:
    return bytes((first + number) & 0xFF for number in range(suite.octets))


class SecurePhone:
    """The phone's half of SRTP, at the board's phone socket."""

    def __init__(self, board: Board, suite: Suite, first: int = 0, identifier: bytes = b"") -> None:
        self.board = board
        self.suite = suite
        self.identifier = identifier
        theirs, ours = master(suite, first), master(suite, first + 100)
        self._bench = Workbench()
        self._sends = self._bench.add(suite, theirs, b"", "send")
        self.receives = Session(Policy(key=ours, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=PROFILES[suite]))
        switch = board.switch
        switch.secure_peer(
            board.ids["phone"],
            switch.add_context(suite, theirs, b"", "receive", len(identifier)),
            switch.add_context(suite, ours, b"", "send"),
        )

    def sealed(self, packet: Packet) -> bytes:
        plain = packet.build()
        self._bench.buffer[: len(plain)] = plain
        size = self._bench.seal(self._sends, 0, len(plain))
        return self._identified(bytes(self._bench.buffer[:size]), TAGS.get(self.suite, 0))

    def sealed_report(self) -> bytes:
        sealed = self._bench.control(self._sends, REPORT, "send")
        assert sealed is not None
        return self._identified(sealed, 10 if self.suite in TAGS else 0)

    def _identified(self, packet: bytes, after: int) -> bytes:
        """With the MKI in its place: before the authentication tag, at the end where there is none (RFC 7714)."""
        place = len(packet) - after
        return packet[:place] + self.identifier + packet[place:]

    def talk(self, packet: Packet) -> list[Packet]:
        self.board.phone.send(self.sealed(packet))
        return self.board.at_browser()

    def hears(self, packet: Packet) -> list[Packet]:
        self.board.browser.send(self.board.protect(packet.build()))
        return [Packet.parse(self.receives.unprotect(data)) for data in self.board.received(self.board.phone)]


@pytest.mark.parametrize("suite", Suite)
def test_media_crosses_under_every_suite(board: Board, suite: Suite) -> None:
    join(board)
    phone = SecurePhone(board, suite)
    assert [p.payload for p in phone.talk(audio(1))] == [b"sound"]
    assert [p.payload for p in phone.hears(video(1))] == [b"\x41picture"]


@pytest.mark.parametrize("suite", Suite)
def test_the_largest_packets_cross_encrypted(board: Board, suite: Suite) -> None:
    join(board)
    phone = SecurePhone(board, suite)
    whole = b"\x41" + bytes(1400 - 12 - 1)
    assert [p.payload for p in phone.talk(audio(1, payload=whole))] == [whole]
    board.browser.send(board.protect(video(1, whole).build()))
    (sealed,) = board.received(board.phone)
    assert len(sealed) == 1400 + TAGS.get(suite, 16)


@pytest.mark.parametrize("suite", Suite)
def test_rtcp_is_encrypted_both_ways(board: Board, suite: Suite) -> None:
    phone = SecurePhone(board, suite)
    board.phone.send(phone.sealed_report())
    assert board.switch.send_control(board.ids["phone"], REPORT)
    assert [phone.receives.unprotect_rtcp(data) for data in board.received(board.phone)] == [REPORT]
    assert [punt.data for punt in board.switch.take_punts() if punt.kind is PuntKind.RTCP] == [REPORT]


@pytest.mark.parametrize("suite", Suite)
@pytest.mark.parametrize("identifier", [b"\x01", b"\x00\x00\x00\x01", bytes(range(128))])
def test_packets_with_a_master_key_identifier_are_read(board: Board, suite: Suite, identifier: bytes) -> None:
    join(board)
    phone = SecurePhone(board, suite, identifier=identifier)
    assert [p.payload for p in phone.talk(audio(1))] == [b"sound"]
    board.phone.send(phone.sealed_report())
    board.at_browser()
    assert REPORT in [punt.data for punt in board.switch.take_punts()]


def test_plain_packets_are_not_taken_from_a_phone_that_encrypts(board: Board) -> None:
    join(board)
    phone = SecurePhone(board, Suite.AES_128_CM_80)
    assert board.from_phone(audio(1)) == []
    board.phone.send(REPORT * 2)
    board.at_browser()
    assert [p.payload for p in phone.talk(audio(2, payload=b"sealed"))] == [b"sealed"]
    assert board.switch.table.dropped(board.ids["phone"])[Drop.UNAUTHENTIC] == 2


def test_a_forged_or_repeated_packet_is_dropped(board: Board) -> None:
    join(board)
    phone = SecurePhone(board, Suite.AES_128_GCM)
    genuine = phone.sealed(audio(1))
    forged = bytearray(phone.sealed(audio(2)))
    forged[20] ^= 1
    for datagram in (genuine, genuine, bytes(forged), b"\x80" * 13):
        board.phone.send(datagram)
    assert len(board.at_browser()) == 1
    assert board.switch.table.dropped(board.ids["phone"])[Drop.UNAUTHENTIC] == 3


def test_a_changed_key_is_heard_at_once_and_the_old_one_no_more(board: Board) -> None:
    join(board)
    old = SecurePhone(board, Suite.AES_128_CM_80)
    assert old.talk(audio(1))
    new = SecurePhone(board, Suite.AES_256_GCM, first=7)
    assert old.talk(audio(2)) == []
    assert [p.payload for p in new.talk(audio(3, payload=b"new"))] == [b"new"]
    assert [p.payload for p in new.hears(video(1))] == [b"\x41picture"]


def test_a_phone_that_goes_back_to_plain_rtp_is_heard_plain(board: Board) -> None:
    join(board)
    SecurePhone(board, Suite.AES_128_CM_80)
    board.switch.secure_peer(board.ids["phone"], 0, 0)
    assert [p.payload for p in board.from_phone(audio(1))] == [b"sound"]


def test_only_a_genuine_packet_tells_where_an_encrypting_phone_is(board: Board) -> None:
    join(board)
    phone = SecurePhone(board, Suite.AES_128_CM_80)
    named, stranger = bound(), bound()
    board.switch.move_peer(board.ids["phone"], named.getsockname(), frozenset({"127.0.0.1"}))
    stranger.sendto(audio(1).build(), board.to_phone)
    stranger.sendto(bytes([0x80, 0]) + bytes(40), board.to_phone)
    assert board.at_browser() == []
    assert [p.payload for p in phone.talk(audio(1))] == [b"sound"]
    stranger.sendto(phone.sealed(audio(2)), board.to_phone)
    assert board.at_browser() == []
    assert [p.payload for p in phone.hears(video(1))] == [b"\x41picture"]
    named.close()
    stranger.close()


@pytest.mark.parametrize("size", [12, 13, 20, 27])
def test_packets_too_short_for_their_identifier_are_dropped(board: Board, size: int) -> None:
    join(board)
    SecurePhone(board, Suite.AES_128_CM_80, identifier=bytes(20))
    board.phone.send((b"\x80\x00" + bytes(40))[:size])
    board.phone.send((b"\x80\xc9" + bytes(40))[:size])
    assert board.at_browser() == []
