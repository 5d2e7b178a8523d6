"""SIP requests and responses (RFC 3261 section 7): strictly read from a datagram, and written to one."""

import re
from dataclasses import dataclass, replace
from typing import Self

from parloir.rtp.description import Address
from parloir.sip.errors import MalformedMessage
from parloir.sip.uri import LONGEST_URI, NameAddr, Parameters, items, parameters, place, written

LARGEST = 65_507
MOST_HEADERS = 128
LONGEST_LINE = 4096

Header = tuple[str, str]

_COMPACT = {
    "c": "Content-Type", "e": "Content-Encoding", "f": "From", "i": "Call-ID", "k": "Supported", "l": "Content-Length",
    "m": "Contact", "o": "Event", "r": "Refer-To", "s": "Subject", "t": "To", "u": "Allow-Events", "v": "Via",
    "x": "Session-Expires",
}  # fmt: skip
_KNOWN = {name.lower(): name for name in (
    *_COMPACT.values(), "Accept", "Allow", "Authorization", "CSeq", "Content-Disposition", "Date", "Expires",
    "Max-Forwards", "Min-Expires", "Min-SE", "P-Asserted-Identity", "Path", "Proxy-Authenticate",
    "Proxy-Authorization", "RAck", "RSeq", "Record-Route", "Replaces", "Require", "Retry-After", "Route", "Server",
    "Unsupported", "User-Agent", "WWW-Authenticate",
)}  # fmt: skip
_LISTS = {
    "Via", "Contact", "Record-Route", "Route", "Require", "Supported", "Allow", "Accept", "Path", "P-Asserted-Identity",
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]{1,256}")
_REQUEST_LINE = re.compile(r"([A-Za-z0-9\-.!%*_+`'~]{1,64}) ([^ \x00-\x20\x7f]+) SIP/2\.0")
_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6][0-9]{2}) ([^\r\n]{0,256})")
_CSEQ = re.compile(r"([0-9]{1,10})[ \t]+([A-Za-z0-9\-.!%*_+`'~]{1,64})")
_VIA = re.compile(
    r"SIP[ \t]*/[ \t]*2\.0[ \t]*/[ \t]*([A-Za-z]{2,16})[ \t]+(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.\-_]{1,253})"
    r"(?:[ \t]*:[ \t]*([0-9]{1,5}))?[ \t]*(;.*)?",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\r\n]|(?<!\\)[\x00-\x08\x0b-\x1f\x7f]")
"""What no line may hold; other control characters only as a quoted-pair (RFC 3261 section 25.1)."""
MAGIC = "z9hG4bK"


@dataclass(frozen=True)
class CSeq:
    """A request's number in its dialog, and its method (RFC 3261 section 20.16)."""

    number: int
    method: str

    @classmethod
    def parse(cls, text: str) -> "CSeq":
        """Read one; MalformedMessage unless the number is below 2^31."""
        found = _CSEQ.fullmatch(text)
        if found is None or int(found[1]) >= 2**31:
            raise MalformedMessage("CSeq", "not a number and a method")
        return cls(int(found[1]), found[2])

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


@dataclass(frozen=True)
class Via:
    """One hop that a request took (RFC 3261 section 20.42); host without brackets."""

    transport: str
    host: str
    port: int | None = None
    parameters: Parameters = ()

    @classmethod
    def parse(cls, text: str) -> "Via":
        """Read one; MalformedMessage otherwise."""
        found = _VIA.fullmatch(text)
        if found is None:
            raise MalformedMessage("Via", "not a transport and a host")
        port = int(found[3]) if found[3] else None
        if port is not None and not 1 <= port <= 65535:
            raise MalformedMessage("Via", "port out of range")
        return cls(found[1].upper(), found[2].strip("[]"), port, parameters(found[4] or ""))

    def value(self, name: str) -> str | None:
        """A parameter's value by its lower-case name."""
        return next((value for given, value in self.parameters if given.lower() == name), None)

    @property
    def branch(self) -> str:
        """The transaction's name; empty when none was given."""
        return self.value("branch") or ""

    @property
    def place(self) -> str:
        """The sent-by, as transactions are told apart by it."""
        return place(self.host, self.port)

    def stamped(self, peer: Address) -> "Via":
        """With the address it really came from (RFC 3261 section 18.2.1, RFC 3581)."""
        kept = tuple((n, v) for n, v in self.parameters if n.lower() not in ("received", "rport"))
        if any(n.lower() == "rport" for n, _ in self.parameters):
            kept += (("rport", str(peer.port)), ("received", place(peer.host)))
        elif self.host != peer.host:
            kept += (("received", place(peer.host)),)
        return replace(self, parameters=kept)

    def answer_to(self, peer: Address) -> Address:
        """Where a response goes for a request that came from `peer` (RFC 3261 section 18.2.2, RFC 3581)."""
        if self.value("rport") is not None:
            return peer
        return Address(peer.host, self.port or 5060)

    def __str__(self) -> str:
        return f"SIP/2.0/{self.transport} {place(self.host, self.port)}{written(self.parameters)}"


@dataclass(frozen=True)
class Message:
    """What requests and responses share; header names in their usual spelling, Content-Length left to writing."""

    headers: tuple[Header, ...]
    body: bytes = b""

    def all(self, name: str) -> list[str]:
        """Every value of a header, comma-separated ones apart where its grammar is a list."""
        values = [value for given, value in self.headers if given == name]
        return [item for value in values for item in items(value)] if name in _LISTS else values

    def one(self, name: str) -> str:
        """The only value of a header; MalformedMessage when it is missing or there twice."""
        values = [value for given, value in self.headers if given == name]
        if len(values) != 1:
            raise MalformedMessage(name, "missing" if not values else "given twice")
        return values[0]

    def has(self, name: str) -> bool:
        """Whether the header is there at all."""
        return any(given == name for given, _ in self.headers)

    def tokens(self, name: str) -> set[str]:
        """A list header's values as lower-case tokens."""
        return {value.lower() for value in self.all(name)}

    @property
    def via(self) -> Via:
        """The top Via."""
        return Via.parse(next(iter(self.all("Via")), ""))

    @property
    def sender(self) -> NameAddr:
        """The From header."""
        return NameAddr.parse(self.one("From"))

    @property
    def recipient(self) -> NameAddr:
        """The To header."""
        return NameAddr.parse(self.one("To"))

    @property
    def call_id(self) -> str:
        return self.one("Call-ID")

    @property
    def cseq(self) -> CSeq:
        return CSeq.parse(self.one("CSeq"))

    @property
    def content_type(self) -> str:
        """The body's media type, lower case, without parameters; empty when not given."""
        value = next(iter(self.all("Content-Type")), "")
        return value.partition(";")[0].strip().lower()

    @property
    def sdp(self) -> str | None:
        """The body as text where it is SDP."""
        if not self.body or self.content_type != "application/sdp":
            return None
        return self.body.decode(errors="replace")

    def with_headers(self, *more: Header) -> Self:
        """A copy with these headers after the others."""
        return replace(self, headers=(*self.headers, *more))

    def with_body(self, body: str, kind: str = "application/sdp") -> Self:
        """A copy that carries this body."""
        return replace(self.with_headers(("Content-Type", kind)), body=body.encode())

    def with_via(self, via: Via) -> Self:
        """A copy whose top Via is this one."""
        rest = [("Via", value) for value in self.all("Via")[1:]]
        others = [header for header in self.headers if header[0] != "Via"]
        return replace(self, headers=(("Via", str(via)), *rest, *others))

    def _written(self, start: str) -> bytes:
        lines = [start, *(f"{name}: {value}" for name, value in self.headers), f"Content-Length: {len(self.body)}"]
        if any(_CONTROL.search(line) for line in lines):
            raise MalformedMessage("header", "control character in a value to be sent")
        return "\r\n".join((*lines, "", "")).encode() + self.body


@dataclass(frozen=True)
class Request(Message):
    """A request; its Request-URI is kept as text."""

    method: str = ""
    uri: str = ""

    @property
    def transaction(self) -> tuple[str, str]:
        """What names it among its sender's requests but the method (section 17.2.3): the branch and who sent it.

        A branch without the magic cookie is an RFC 2543 phone's and names nothing: there Call-ID, CSeq and From do.
        """
        via = self.via
        if via.branch.startswith(MAGIC) and via.branch != MAGIC:
            return via.branch, via.place
        return f"{self.call_id} {self.cseq.number} {self.sender.tag} {via.branch}", via.place

    def __bytes__(self) -> bytes:
        return self._written(f"{self.method} {self.uri} SIP/2.0")


@dataclass(frozen=True)
class Response(Message):
    """A response: status 100 to 699 and its phrase."""

    status: int = 0
    phrase: str = ""

    def __bytes__(self) -> bytes:
        return self._written(f"SIP/2.0 {self.status} {self.phrase}")


def parse(datagram: bytes) -> Request | Response:
    """Read one message; whatever is not one, or lacks what every message must have, raises MalformedMessage."""
    if len(datagram) > LARGEST:
        raise MalformedMessage("datagram", "too large")
    head, blank, body = datagram.partition(b"\r\n\r\n")
    if not blank:
        raise MalformedMessage("datagram", "headers do not end")
    try:
        text = head.decode()
    except UnicodeDecodeError:
        raise MalformedMessage("headers", "not UTF-8") from None
    start, *lines = re.sub(r"\r\n[ \t]+", " ", text.lstrip("\r\n")).split("\r\n")
    if len(lines) > MOST_HEADERS:
        raise MalformedMessage("headers", f"more than {MOST_HEADERS}")
    headers = [_header(line) for line in lines]
    lengths = [value for name, value in headers if name == "Content-Length"]
    body = _body(body, lengths)
    kept = tuple(header for header in headers if header[0] != "Content-Length")
    if len(start) > LONGEST_LINE or _CONTROL.search(start):
        raise MalformedMessage("start line", "too long or not text")
    return _whole(start, kept, body)


def _header(line: str) -> Header:
    name, colon, value = line.partition(":")
    name, value = name.rstrip(" \t"), value.strip(" \t")
    if not colon or len(line) > LONGEST_LINE or not _NAME.fullmatch(name) or _CONTROL.search(value):
        raise MalformedMessage("header", "not 'name: value', or too long")
    full = _COMPACT.get(name.lower()) or _KNOWN.get(name.lower()) or name
    return full, value


def _body(body: bytes, lengths: list[str]) -> bytes:
    if not lengths:
        return body
    if len(lengths) > 1 or not re.fullmatch(r"[0-9]{1,6}", lengths[0]) or int(lengths[0]) > len(body):
        raise MalformedMessage("Content-Length", "not the body's length")
    return body[: int(lengths[0])]


def _whole(start: str, headers: tuple[Header, ...], body: bytes) -> Request | Response:
    if found := _REQUEST_LINE.fullmatch(start):
        if len(found[2]) > LONGEST_URI:
            raise MalformedMessage("Request-URI", "too long")
        request = Request(headers, body, found[1], found[2])
        if request.cseq.method != request.method:
            raise MalformedMessage("CSeq", "names another method")
        return _checked(request)
    if found := _STATUS_LINE.fullmatch(start):
        return _checked(Response(headers, body, int(found[1]), found[2].strip()))
    raise MalformedMessage("start line", "neither request nor response")


def _checked(message: Request | Response) -> Request | Response:
    """The message, once reading what every message must have did not raise."""
    if not message.call_id or len(message.call_id) > 256:
        raise MalformedMessage("Call-ID", "empty or too long")
    if message.sender.tag is None:
        raise MalformedMessage("From", "no tag")
    _ = message.recipient, message.cseq, message.via
    return message
