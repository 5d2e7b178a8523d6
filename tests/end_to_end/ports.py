"""Free ports of the loopback interface, each handed out once; processes that test at the same time do not meet."""

import atexit
import itertools
import socket
from functools import cache

FIRST, LAST = 20000, 29999
SHARE = 1240

_kept: set[int] = set()


class NoPortsLeft(Exception):
    """Every share of the ports is taken by another process that runs these tests, or the share is used up."""


@cache
def _share() -> "itertools.cycle[int]":
    """This process's even ports. Its first port is held as long as the process lives: others see it and go on."""
    for first in range(FIRST, LAST - SHARE, SHARE):
        guard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            guard.bind(("127.0.0.1", first))
        except OSError:
            guard.close()
            continue
        atexit.register(guard.close)
        return itertools.cycle(range(first + 2, first + SHARE, 2))
    raise NoPortsLeft(f"{FIRST} to {LAST}")


def free_ports(count: int = 1) -> int:
    """The first of `count` neighbouring ports that nobody holds, UDP or TCP; always an even number."""
    ports = _share()
    run: list[int] = []
    for _ in range(SHARE):
        port = next(ports)
        follows = bool(run) and port == run[-1] + 2
        run = [*run, port] if follows else [port]
        if not (_is_free(port) and _is_free(port + 1)):
            run = []
        elif len(run) * 2 >= count:
            return run[0]
    raise NoPortsLeft(f"{count} in a row")


def keep(ports: range) -> range:
    """Hand these ports to nobody, though they are not bound yet; the ports."""
    _kept.update(ports)
    return ports


def let_go(ports: range) -> None:
    """They may be handed out again."""
    _kept.difference_update(ports)


def _is_free(port: int) -> bool:
    if port in _kept:
        return False
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def literal(host: str) -> str:
    """An IP address as it stands before a port."""
    return f"[{host}]" if ":" in host else host


def family(host: str) -> socket.AddressFamily:
    """The family of sockets for an IP address."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET
