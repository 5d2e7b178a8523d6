"""One run of a plugin's code, and what comes of it as plain data: nothing the plugin raises gets out."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from time import monotonic
from types import TracebackType
from typing import Any

LONGEST = 300


@dataclass(frozen=True)
class Returned:
    """The code returned; `value` is what `read` made of it."""

    value: Any
    at: float


@dataclass(frozen=True)
class Raised:
    """The code raised, anything from ValueError to SystemExit; `error` says what and where."""

    error: str
    at: float


class UnawaitedCoroutine(TypeError):
    """A `def` hook returned a coroutine; write it as `async def`."""

    def __init__(self) -> None:
        super().__init__("a def returned a coroutine: write async def")


@dataclass(eq=False)
class Job:
    """Code to run in one of the plugin's threads. `finished` is called there, once, unless the job is dropped first.

    `read` checks what was returned, in that thread too. `result` is set just before `finished` is called. Times are
    monotonic seconds.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    read: Callable[[Any], Any]
    finished: Callable[["Job"], None]
    started: float | None = None
    result: Returned | Raised | None = None
    _unclaimed: list[None] = field(default_factory=lambda: [None])

    def claim(self) -> bool:
        """Whether the caller is the one to run it, or by claiming it to drop it; True only once."""
        try:
            self._unclaimed.pop()
        except IndexError:
            return False
        return True

    def run(self) -> None:
        """Run a `def` to its end."""
        self.started = monotonic()
        try:
            value = self.function(*self.arguments)
            if isinstance(value, Coroutine):
                value.close()
                raise UnawaitedCoroutine
            self.result = Returned(self.read(value), monotonic())
        except BaseException as error:  # SystemExit and KeyboardInterrupt are a plugin's errors too
            self.result = Raised(describe(error), monotonic())
        self.finished(self)

    async def run_async(self) -> None:
        """Run an `async def` to its end, or to where its cancellation ends it."""
        self.started = monotonic()
        try:
            self.result = Returned(self.read(await self.function(*self.arguments)), monotonic())
        except BaseException as error:  # CancelledError is one, and must not end the plugin's loop
            self.result = Raised(describe(error), monotonic())
        self.finished(self)


def describe(error: BaseException) -> str:
    """The kind of error, its text and the line it came from, short."""
    try:
        text = " ".join(str(error).split())
    except BaseException as second:
        text = f"its text cannot be had ({type(second).__name__})"
    return f"{type(error).__name__}{': ' if text else ''}{text}"[:LONGEST] + _place(error.__traceback__)


def _place(trace: TracebackType | None) -> str:
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f" at {trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
