"""One child process of a test: its output kept line by line, its end certain."""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path


class ProcessEnded(Exception):
    """The process ended although it was still needed; the message holds the end of its output."""


class Process:
    """A started program. Its output is kept in `log`, and line by line in `lines`, which may grow at any moment;
    `times` says when each line came, in seconds since 1970."""

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        *,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.lines: list[str] = []
        self.times: list[float] = []
        self.log = log
        self._grown = threading.Condition()
        self._child = subprocess.Popen(
            list(command),
            cwd=cwd,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child.poll() is None

    def _read(self) -> None:
        output = self._child.stdout
        assert output is not None
        with output, self.log.open("ab") as log:
            for raw in output:
                log.write(raw)
                log.flush()
                with self._grown:
                    self.times.append(time.time())
                    self.lines.append(raw.decode(errors="replace").rstrip("\r\n"))
                    self._grown.notify_all()

    def wait_for_line(self, pattern: str, timeout: float = 30.0, start: int = 0) -> str:
        """The first line from number `start` on in which the pattern is found. Raises TimeoutError, ProcessEnded."""
        wanted = re.compile(pattern)
        deadline = time.monotonic() + timeout
        seen = start
        while True:
            with self._grown:
                new = self.lines[seen:]
                if not new:
                    self._grown.wait(0.1)
                    new = self.lines[seen:]
            for line in new:
                if wanted.search(line):
                    return line
            seen += len(new)
            if not new and not self.running and not self._reader.is_alive():
                raise ProcessEnded(f"{self.log.name}: {self.tail()}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.log.name}: no line like {pattern!r} in {timeout} s\n{self.tail()}")

    def tail(self, count: int = 40) -> str:
        """The last lines of its output, for messages."""
        return "\n".join(self.lines[-count:])

    def forget(self) -> None:
        """Begin its output anew: what it has said so far is of no more interest."""
        with self._grown:
            self.lines.clear()
            self.times.clear()
            os.truncate(self.log, 0)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self.running:
            self._child.send_signal(number)

    def wait(self, timeout: float) -> int:
        """Its exit status once it has ended by itself. Raises subprocess.TimeoutExpired."""
        status = self._child.wait(timeout)
        self._reader.join(5)
        return status

    def stop(self, patience: float = 10.0) -> int:
        """Ask it to end, insist after `patience` seconds; harmless when it has ended. Returns its exit status."""
        self.signal(signal.SIGTERM)
        try:
            return self.wait(patience)
        except subprocess.TimeoutExpired:
            self._child.kill()
            return self.wait(5)


def children(pid: int) -> dict[int, str]:
    """The direct children of a process: pid to command line, words separated by blanks."""
    found = {}
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in task.read_text().split():
                line = Path(f"/proc/{child}/cmdline").read_bytes()
                found[int(child)] = line.replace(b"\0", b" ").decode(errors="replace").strip()
    return found


def descendants(pid: int) -> list[int]:
    """Every process below a process."""
    below = list(children(pid))
    return below + [deeper for child in below for deeper in descendants(child)]


def memory(pid: int) -> int:
    """Resident bytes of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def descriptors(pid: int) -> int:
    """How many descriptors a process holds open."""
    return len(os.listdir(f"/proc/{pid}/fd"))
