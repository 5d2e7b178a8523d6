"""The outbox of news: a plugin enabled for the first time begins with what comes, and what all have heard goes away."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection
from twisted.internet.defer import ensureDeferred

from parloir.calls.journal import Run
from parloir.log import Log
from parloir.store import cursors, happenings

EVERY = 3600.0
"""Seconds between one round of clearing and the next."""
BATCH = 500
"""How many rows go in one transaction: the calls' writes wait for it."""

Listeners = Mapping[str, Sequence[str]]
"""By facility, the plugins that are told news."""


class Outbox:
    """Forgets what happened beside calls longer than `keep` ago, once every plugin that is told news has heard it.

    What happened to calls is their record, and is kept. Begin it once.
    """

    def __init__(
        self,
        reactor: Any,
        run: Run,
        listeners: Callable[[], Listeners],
        keep: timedelta,
        now: Callable[[], datetime],
        log: Log,
    ) -> None:
        self._reactor = reactor
        self._run = run
        self._listeners = listeners
        self._keep = keep
        self._now = now
        self._log = log
        self._closed = False
        self._next: Any = None

    async def enrol(self, listeners: Listeners) -> None:
        """Give each plugin that never heard news its place behind all there is now."""
        await self._run(lambda connection: cursors.begin(connection, listeners))

    def begin(self) -> None:
        """Clear now, and again every so often."""
        ensureDeferred(self._round())

    def close(self) -> None:
        """Clear no more."""
        self._closed = True
        if self._next is not None and self._next.active():
            self._next.cancel()

    async def _round(self) -> None:
        try:
            await self.clear()
        except Exception as error:
            self._log("news.not_cleared", error=f"{type(error).__name__}: {error}")
        if not self._closed:
            self._next = self._reactor.callLater(EVERY, self.begin)

    async def clear(self) -> None:
        """Forget all that may be forgotten now, a batch at a time."""
        before = self._now() - self._keep
        for facility, plugins in self._listeners().items():
            gone = 1
            while gone and not self._closed:
                gone = await self._run(partial(_clear, facility=facility, plugins=plugins, before=before))


def _clear(connection: Connection, facility: str, plugins: Sequence[str], before: datetime) -> int:
    heard = cursors.slowest(connection, facility, plugins)
    return happenings.clear(connection, facility, heard, before, BATCH)
