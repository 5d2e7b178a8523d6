"""A plugin made for one facility by a command, with the facility's data, beside the running gateway or without it."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from parloir import wiring
from parloir.calls import alarms
from parloir.calls.accounts import FacilityLedger
from parloir.calls.premises import Premises
from parloir.calls.records import FacilityRecords
from parloir.config import loader
from parloir.config.errors import ConfigErrors
from parloir.config.schema import Config
from parloir.errors import ParloirError
from parloir.offline import Store, opened
from parloir.policy.answers import Words
from parloir.policy.facility import ErasedRecording, Facility
from parloir.policy.loader import tables
from parloir.policy.settings import parse
from parloir.store import plugin_tables
from parloir.verbs import take_config

T = TypeVar("T")


class WhichFacility(ParloirError):
    """It is not clear for which facility the command is; name one that enables the plugin with --facility."""


class GatewayNeeded(ParloirError):
    """Only the running gateway can do that; ask it over HTTP."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What every such command takes."""
    take_config(parser)
    parser.add_argument("--facility", help="its name in the configuration; needed where several enable the plugin")


def run(name: str, plugin: type, options: argparse.Namespace, work: Callable[[Any, Any], Awaitable[int]]) -> int:
    """Make the plugin for the facility and let `work` use it; raises WhichFacility, ConfigErrors and what it raises."""
    examination = loader.examine(options.config)
    if examination.config is None:
        raise ConfigErrors(examination.problems)
    config = examination.config
    id = _chosen(config, name, options.facility)
    path = ("facilities", id, "plugins", name)
    settings = parse(getattr(plugin, "Settings", None), config.facilities[id].plugins[name], path, examination.place)
    if isinstance(settings, list):
        raise ConfigErrors(tuple(settings))
    with opened(config.gateway) as store:
        with store.transaction() as connection:
            plugin_tables.prepare(connection, name, tables(name, plugin))

        async def whole() -> int:
            return await work(options, plugin(settings, facility(config, id, name, store)))

        # In a thread of its own, as in the gateway: this one may have a loop already.
        with ThreadPoolExecutor(1) as apart:
            return apart.submit(lambda: asyncio.run(whole())).result()


def facility(config: Config, id: str, plugin: str, store: Store) -> Facility:
    """What the plugin is given of its facility: its data as the gateway has them, and nothing that is live."""
    configured = config.facilities[id]
    language = wiring.language(configured.language)
    premises = Premises(id, configured.timezone, configured.rates.tier, language, wiring.stations(config))
    own = AtOnce(store)

    def alert(alert: Any) -> None:
        own.run_now(lambda connection: alarms.put(connection, id, alert, _now()))

    return Facility(
        id=id,
        name=configured.name,
        timezone=ZoneInfo(configured.timezone),
        tier=configured.rates.tier,
        language=language,
        store=own,
        records=FacilityRecords(premises, own, _now),
        now=_now,
        raise_alert=alert,
        actions=NoActions(),
        stations={name: station.unit for name, station in configured.stations.items()},
        ledger=FacilityLedger(plugin, id, own, _now),
    )


@dataclass(frozen=True)
class AtOnce:
    """The Store that plugins are given, where nobody else waits for its thread."""

    store: Store

    async def run(self, work: Callable[[Connection], T]) -> T:
        """See parloir.api.Store."""
        return self.run_now(work)

    def run_now(self, work: Callable[[Connection], T]) -> T:
        """See parloir.api.Store."""
        with self.store.transaction() as connection:
            return work(connection)


class NoActions:
    """The Actions that plugins are given: all of them take the running gateway."""

    async def end_calls(self, *, unit: str | None, code: str, words: Words, by: str) -> tuple[str, ...]:
        """See parloir.api.Actions."""
        raise GatewayNeeded("only the running gateway ends calls")

    async def release_visit(self, visit: str, *, code: str, words: Words, by: str) -> None:
        """See parloir.api.Actions."""
        raise GatewayNeeded("only the running gateway cancels visits")

    async def move_visit(
        self, visit: str, *, station: str, start: datetime, end: datetime, code: str, words: Words, by: str
    ) -> bool:
        """See parloir.api.Actions."""
        raise GatewayNeeded("only the running gateway moves visits")

    async def expire_recordings(self, *, by: str) -> tuple[ErasedRecording, ...]:
        """See parloir.api.Actions."""
        raise GatewayNeeded("only the running gateway erases recordings")

    async def note_call(self, call: str, text: str, *, by: str) -> bool:
        """See parloir.api.Actions."""
        raise GatewayNeeded("only the running gateway keeps notes on calls")


def _chosen(config: Config, plugin: str, wanted: str | None) -> str:
    enabled = [id for id, each in config.facilities.items() if plugin in each.plugins]
    if wanted in enabled:
        return wanted or ""
    if wanted is not None:
        raise WhichFacility(f"no facility {wanted!r} enables {plugin}; {', '.join(enabled) or 'none'} does")
    if len(enabled) != 1:
        raise WhichFacility(
            f"name one of {', '.join(enabled)} with --facility" if enabled else f"none enables {plugin}"
        )
    return enabled[0]


def _now() -> datetime:
    return datetime.now(UTC)
