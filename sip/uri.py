"""SIP addresses as they stand in messages: URIs, and the name-addr form of From, To, Contact and routes."""

import re
from dataclasses import dataclass, replace

from parloir.sip.errors import MalformedMessage

Parameters = tuple[tuple[str, str | None], ...]

LONGEST_URI = 1024
_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_QUOTED = re.compile(r'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\r\n])*"')
_HOST = r"\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})"
_URI = re.compile(
    r"(?P<scheme>sips?):"
    r"(?:(?P<user>[A-Za-z0-9\-_.!~*'()&=+$,;?/%#:]{1,256})@)?"
    rf"(?P<host>{_HOST})"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<parameters>(?:;[A-Za-z0-9\-_.!~*'()\[\]/:&+$%]+(?:=[A-Za-z0-9\-_.!~*'()\[\]/:&+$%]+)?)*)"
    r"(?P<headers>\?[A-Za-z0-9\-_.!~*'()\[\]/:&+$%=?]+)?",
    re.IGNORECASE,
)
_DISPLAY = re.compile(r"[A-Za-z0-9\-.!%*_+`'~ \t]*")
_ANY_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"\x00-\x20\x7f]+")


@dataclass(frozen=True)
class Uri:
    """A sip: or sips: URI (RFC 3261 section 19.1); user as written, host without brackets, headers without "?"."""

    user: str
    host: str
    port: int | None = None
    parameters: Parameters = ()
    headers: str = ""
    scheme: str = "sip"

    @classmethod
    def parse(cls, text: str) -> "Uri":
        """Read one; MalformedMessage when it is anything else, over-long, or its port is not 1 to 65535."""
        found = _URI.fullmatch(text) if len(text) <= LONGEST_URI else None
        if found is None:
            raise MalformedMessage("URI", "not a sip URI")
        port = int(found["port"]) if found["port"] else None
        if port is not None and not 1 <= port <= 65535:
            raise MalformedMessage("URI", "port out of range")
        pairs = []
        for item in found["parameters"].split(";")[1:]:
            name, equals, value = item.partition("=")
            pairs.append((name, value if equals else None))
        headers = (found["headers"] or "")[1:]
        host = found["host"].strip("[]")
        return cls(found["user"] or "", host, port, tuple(pairs), headers, found["scheme"].lower())

    def has(self, name: str) -> bool:
        """Whether a parameter of that name is there."""
        return any(given.lower() == name for given, _ in self.parameters)

    def bare(self) -> "Uri":
        """Without headers, as a Request-URI must be."""
        return replace(self, headers="")

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        tail = "".join(f";{name}" if value is None else f";{name}={value}" for name, value in self.parameters)
        question = f"?{self.headers}" if self.headers else ""
        return f"{self.scheme}:{user}{place(self.host, self.port)}{tail}{question}"


@dataclass(frozen=True)
class NameAddr:
    """A display name, a URI of any scheme kept as text, and the header's own parameters (RFC 3261 section 20.10)."""

    uri: str
    display: str = ""
    parameters: Parameters = ()

    @classmethod
    def parse(cls, text: str) -> "NameAddr":
        """Read name-addr or addr-spec; MalformedMessage otherwise."""
        display, rest = "", text
        if rest.startswith('"'):
            quoted = _QUOTED.match(rest)
            if quoted is None:
                raise MalformedMessage("address", "unterminated display name")
            display, rest = unquoted(quoted[0]), rest[quoted.end() :].lstrip()
        elif "<" in rest:
            display, rest = rest[: rest.index("<")].strip(), rest[rest.index("<") :]
            if not _DISPLAY.fullmatch(display):
                raise MalformedMessage("address", "display name needs quotes")
        if rest.startswith("<"):
            uri, closing, tail = rest[1:].partition(">")
            if not closing:
                raise MalformedMessage("address", "no closing bracket")
        elif display:
            raise MalformedMessage("address", "no URI after the display name")
        else:
            uri, semicolon, tail = rest.partition(";")
            uri, tail = uri.rstrip(), semicolon + tail
        if len(uri) > LONGEST_URI or not _ANY_URI.fullmatch(uri):
            raise MalformedMessage("address", "not a URI")
        return cls(uri, display, parameters(tail))

    def value(self, name: str) -> str | None:
        """A parameter's value by its lower-case name."""
        return next((value for given, value in self.parameters if given.lower() == name), None)

    @property
    def tag(self) -> str | None:
        """The dialog tag (RFC 3261 section 19.3)."""
        return self.value("tag")

    def __str__(self) -> str:
        name = f"{quoted(self.display)} " if self.display else ""
        return f"{name}<{self.uri}>{written(self.parameters)}"


def place(host: str, port: int | None = None) -> str:
    """host:port with the brackets an IPv6 literal needs."""
    bracketed = f"[{host}]" if ":" in host else host
    return bracketed if port is None else f"{bracketed}:{port}"


def quoted(text: str) -> str:
    """A quoted-string; control characters become spaces."""
    clean = "".join(c if c.isprintable() else " " for c in text)
    return '"' + clean.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquoted(text: str) -> str:
    """The text inside a quoted-string."""
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def parameters(text: str) -> Parameters:
    """Read ";name=value;name"; values keep their quotes. At most 32; MalformedMessage otherwise."""
    pairs: list[tuple[str, str | None]] = []
    rest = text.strip()
    while rest:
        name = _TOKEN.match(rest[1:].lstrip()) if rest.startswith(";") else None
        if name is None or len(pairs) == 32:
            raise MalformedMessage("parameters", "not ;name=value")
        rest = rest[1:].lstrip()[name.end() :].lstrip()
        value = None
        if rest.startswith("="):
            rest = rest[1:].lstrip()
            found = _QUOTED.match(rest) or re.match(r"[A-Za-z0-9\-.!%*_+`'~\[\]:/@]+", rest)
            if found is None:
                raise MalformedMessage("parameters", "no value after '='")
            value, rest = found[0], rest[found.end() :].lstrip()
        pairs.append((name[0], value))
    return tuple(pairs)


def written(pairs: Parameters) -> str:
    """The opposite of parameters()."""
    return "".join(f";{name}" if value is None else f";{name}={value}" for name, value in pairs)


def items(text: str) -> list[str]:
    """A header's comma-separated values; commas inside quotes or angle brackets do not count."""
    found, start, quote, bracket, at = [], 0, False, False, 0
    while at < len(text):
        c = text[at]
        if quote and c == "\\":
            at += 1
        elif c == '"' and not bracket:
            quote = not quote
        elif not quote and c in "<>":
            bracket = c == "<"
        elif c == "," and not quote and not bracket:
            found.append(text[start:at].strip())
            start = at + 1
        at += 1
    found.append(text[start:].strip())
    return [item for item in found if item]
