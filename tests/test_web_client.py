"""`parloir visits` against a gateway of its own: what it prints, and how it says what is wrong."""

import argparse
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pytest_twisted import async_yield_fixture, ensureDeferred
from twisted.internet.threads import deferToThread

from parloir.web import client
from parloir.web.client import NoSuchTime, moment
from parloir.web.connection import Connection, NotRunning

from .certificates import write_certificate
from .web_desk import TOKEN
from .web_server import Server, serve

CHICAGO = ZoneInfo("America/Chicago")
CONFIG = """
gateway:
  http: 127.0.0.1:{port}
  public_url: "https://visits.example"
  trusted_proxies: [127.0.0.1]
  token_file: api.token
facilities:
  north:
    name: North County Jail
    timezone: America/Chicago
    stations:
      pod-a-1: {{unit: A, address: "sip:1001@127.0.0.1:5090", trust: address}}
"""


def options(config: Path, **given: object) -> argparse.Namespace:
    defaults = {
        "facility": "north",
        "station": "pod-a-1",
        "visitor": "Ann Doe",
        "start": "2030-01-31T18:30",
        "minutes": 10,
        "ring": True,
        "all": False,
        "visit": "v1",
        "reason": "lockdown",
    }
    return argparse.Namespace(config=config, **(defaults | given))


@async_yield_fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    server = await serve(tmp_path)
    (tmp_path / "parloir.yaml").write_text(CONFIG.format(port=server.port))
    yield server
    await server.web.close()


async def run(command: Callable[[argparse.Namespace], int], given: argparse.Namespace) -> int:
    code: int = await deferToThread(command, given)
    return code


@ensureDeferred
async def test_a_visit_is_added_listed_and_cancelled(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "parloir.yaml"
    assert await run(client.add, options(config)) == 0
    assert capsys.readouterr().out.splitlines() == [
        "visit: https://visits.example/visit/link1",
        "code:  000001",
        "id:    v1",
    ]
    assert await run(client.list, options(config, facility=None)) == 0
    listed = capsys.readouterr().out
    for part in ("v1", "2030-01-31 18:30", "north/pod-a-1", "scheduled", "000001", "Ann Doe", "/visit/link1"):
        assert part in listed
    assert await run(client.cancel, options(config)) == 0
    assert "Ann Doe" in capsys.readouterr().out
    assert await run(client.list, options(config)) == 0
    assert capsys.readouterr().out == "no visits\n"
    assert await run(client.list, options(config, all=True)) == 0
    assert "cancelled" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"facility": "south"}, "there are: north"),
        ({"station": "pod-z-9"}, "station: there is no station pod-z-9"),
        ({"minutes": 0}, "minutes"),
        ({"start": "soon"}, "give 'now' or a time like"),
    ],
)
@ensureDeferred
async def test_what_is_wrong_is_said_on_standard_error(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], given: dict[str, object], said: str
) -> None:
    assert await run(client.add, options(tmp_path / "parloir.yaml", **given)) == 1
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.out == ""


@ensureDeferred
async def test_a_gateway_that_does_not_run_is_said_to_be_started(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await server.web.close()
    assert await run(client.list, options(tmp_path / "parloir.yaml")) == 1
    assert "start it with 'parloir run'" in capsys.readouterr().err


@ensureDeferred
async def test_over_tls_only_the_configured_certificate_is_believed(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    server = await serve(tmp_path, certificate=certificate, key=key)
    base = f"https://{server.host}:{server.port}"
    (tmp_path / "other").mkdir()
    other, _ = write_certificate(tmp_path / "other")
    try:
        assert await deferToThread(Connection(base, TOKEN, certificate).ask, "GET", "/api/v1/visits") == {"visits": []}
        with pytest.raises(NotRunning, match="certificate"):
            await deferToThread(Connection(base, TOKEN, other).ask, "GET", "/api/v1/visits")
    finally:
        await server.web.close()


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("now", "now"),
        ("2030-01-31T18:30", "2030-01-31T18:30:00-06:00"),
        ("2030-07-31 18:30", "2030-07-31T18:30:00-05:00"),
        ("2030-01-31T18:30Z", "2030-01-31T18:30:00+00:00"),
    ],
)
def test_a_start_is_by_the_facilitys_clock(text: str, sent: str) -> None:
    assert moment(text, CHICAGO) == sent


def test_an_hour_that_the_clock_skips_is_refused() -> None:
    with pytest.raises(NoSuchTime, match="America/Chicago skips"):
        moment("2030-03-10T02:30", CHICAGO)
