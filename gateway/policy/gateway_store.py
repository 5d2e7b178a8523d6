"""A plugin's way from its own thread or loop to what the gateway does on the reactor, and back."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from sqlalchemy import Connection
from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure

T = TypeVar("T")


def on_reactor(reactor: Any, work: Callable[[], Awaitable[T]]) -> "Future[T]":
    """Begin `work` on the reactor from any other thread; the future takes what it returns or raises."""
    future: Future[T] = Future()

    async def whole() -> T:
        return await work()

    def failed(failure: Failure) -> None:
        future.set_exception(failure.value)

    def begin() -> None:
        if future.set_running_or_notify_cancel():
            ensureDeferred(whole()).addCallbacks(future.set_result, failed)

    reactor.callFromThread(begin)
    return future


class GatewayStore:
    """The Store that plugins are given: the gateway's database does the work, and only the plugin waits for it."""

    def __init__(self, reactor: Any, run: Callable[[Callable[[Connection], Any]], Awaitable[Any]]) -> None:
        self._reactor = reactor
        self._run = run

    async def run(self, work: Callable[[Connection], T]) -> T:
        """For `async def`, on the plugin's own loop."""
        result: T = await asyncio.wrap_future(on_reactor(self._reactor, lambda: self._run(work)))
        return result

    def run_now(self, work: Callable[[Connection], T]) -> T:
        """For `def`, in the plugin's own thread."""
        result: T = on_reactor(self._reactor, lambda: self._run(work)).result()
        return result
