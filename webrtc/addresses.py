"""Transport addresses in one spelling each, so that they compare equal when they are the same."""

from functools import lru_cache
from ipaddress import IPv6Address

Address = tuple[str, int]
"""An IP literal and a UDP port."""


@lru_cache(maxsize=4096)
def _host(host: str) -> str:
    if ":" not in host:
        return host
    try:
        address = IPv6Address(host)
    except ValueError:
        return host
    return str(address.ipv4_mapped or address)


def normalised(source: tuple[str, int]) -> Address:
    """The address with IPv4-mapped IPv6 as plain IPv4 (RFC 4291 section 2.5.5.2) and IPv6 compressed.

    Takes what `recvfrom` gives, also the four fields of an IPv6 socket.
    """
    return _host(source[0]), source[1]
