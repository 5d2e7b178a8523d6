"""Calls that end while others are being settled are settled together: one commit for all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Connection
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.python.failure import Failure

from parloir.store import ledger_holds
from parloir.store.database import Database

T = TypeVar("T")

MOST = 20
"""How many calls are settled at once: the other writes wait for them."""


@dataclass
class _Wish(Generic[T]):
    call: str
    done: "Deferred[T]"


class Settling(Generic[T]):
    """Settles calls by `work`, each wholly or not at all, in the order they come."""

    def __init__(self, database: Database, work: Callable[[Connection, str], T]) -> None:
        self._database = database
        self._work = work
        self._waiting: list[_Wish[T]] = []
        self._busy = False

    async def settle(self, call: str) -> T:
        """What `work` answers for this call, once it is committed; raises what it raises."""
        wish: _Wish[T] = _Wish(call, Deferred())
        self._waiting.append(wish)
        if not self._busy:
            self._busy = True
            ensureDeferred(self._go_on())
        return await wish.done

    async def _go_on(self) -> None:
        while some := self._waiting[:MOST]:
            del self._waiting[:MOST]
            try:
                results = await self._database.run(lambda connection, some=some: self._together(connection, some))  # type: ignore[misc]
            except Exception:
                results = [Failure()] * len(some)  # type: ignore[no-untyped-call]
            for wish, result in zip(some, results, strict=True):
                wish.done.callback(result)
        self._busy = False

    def _together(self, connection: Connection, some: list[_Wish[T]]) -> list[T | Failure]:
        """The calls' own locks come first, all of them: whoever has the timeline's waits for no call's."""
        ledger_holds.lock(connection, [wish.call for wish in some])
        return [self._one(connection, wish.call) for wish in some]

    def _one(self, connection: Connection, call: str) -> T | Failure:
        try:
            with connection.begin_nested():
                return self._work(connection, call)
        except Exception:
            return Failure()  # type: ignore[no-untyped-call]
