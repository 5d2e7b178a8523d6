"""Where a request comes from: the client's address behind proxies, and the page's origin."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

Network = IPv4Network | IPv6Network


def networks(proxies: Sequence[str | Network]) -> tuple[Network, ...]:
    """The trusted proxies, each an address or a network in CIDR form; raises ValueError."""
    return tuple(ip_network(str(proxy)) for proxy in proxies)


def client_address(peer: str, forwarded: Sequence[str], proxies: Sequence[Network]) -> str:
    """The nearest address that is not a trusted proxy, read from the right of X-Forwarded-For's values.

    What a client wrote there itself is never believed: the walk stops at the first untrusted or malformed entry.
    """
    address = _plain(peer) or peer
    entries = [entry.strip() for value in forwarded for entry in value.split(",")]
    while entries and _trusted(address, proxies):
        nearer = _plain(entries.pop())
        if nearer is None:
            break
        address = nearer
    return address


def origin_allowed(origin: str | None, host: str | None, public_url: str) -> bool:
    """Whether a WebSocket may be opened by a page of that origin: ours by public_url, or by the Host it asked for.

    A client that is no browser sends none, and holds the visit's token all the same.
    """
    if origin is None:
        return True
    page, ours = urlsplit(origin), urlsplit(public_url)
    if page.scheme not in ("http", "https"):
        return False
    if (page.scheme, page.netloc.lower()) == (ours.scheme, ours.netloc.lower()):
        return True
    return host is not None and page.netloc.lower() == host.lower()


def _plain(text: str) -> str | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _trusted(address: str, proxies: Sequence[Network]) -> bool:
    plain = _plain(address)
    return plain is not None and any(ip_address(plain) in network for network in proxies)
