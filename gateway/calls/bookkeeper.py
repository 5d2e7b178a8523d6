"""The bookkeeper: takes checkpoints of the ledger from time to time, while calls go on."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from twisted.internet.defer import ensureDeferred

from parloir.log import Log
from parloir.store import ledger_checkpoints
from parloir.store.database import Database

EVERY = 600.0
"""Seconds between one round of checkpoints and the next."""
LANE = "ledger"


class Bookkeeper:
    """Takes in all entries there are, in pieces, so that no call's own work waits long. Begin it once."""

    def __init__(self, reactor: Any, database: Database, now: Callable[[], datetime], log: Log) -> None:
        self._reactor = reactor
        self._database = database
        self._now = now
        self._log = log
        self._closed = False
        self._next: Any = None

    def begin(self) -> None:
        """Take a round now, and another every so often."""
        ensureDeferred(self._round())

    def close(self) -> None:
        """Take no more."""
        self._closed = True
        if self._next is not None and self._next.active():
            self._next.cancel()

    async def _round(self) -> None:
        try:
            await self.take()
        except Exception as error:
            self._log("ledger.checkpoint_failed", error=f"{type(error).__name__}: {error}")
        if not self._closed:
            self._next = self._reactor.callLater(EVERY, self.begin)

    async def take(self) -> None:
        """Take in all entries that there are now."""
        through = await self._database.run(ledger_checkpoints.settled, LANE)
        more = True
        while more and not self._closed:
            taken = await self._database.run(
                lambda connection: ledger_checkpoints.take(connection, through, self._now()), LANE
            )
            more = taken is not None
            if taken is not None:
                self._log("ledger.checkpoint", number=taken.number, entries=taken.entries)
