"""A SIP phone on TCP or TLS, for tests: it takes connections, makes them, and can lose them."""

from typing import Any

from OpenSSL import SSL
from twisted.internet import protocol
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IOpenSSLContextFactory
from zope.interface import implementer

from parloir.rtp.description import Address
from parloir.sip.framing import Framing
from parloir.sip.message import Header, Request, Response
from tests.sip_phone import Phone


class Line(protocol.Protocol):
    """One connection of the phone's; `pongs` are the keep-alives that came back."""

    transport: Any

    def __init__(self, phone: "StreamPhone") -> None:
        self.phone = phone
        self.up: Deferred[Line] = Deferred()
        self.gone: Deferred[None] = Deferred()
        self.pongs = 0
        self._framing = Framing()

    def connectionMade(self) -> None:  # noqa: N802
        self.phone.lines.append(self)
        self.up.callback(self)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        if not data.strip(b"\r\n"):
            self.pongs += data.count(b"\r\n")
            return
        there = self.transport.getPeer()
        for message in self._framing.feed(data, 0.0).messages:
            self.phone.datagramReceived(message, (there.host, there.port))

    def connectionLost(self, reason: Any = None) -> None:  # noqa: N802
        if self in self.phone.lines:
            self.phone.lines.remove(self)
        self.gone.callback(None)


@implementer(IOpenSSLContextFactory)
class Credentials:
    """The phone's side of TLS: a certificate of its own if it has files, and whatever newest version it is held to."""

    def __init__(self, certificate: Any = None, key: Any = None, newest: int = SSL.TLS1_3_VERSION) -> None:
        self._context = SSL.Context(SSL.TLS_METHOD)
        self._context.set_max_proto_version(newest)
        if newest < SSL.TLS1_2_VERSION:
            self._context.set_cipher_list(b"ALL:@SECLEVEL=0")
        if certificate is not None:
            self._context.use_certificate_chain_file(str(certificate))
            self._context.use_privatekey_file(str(key))

    def getContext(self) -> SSL.Context:  # noqa: N802
        return self._context


class StreamPhone(Phone):
    """Its newest connection is the one it sends on."""

    def __init__(self, reactor: Any, credentials: Credentials | None = None, user: str = "1001") -> None:
        super().__init__(reactor, user=user)
        self.transport_name = "tls" if credentials else "tcp"
        self.credentials = credentials
        self.lines: list[Line] = []
        self._factory = protocol.Factory.forProtocol(lambda: Line(self))
        self._factory.noisy = False
        self._listening: Any = None
        self.listen()
        self.contact = f"<sip:{user}@{self.host}:{self.port};transport={self.transport_name}>"

    def listen(self) -> None:
        """Take connections."""
        if self.credentials is None:
            self._listening = self.reactor.listenTCP(self.port, self._factory, interface=self.host)
        else:
            self._listening = self.reactor.listenSSL(self.port, self._factory, self.credentials, interface=self.host)

    async def deaf(self) -> None:
        """Take no more connections."""
        if self._listening is not None:
            await self._listening.stopListening()
            self._listening = None

    async def connect(self, gateway: Address) -> Line:
        """Make a connection, to send on from now on."""
        line = Line(self)
        factory = protocol.ClientFactory.forProtocol(lambda: line)
        factory.noisy = False
        bound = (self.host, 0)
        if self.credentials is None:
            self.reactor.connectTCP(gateway.host, gateway.port, factory, 5, bound)
        else:
            self.reactor.connectSSL(gateway.host, gateway.port, factory, self.credentials, 5, bound)
        return await line.up

    async def close(self) -> None:
        await super().close()
        await self.deaf()
        for line in list(self.lines):
            line.transport.abortConnection()
            await line.gone

    def send(self, message: Request | Response | bytes, to: Address | None = None) -> None:
        if self.lines:
            self.lines[-1].transport.write(message if isinstance(message, bytes) else bytes(message))

    def new(
        self, method: str, uri: str, call_id: str, number: int, *more: Header, to: str = "", tag: str = "pt"
    ) -> Request:
        made = super().new(method, uri, call_id, number, *more, to=to, tag=tag)
        via = f"SIP/2.0/{self.transport_name.upper()} {self.host}:{self.port};branch={self.branch()};rport"
        headers = tuple(("Via", via) if name == "Via" else (name, value) for name, value in made.headers)
        return Request(headers, b"", method, uri)
