"""SIP over connections (RFC 3261 section 18): one listening TCP or TLS socket, and all connections it has a part in."""

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet import protocol
from twisted.python.failure import Failure

from parloir.rtp.description import Address
from parloir.sip.connection import Connection
from parloir.sip.crowd import Crowd, Standing
from parloir.sip.endpoint import Endpoint
from parloir.sip.flow import Face, Flow
from parloir.sip.settings import Listener, Streams
from parloir.sip.surroundings import Clock, Timer, stop
from parloir.sip.tls import Certificate

CONNECT_TIMEOUT = 10.0
SWEEP = 1.0


class Above(Protocol):
    """What is told of streams."""

    def standing(self, host: str) -> Standing:
        """What a host is to us."""

    def received(self, flow: Flow, data: bytes) -> None:
        """A message has come."""

    def lost(self, flow: Flow) -> None:
        """A connection that was up is gone."""

    def unreachable(self, flow: Flow, why: str) -> None:
        """No connection could be made."""

    def cut(self, flow: Flow, why: str) -> None:
        """A connection was cut, or not let in."""


class StreamSocket(Endpoint):
    """One listener and its connections, both ways. A peer is sent to on its own connection as long as that lives."""

    def __init__(
        self, listener: Listener, product: str, above: Above, crowd: Crowd, terms: Streams, tls: Certificate | None
    ) -> None:
        super().__init__(listener, product)
        self._above = above
        self._crowd = crowd
        self._terms = terms
        self._tls = tls
        self._reactor: Any = None
        self._port: Any = None
        self._sweep: Timer | None = None
        self._connections: dict[Address, Connection] = {}

    @property
    def clock(self) -> Clock:
        """The clock that connections go by."""
        clock: Clock = self._reactor
        return clock

    def bind(self, reactor: Any) -> None:
        """Take the port; CannotListenError of Twisted when another program has it."""
        self._reactor = reactor
        at, factory, host = self.listener.port, _Factory(lambda: Connection(self)), self.listener.host
        if self._tls is None:
            self._port = reactor.listenTCP(at, factory, interface=host)
        else:
            self._port = reactor.listenSSL(at, factory, self._tls, interface=host)
        self.port = self._port.getHost().port

    async def close(self) -> None:
        """Give the port back and end all connections."""
        stop(self._sweep)
        if self._port is not None:
            await self._port.stopListening()
            self._port = None
        for connection in list(self._connections.values()):
            connection.cut()

    def send(self, flow: Flow, data: bytes) -> None:
        """Send one message on the flow's connection, or on a new one to where the peer takes connections."""
        connection = self._connection(flow)
        if connection is None and self._port is not None:
            connection = self._connect(Address(flow.peer.host, flow.back or flow.peer.port))
        if connection is not None:
            connection.send(data)

    def drop(self, flow: Flow) -> None:
        """End a flow's connection."""
        connection = self._connection(flow)
        if connection is not None:
            connection.cut()

    @property
    def open(self) -> int:
        """How many connections are up."""
        return sum(connection.up for connection in self._connections.values())

    def has(self, flow: Flow) -> bool:
        """Whether the flow's connection is there."""
        connection = self._connection(flow)
        return connection is not None and not connection.over

    def face(self, peer: Address) -> Face:
        """What this peer reads of us: what is advertised, else our end of its connection."""
        connection = self._connections.get(peer)
        if connection is None or not connection.up or self.listener.advertise:
            return super().face(peer)
        return Face(connection.host, self.port, self.product, self.listener.transport)

    def _connection(self, flow: Flow) -> Connection | None:
        found = self._connections.get(flow.peer)
        if (found is None or found.over) and flow.back is not None:
            found = self._connections.get(Address(flow.peer.host, flow.back))
        return found

    def _connect(self, peer: Address) -> Connection:
        connection = self._connections[peer] = Connection(self, peer)
        factory = _Calling(connection, lambda why: self._not_made(connection, why))
        bound = None if self._address.is_unspecified else (self.listener.host, 0)
        if self._tls is None:
            attempt = self._reactor.connectTCP(peer.host, peer.port, factory, CONNECT_TIMEOUT, bound)
        else:
            attempt = self._reactor.connectSSL(peer.host, peer.port, factory, self._tls, CONNECT_TIMEOUT, bound)
        connection.give_up = attempt.disconnect
        self._watch()
        return connection

    def _not_made(self, connection: Connection, why: str) -> None:
        if self._forget(connection) and self._port is not None:
            self._above.unreachable(self._flow(connection), why)

    def _forget(self, connection: Connection) -> bool:
        mine = self._connections.get(connection.peer) is connection
        if mine:
            del self._connections[connection.peer]
        return mine

    def _flow(self, connection: Connection) -> Flow:
        return Flow(self.name, connection.peer)

    # What connections tell.

    def came(self, connection: Connection) -> bool:
        """Let a peer's connection in, if its host may have one more."""
        host = connection.peer.host
        connection.admitted = self._crowd.enter(host, self._above.standing(host))
        if not connection.admitted:
            self._above.cut(self._flow(connection), "not let in")
            return False
        former = self._connections.get(connection.peer)
        self._connections[connection.peer] = connection
        if former is not None:
            former.cut()
            self._above.lost(self._flow(connection))
        self._watch()
        return True

    def received(self, connection: Connection, message: bytes) -> None:
        """Take a message up."""
        self._above.received(self._flow(connection), message)

    def broke(self, connection: Connection, why: str) -> None:
        """Say why it is cut."""
        self._above.cut(self._flow(connection), why)

    def went(self, connection: Connection) -> None:
        """Forget it."""
        if connection.admitted:
            self._crowd.leave(connection.peer.host)
        if self._forget(connection) and self._port is not None:
            self._above.lost(self._flow(connection))

    def _watch(self) -> None:
        if self._sweep is None or not self._sweep.active():
            self._sweep = self.clock.callLater(SWEEP, self._cut_overdue)

    def _cut_overdue(self) -> None:
        for connection in list(self._connections.values()):
            if not connection.up:
                continue
            standing = self._above.standing(connection.peer.host)
            why = connection.overdue(self.clock.seconds(), standing, self._terms.idle)
            if why is not None:
                self._above.cut(self._flow(connection), why)
                connection.cut()
        if self._connections:
            self._watch()


class _Factory(protocol.Factory):
    noisy = False

    def __init__(self, build: Callable[[], Connection]) -> None:
        self._build = build

    def buildProtocol(self, addr: Any) -> Connection:  # noqa: N802
        return self._build()


class _Calling(protocol.ClientFactory):
    noisy = False

    def __init__(self, connection: Connection, failed: Callable[[str], None]) -> None:
        self._connection = connection
        self._failed = failed

    def buildProtocol(self, addr: Any) -> Connection:  # noqa: N802
        return self._connection

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:  # noqa: N802
        self._failed(reason.getErrorMessage())
