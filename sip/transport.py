"""The sockets SIP goes through, of every transport: public listeners, and the inner one that the lines know."""

from collections import Counter
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from parloir.rtp.description import Address
from parloir.sip.crowd import Crowd, Standing
from parloir.sip.endpoint import Endpoint
from parloir.sip.errors import BadCertificate, Unreachable
from parloir.sip.flow import Face, Flow
from parloir.sip.local import local_address
from parloir.sip.settings import Listener, Streams
from parloir.sip.stream import StreamSocket
from parloir.sip.surroundings import Log
from parloir.sip.tls import Certificate
from parloir.sip.udp import UdpSocket

STREAMS = ("tcp", "tls")

Received = Callable[[Flow, bytes], None]
Observer = Callable[[str, Address, bytes], None]


def _silent(event: str, /, **fields: Any) -> None:
    """A log that nobody reads."""


class Sockets:
    """The sockets of one side, found by the flow's listener; `observe` sees every message that crosses them.

    `standing` says whose connections are taken. `on_lost` hears of connections that are gone, `on_unreachable` of
    those that could not be made. `counters` counts connections "not let in" and those cut, by the reason.
    Raises BadCertificate for a TLS listener without one.
    """

    def __init__(
        self,
        listeners: tuple[Listener, ...],
        product: str,
        received: Received,
        streams: Streams = Streams(),  # noqa: B008 - frozen
        log: Log = _silent,
    ) -> None:
        self.observe: Observer | None = None
        self.standing: Callable[[str], Standing] = lambda host: Standing.KNOWN
        self.on_lost: Callable[[Flow], None] = lambda flow: None
        self.on_unreachable: Callable[[Flow], None] = lambda flow: None
        self.counters: Counter[str] = Counter()
        self._received = received
        self._log = log
        self._crowd = Crowd(streams)
        self._certificate: Certificate | None = None
        if any(each.transport == "tls" for each in listeners):
            if streams.tls is None:
                raise BadCertificate("a tls listener without a certificate")
            self._certificate = Certificate(streams.tls, log)
        self._all = [self._made(each, product, streams) for each in listeners]

    def _made(self, listener: Listener, product: str, streams: Streams) -> Endpoint:
        if listener.transport == "udp":
            return UdpSocket(listener, product, self.received)
        tls = self._certificate if listener.transport == "tls" else None
        return StreamSocket(listener, product, self, self._crowd, streams, tls)

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where they are bound."""
        return tuple(Address(each.listener.host, each.port) for each in self._all)

    def bind(self, reactor: Any) -> None:
        """Take all ports. Raises BadCertificate when a TLS listener cannot have its certificate."""
        if self._certificate is not None:
            self._certificate.load()
        for each in self._all:
            each.bind(reactor)

    async def close(self) -> None:
        """Give all ports back."""
        for each in self._all:
            await each.close()

    @property
    def connections(self) -> dict[str, int]:
        """How many connections are open, by transport."""
        return {name: sum(each.open for each in self._all if each.listener.transport == name) for name in STREAMS}

    def renew_certificate(self) -> None:
        """Read the certificate's files again; connections that are up do not notice."""
        if self._certificate is not None:
            self._certificate.renew()

    def flow(self, peer: Address, transport: str = "udp") -> Flow:
        """The way to a peer by the socket that suits it best; Unreachable when none can reach it.

        Of several, that one is taken whose address is this machine's own toward the peer.
        """
        able = [each for each in self._all if each.listener.transport == transport and each.reaches(peer)]
        if not able:
            raise Unreachable(peer.host, f"no {transport} listener for IPv{ip_address(peer.host).version}")
        own = local_address(peer) if len(able) > 1 else ""
        return Flow(min(able, key=lambda each: each.fitness(own)).name, peer)

    def send(self, flow: Flow, data: bytes) -> None:
        """Send one message that way."""
        self._endpoint(flow).send(flow, data)
        if self.observe is not None:
            self.observe("out", flow.peer, data)

    def drop(self, flow: Flow) -> None:
        """End the connection a flow goes by; nothing for a datagram's."""
        self._endpoint(flow).drop(flow)

    def has(self, flow: Flow) -> bool:
        """Whether the connection a flow goes by is there; always so for datagrams."""
        return self._endpoint(flow).has(flow)

    def face(self, flow: Flow) -> Face:
        """What the peer at the other end reads of us."""
        return self._endpoint(flow).face(flow.peer)

    def _endpoint(self, flow: Flow) -> Endpoint:
        named = next((each for each in self._all if each.name == flow.listener), None)
        return named or next(each for each in self._all if each.name == self.flow(flow.peer, flow.transport).listener)

    # What the sockets tell.

    def received(self, flow: Flow, data: bytes) -> None:
        """A message has come."""
        if self.observe is not None:
            self.observe("in", flow.peer, data)
        self._received(flow, data)

    def lost(self, flow: Flow) -> None:
        """A connection that was up is gone."""
        self.on_lost(flow)

    def unreachable(self, flow: Flow, why: str) -> None:
        """No connection could be made."""
        self._log("sip.not_connected", peer=str(flow.peer.host), transport=flow.transport, why=why)
        self.on_unreachable(flow)

    def cut(self, flow: Flow, why: str) -> None:
        """A connection was cut, or not let in; only our own phones' are worth a line in the log."""
        self.counters[why] += 1
        if why != "idle" and self.standing(flow.peer.host) is Standing.KNOWN:
            self._log("sip.connection_cut", peer=flow.peer.host, transport=flow.transport, why=why)
