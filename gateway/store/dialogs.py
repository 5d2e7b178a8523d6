"""The SIP dialogs that must be ended even if this process dies: kept behind the signalling's back."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from parloir.sip.session import Dialog
from parloir.store.behind import Behind
from parloir.store.database import Database
from parloir.store.tables import dialogs


class Dialogs:
    """A sip.session.DialogStore: one node's dialogs."""

    def __init__(self, database: Database, node: str) -> None:
        self._rows: Behind[Dialog] = Behind(database, dialogs, asdict, _dialog, node)

    def save(self, dialog: Dialog) -> None:
        """Keep this dialog as it is now."""
        self._rows.put(dialog.session, dialog)

    def forget(self, session: str) -> None:
        """This dialog has ended."""
        self._rows.put(session, None)

    async def left_over(self) -> list[Dialog]:
        """All that are kept: at start, those a previous run did not end."""
        return await self._rows.all()

    async def written(self) -> None:
        """Wait until all that was saved or forgotten has been written, or failed to be."""
        await self._rows.written()


def _dialog(row: Mapping[str, Any]) -> Dialog:
    return Dialog(**{**row, "route": tuple(row["route"])})
