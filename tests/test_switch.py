"""The switch on real sockets: what goes in comes out, and nothing else does."""

import hashlib
import itertools
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from pylibsrtp import Policy, Session

from parloir.relay.entries import Drop, PuntKind, Verb
from parloir.relay.srtp import Workbench
from parloir.relay.switch import Switch
from parloir.rtp.packet import Packet

KEY, SALT = bytes(range(16)), bytes(range(100, 112))
PROFILE = "AEAD_AES_128_GCM"
VIDEO_TYPE, AUDIO_TYPE, EVENT_TYPE = 96, 0, 101
OUT_VIDEO, OUT_AUDIO = 108, 8
SECOND = 1_000_000_000


def bound(port: int = 0) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        opened.bind(("127.0.0.1", port))
    except OSError:
        opened.close()
        raise
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    return opened


def bound_by_number() -> socket.socket:
    """A socket that keeps its port when it is disconnected, as one bound to port 0 does not."""
    for port in range(20_000, 20_999):
        try:
            return bound(port)
        except OSError:
            continue
    raise AssertionError("no free port from 20000 to 20999")


def srtp(inbound: bool) -> Session:
    kind = Policy.SSRC_ANY_INBOUND if inbound else Policy.SSRC_ANY_OUTBOUND
    return Session(Policy(key=KEY + SALT, ssrc_type=kind, srtp_profile=Policy.SRTP_PROFILE_AEAD_AES_128_GCM))


@dataclass
class Board:
    """A switch between one phone (plain RTP) and one browser (SRTP), each a socket of the test's own."""

    switch: Switch
    phone: socket.socket
    browser: socket.socket
    now: int = 5 * SECOND
    ids: dict[str, int] = field(default_factory=dict)
    to_phone: tuple[str, int] = ("", 0)
    to_browser: tuple[str, int] = ("", 0)

    def __post_init__(self) -> None:
        self.unprotect = srtp(inbound=True).unprotect
        self._bench = Workbench()
        self._seal = self._bench.add(PROFILE, KEY, SALT, "send")

    def from_phone(self, packet: Packet) -> list[Packet]:
        self.phone.send(packet.build())
        return self.at_browser()

    def from_browser(self, packet: Packet) -> list[Packet]:
        self.browser.send(self.protect(packet.build()))
        return self.at_phone()

    def protect(self, packet: bytes) -> bytes:
        self._bench.buffer[: len(packet)] = packet
        return bytes(self._bench.buffer[: self._bench.seal(self._seal, 0, len(packet))])

    def at_browser(self) -> list[Packet]:
        return [Packet.parse(self.unprotect(data)) for data in self._received(self.browser)]

    def at_phone(self) -> list[Packet]:
        return [Packet.parse(data) for data in self._received(self.phone)]

    def _received(self, end: socket.socket) -> list[bytes]:
        """What the switch has sent there; on loopback a datagram has arrived when `send` returns."""
        while self.switch.pump():
            pass
        found = []
        end.setblocking(False)
        while True:
            try:
                found.append(end.recv(4096))
            except BlockingIOError:
                return found


@pytest.fixture
def board() -> Iterator[Board]:
    phone, browser, rtp, shared = bound(), bound(), bound_by_number(), bound()
    phone.connect(rtp.getsockname())
    browser.connect(shared.getsockname())
    holder: list[Board] = []
    switch = Switch(clock=lambda: holder[0].now)
    made = Board(switch, phone, browser)
    holder.append(made)
    made.to_phone, made.to_browser = rtp.getsockname(), shared.getsockname()
    table, ids = switch.table, made.ids
    rtp_fd, shared_fd = rtp.detach(), shared.detach()
    switch.add_socket(rtp_fd)
    switch.add_socket(shared_fd, shared=True)
    ids["phone"], ids["browser"] = switch.add_peer(rtp_fd), switch.add_peer(shared_fd)
    switch.move_peer(ids["phone"], phone.getsockname())
    switch.move_peer(ids["browser"], browser.getsockname())
    table.set_contexts(
        ids["browser"],
        switch.add_context(PROFILE, KEY, SALT, "receive"),
        switch.add_context(PROFILE, KEY, SALT, "send"),
    )
    ids["heard"], ids["seen"] = table.add_source(8000), table.add_source(90000)
    ids["audio"] = table.add_sink(ids["browser"], 0xA0A0, 8000, 160, 1000, 50_000)
    ids["video"] = table.add_sink(ids["phone"], 0xB0B0, 90000, 3000, 2000, 70_000, resend=True)
    ids["audio_route"] = table.add_route(ids["phone"], AUDIO_TYPE, ids["heard"])
    ids["event_route"] = table.add_route(ids["phone"], EVENT_TYPE, ids["heard"])
    ids["video_route"] = table.add_route(ids["browser"], VIDEO_TYPE, ids["seen"], extension=3)
    yield made
    switch.close()
    made.phone.close()
    browser.close()


def join(board: Board, epoch: int = 1) -> None:
    table, ids = board.switch.table, board.ids
    table.swap_route(ids["audio_route"], Verb.FORWARD, epoch, ids["audio"], OUT_AUDIO)
    table.swap_route(ids["event_route"], Verb.PUNT, epoch, ids["audio"])
    table.swap_route(ids["video_route"], Verb.FORWARD, epoch, ids["video"], OUT_VIDEO)


def part(board: Board) -> None:
    table, ids = board.switch.table, board.ids
    table.swap_route(ids["audio_route"], Verb.DROP)
    table.swap_route(ids["event_route"], Verb.PUNT)
    table.swap_route(ids["video_route"], Verb.DROP)


def audio(number: int, timestamp: int | None = None, payload: bytes = b"sound", ssrc: int = 7) -> Packet:
    return Packet(AUDIO_TYPE, number & 0xFFFF, number * 160 if timestamp is None else timestamp, ssrc, payload)


def video(number: int, payload: bytes = b"\x41picture", timestamp: int = 9000) -> Packet:
    return Packet(VIDEO_TYPE, number & 0xFFFF, timestamp, 9, payload, marker=True)


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
    steps = [after.timestamp - before.timestamp for before, after in itertools.pairwise(out)]
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
    board.switch.move_peer(ids["phone"], ("127.0.0.1", elsewhere.getsockname()[1]), learn=True)
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
    (sent,) = board._received(board.browser)
    assert board.switch.resend(sink, 1000)
    assert board._received(board.browser) == [sent]
    assert not board.switch.resend(sink, 999)
    assert not board.switch.resend(ids["audio"], 1000)


def test_a_browser_without_keys_is_sent_nothing(board: Board) -> None:
    join(board)
    board.switch.table.set_contexts(board.ids["browser"], 0, 0)
    board.phone.send(audio(1).build())
    assert board._received(board.browser) == []
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


def test_loss_and_jitter_of_a_stream_are_counted(board: Board) -> None:
    join(board)
    for number in [*range(65_530, 65_536), 0, 1, 4, 5]:
        board.now += SECOND // 50
        board.from_phone(audio(number, timestamp=0))
    counted = board.switch.table.source(board.ids["heard"])
    assert (counted.received, counted.expected, counted.highest) == (10, 12, 65_536 + 5)
    assert 70 < counted.jitter < 160
