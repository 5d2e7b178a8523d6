"""The bookkeeper: takes checkpoints of the ledger from time to time, while calls go on."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from parloir.calls.chore import Chore
from parloir.log import Log
from parloir.store import ledger_checkpoints
from parloir.store.database import Database

EVERY = 600.0
"""Seconds between one round of checkpoints and the next."""
LANE = "ledger"


class Bookkeeper:
    """Takes in all entries there are, in pieces, so that no call's own work waits long. Begin it once."""

    def __init__(self, reactor: Any, database: Database, now: Callable[[], datetime], log: Log) -> None:
        self._database = database
        self._now = now
        self._log = log
        self._chore = Chore(reactor, EVERY, self.take, lambda error: log("ledger.checkpoint_failed", error=error))

    def begin(self) -> None:
        """Take a round now, and another every so often."""
        self._chore.begin()

    def close(self) -> None:
        """Take no more."""
        self._chore.close()

    async def take(self) -> None:
        """Take in all entries that there are now."""
        through = await self._database.run(ledger_checkpoints.settled, LANE)
        more = True
        while more and not self._chore.closed:
            taken = await self._database.run(
                lambda connection: ledger_checkpoints.take(connection, through, self._now()), LANE
            )
            more = taken is not None
            if taken is not None:
                self._log("ledger.checkpoint", number=taken.number, entries=taken.entries)
