"""How long this machine lets a process wait that wants to run, for limits meant for one with nothing else to do."""

import threading
import time
from types import TracebackType

NAP = 0.01
HANDS = 5
"""Through how many processes a packet or a word goes, from one party to the other or to an officer."""


class Lateness:
    """Watches from a thread, whenever it is entered, how late a nap of ten milliseconds ends at worst."""

    def __init__(self) -> None:
        self.worst = 0.0
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "Lateness":
        self._over.clear()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        while True:
            began = time.monotonic()
            if self._over.wait(NAP):
                return
            self.worst = max(self.worst, time.monotonic() - began - NAP)

    def limit(self, seconds: float) -> float:
        """What takes so long at most on a machine at rest may have taken this long here, in seconds."""
        return seconds + HANDS * self.worst
