"""A SIP phone made of one UDP socket, which does just what a test tells it and remembers all it was sent."""

import itertools
from collections.abc import Callable
from typing import Any

from twisted.internet import protocol
from twisted.internet.defer import Deferred

from parloir.rtp.description import Address
from parloir.sip.errors import MalformedMessage
from parloir.sip.message import Header, Request, Response, parse
from parloir.sip.uri import NameAddr

SDP = (
    "v=0\r\no=phone 1 1 IN IP4 127.0.0.3\r\ns=-\r\nc=IN IP4 127.0.0.3\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)

PATIENCE = 5.0


class Phone(protocol.DatagramProtocol):
    """Messages wait in `inbox` until a test takes them with next()."""

    transport_name = "udp"

    def __init__(self, reactor: Any, host: str = "127.0.0.3", user: str = "1001", port: int = 0) -> None:
        self.reactor = reactor
        self.host = host
        self.user = user
        self.inbox: list[Request | Response] = []
        self.raw: list[bytes] = []
        self.on_message: Callable[[Request | Response, Address], bool] | None = None
        self._waiting: list[tuple[Callable[[Request | Response], bool], Deferred[Any]]] = []
        self._numbers = itertools.count(1)
        self._udp: Any = reactor.listenUDP(port, self, host, maxPacketSize=65507)
        self.port = self._udp.getHost().port
        self.gateway = Address("", 0)
        self.contact = f"<sip:{user}@{host}:{self.port}>"

    def hang_up(self) -> None:
        """From now on only agree to be hung up on."""

        def goodbye(message: Request | Response, sender: Address) -> bool:
            if isinstance(message, Request) and message.method == "BYE":
                self.respond(message, 200)
            return True

        self.on_message = goodbye
        for message in self.inbox:
            goodbye(message, self.gateway)

    async def close(self) -> None:
        """Give the port back."""
        await self._udp.stopListening()

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:  # noqa: N802
        self.raw.append(datagram)
        self.gateway = Address(*addr[:2])
        try:
            message = parse(datagram)
        except MalformedMessage:
            return  # the answer to what the test damaged
        if self.on_message is not None and self.on_message(message, self.gateway):
            return
        for wait in self._waiting:
            if wait[0](message):
                self._waiting.remove(wait)
                wait[1].callback(message)
                return
        self.inbox.append(message)

    async def _next(self, wanted: Callable[[Request | Response], bool], what: str) -> Any:
        for message in self.inbox:
            if wanted(message):
                self.inbox.remove(message)
                return message
        waiting: Deferred[Any] = Deferred()
        self._waiting.append((wanted, waiting))
        waiting.addTimeout(PATIENCE, self.reactor)
        try:
            return await waiting
        except Exception as error:
            seen = [getattr(m, "method", None) or getattr(m, "status", None) for m in self.inbox]
            raise AssertionError(f"no {what} within {PATIENCE} s, but {seen}") from error

    async def request(self, method: str) -> Request:
        """The next request of that method."""
        found: Request = await self._next(lambda m: isinstance(m, Request) and m.method == method, method)
        return found

    async def response(self, method: str, *statuses: int) -> Response:
        """The next response to that method, with one of these statuses (any but 100 if none is named)."""

        def wanted(message: Request | Response) -> bool:
            if not isinstance(message, Response) or message.cseq.method != method:
                return False
            return message.status in statuses if statuses else message.status != 100

        found: Response = await self._next(wanted, f"{statuses or 'response'} to {method}")
        return found

    def heard(self, method: str) -> int:
        """How many requests of that method are waiting."""
        return sum(isinstance(m, Request) and m.method == method for m in self.inbox)

    def send(self, message: Request | Response | bytes, to: Address | None = None) -> None:
        """Send it to the gateway."""
        to = to or self.gateway
        self._udp.write(message if isinstance(message, bytes) else bytes(message), (to.host, to.port))

    def respond(
        self, request: Request, status: int, body: str | None = None, *more: Header, tag: str = "phonetag"
    ) -> None:
        """Answer a request."""
        recipient = request.recipient
        if recipient.tag is None and status > 100:
            recipient = NameAddr(recipient.uri, recipient.display, (("tag", tag),))
        headers = [*(("Via", via) for via in request.all("Via")), ("From", request.one("From")), ("To", str(recipient))]
        headers += [("Call-ID", request.call_id), ("CSeq", request.one("CSeq"))]
        headers += [*more] if any(name == "Contact" for name, _ in more) else [("Contact", self.contact), *more]
        response = Response(tuple(headers), b"", status, "Said")
        self.send(response if body is None else response.with_body(body))

    def branch(self) -> str:
        return f"z9hG4bK-{self.port}-{next(self._numbers)}"

    def new(
        self, method: str, uri: str, call_id: str, number: int, *more: Header, to: str = "", tag: str = "pt"
    ) -> Request:
        """A request of the phone's own."""
        headers: tuple[Header, ...] = (
            ("Via", f"SIP/2.0/UDP {self.host}:{self.port};branch={self.branch()};rport"),
            ("Max-Forwards", "70"),
            ("From", f"<sip:{self.user}@{self.host}>;tag={tag}"),
            ("To", to or f"<{uri}>"),
            ("Call-ID", call_id),
            ("CSeq", f"{number} {method}"),
            ("Contact", self.contact),
            *more,
        )
        return Request(headers, b"", method, uri)

    def inside(self, method: str, invite: Request, number: int, *more: Header, tag: str = "phonetag") -> Request:
        """A request in the dialog that the gateway's INVITE began."""
        target = NameAddr.parse(invite.one("Contact")).uri
        request = self.new(method, target, invite.call_id, number, *more, to=invite.one("From"), tag=tag)
        mine = f"{NameAddr.parse(invite.one('To'))};tag={tag}"
        headers = tuple(("From", mine) if name == "From" else (name, value) for name, value in request.headers)
        return Request(headers, b"", method, target)

    def within(self, method: str, answer: Response, number: int, *more: Header) -> Request:
        """A request in the dialog that the gateway's 200 confirmed."""
        target = NameAddr.parse(answer.one("Contact")).uri
        return self.new(method, target, answer.call_id, number, *more, to=answer.one("To"))
