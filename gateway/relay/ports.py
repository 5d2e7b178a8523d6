"""The RTP ports of a relay: pairs of an even port for RTP and the next for RTCP, each resting after use."""

import socket
from collections import deque

from parloir.relay.commands import NoPorts

RECEIVE_BUFFER = 1 << 18
"""Bytes the kernel may queue on a phone's socket: half a second of video."""

_SNDBUFFORCE, _RCVBUFFORCE = 32, 33


class Ports:
    """Which pairs are free, in turn, so that a closed call's port is the last to be used again.

    `rest` is how long (seconds) a returned pair is kept shut, lest stale media leak into another call (invariant 7).
    """

    def __init__(self, first: int, last: int, rest: float) -> None:
        even = first + first % 2
        self._free = deque(range(even, last, 2))
        self._resting: deque[tuple[float, int]] = deque()
        self._rest = rest

    def take(self, now: float) -> int:
        """The RTP port of a free pair. Raises NoPorts."""
        self.need(1, now)
        return self._free.popleft()

    def need(self, pairs: int, now: float) -> None:
        """See that so many pairs are free. Raises NoPorts."""
        while self._resting and self._resting[0][0] <= now:
            self._free.append(self._resting.popleft()[1])
        if len(self._free) < pairs:
            raise NoPorts(
                f"{len(self._free)} pairs of RTP ports are free, {len(self._resting)} rest, {pairs} are needed"
            )

    def give_back(self, port: int, now: float) -> None:
        """The pair is closed; it rests."""
        self._resting.append((now + self._rest, port))


def bind(host: str, port: int, buffer: int = RECEIVE_BUFFER) -> int:
    """The descriptor of a UDP socket bound there. Raises OSError."""
    opened = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        if opened.family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        _enlarge(opened, buffer)
        opened.bind((host, port))
    except OSError:
        opened.close()
        raise
    return opened.detach()


def _enlarge(opened: socket.socket, buffer: int) -> None:
    """Let the kernel queue that many bytes; without the privilege, as many as net.core.rmem_max allows."""
    for force, usual in ((_RCVBUFFORCE, socket.SO_RCVBUF), (_SNDBUFFORCE, socket.SO_SNDBUF)):
        try:
            opened.setsockopt(socket.SOL_SOCKET, force, buffer)
        except PermissionError:
            opened.setsockopt(socket.SOL_SOCKET, usual, buffer)


def bind_pair(ports: Ports, host: str, now: float) -> tuple[int, int, int]:
    """Take and bind a pair: (RTP port, its descriptor, RTCP's). Ports that others hold are passed over.

    Raises NoPorts.
    """
    while True:
        port = ports.take(now)
        try:
            rtp = bind(host, port)
        except OSError:
            ports.give_back(port, now)
            continue
        try:
            return port, rtp, bind(host, port + 1)
        except OSError:
            socket.close(rtp)
            ports.give_back(port, now)
