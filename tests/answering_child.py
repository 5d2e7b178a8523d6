"""A child process that speaks AMP on its socket (descriptor 3) and knows no command."""

import socket

from twisted.internet import reactor
from twisted.internet.protocol import Factory
from twisted.protocols import amp


class Answering(amp.AMP):
    """Ends with its connection."""

    def connectionLost(self, reason: object) -> None:  # noqa: N802
        super().connectionLost(reason)
        reactor.stop()


if __name__ == "__main__":
    with socket.socket(fileno=3) as parent:
        parent.setblocking(False)
        reactor.adoptStreamConnection(parent.fileno(), socket.AF_UNIX, Factory.forProtocol(Answering))
    reactor.run()
