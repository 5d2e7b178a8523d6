"""The relay process: `python -m parloir.relay.main`, commanded over AMP on descriptor 3 and ended by its closing."""

import gc
import os
import signal
import socket
from contextlib import suppress
from typing import Any

from twisted.internet.protocol import Factory

from parloir import steady
from parloir.log import json_log, take_twisted

GATEWAY = 3
"""The descriptor on which the gateway is."""

AHEAD = -10
"""The process's niceness, where it is allowed one: media cannot wait for what the gateway does otherwise."""

GARBAGE = (2_000, 5, 5)
"""Thresholds of the garbage collector. Media makes no cycles, but every call leaves some, with 130 kB behind them; what
was there before the first call is frozen, so that a full collection finds little to look through."""


def main() -> None:
    """Run until the gateway closes the connection."""
    steady.install()
    from twisted.internet import reactor

    serve(reactor)


def serve(reactor: Any) -> None:
    """Answer the gateway on its descriptor, by this reactor.

    What asks a whole group of processes to stop, as a terminal or a service manager does, is the gateway's to heed: its
    calls may go on for a while.
    """
    from parloir.relay.protocol import GatewayProtocol

    for asked_to_stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(asked_to_stop, signal.SIG_IGN)
    take_twisted(json_log())
    protocol = GatewayProtocol(reactor, reactor.stop)
    factory = Factory.forProtocol(lambda: protocol)
    with socket.socket(fileno=GATEWAY) as gateway:
        gateway.setblocking(False)
        reactor.adoptStreamConnection(gateway.fileno(), socket.AF_UNIX, factory)
    with suppress(PermissionError):
        os.nice(AHEAD)
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    reactor.run(installSignalHandlers=False)


if __name__ == "__main__":
    main()
