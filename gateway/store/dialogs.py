"""The SIP dialogs that must be ended even if this process dies: kept behind the signalling's back."""

from dataclasses import asdict, fields
from functools import partial

from sqlalchemy import Connection, delete, insert, select
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from parloir.sip.session import Dialog
from parloir.store.database import Database
from parloir.store.tables import dialogs

COLUMNS = [field.name for field in fields(Dialog)]


class Dialogs:
    """A sip.session.DialogStore: save and forget return at once and are written in order, the newest of each
    dialog only; a failed write is logged and tried again with the next one."""

    log = Logger()

    def __init__(self, database: Database) -> None:
        self._database = database
        self._unwritten: dict[str, Dialog | None] = {}
        self._writing = False
        self._waiting: list[Deferred[None]] = []

    def save(self, dialog: Dialog) -> None:
        """Keep this dialog as it is now."""
        self._put(dialog.session, dialog)

    def forget(self, session: str) -> None:
        """This dialog has ended."""
        self._put(session, None)

    async def left_over(self) -> list[Dialog]:
        """All that are kept: at start, those a previous run did not end."""
        await self.written()
        return await self._database.run(_read)

    async def written(self) -> None:
        """Wait until all that was saved or forgotten has been written, or failed to be."""
        if self._writing:
            done: Deferred[None] = Deferred()
            self._waiting.append(done)
            await done

    def _put(self, session: str, dialog: Dialog | None) -> None:
        self._unwritten.pop(session, None)
        self._unwritten[session] = dialog
        if not self._writing:
            self._writing = True
            Deferred.fromCoroutine(self._write())

    async def _write(self) -> None:
        try:
            while self._unwritten:
                batch, self._unwritten = self._unwritten, {}
                try:
                    await self._database.run(partial(_apply, batch))
                except Exception:
                    self.log.failure("{count} dialog records could not be written", count=len(batch))
                    self._unwritten = {**batch, **self._unwritten}
                    return
        finally:
            self._writing = False
            waiting, self._waiting = self._waiting, []
            for done in waiting:
                done.callback(None)


def _apply(batch: dict[str, Dialog | None], connection: Connection) -> None:
    connection.execute(delete(dialogs).where(dialogs.c.session.in_(batch)))
    rows = [asdict(dialog) for dialog in batch.values() if dialog is not None]
    if rows:
        connection.execute(insert(dialogs), rows)


def _read(connection: Connection) -> list[Dialog]:
    rows = connection.execute(select(dialogs)).mappings()
    return [Dialog(**{**{name: row[name] for name in COLUMNS}, "route": tuple(row["route"])}) for row in rows]
