"""The audit chain's anchor: a file outside of the database that knows where the chain ends."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from parloir.store.errors import BadAnchor

FILE = "audit.anchor"


@dataclass(frozen=True)
class Head:
    """The end of a chain: how many records it has, and the last one's hash (SHA-256, hex)."""

    count: int
    hash: str


def text(head: Head) -> str:
    """A head as an anchor file has it."""
    return json.dumps({"count": head.count, "hash": head.hash}) + "\n"


@dataclass(frozen=True)
class Anchor:
    """One anchor file. Several threads and processes may share it."""

    file: Path

    @classmethod
    def within(cls, directory: Path) -> "Anchor":
        """The anchor of a data directory."""
        return cls(directory / FILE)

    def read(self) -> Head | None:
        """What it knows; None where there is no such file. Raises BadAnchor for one that cannot be read."""
        try:
            content = self.file.read_text(encoding="ascii")
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise BadAnchor(self.file) from error
        return self._parse(content)

    def advance(self, head: Head) -> None:
        """Move it on to `head`; one that is further already stays, for commits may come here out of their order."""
        with self._locked():
            known = self.read()
            if known is None or known.count < head.count:
                self._write(head)

    def replace(self, head: Head | None) -> None:
        """Set it to `head` wherever it was, or remove it: after a backup was restored."""
        with self._locked():
            if head is None:
                self.file.unlink(missing_ok=True)
            else:
                self._write(head)

    def _parse(self, content: str) -> Head:
        try:
            given = json.loads(content)
            head = Head(given["count"], given["hash"])
        except (ValueError, KeyError, TypeError) as error:
            raise BadAnchor(self.file) from error
        if not (type(head.count) is int and type(head.hash) is str):
            raise BadAnchor(self.file)
        return head

    def _write(self, head: Head) -> None:
        fresh = self.file.with_name(f"{self.file.name}.new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            stream.write(text(head))
            stream.flush()
            os.fsync(stream.fileno())
        fresh.rename(self.file)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = self.file.with_name(f"{self.file.name}.lock")
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(lock, os.O_WRONLY | os.O_CREAT, 0o600), "w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield
