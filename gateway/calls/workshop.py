"""Where recordings are made playable: one worker process at a time, so that calls have the machine."""

import os
import sys
from collections.abc import Callable
from typing import Any

from twisted.internet import protocol
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.error import ProcessDone
from twisted.python.failure import Failure

from parloir.errors import ParloirError
from parloir.export.job import Job, said

LONGEST_LINE = 65_536


class CannotMake(ParloirError):
    """The worker could not make a file of a recording; the message says why."""


class Workshop:
    """Does jobs in turn; `reactor` spawns the workers."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._lock = DeferredLock()

    async def do(self, job: Job, progress: Callable[[float], None]) -> None:
        """Do a job when its turn has come; `progress` is told the share done. Raises CannotMake."""
        await self._lock.acquire()
        try:
            worker = _Worker(progress)
            process = self._reactor.spawnProcess(
                worker, sys.executable, [sys.executable, "-m", "parloir.export.main"], env=os.environ
            )
            process.write(job.model_dump_json().encode())
            process.closeStdin()
            await worker.over
        finally:
            self._lock.release()


class _Worker(protocol.ProcessProtocol):
    def __init__(self, progress: Callable[[float], None]) -> None:
        self.over: Deferred[None] = Deferred()
        self._progress = progress
        self._rest = b""
        self._error = ""
        self._complaint = b""

    def outReceived(self, data: bytes) -> None:  # noqa: N802
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-LONGEST_LINE:]
        for each in said(iter(lines)):
            self._error = each.error or self._error
            self._progress(each.progress)

    def errReceived(self, data: bytes) -> None:  # noqa: N802
        self._complaint = (self._complaint + data)[-2000:]

    def processEnded(self, reason: Failure) -> None:  # noqa: N802
        if isinstance(reason.value, ProcessDone):
            self.over.callback(None)
            return
        last = self._complaint.decode(errors="replace").strip().rpartition("\n")[2]
        self.over.errback(CannotMake(self._error or last or reason.getErrorMessage()))
