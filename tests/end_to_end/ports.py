"""Free ports of the loopback interface, each handed out once, so that tests can run side by side."""

import itertools
import os
import socket

FIRST, LAST = 25000, 29999


def _start() -> int:
    return FIRST + (os.getpid() * 64) % (LAST - FIRST - 1000) // 2 * 2


_next = itertools.count(_start(), 2)


def free_ports(count: int = 1) -> int:
    """The first of `count` neighbouring ports that nobody holds, UDP or TCP; always an even number."""
    while True:
        first = FIRST + (next(_next) - FIRST) % (LAST - FIRST - count)
        first += first % 2
        if all(_is_free(port) for port in range(first, first + count)):
            for _ in range(count // 2):
                next(_next)
            return first


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
