"""The sockets SIP goes through, UDP for now: public listeners, and the inner one that the lines know."""

import socket
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Any

from twisted.internet import protocol
from twisted.internet.error import MessageLengthError

from parloir.rtp.description import Address
from parloir.sip.errors import Unreachable
from parloir.sip.flow import Face, Flow
from parloir.sip.message import LARGEST
from parloir.sip.settings import Listener
from parloir.sip.uri import place

MOST_PEERS = 4096

Received = Callable[[Flow, bytes], None]
Observer = Callable[[str, Address, bytes], None]


def plain(host: str) -> str:
    """An IP literal as the rest of us writes it: an IPv4-mapped address is the IPv4 one."""
    literal = ip_address(host.partition("%")[0])
    mapped = literal.ipv4_mapped if isinstance(literal, IPv6Address) else None
    return str(mapped or literal)


class UdpSocket(protocol.DatagramProtocol):
    """One bound UDP socket, known by its name in flows."""

    def __init__(self, listener: Listener, product: str, received: Received) -> None:
        self.listener = listener
        self.product = product
        self._received = received
        self._local: dict[str, str] = {}
        self._port: Any = None
        self.port = listener.port

    @property
    def name(self) -> str:
        """How flows name it."""
        return f"udp://{place(self.listener.host, self.port)}"

    def bind(self, reactor: Any) -> None:
        """Take the port; CannotListenError of Twisted when another program has it."""
        self._port = reactor.listenUDP(self.listener.port, self, self.listener.host, maxPacketSize=LARGEST)
        self.port = self._port.getHost().port

    async def close(self) -> None:
        """Give the port back."""
        if self._port is not None:
            await self._port.stopListening()
            self._port = None

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:  # noqa: N802
        self._received(Flow(self.name, Address(plain(addr[0]), addr[1])), datagram)

    def send(self, peer: Address, data: bytes) -> None:
        """Send one datagram; an error of the network, or one too large for it, is a lost packet."""
        if self._port is None:
            return
        try:
            self._port.write(data, (self._reaching(peer.host), peer.port))
        except (OSError, MessageLengthError):
            return

    def _reaching(self, host: str) -> str:
        return f"::ffff:{host}" if self.serves(6) and ":" not in host else host

    def serves(self, version: int) -> bool:
        """Whether it can send to that IP version."""
        return ip_address(self.listener.host).version == version

    def face(self, peer: Address) -> Face:
        """What this peer reads of us: what is advertised, else the address we have toward it."""
        return Face(self.listener.advertise or self._toward(peer), self.port, self.product)

    def _toward(self, peer: Address) -> str:
        if not ip_address(self.listener.host).is_unspecified:
            return self.listener.host
        if peer.host not in self._local:
            if len(self._local) >= MOST_PEERS:
                self._local.clear()
            self._local[peer.host] = local_address(peer)
        return self._local[peer.host]


class Sockets:
    """The sockets of one side, found by the flow's listener; `observe` sees every datagram that crosses them."""

    def __init__(self, listeners: tuple[Listener, ...], product: str, received: Received) -> None:
        self._received = received
        self._all = [UdpSocket(listener, product, self._take) for listener in listeners]
        self.observe: Observer | None = None

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where they are bound."""
        return tuple(Address(each.listener.host, each.port) for each in self._all)

    def bind(self, reactor: Any) -> None:
        """Take all ports."""
        for each in self._all:
            each.bind(reactor)

    async def close(self) -> None:
        """Give all ports back."""
        for each in self._all:
            await each.close()

    def flow(self, peer: Address) -> Flow:
        """The way to a peer by the first socket that can reach it; Unreachable when none can."""
        version = ip_address(peer.host).version
        for each in self._all:
            if each.serves(version) or (version == 4 and each.listener.host == "::"):
                return Flow(each.name, peer)
        raise Unreachable(peer.host, f"no listener for IPv{version}")

    def send(self, flow: Flow, data: bytes) -> None:
        """Send one datagram that way."""
        self._socket(flow).send(flow.peer, data)
        if self.observe is not None:
            self.observe("out", flow.peer, data)

    def face(self, flow: Flow) -> Face:
        """What the peer at the other end reads of us."""
        return self._socket(flow).face(flow.peer)

    def _socket(self, flow: Flow) -> UdpSocket:
        named = next((each for each in self._all if each.name == flow.listener), None)
        return named or next(each for each in self._all if each.name == self.flow(flow.peer).listener)

    def _take(self, flow: Flow, data: bytes) -> None:
        if self.observe is not None:
            self.observe("in", flow.peer, data)
        self._received(flow, data)


def local_address(peer: Address) -> str:
    """The address this machine has toward a peer; Unreachable when there is no way."""
    family = socket.AF_INET6 if ":" in peer.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((peer.host, peer.port))
        except OSError as error:
            raise Unreachable(peer.host, error.strerror or "no route") from None
        return str(probe.getsockname()[0])
