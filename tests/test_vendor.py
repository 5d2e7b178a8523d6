"""`parloir plugins list` and `explain` beside a gateway that runs, and the commands that plugins bring."""

from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pytest_twisted import async_yield_fixture, ensureDeferred
from twisted.internet.threads import deferToThread

from parloir import vendor_commands
from parloir.api import Commands, hookimpl
from parloir.cli import main
from parloir.config import loader
from parloir.config.schema import Facility
from parloir.policy.discovery import Installed
from parloir.policy.trail import to_json
from parloir.store.timeline import Entry
from parloir.testing import call, decide
from parloir.vendor_list import rows, table
from parloir.web.connection import Connection, NotRunning

from .policy_plugins import offered
from .vendor_samples import Bare, Objector, QuietHours
from .web_desk import FakeDesk
from .web_server import Server, serve

CONFIG = """
gateway: {{http: "127.0.0.1:{port}", public_url: "https://visits.example", trusted_proxies: [127.0.0.1],
  token_file: api.token}}
facilities:
  north: {{name: North, timezone: America/Chicago, plugins: {{hours: {{}}, gone: {{}}}}}}
  south: {{name: South, timezone: America/Chicago, plugins: {{hours: {{}}}}}}
"""
DECIDED_AT = datetime(2026, 3, 4, 18, 0, tzinfo=UTC)


@async_yield_fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    server = await serve(tmp_path)
    (tmp_path / "parloir.yaml").write_text(CONFIG.format(port=server.port))
    yield server
    await server.web.close()


@pytest.fixture
def facilities(tmp_path: Path) -> Mapping[str, Facility]:
    file = tmp_path / "two.yaml"
    file.write_text(CONFIG.format(port=8080))
    return loader.load(file).facilities


async def plugins(*words: str) -> int:
    status: int = await deferToThread(main, ["plugins", *words])
    return status


def test_the_list_says_what_is_installed_where_it_is_enabled_and_how_it_is(facilities: Mapping[str, Facility]) -> None:
    found = offered({"hours": QuietHours, "spare": Objector})
    parts = {"relay-0": True, "north.hours": True, "south.hours": False}
    assert table(rows(found, facilities, parts)) == (
        "PLUGIN  VERSION  DISTRIBUTION   ENABLED IN    HEALTH",
        "gone    -        not installed  north         not loaded in north",
        "hours   1        dist-hours     north, south  failing in south",
        "spare   1        dist-spare     -             -",
    )


def test_without_a_gateway_health_is_unknown(facilities: Mapping[str, Facility]) -> None:
    found = offered({"hours": QuietHours, "spare": Objector})
    assert [row[-1] for row in rows(found, facilities, None)] == ["unknown", "unknown", "-"]
    well = {"north.hours": True, "south.hours": True}
    assert [row[-1] for row in rows(found, facilities, well)] == ["not loaded in north", "ok", "-"]


def test_two_distributions_with_one_plugin_are_both_listed() -> None:
    one, other = offered({"hours": QuietHours})["hours"][0], Installed("hours", "acme", "2", None)  # type: ignore[arg-type]
    assert [row[:3] for row in rows({"hours": (one, other)}, {}, None)] == [
        ("hours", "1", "dist-hours"),
        ("hours", "2", "acme"),
    ]


@ensureDeferred
async def test_the_running_gateway_is_asked_even_when_it_is_unwell(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.health |= {"north.hours": False, "south.hours": True, "north.gone": True}
    assert await plugins("list", "--config", str(tmp_path / "parloir.yaml")) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert [line.split()[0] for line in said.out.splitlines() if "failing in north" in line] == ["hours"]


@ensureDeferred
async def test_the_list_is_printed_though_no_gateway_answers(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await server.web.close()
    assert await plugins("list", "--config", str(tmp_path / "parloir.yaml")) == 0
    said = capsys.readouterr()
    assert "the plugins' health is not known: no gateway answers at" in said.err
    assert "unknown" in said.out


def test_without_a_configuration_the_list_is_what_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["plugins", "list"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("PLUGIN")
    assert said.err == ""
    assert main(["plugins", "list", "--config", "other.yaml"]) == 1
    assert "other.yaml" in capsys.readouterr().err


@ensureDeferred
async def test_what_answers_in_the_gateways_place_is_not_taken_for_one(server: Server, tmp_path: Path) -> None:
    here = Connection(f"{server.base}/static", "no token")
    with pytest.raises(NotRunning, match="something else than a gateway"):
        await deferToThread(here.health)


def decided(monkeypatch: pytest.MonkeyPatch, *data: dict[str, Any]) -> None:
    """Let every call's timeline hold these decisions."""

    async def timeline(desk: FakeDesk, call: str) -> Sequence[Entry]:
        opened = Entry(call, 1, DECIDED_AT, 123, "opened", {"by": "visit"})
        return [opened, *(Entry(call, 2 + n, DECIDED_AT, 124, "decided", each) for n, each in enumerate(data))]

    monkeypatch.setattr(FakeDesk, "timeline", timeline)


@ensureDeferred
async def test_a_calls_decision_is_explained_from_its_timeline(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    decision = await deferToThread(decide, call(), {"hours": QuietHours, "objector": Objector})
    decided(monkeypatch, {"class": "ordinary", "trail": to_json(decision.trail)})
    assert await plugins("explain", "--config", str(tmp_path / "parloir.yaml"), "gone1") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "call gone1: north/pod-a-1, ordinary, ended"
    assert lines[2] == "decided 2026-03-04 12:00:00 America/Chicago:"
    assert "authorize_call: denied by objector (enough)" in lines
    assert "  rule: any denial holds" in lines


@pytest.mark.parametrize(
    ("data", "id", "said"),
    [
        ((), "live1", "call live1 (active) has no decision on record"),
        (({"trail": [{"question": 7}]},), "live1", "not written as this version writes it"),
        (({},), "live1", "not written as this version writes it"),
        ((), "none", "none"),
    ],
)
@ensureDeferred
async def test_what_cannot_be_explained_is_said_with_its_reason(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    data: tuple[dict[str, Any], ...],
    id: str,
    said: str,
) -> None:
    decided(monkeypatch, *data)
    assert await plugins("explain", "--config", str(tmp_path / "parloir.yaml"), id) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("parloir: ")
    assert said in shown.err


@ensureDeferred
async def test_without_a_gateway_nothing_is_explained(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await server.web.close()
    assert await plugins("explain", "--config", str(tmp_path / "parloir.yaml"), "live1") == 1
    assert "start it with 'parloir run'" in capsys.readouterr().err


class Counting(Bare):
    """Brings one command."""

    @classmethod
    @hookimpl
    def register_commands(cls, commands: Commands) -> None:
        parser: ArgumentParser = commands.add("count", "count up", cls.count)
        parser.add_argument("--to", type=int, default=3)

    @staticmethod
    def count(options: Namespace) -> int:
        print(*range(options.to))
        return 0


class Exiting(Bare):
    @classmethod
    @hookimpl
    def register_commands(cls, commands: Commands) -> None:
        raise SystemExit(7)


def test_a_plugins_commands_stand_under_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(vendor_commands, "installed", lambda: offered({"counting": Counting}))
    assert main(["counting", "count", "--to", "4"]) == 0
    assert capsys.readouterr().out == "0 1 2 3\n"
    with pytest.raises(SystemExit):
        main(["counter", "count"])
    assert "invalid choice: 'counter'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("plugin", "why"), [(Exiting, "SystemExit: 7"), (Bare, "it has none"), (object, "which API it is written for")]
)
def test_commands_that_cannot_be_had_are_said(
    plugin: type, why: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(vendor_commands, "installed", lambda: offered({"counting": plugin}))
    assert main(["counting", "count"]) == 1
    said = capsys.readouterr().err
    assert "the commands of the plugin 'counting' are missing" in said
    assert why in said
