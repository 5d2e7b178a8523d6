"""One stream between us and a peer: messages in and out, pings answered, and an end for those who abuse it."""

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet import protocol
from twisted.python.failure import Failure

from parloir.rtp.description import Address
from parloir.sip.crowd import Standing
from parloir.sip.framing import PONG, Framing
from parloir.sip.local import plain
from parloir.sip.surroundings import Clock

FIRST = 10.0
STRANGER_IDLE = 32.0
UNREAD = 10.0
MOST_UNREAD = 262_144
MOST_WAITING = 131_072


class Owner(Protocol):
    """The socket that a connection belongs to."""

    @property
    def clock(self) -> Clock: ...

    def came(self, connection: "Connection") -> bool:
        """Somebody has connected; whether it may stay."""

    def received(self, connection: "Connection", message: bytes) -> None: ...

    def broke(self, connection: "Connection", why: str) -> None:
        """What it sent makes no sense: the connection is cut."""

    def went(self, connection: "Connection") -> None:
        """It is over."""


class Connection(protocol.Protocol):
    """A TCP or TLS connection, opened by a peer, or by us to `peer`: then what is sent waits until it is up.

    `give_up` ends the attempt to open it.
    """

    transport: Any

    def __init__(self, owner: Owner, peer: Address | None = None) -> None:
        self.ours = peer is not None
        self.peer = peer or Address("", 0)
        self.up = False
        self.admitted = False
        self.give_up: Callable[[], None] = lambda: None
        self._owner = owner
        self._framing = Framing()
        self._waiting: list[bytes] = []
        self.over = False
        self._born = self._active = self._last_message = owner.clock.seconds()
        self._heard = False
        self._stuck: float | None = None
        self._unread = 0

    @property
    def host(self) -> str:
        """Our own address on it."""
        return plain(self.transport.getHost().host)

    def connectionMade(self) -> None:  # noqa: N802
        self.up = True
        if not self.ours:
            there = self.transport.getPeer()
            self.peer = Address(plain(there.host), there.port)
            if not self._owner.came(self):
                self.cut()
                return
        self.transport.setTcpNoDelay(True)
        self.transport.setTcpKeepAlive(True)
        self.transport.registerProducer(self, True)
        waiting, self._waiting = self._waiting, []
        for data in waiting:
            self.send(data)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        if self.over:
            return
        now = self._active = self._owner.clock.seconds()
        fed = self._framing.feed(data, now)
        if fed.messages:
            self._last_message = now
        self._heard = self._heard or bool(fed.messages or fed.pings)
        for message in fed.messages:
            if not self.over:
                self._owner.received(self, message)
        if fed.violation is not None and not self.over:
            self._owner.broke(self, fed.violation)
            self.cut()
        elif fed.pings and not self.over and self._stuck is None:
            self.transport.write(PONG * fed.pings)

    def send(self, data: bytes) -> None:
        """Send one message; a peer that does not read what it is sent is cut off."""
        if self.over:
            return
        if not self.up:
            if sum(map(len, self._waiting)) + len(data) <= MOST_WAITING:
                self._waiting.append(data)
            return
        if self._stuck is not None:
            self._unread += len(data)
            if self._unread > MOST_UNREAD:
                self._owner.broke(self, "does not read what it is sent")
                self.cut()
                return
        self._active = self._owner.clock.seconds()
        self.transport.write(data)

    def overdue(self, now: float, standing: Standing, idle: float) -> str | None:
        """Why it should be cut now, if it should."""
        if self._framing.overdue(now):
            return "a message does not end"
        if self._stuck is not None and now - self._stuck >= UNREAD:
            return "does not read what it is sent"
        if self.ours or standing is Standing.KNOWN:
            if not self.ours and not self._heard and now - self._born >= FIRST:
                return "says nothing"
            return "idle" if now - self._active >= idle else None
        if standing is Standing.UNWELCOME:
            return "not known any more"
        limit = STRANGER_IDLE if self._last_message > self._born else FIRST
        return "a stranger" if now - self._last_message >= limit else None

    def cut(self) -> None:
        """End it at once."""
        self.over, self.up = True, False
        if self.transport is None:
            self.give_up()
        else:
            self.transport.abortConnection()

    def connectionLost(self, reason: Failure = protocol.connectionDone) -> None:  # noqa: N802
        self.over, self.up = True, False
        self._owner.went(self)

    # What Twisted calls when the peer does not read, or TLS is not up yet (IPushProducer).

    def pauseProducing(self) -> None:  # noqa: N802
        self._stuck = self._owner.clock.seconds()
        self._unread = 0

    def resumeProducing(self) -> None:  # noqa: N802
        self._stuck = None

    def stopProducing(self) -> None:  # noqa: N802
        self._stuck = None
