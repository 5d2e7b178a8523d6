"""A gateway's policies as it loads them: where its plugins' news begin, and what becomes of news that are old."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

from pytest_twisted import async_yield_fixture, ensureDeferred
from sqlalchemy import Connection
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from parloir.calls.timeline import Clock, Timelines
from parloir.config import loader
from parloir.log import json_log
from parloir.policy.values import Severity
from parloir.rules import Rules
from parloir.store import alerts, cursors, happenings
from parloir.store.database import Database
from parloir.store.happenings import Hook

from .databases import furnished

FACILITIES = """facilities:
  north: {name: North, timezone: America/Chicago, plugins: {limits: {}}}
"""


@async_yield_fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database.open(furnished(tmp_path / "data"), reactor)
    yield database
    await database.close()


@ensureDeferred
async def test_a_plugin_begins_behind_what_happened_before_and_what_is_old_goes(
    database: Database, tmp_path: Path
) -> None:
    def happen(connection: Connection) -> int:
        for text, days in (("old", 8), ("young", 6), ("last", 0)):
            at = datetime.now(UTC) - timedelta(days=days)
            happenings.append(connection, "north", Hook.VISIT, text, "booked", {}, at=at)
        happenings.number(connection)
        return happenings.last(connection)

    def left(connection: Connection) -> list[str]:
        return [row.subject for row in happenings.after(connection, "north", 0)]

    file = tmp_path / "parloir.yaml"
    file.write_text(f"gateway: {{news_days: 7}}\n{FACILITIES}")
    now = await database.run(happen)
    nobody: Any = None
    clock = Clock(lambda: datetime.now(UTC), lambda: 0)
    rules = Rules(loader.load(file), reactor, database, Timelines(database, clock, json_log(StringIO())), nobody)
    await rules.load()
    assert await database.run(lambda connection: cursors.position(connection, "north", "limits")) == now
    while "old" in await database.run(left):
        await deferLater(reactor, 0.01)
    assert await database.run(left) == ["young", "last"]
    await rules.close()


@ensureDeferred
async def test_an_alert_of_the_policies_is_logged_and_kept_for_staff(database: Database, tmp_path: Path) -> None:
    file, log = tmp_path / "parloir.yaml", StringIO()
    file.write_text(FACILITIES)
    nobody: Any = None
    clock = Clock(lambda: datetime.now(UTC), lambda: 0)
    rules = Rules(loader.load(file), reactor, database, Timelines(database, clock, json_log(log)), nobody)
    await rules.load()
    policies = rules.facilities.get("north").policies
    policies.alarm("limits", Severity.WARNING, "plugin_failed", "failed at limit_call")
    handed_on: Deferred[None] = Deferred()
    reactor.callFromThread(handed_on.callback, None)
    await handed_on
    kept = await database.run(lambda connection: alerts.list(connection, waiting=True))
    assert [(each.facility, each.text) for each in kept] == [("north", "limits failed at limit_call")]
    assert "plugin_failed" in log.getvalue()
    await rules.close()
