"""What the SIP side needs of the program around it: a clock and a log."""

from collections.abc import Callable
from typing import Any, Protocol


class Timer(Protocol):
    """Something that will be called later."""

    def active(self) -> bool: ...

    def cancel(self) -> None: ...


class Clock(Protocol):
    """Monotonic seconds, and calls put off by seconds; Twisted's reactor and its test clock are ones."""

    def seconds(self) -> float: ...

    def callLater(self, delay: float, callable: Callable[..., object], *args: object) -> Timer: ...  # noqa: N802


class Log(Protocol):
    """Takes an event's name and its fields; `session` is the leg's id wherever there is one."""

    def __call__(self, event: str, /, **fields: Any) -> None: ...


def stop(timer: Timer | None) -> None:
    """Cancel a timer that may have gone off already."""
    if timer is not None and timer.active():
        timer.cancel()
