"""Child processes: started with an AMP socket as descriptor 3, watched, and started again with growing delay."""

import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from twisted.internet import protocol
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.error import ConnectionDone, ProcessDone
from twisted.protocols import amp
from twisted.python.failure import Failure

from parloir.log import Log
from parloir.pulse import Pulse

FIRST_DELAY = 0.1
LONGEST_DELAY = 10.0
PROVEN = 30.0


class Owner(Protocol):
    """Who uses a child: hears when it can be talked to, and when it is gone."""

    def locator(self, index: int) -> amp.CommandLocator:
        """What answers the child's own commands."""

    async def came_up(self, index: int, child: amp.AMP) -> None:
        """The child is connected; an error here ends the child, and it is started again."""

    def went_down(self, index: int) -> None:
        """The child that came up is gone."""


def backoff(failures: int) -> float:
    """Seconds to wait before the next start after so many quick ends in a row."""
    return min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(failures, 16))


class _Output(protocol.ProcessProtocol):
    """Takes a child's output, a log line each, and tells of its end."""

    def __init__(self, child: "Child") -> None:
        self.child = child
        self.rest = b""

    def childDataReceived(self, childFD: int, data: bytes) -> None:  # noqa: N802, N803
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self.child.say("child.output", text=line.decode(errors="replace")[:1000])
        self.rest = self.rest[-4096:]

    def processEnded(self, reason: Failure) -> None:  # noqa: N802
        self.child.ended("" if isinstance(reason.value, ProcessDone) else reason.getErrorMessage())


@dataclass
class Child:
    """One supervised process: `module` run by this Python, known to its owner as `index`.

    `ready` fires when it has come up for the first time. One that no longer answers is ended, and started again.
    """

    reactor: Any
    name: str
    module: str
    index: int
    owner: Owner
    log: Log
    failures: int = 0
    started: float = 0.0
    up: bool = False
    stopping: bool = False
    process: Any = None
    connection: Any = None
    gone: Callable[[], None] | None = field(default=None, repr=False)
    ready: "Deferred[None]" = field(default_factory=lambda: Deferred(), repr=False)
    pulse: Pulse = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.pulse = Pulse(self.reactor, self._hangs)

    def say(self, event: str, **fields: Any) -> None:
        """A log line that names this child."""
        self.log(event, child=f"{self.name}-{self.index}", **fields)

    def start(self) -> None:
        """Start the process and connect to it."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self.started = self.reactor.seconds()
        with open(os.devnull, "rb") as nothing, theirs:
            self.process = self.reactor.spawnProcess(
                _Output(self),
                sys.executable,
                [sys.executable, "-m", self.module],
                env=os.environ,
                childFDs={0: nothing.fileno(), 1: "r", 2: "r", 3: theirs.fileno()},
            )
        self.say("child.started", pid=self.process.pid)
        connection = self.connection = amp.AMP(locator=self.owner.locator(self.index))  # type: ignore[no-untyped-call]
        factory = protocol.Factory.forProtocol(lambda: connection)
        with ours:
            self.reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, factory)
        ensureDeferred(self._welcome(connection)).addErrback(self._unwelcome)

    async def _welcome(self, connection: amp.AMP) -> None:
        await self.owner.came_up(self.index, connection)
        self.up = True
        self.pulse.start(connection)
        if not self.ready.called:
            self.ready.callback(None)

    def _unwelcome(self, failure: Failure) -> None:
        if not self.stopping and not isinstance(failure.value, ConnectionDone):
            self.say("child.refused", why=failure.getErrorMessage())
        self.kill()

    def _hangs(self) -> None:
        self.say("child.hangs")
        self.kill()

    def kill(self) -> None:
        """End the process at once."""
        if self.process is not None and self.process.pid:
            self.process.signalProcess("KILL")

    def stop(self, gone: Callable[[], None]) -> None:
        """Close the child's socket, which ends it; `gone` is called when it has ended."""
        self.stopping, self.gone = True, gone
        self.pulse.stop()
        if self.process is None:
            gone()
        else:
            self._disconnect()

    def _disconnect(self) -> None:
        if self.connection is not None and self.connection.transport is not None:
            self.connection.transport.loseConnection()

    def ended(self, why: str) -> None:
        """The process is gone: tell the owner, and start another after a delay."""
        was_up, self.up, self.process = self.up, False, None
        self.pulse.stop()
        self._disconnect()
        if was_up:
            self.owner.went_down(self.index)
        if self.stopping:
            if self.gone is not None:
                self.gone()
            return
        self.failures = 0 if self.reactor.seconds() - self.started > PROVEN else self.failures + 1
        delay = backoff(self.failures - 1) if self.failures else FIRST_DELAY
        self.say("child.ended", why=why, restart_in=delay)
        self.reactor.callLater(delay, self._restart)

    def _restart(self) -> None:
        if not self.stopping:
            self.start()
