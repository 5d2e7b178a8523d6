"""One structured line an event, on standard error: what happened, to which call, and never a secret."""

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Protocol, TextIO

from twisted import logger
from zope.interface import provider

SECRET = ("token", "code", "password", "secret", "key", "sdp", "ufrag", "credential", "pin", "dialled", "digit")


class Log(Protocol):
    """Takes an event's name and its fields; `call` is the call's id wherever there is one."""

    def __call__(self, event: str, /, **fields: Any) -> None: ...


def redacted(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with every value withheld whose name, or a word of it, names a secret."""
    return {k: "withheld" if set(k.split("_")) & set(SECRET) else v for k, v in fields.items()}


def json_log(stream: TextIO | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Log:
    """A log that writes JSON lines, UTC times first, each flushed at once.

    A line that cannot be written is lost: calls go on where a disk is full, or whoever read the log is gone.
    """
    out = stream or sys.stderr

    def log(event: str, /, **fields: Any) -> None:
        line = {"at": now().isoformat(timespec="milliseconds"), "event": event, **redacted(fields)}
        with suppress(OSError):
            out.write(json.dumps(line, default=str, ensure_ascii=False) + "\n")
            out.flush()

    return log


def take_twisted(log: Log) -> None:
    """Send Twisted's own warnings and failures to `log`; its chatter is left out."""

    @provider(logger.ILogObserver)  # type: ignore[untyped-decorator]
    def observe(event: logger.LogEvent) -> None:
        level = event.get("log_level")
        if level in (logger.LogLevel.warn, logger.LogLevel.error, logger.LogLevel.critical):
            failure = event.get("log_failure")
            log(
                "fault",
                level=level.name,
                text=logger.formatEvent(event)[:500],
                trace=failure.getTraceback()[-4000:] if failure else None,
            )

    logger.globalLogBeginner.beginLoggingTo([observe], redirectStandardIO=False, discardBuffer=True)
