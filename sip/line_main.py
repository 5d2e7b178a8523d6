"""A line's process: AMP on descriptor 3, read by a thread of its own; pjsip and all else in the main one."""

import os
import queue
import signal
import socket
import sys
import threading
from typing import Any

if __name__ == "__main__":
    # A line talks with its parent alone. AMP's TLS would bring all of OpenSSL, a quarter of a line's memory.
    sys.modules["twisted.internet.ssl"] = None  # type: ignore[assignment]

from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import ITransport
from twisted.protocols import amp
from twisted.python.failure import Failure
from zope.interface import implementer

from parloir.sip.commands import Answer, Configure, Freed, HangUp, Place
from parloir.sip.line import Line

DESCRIPTOR = 3
POLL = 100


class Inbox:
    """Where the reading thread meets the main one: bytes in order, None at the end, and a datagram that wakes pjsip."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._bytes: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._bell = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.port = 0
        threading.Thread(target=self._read, name="inbox", daemon=True).start()

    def _read(self) -> None:
        data: bytes | None = b""
        while data is not None:
            try:
                data = self._connection.recv(65536) or None
            except OSError:
                data = None
            self._bytes.put(data)
            if self.port:
                self._bell.sendto(b"\r\n\r\n", ("127.0.0.1", self.port))

    def take(self, wait: bool) -> list[bytes | None]:
        """All that has come, at least one piece if told to wait."""
        found = [self._bytes.get()] if wait else []
        while True:
            try:
                found.append(self._bytes.get_nowait())
            except queue.Empty:
                return found


@implementer(ITransport)
class Outbox:
    """AMP's transport: writes at once, for the gateway always reads; a gateway that is gone ends the line."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.disconnecting = False

    def write(self, data: bytes) -> None:
        try:
            self._connection.sendall(data)
        except OSError:
            self.disconnecting = True

    def writeSequence(self, data: Any) -> None:  # noqa: N802
        self.write(b"".join(data))

    def loseConnection(self) -> None:  # noqa: N802
        self.disconnecting = True

    def getPeer(self) -> str:  # noqa: N802
        return "gateway"

    def getHost(self) -> str:  # noqa: N802
        return "line"


class Gateway(amp.AMP):
    """The line's end of the connection to the gateway."""

    def __init__(self, inbox: Inbox) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._inbox = inbox
        self.line = Line(self._freed)

    def _freed(self, session: str, status: int) -> None:
        self.callRemote(Freed, session=session, status=status).addErrback(lambda _: None)  # type: ignore[no-untyped-call]

    @Configure.responder
    def configure(self, edge_port: int, slots: int, product: str) -> dict[str, int]:
        self._inbox.port = self.line.start(edge_port, slots, product)
        return {"port": self._inbox.port}

    @Place.responder
    def place(self, session: str, slot: int, target: str) -> dict[str, Any]:
        self.line.place(session, slot, target)
        return {}

    @Answer.responder
    def answer(self, session: str, status: int) -> dict[str, Any]:
        self.line.answer(session, status)
        return {}

    @HangUp.responder
    def hang_up(self, session: str) -> dict[str, Any]:
        self.line.hang_up(session)
        return {}


def run(connection: socket.socket) -> None:
    """Serve until the gateway closes the connection."""
    inbox, outbox = Inbox(connection), Outbox(connection)
    gateway: Any = Gateway(inbox)
    gateway.makeConnection(outbox)
    while not outbox.disconnecting:
        for data in inbox.take(wait=not inbox.port):
            if data is None:
                gateway.connectionLost(Failure(ConnectionLost()))  # type: ignore[no-untyped-call]
                outbox.disconnecting = True
                break
            gateway.dataReceived(data)
        if inbox.port and not outbox.disconnecting:
            gateway.line.poll(POLL)


def main() -> None:
    """Run until descriptor 3 closes. Leaving at once spares pjsip's slow goodbye to calls the edge ends itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    run(socket.socket(fileno=DESCRIPTOR))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
