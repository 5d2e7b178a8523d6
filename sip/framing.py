"""Where one SIP message ends on a stream and the next begins (RFC 3261 section 18.3), and its keep-alives."""

import re
from dataclasses import dataclass

from parloir.sip.message import LARGEST

LONGEST_HEAD = 16_384
PATIENCE = 10.0

END = b"\r\n\r\n"
PING = b"\r\n\r\n"
PONG = b"\r\n"

_FOLD = re.compile(rb"\r\n[ \t]+")
_LENGTH = re.compile(rb"(?:content-length|l)[ \t]*:[ \t]*(.*?)[ \t]*", re.IGNORECASE)
_BEGINS = re.compile(rb"[A-Za-z0-9\-.!%*_+`'~]")


@dataclass(frozen=True)
class Fed:
    """What some bytes completed: messages in order, pings to be answered, and why nothing more can be read."""

    messages: tuple[bytes, ...] = ()
    pings: int = 0
    violation: str | None = None


class _Violation(Exception):
    """The stream can no longer be told into messages."""


class Framing:
    """One direction of a connection. However its bytes are cut, the same messages come out, and the same violation.

    Holds at most one message's bytes. A message must be whole `PATIENCE` seconds after it began.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._need = 0
        self._began: float | None = None
        self._violation: str | None = None

    def feed(self, data: bytes, now: float) -> Fed:
        """Take in bytes at monotonic time `now`; after a violation nothing more is read."""
        messages: list[bytes] = []
        pings = 0
        self._buffer += data
        try:
            while self._violation is None:
                pings += self._blank_lines()
                message = self._message(now)
                if message is None:
                    break
                messages.append(message)
        except _Violation as error:
            self._violation = str(error)
        if self._violation is not None:
            self._buffer.clear()
            self._began = None
        return Fed(tuple(messages), pings, self._violation)

    def overdue(self, now: float) -> bool:
        """Whether a message that has begun should have been whole by now."""
        return self._began is not None and now - self._began >= PATIENCE

    def _blank_lines(self) -> int:
        """Take line ends between messages away; two in a row are a ping (RFC 5626 section 3.5.1)."""
        if self._need or self._searched:
            return 0
        pings = at = 0
        while True:
            if self._buffer.startswith(PING, at):
                pings, at = pings + 1, at + len(PING)
            elif PING.startswith(self._buffer[at : at + len(PING)]):
                break
            elif self._buffer.startswith(PONG, at):
                at += len(PONG)
            else:
                break
        del self._buffer[:at]
        return pings

    def _message(self, now: float) -> bytes | None:
        if not self._buffer or PING.startswith(self._buffer):
            return None
        if self._began is None:
            if not _BEGINS.match(self._buffer):
                raise _Violation("not the beginning of a message")
            self._began = now
        if not self._need:
            self._need = self._head()
        if not self._need or len(self._buffer) < self._need:
            return None
        message = bytes(self._buffer[: self._need])
        del self._buffer[: self._need]
        self._need = self._searched = 0
        self._began = None
        return message

    def _head(self) -> int:
        """The whole message's size, once its headers are there; 0 until then."""
        end = self._buffer.find(END, self._searched, LONGEST_HEAD)
        if end < 0:
            if len(self._buffer) >= LONGEST_HEAD:
                raise _Violation(f"headers over {LONGEST_HEAD} bytes")
            self._searched = max(1, len(self._buffer) - len(END) + 1)
            return 0
        size = end + len(END) + content_length(bytes(self._buffer[:end]))
        if size > LARGEST:
            raise _Violation(f"message over {LARGEST} bytes")
        return size


def content_length(head: bytes) -> int:
    """The body's size that headers announce, which a stream needs (RFC 3261 section 20.14)."""
    lines = _FOLD.sub(b" ", head).split(b"\r\n")[1:]
    values = [found[1] for line in lines if (found := _LENGTH.fullmatch(line))]
    if len(values) != 1 or not re.fullmatch(rb"[0-9]{1,6}", values[0]):
        raise _Violation("no Content-Length" if not values else "Content-Length is not one number")
    return int(values[0])
