"""Calls that end while others are being settled are settled together: one commit for all of them."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from sqlalchemy import Connection
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.python.failure import Failure

from parloir.store.database import Database

T = TypeVar("T")

MOST = 50
"""How many calls are settled at once: the other writes wait for them."""


class Settling(Generic[T]):
    """Settles calls by `work`, each wholly or not at all, in the order they come; each call once at a time.

    What fails for several together is done again one by one, so that no call's fault is another's.
    """

    def __init__(self, database: Database, work: Callable[[Connection, Sequence[str]], Sequence[T]]) -> None:
        self._database = database
        self._work = work
        self._waiting: dict[str, list[Deferred[T]]] = {}
        self._busy = False

    async def settle(self, call: str) -> T:
        """What `work` answers for this call, once it is committed; raises what it raises."""
        done: Deferred[T] = Deferred()
        self._waiting.setdefault(call, []).append(done)
        if not self._busy:
            self._busy = True
            ensureDeferred(self._go_on())
        return await done

    async def _go_on(self) -> None:
        while some := list(self._waiting)[:MOST]:
            told = [self._waiting.pop(call) for call in some]
            try:
                results = await self._database.run(lambda connection, some=some: self._together(connection, some))  # type: ignore[misc]
            except Exception:
                results = [Failure()] * len(some)  # type: ignore[no-untyped-call]
            for waiting, result in zip(told, results, strict=True):
                for done in waiting:
                    done.callback(result)
        self._busy = False

    def _together(self, connection: Connection, some: Sequence[str]) -> Sequence[T | Failure]:
        try:
            with connection.begin_nested():
                return self._work(connection, some)
        except Exception:
            if len(some) == 1:
                return [Failure()]  # type: ignore[no-untyped-call]
            return [result for call in some for result in self._together(connection, [call])]
