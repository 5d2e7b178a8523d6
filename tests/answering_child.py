"""A child process that speaks AMP on its socket (descriptor 3) and knows no command."""

import socket
from typing import Any

from twisted.internet import reactor
from twisted.internet.protocol import Factory, connectionDone
from twisted.protocols import amp
from twisted.python.failure import Failure

running: Any = reactor


class Answering(amp.AMP):
    """Ends with its connection."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802
        super().connectionLost(reason)
        running.stop()


if __name__ == "__main__":
    with socket.socket(fileno=3) as parent:
        parent.setblocking(False)
        running.adoptStreamConnection(parent.fileno(), socket.AF_UNIX, Factory.forProtocol(Answering))
    running.run()
