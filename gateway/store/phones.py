"""What must be known of the world's phones after a restart: where the registered ones are, and who is banned."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from parloir.sip.ban import Ban
from parloir.sip.binding import Binding
from parloir.store.behind import Behind
from parloir.store.database import Database
from parloir.store.phone_tables import bans, bindings

MOMENTS = {"registered", "seen", "expires", "since", "until"}


class Bindings:
    """A sip.binding.BindingStore: where the phones are that registered with one node."""

    def __init__(self, database: Database, node: str) -> None:
        self._rows: Behind[Binding] = Behind(database, bindings, _row, _binding, node)

    def save(self, binding: Binding) -> None:
        """Keep this binding as it is now."""
        self._rows.put(binding.id, binding)

    def forget(self, binding: str) -> None:
        """The binding of that id is gone."""
        self._rows.put(binding, None)

    async def written(self) -> None:
        """Wait until all that was saved or forgotten has been written, or failed to be."""
        await self._rows.written()

    async def left_over(self) -> list[Binding]:
        """All that are kept."""
        return await self._rows.all()


class Bans:
    """A sip.ban.BanStore: bans of one node hold in all that start afterwards."""

    def __init__(self, database: Database) -> None:
        self._rows: Behind[Ban] = Behind(database, bans, _row, _ban)

    def save(self, ban: Ban) -> None:
        """Keep this ban as it is now."""
        self._rows.put(ban.host, ban)

    def forget(self, host: str) -> None:
        """That host's ban is over."""
        self._rows.put(host, None)

    async def left_over(self) -> list[Ban]:
        """All that are kept."""
        return await self._rows.all()


def _row(thing: Binding | Ban) -> dict[str, Any]:
    fields = asdict(thing)
    return {name: datetime.fromtimestamp(value, UTC) if name in MOMENTS else value for name, value in fields.items()}


def _fields(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.timestamp() if name in MOMENTS else value for name, value in row.items()}


def _binding(row: Mapping[str, Any]) -> Binding:
    return Binding(**{**_fields(row), "path": tuple(row["path"])})


def _ban(row: Mapping[str, Any]) -> Ban:
    return Ban(**_fields(row))
