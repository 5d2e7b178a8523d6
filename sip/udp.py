"""SIP in datagrams."""

from collections.abc import Callable
from typing import Any

from twisted.internet import protocol
from twisted.internet.error import MessageLengthError

from parloir.rtp.description import Address
from parloir.sip.endpoint import Endpoint
from parloir.sip.flow import Flow
from parloir.sip.local import plain
from parloir.sip.message import LARGEST
from parloir.sip.settings import Listener


class UdpSocket(Endpoint, protocol.DatagramProtocol):
    """One bound UDP socket."""

    def __init__(self, listener: Listener, product: str, received: Callable[[Flow, bytes], None]) -> None:
        super().__init__(listener, product)
        self._received = received
        self._port: Any = None

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
        if datagram.strip(b"\r\n\0 \t"):
            self._received(Flow(self.name, Address(plain(addr[0]), addr[1])), datagram)

    def send(self, flow: Flow, data: bytes) -> None:
        """Send one datagram; an error of the network, or one too large for it, is a lost packet."""
        if self._port is None:
            return
        host = flow.peer.host
        try:
            mapped = f"::ffff:{host}" if ":" in self.listener.host and ":" not in host else host
            self._port.write(data, (mapped, flow.peer.port))
        except (OSError, MessageLengthError):
            return

    def drop(self, flow: Flow) -> None:
        """Datagrams go by no connection: nothing to end."""
