"""Writes a relay's journals in a thread of its own, so that no disk can make media wait."""

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from twisted.logger import Logger

from parloir.relay.journal import End, JournalWriter, Record, packed
from parloir.relay.syncer import Syncer

BACKLOG = 64 << 20
"""Octets that may wait for the disk, of all recordings of a relay together; beyond it, a recording has failed."""
PATIENCE = 2.0
"""Seconds that anything may wait for the disk: what a crash of the relay may cost a recording at most."""
SYNC = 1.0
"""Seconds between two commands to the disk to keep what it was given."""

NOTHING = End(0, 0, "")
"""Where a journal ends that was never begun."""


@dataclass(frozen=True)
class Outcome:
    """How a recording ended; `failure` says why it could not be written on, and is empty when it was closed."""

    recording: str
    end: End
    failure: str = ""


@dataclass
class Writing:
    """One journal that is being written. `stopped` once it has failed or was closed; both threads read it."""

    recording: str
    path: Path
    key: bytes = field(repr=False)
    over: Callable[[Outcome], None]
    stopped: bool = False
    writer: JournalWriter | None = None


@dataclass(frozen=True)
class Work:
    """What the thread is to do with a journal: append records, and at last close it. `given` in monotonic seconds."""

    writing: Writing
    records: list[Record]
    octets: int
    given: float
    close: bool = False


class Recorder:
    """One thread for all recordings of a relay, started with the first. `later` runs a call on the reactor's thread."""

    def __init__(self, later: Callable[..., object], clock: Callable[[], float] = time.monotonic) -> None:
        self._later = later
        self._clock = clock
        self._work: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._given = 0
        self._done = 0
        self._thread: threading.Thread | None = None
        self._syncer = Syncer()
        self._open: set[str] = set()
        self._log = Logger()

    def begin(self, recording: str, path: Path, key: bytes, over: Callable[[Outcome], None]) -> Writing:
        """Make a journal; `over` is called once, when it is closed or has failed."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
            self._thread.start()
        writing = Writing(recording, path, key, over)
        self._open.add(recording)
        self.append(writing, [])
        return writing

    def append(self, writing: Writing, records: list[Record]) -> None:
        """Give records to be written; they are not copied. Where the disk is far behind, the recording fails."""
        self._give(writing, records, close=False)

    def close(self, writing: Writing, records: list[Record]) -> None:
        """Write the last records, and close the journal."""
        self._give(writing, records, close=True)

    def fail(self, writing: Writing, why: str) -> None:
        """Give a recording up; what was written stays."""
        if not writing.stopped:
            writing.stopped = True
            end = writing.writer.end if writing.writer else NOTHING
            self._tell(writing, Outcome(writing.recording, end, why))
            self._work.put(Work(writing, [], 0, self._clock(), close=True))

    def stop(self) -> None:
        """Write what waits, and end the thread."""
        if self._thread is not None:
            self._work.put(None)
            self._thread.join()
            self._thread = None
            self._syncer.stop()

    def _give(self, writing: Writing, records: list[Record], close: bool) -> None:
        if writing.stopped:
            return
        octets = sum(len(record.data) for record in records)
        if self._given - self._done + octets > BACKLOG:
            self.fail(writing, "the disk is too slow: too much waits to be written")
            return
        self._given += octets
        self._work.put(Work(writing, records, octets, self._clock(), close))

    def _tell(self, writing: Writing, outcome: Outcome) -> None:
        if outcome.recording in self._open:
            self._open.discard(outcome.recording)
            writing.over(outcome)

    # What follows runs in the thread.

    def _run(self) -> None:
        unsynced: dict[str, JournalWriter] = {}
        synced = self._clock()
        while (work := self._work.get()) is not None:
            self._do(work)
            self._done += work.octets
            writer = work.writing.writer
            if writer is not None and not work.writing.stopped:
                unsynced[work.writing.recording] = writer
            else:
                unsynced.pop(work.writing.recording, None)
            if self._clock() - synced > SYNC:
                for each in unsynced.values():
                    self._syncer.sync(each.duplicate())
                unsynced.clear()
                synced = self._clock()

    def _do(self, work: Work) -> None:
        writing, why = work.writing, ""
        try:
            if not writing.stopped:
                self._write(work)
                if self._clock() - work.given > PATIENCE and not work.close:
                    why = "the disk is too slow"
        except OSError as error:
            why = f"{error.strerror or error}"
        except Exception as error:
            self._log.failure("recording {recording}", recording=writing.recording)
            why = f"{type(error).__name__}: {error}"
        if why or work.close:
            end = writing.writer.end if writing.writer else NOTHING
            if writing.writer is not None:
                writing.writer.close()
            writing.stopped = True
            self._later(self._tell, writing, Outcome(writing.recording, end, why))

    def _write(self, work: Work) -> None:
        writing = work.writing
        if writing.writer is None:
            writing.writer = JournalWriter(writing.path, writing.recording, writing.key)
        if work.records:
            writing.writer.append(packed(work.records))
        if work.close:
            self._syncer.sync(writing.writer.duplicate())
