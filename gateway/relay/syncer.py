"""Bids the disk keep what it was given, in a thread that may wait for it."""

import os
import queue
import threading
from contextlib import suppress


class Syncer:
    """One thread, started with the first file; a file that comes while the one before takes long is not lost."""

    def __init__(self) -> None:
        self._files: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def sync(self, file: int) -> None:
        """Take a descriptor, and close it when the disk has what is in the file."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="syncer", daemon=True)
            self._thread.start()
        self._files.put(file)

    def stop(self) -> None:
        """Sync what waits, and end the thread."""
        if self._thread is not None:
            self._files.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while (file := self._files.get()) is not None:
            with suppress(OSError):  # a disk that fails says so at the next write
                os.fdatasync(file)
            os.close(file)
