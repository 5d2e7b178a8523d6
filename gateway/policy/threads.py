"""The two threads a plugin runs in: one for `def`, one with an asyncio loop for `async def`.

Both are daemons, so that a plugin that never returns cannot keep the gateway from ending. A thread is never ended from
outside: one that hangs is let go and replaced.
"""

import asyncio
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any, Protocol

from parloir.policy.job import Job

LAST_WORDS = 0.5


class Lane(Protocol):
    """A thread that runs a plugin's jobs. All but the jobs is called from the reactor's thread."""

    def submit(self, job: Job) -> None:
        """Run it when its turn comes."""

    def give_up(self, job: Job) -> bool:
        """Nobody waits for this job any more; True when it is what keeps the others from their turn."""

    def hangs(self, limit: float) -> bool:
        """Whether no other job gets its turn, and has not for `limit` seconds."""

    def leave(self) -> list[Job]:
        """Take no more jobs, and end when the running ones let it; answers those that were not begun."""


class CallThread:
    """Runs one `def` after the other."""

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._running: Job | None = None
        Thread(target=self._run, name=f"plugin {name}", daemon=True).start()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            if job.claim():
                self._running = job
                job.run()
                self._running = None

    def submit(self, job: Job) -> None:
        """See Lane."""
        self._jobs.put(job)

    def give_up(self, job: Job) -> bool:
        """See Lane. A running `def` cannot be stopped."""
        return self._running is job

    def hangs(self, limit: float) -> bool:
        """See Lane."""
        job = self._running
        return job is not None and job.started is not None and monotonic() - job.started > limit

    def leave(self) -> list[Job]:
        """See Lane."""
        waiting = []
        try:
            while True:
                if (job := self._jobs.get_nowait()) is not None:
                    waiting.append(job)
        except Empty:
            self._jobs.put(None)
        return waiting


class LoopThread:
    """Runs `async def`s side by side as tasks of one asyncio loop."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda loop, context: None)
        self._tasks: dict[Job, asyncio.Task[None]] = {}
        self._prodded: float | None = None
        self._left = False
        Thread(target=self._run, name=f"plugin {name} (async)", daemon=True).start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        while not self._left:
            try:
                self._loop.run_forever()
            except BaseException:  # a task of the plugin's own making raised SystemExit: its loop goes on
                continue
        self._loop.close()

    def submit(self, job: Job) -> None:
        """See Lane."""
        self._soon(self._begin, job)

    def _begin(self, job: Job) -> None:
        if job.claim():
            task = self._loop.create_task(job.run_async())
            self._tasks[job] = task
            task.add_done_callback(lambda _: self._tasks.pop(job, None))

    def give_up(self, job: Job) -> bool:
        """See Lane. The task is cancelled, and one that swallows that left alone; a loop that is held shows later."""
        if self._prodded is None:
            self._prodded = monotonic()
        self._soon(self._cancel, job)
        return False

    def _cancel(self, job: Job) -> None:
        self._prodded = None
        if task := self._tasks.get(job):
            task.cancel()

    def hangs(self, limit: float) -> bool:
        """See Lane."""
        return self._prodded is not None and monotonic() - self._prodded > limit

    def leave(self) -> list[Job]:
        """See Lane."""
        self._soon(self._end)
        return []

    def _end(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.call_later(LAST_WORDS, self._stop)

    def _stop(self) -> None:
        self._left = True
        self._loop.stop()

    def _soon(self, act: Callable[..., None], *arguments: Any) -> None:
        self._loop.call_soon_threadsafe(act, *arguments)
