"""This machine's own addresses, and how an address is written."""

import socket
from ipaddress import IPv6Address, ip_address

from parloir.rtp.description import Address
from parloir.sip.errors import Unreachable


def plain(host: str) -> str:
    """An IP literal as the rest of us writes it: an IPv4-mapped address is the IPv4 one."""
    literal = ip_address(host.partition("%")[0])
    mapped = literal.ipv4_mapped if isinstance(literal, IPv6Address) else None
    return str(mapped or literal)


def local_address(peer: Address) -> str:
    """The address this machine has toward a peer; Unreachable when there is no way."""
    family = socket.AF_INET6 if ":" in peer.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((peer.host, peer.port))
        except OSError as error:
            raise Unreachable(peer.host, error.strerror or "no route") from None
        return str(probe.getsockname()[0])
