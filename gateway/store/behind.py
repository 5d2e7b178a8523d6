"""Rows that outlive the process and are written behind the back of whoever keeps them."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Table, delete, insert, select, true
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from parloir.store import nodes
from parloir.store.database import Database

Thing = TypeVar("Thing")


class Behind(Generic[Thing]):
    """Things of one kind, each a row of `table` under its primary key, which is one column.

    put() returns at once. Writes happen in order, the newest of each thing only, and all that came while one was under
    way together; a failed one is logged and tried again with the next. `node` is whose they are where several gateways
    keep theirs in one table: each reads its own, forgets its own, and takes over what it puts.
    """

    log = Logger()

    def __init__(
        self,
        database: Database,
        table: Table,
        row: Callable[[Thing], dict[str, Any]],
        thing: Callable[[Mapping[str, Any]], Thing],
        node: str | None = None,
    ) -> None:
        self._database = database
        self._table = table
        [self._key] = table.primary_key.columns
        self._row = row
        self._thing = thing
        self._node = node
        self._unwritten: dict[str, Thing | None] = {}
        self._writing = False
        self._waiting: list[Deferred[None]] = []
        self._waiting_for_next: list[Deferred[None]] = []

    def put(self, key: str, thing: Thing | None) -> None:
        """Keep this thing as it is now; None forgets what had that key."""
        self._unwritten.pop(key, None)
        self._unwritten[key] = thing
        if not self._writing:
            self._writing = True
            Deferred.fromCoroutine(self._write())

    async def all(self) -> list[Thing]:
        """All that are kept."""
        await self.written()
        return await self._database.run(self._read)

    async def written(self) -> None:
        """Wait until all that was put until now has been written, or failed to be; what is put later can wait."""
        if self._writing:
            done: Deferred[None] = Deferred()
            (self._waiting_for_next if self._unwritten else self._waiting).append(done)
            await done

    async def _write(self) -> None:
        try:
            while self._unwritten:
                batch, self._unwritten = self._unwritten, {}
                self._waiting += self._waiting_for_next
                self._waiting_for_next = []
                try:
                    await self._database.run(partial(self._apply, batch))
                except Exception:
                    words = "{count} rows of {table} could not be written"
                    self.log.failure(words, count=len(batch), table=self._table.name)
                    self._unwritten = {**batch, **self._unwritten}
                    return
                self._tell()
        finally:
            self._writing = False
            self._waiting += self._waiting_for_next
            self._waiting_for_next = []
            self._tell()

    def _tell(self) -> None:
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            done.callback(None)

    def _apply(self, batch: dict[str, Thing | None], connection: Connection) -> None:
        kept = [key for key, thing in batch.items() if thing is not None]
        theirs = self._key.in_(kept) | self._own(connection)
        connection.execute(delete(self._table).where(self._key.in_(batch), theirs))
        rows = [self._row(thing) | self._named for thing in batch.values() if thing is not None]
        if rows:
            connection.execute(insert(self._table), rows)

    def _read(self, connection: Connection) -> list[Thing]:
        mine = select(*(column for column in self._table.c if column.name not in self._named))
        return [self._thing(dict(row)) for row in connection.execute(mine.where(self._own(connection))).mappings()]

    @property
    def _named(self) -> dict[str, str]:
        return {} if self._node is None else {"node": self._node}

    def _own(self, connection: Connection) -> ColumnElement[bool]:
        return true() if self._node is None else nodes.own(connection, self._table.c.node, self._node)
