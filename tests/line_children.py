"""Real line processes for tests, each with an AMP socket as descriptor 3, as the gateway starts them."""

import os
import signal
import socket
import subprocess
import sys
from typing import Any

from twisted.internet import protocol
from twisted.internet.defer import Deferred
from twisted.protocols import amp

from parloir.sip.agent import UserAgent


class LineChild:
    """One line process and our end of its connection."""

    def __init__(self, reactor: Any, agent: UserAgent, index: int) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _START, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        self._agent = agent
        self._reactor = reactor
        self.index = index
        self.amp: Any = amp.AMP(locator=agent.line_locator(index))
        factory = protocol.Factory.forProtocol(lambda: self.amp)
        with ours:
            reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, factory)

    async def up(self) -> None:
        """Hand it to the agent."""
        await self._agent.line_up(self.index, self.amp)

    @property
    def alive(self) -> bool:
        """Whether the process that was started still runs."""
        return self.process.poll() is None

    def kill(self) -> None:
        """kill -9, and tell the agent as a supervisor would."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.amp.transport.loseConnection()
        self._agent.line_down(self.index)

    async def close(self) -> int:
        """Close its connection, which ends it; its exit status, and TimeoutError when it stays."""
        if self.amp.transport is not None:
            self.amp.transport.loseConnection()
        for _ in range(500):
            status = self.process.poll()
            if status is not None:
                return status
            pause: Deferred[None] = Deferred()
            self._reactor.callLater(0.01, pause.callback, None)
            await pause
        self.process.kill()
        self.process.wait()
        raise TimeoutError("the line did not end with its connection")


_START = """
import os, runpy, sys
os.dup2(int(sys.argv[1]), 3)
runpy.run_module("parloir.sip.line_main", run_name="__main__")
"""
