"""This machine's name, and which of its addresses others are told: the one that leads to them, or all to be tried."""

import ipaddress
import socket

import ifaddr


def toward(host: str) -> str:
    """This machine's address on the way to `host` (an IP literal); nothing is sent. Raises OSError without a route."""
    family = socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 9))
        return str(probe.getsockname()[0])


def host_name() -> str:
    """This machine's name, as it calls itself."""
    return socket.gethostname()


def own_addresses(loopback: bool) -> tuple[str, ...]:
    """All addresses of this machine that others could reach, IPv4 first; loopback ones only if asked for."""
    found = set()
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            address = ipaddress.ip_address(ip.ip if isinstance(ip.ip, str) else ip.ip[0])
            if not address.is_link_local and (loopback or not address.is_loopback):
                found.add(address)
    return tuple(str(a) for a in sorted(found, key=lambda a: (a.version, int(a))))


def candidates(listen: str, public: tuple[str, ...], loopback: bool) -> tuple[str, ...]:
    """The addresses a browser is told for a socket at `listen`: `public` as configured, "auto" being our own."""
    found: list[str] = []
    for address in public:
        if address != "auto":
            found.append(address)
        elif not ipaddress.ip_address(listen).is_unspecified:
            found.append(listen)
        else:
            version = ipaddress.ip_address(listen).version
            found += [a for a in own_addresses(loopback) if version == 6 or ipaddress.ip_address(a).version == 4]
    return tuple(dict.fromkeys(found))
