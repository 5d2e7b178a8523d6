"""What the gateway itself does again and again beside its calls, such as the ledger's checkpoints."""

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import ensureDeferred


class Chore:
    """Does `work` once begun, and again `every` so many seconds after its end; `failed` is told what went wrong."""

    def __init__(
        self, reactor: Any, every: float, work: Callable[[], Awaitable[None]], failed: Callable[[str], None]
    ) -> None:
        self.closed = False
        self._reactor = reactor
        self._every = every
        self._work = work
        self._failed = failed
        self._next: Any = None

    def begin(self) -> None:
        """Do it now, and again every so often. To be called once."""
        ensureDeferred(self._round())

    def close(self) -> None:
        """Do it no more; work under way sees that it is `closed`."""
        self.closed = True
        if self._next is not None and self._next.active():
            self._next.cancel()

    async def _round(self) -> None:
        try:
            await self._work()
        except Exception as error:
            self._failed(f"{type(error).__name__}: {error}")
        if not self.closed:
            self._next = self._reactor.callLater(self._every, self.begin)
