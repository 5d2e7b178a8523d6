"""A switch on real sockets, between a phone and a browser that are the test's own."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from pylibsrtp import Policy, Session

from parloir.relay.entries import Verb
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
        return [Packet.parse(self.unprotect(data)) for data in self.received(self.browser)]

    def at_phone(self) -> list[Packet]:
        return [Packet.parse(data) for data in self.received(self.phone)]

    def received(self, end: socket.socket) -> list[bytes]:
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


@pytest.fixture(name="board")
def wired() -> Iterator[Board]:
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
