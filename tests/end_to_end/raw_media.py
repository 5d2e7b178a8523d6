"""A phone's RTP sockets in Python: sends numbered packets at a phone's pace, keeps every packet that comes."""

import select
import socket
import struct
import threading
import time
from collections.abc import Callable

from parloir.rtp import dtmf

from .packets import Received, clock, interval, payload
from .ports import family, free_ports

Transform = Callable[[bytes], bytes]


class RawStream:
    """One RTP socket and its RTCP neighbour. `sent` holds payloads in order, `received` RTP, `reports` RTCP.

    `seal` and `unseal` stand for encryption: of RTP packets as they go, and as they come (empty if not genuine).
    """

    def __init__(self, kind: str, ssrc: int, size: int | None = None, host: str = "127.0.0.1") -> None:
        self.kind = kind
        self.ssrc = ssrc
        self.size = size
        self.port = free_ports(2)
        self.sent: list[bytes] = []
        self.received: list[Received] = []
        self.reports: list[bytes] = []
        self.remote: tuple[str, int] | None = None
        self.payload_type = 0
        self.seal: Transform = lambda packet: packet
        self.unseal: Transform = lambda packet: packet
        self._sockets = [_bound(host, self.port), _bound(host, self.port + 1)]
        self._turn = threading.Lock()
        self._stop = threading.Event()
        self._quiet = threading.Event()
        self._sender: threading.Thread | None = None
        self._receiver = threading.Thread(target=self._receive, daemon=True)
        self._receiver.start()

    def _receive(self) -> None:
        rtcp = self._sockets[1]
        while not self._stop.is_set():
            for ready in select.select(self._sockets, [], [], 0.1)[0]:
                datagram = ready.recv(2048)
                if ready is rtcp:
                    self.reports.append(datagram)
                elif len(datagram) >= 12 and (plain := self.unseal(datagram)):
                    self.received.append(Received.parse(time.time(), plain))

    def start(self, remote: tuple[str, int], payload_type: int) -> None:
        """Send to that address from now on."""
        self.remote, self.payload_type = remote, payload_type
        self._sender = threading.Thread(target=self._send, daemon=True)
        self._sender.start()

    def _send(self) -> None:
        start = time.monotonic()
        while True:
            number = len(self.sent)
            if self._quiet.wait(max(0.0, start + number * interval(self.kind) - time.monotonic())):
                return
            self.send_one(payload(self.kind, number, self.size))

    def send_one(self, body: bytes) -> None:
        """Send one packet now."""
        with self._turn:
            number = len(self.sent)
            timestamp = int(number * interval(self.kind) * clock(self.kind)) & 0xFFFFFFFF
            self._number(body, self.payload_type, timestamp, self.kind == "video" or number == 0)

    def press(self, digit: str, lost: frozenset[int] = frozenset(), payload_type: int = 101) -> None:
        """Press a key (RFC 4733); of its packets those of these numbers are lost, the first is 0."""
        timestamp = int(len(self.sent) * interval(self.kind) * clock(self.kind)) & 0xFFFFFFFF
        for number, (event, first) in enumerate(dtmf.press(digit, clock=8000)):
            with self._turn:
                self._number(event, payload_type, timestamp, first, lost=number in lost)
            time.sleep(0.02)

    def _number(self, body: bytes, type: int, timestamp: int, marker: bool, *, lost: bool = False) -> None:
        assert self.remote is not None
        number = len(self.sent) & 0xFFFF
        header = struct.pack("!BBHII", 0x80, (0x80 if marker else 0) | type, number, timestamp, self.ssrc)
        self.sent.append(body)
        if not lost:
            self._sockets[0].sendto(self.seal(header + body), self.remote)

    def send_raw(self, datagram: bytes, remote: tuple[str, int]) -> None:
        """Send anything anywhere."""
        self._sockets[0].sendto(datagram, remote)

    def be_quiet(self) -> None:
        """Send no more until `start`, and forget what was sent and came."""
        self._quiet.set()
        if self._sender is not None:
            self._sender.join(5)
        self._quiet.clear()
        for kept in (self.sent, self.received, self.reports):
            kept.clear()

    def stop(self) -> None:
        """Fall silent and close."""
        self._stop.set()
        self.be_quiet()
        self._receiver.join(5)
        for bound in self._sockets:
            bound.close()


def _bound(host: str, port: int) -> socket.socket:
    bound = socket.socket(family(host), socket.SOCK_DGRAM)
    bound.bind((host, port))
    return bound
