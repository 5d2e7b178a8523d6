"""The outbox of news: a plugin enabled for the first time begins with what comes, and what all have heard goes away."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection

from parloir.calls.chore import Chore
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
        self._run = run
        self._listeners = listeners
        self._keep = keep
        self._now = now
        self._chore = Chore(reactor, EVERY, self.clear, lambda error: log("news.not_cleared", error=error))

    def begin(self) -> None:
        """Clear now, and again every so often."""
        self._chore.begin()

    def close(self) -> None:
        """Clear no more."""
        self._chore.close()

    async def enrol(self, listeners: Listeners) -> None:
        """Give each plugin that never heard news its place behind all there is now."""
        await self._run(lambda connection: cursors.begin(connection, listeners))

    async def clear(self) -> None:
        """Forget all that may be forgotten now, a batch at a time."""
        before = self._now() - self._keep
        for facility, plugins in self._listeners().items():
            gone = 1
            while gone and not self._chore.closed:
                gone = await self._run(partial(_clear, facility=facility, plugins=plugins, before=before))


def _clear(connection: Connection, facility: str, plugins: Sequence[str], before: datetime) -> int:
    heard = cursors.slowest(connection, facility, plugins)
    return happenings.clear(connection, facility, heard, before, BATCH)
