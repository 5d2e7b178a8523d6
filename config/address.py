"""The addresses a configuration is written with: HOST:PORT, port ranges, SIP URIs and listeners."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from parloir.config.errors import Unfit

SIP_PORT = 5060
SIPS_PORT = 5061
TRANSPORTS = ("udp", "tcp", "tls")

_LIKE = "write it like 'sip:1001@10.0.0.20:5060'"
_USER = re.compile(r"[A-Za-z0-9\-_.!~*'()&=+$,;?/#%]{1,128}")
_LABELS = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*\.?")


@dataclass(frozen=True)
class HostPort:
    """A place to listen or connect: host without brackets, port 0 to 65535 (0: any free one)."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class PortRange:
    """UDP ports from first to last, both included."""

    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True)
class SipAddress:
    """Where a phone or PBX answers (RFC 3261 section 19.1): user may be empty, host without brackets.

    `portless` marks a name without a port, of which a domain may say which servers are meant (RFC 3263).
    """

    user: str
    host: str
    port: int = SIP_PORT
    transport: str = "udp"
    portless: bool = False

    @classmethod
    def parse(cls, text: str) -> "SipAddress":
        """Read "sip:user@host:port;transport=tcp"; Unfit says what is wrong with it."""
        scheme, colon, rest = text.partition(":")
        if not colon or scheme.lower() != "sip":
            raise Unfit(f"{text!r} is not a SIP address", _LIKE)
        user, at, rest = rest.rpartition("@")
        if at and not _USER.fullmatch(user):
            raise Unfit(f"{text!r} has no valid user before '@'", _LIKE)
        place, semicolon, parameter = rest.partition(";")
        name, _, transport = parameter.lower().partition("=")
        if semicolon and (name != "transport" or transport not in TRANSPORTS):
            raise Unfit(f"{text!r} ends in something other than its transport", "end it with ;transport=tcp or tls")
        try:
            host, port = _split(place, SIPS_PORT if transport == "tls" else SIP_PORT)
            portless = not is_ip(host) and ":" not in place
            return cls(user, host, _port(port, least=1), transport or "udp", portless)
        except Unfit as error:
            raise Unfit(f"{text!r}: {error.message}", _LIKE) from None

    def __str__(self) -> str:
        place = self.host if self.portless else HostPort(self.host, self.port)
        tail = "" if self.transport == "udp" else f";transport={self.transport}"
        return (f"sip:{self.user}@{place}" if self.user else f"sip:{place}") + tail


def host_port(text: str) -> HostPort:
    """Read "127.0.0.1:8080" or "[::1]:8080"; Unfit says what is wrong with it."""
    host, port = _split(text, None)
    return HostPort(host, _port(port, least=0))


def port_range(text: str) -> PortRange:
    """Read "30000-31999"; Unfit says what is wrong with it."""
    first, dash, last = text.replace(" ", "").partition("-")
    if not dash:
        raise Unfit(f"{text!r} is not a range of ports", "write it like 30000-31999")
    found = PortRange(_port(first, least=1), _port(last, least=1))
    if found.last < found.first:
        raise Unfit(f"{text!r} ends before it begins", "write the lower port first")
    return found


def listener(text: str) -> tuple[str, str, int]:
    """Read "udp://0.0.0.0:5060" into transport, host and port; Unfit says what is wrong with it."""
    transport, separator, place = text.partition("://")
    if not separator or transport.lower() not in TRANSPORTS:
        raise Unfit(f"{text!r} is not a listener", "write it like 'udp://0.0.0.0:5060' (udp, tcp or tls)")
    transport = transport.lower()
    host, port = _split(place, SIPS_PORT if transport == "tls" else SIP_PORT)
    return transport, ip(host), _port(port, least=0)


def ip(text: str) -> str:
    """An IP literal in its plain form; Unfit when it is a name or anything else."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise Unfit(f"{text!r} is not an IP address", "write one like 0.0.0.0 or 10.0.0.5") from None


def network(text: str) -> str:
    """An IP literal or network (10.0.0.0/24) in its plain form; Unfit when it is anything else."""
    try:
        found = ipaddress.ip_network(text)
    except ValueError:
        raise Unfit(f"{text!r} is not an IP address or network", "write one like 10.0.0.5 or 10.0.0.0/24") from None
    return str(found.network_address) if found.num_addresses == 1 else str(found)


def public_url(text: str) -> str:
    """Scheme, host and port that visitors' links begin with, no slash at the end; Unfit says what is wrong."""
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        raise Unfit(f"{text!r} is not a URL", "write it like https://visits.example.org") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not is_host(parts.hostname):
        raise Unfit(f"{text!r} is not a web address", "write it like https://visits.example.org")
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username is not None:
        raise Unfit(f"{text!r} holds more than scheme, host and port", "write it like https://visits.example.org")
    return f"{parts.scheme}://{parts.netloc}"


def is_host(text: str) -> bool:
    """Whether this can be a host: an IP literal or a DNS name."""
    last = text.rstrip(".").rpartition(".")[2]
    return is_ip(text) or (len(text) <= 253 and bool(_LABELS.fullmatch(text)) and not last.isdigit())


def is_ip(text: str) -> bool:
    """Whether this is an IP literal."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_local(host: str) -> bool:
    """Whether browsers take pages from this host as coming from their own machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def overlap(one: str, other: str) -> bool:
    """Whether two IP literals to listen on share an address: 0.0.0.0 is all of IPv4, :: all there is."""
    if one == other or "::" in (one, other):
        return True
    same = (":" in one) == (":" in other)
    return same and any(ipaddress.ip_address(host).is_unspecified for host in (one, other))


def _split(text: str, default: int | None) -> tuple[str, str]:
    """Host and port as text, the brackets of an IPv6 literal taken off."""
    if text.startswith("["):
        host, bracket, tail = text[1:].partition("]")
        if not bracket or ":" not in host or (tail and not tail.startswith(":")):
            raise Unfit(f"{text!r} is not HOST:PORT", "write an IPv6 address like [::1]:8080")
        port = tail[1:] if tail else ""
    else:
        host, _, port = text.partition(":")
    if not is_host(host):
        raise Unfit(f"{host!r} is not a host", "write an IP address or a name")
    if not port and default is None:
        raise Unfit(f"{text!r} names no port", "write it like 127.0.0.1:8080")
    return host, port or str(default)


def _port(text: str, least: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and least <= int(text) <= 65535):
        raise Unfit(f"{text!r} is not a port", f"write a number from {least} to 65535")
    return int(text)
