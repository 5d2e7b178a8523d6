"""`parloir stations` and `parloir bans` against a gateway whose phones are registered, behind a trunk, or at home."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_twisted import async_yield_fixture, ensureDeferred
from twisted.internet.threads import deferToThread

from parloir import cli
from parloir.calls.switchboard import Switchboard
from parloir.config import loader
from parloir.rtp.description import Address
from parloir.sip.agent import UserAgent
from parloir.sip.ban import Ban
from parloir.sip.binding import Binding
from parloir.sip.errors import Unreachable
from parloir.sip.message import Request
from parloir.sip.settings import Listener, Settings
from parloir.wiring import advertise, logins, trunks

from .sip_bench import KeptDialogs
from .web_server import Server, serve

NOW = 1_800_000_000.0
CONFIG = """
gateway: {{http: "127.0.0.1:{port}", public_url: "https://visits.example", trusted_proxies: [127.0.0.1],
  token_file: api.token}}
sip: {{listen: ["udp://127.0.0.2:5060", "tcp://127.0.0.2:5060"]}}
facilities:
  north:
    name: North County Jail
    timezone: America/Chicago
    trunks: {{pbx: {{address: "sip:127.0.0.9", options: 0}}}}
    stations:
      pod-a-1: {{address: "sip:1001@127.0.0.8:5090", kind: audio}}
      pod-a-0: {{address: "sip:1000@127.0.0.8:5091;transport=tcp"}}
      pod-a-2: {{trunk: pbx, number: "1002"}}
      pod-a-3: {{login: {{user: "1003", password: x}}}}
      pod-a-4: {{login: {{user: "1004", password: x}}}}
"""
BINDING = Binding(
    id="b1",
    facility="north",
    station="pod-a-3",
    contact="sip:1003@127.0.0.7:40000",
    flow="udp://127.0.0.2:0 127.0.0.7:40000",
    path=(),
    call_id="c",
    cseq=1,
    instance="",
    user_agent="Phone/3",
    registered=NOW,
    seen=NOW,
    expires=NOW * 2,
)


@async_yield_fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    from twisted.internet import reactor

    file = tmp_path / "parloir.yaml"
    file.write_text(CONFIG.format(port=1))
    (tmp_path / "api.token").write_text("x" * 40)
    (tmp_path / "api.token").chmod(0o600)
    config = loader.load(file)
    agent = UserAgent(
        reactor, Settings((Listener("127.0.0.2", 0),)), [], KeptDialogs(), lambda call: None, lambda event, /, **_: None
    )
    agent.replace_logins(logins(config))
    agent.replace_trunks(trunks(config))
    agent.edge.registrations._registrar.restore([BINDING])
    agent.edge.registrations.admission.restore(
        [Ban("198.51.100.7", 2, NOW, NOW * 2), Ban("2001:db8::7", 1, NOW, NOW * 3)]
    )
    agent.edge.sightings.note(Address("127.0.0.8", 40001), Request((), b"", "OPTIONS", "sip:x"), NOW - 1)
    hello = Request((("User-Agent", "Phone/1"),), b"", "OPTIONS", "sip:x")
    agent.edge.sightings.note(Address("127.0.0.8", 5090), hello, NOW)
    server = await serve(tmp_path, board=Switchboard(config, agent))
    file.write_text(CONFIG.format(port=server.port))
    yield server
    await server.web.close()


async def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[list[str]]]:
    """A command's status, and the cells it prints."""
    code = await deferToThread(cli.main, words)
    out = capsys.readouterr()
    return code, [line.split("  ") for line in (out.out or out.err).splitlines()]


@ensureDeferred
async def test_each_station_is_listed_as_it_stands(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, rows = await said(capsys, "stations", "list", "--config", str(tmp_path / "parloir.yaml"))
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert code == 0
    assert [(row[0], row[1], row[2], row[3], row[-1]) for row in cells[1:]] == [
        ("north/pod-a-1", "audio", "at its address", "udp 127.0.0.8:5090", "Phone/1"),
        ("north/pod-a-0", "video", "at its address", "tcp 127.0.0.8:5091", "Phone/1"),
        ("north/pod-a-2", "video", "trunk up", "udp 127.0.0.9:5060", "-"),
        ("north/pod-a-3", "video", "registered", "udp 127.0.0.7:40000", "Phone/3"),
        ("north/pod-a-4", "video", "NOT REGISTERED", "-", "-"),
    ]
    assert (await said(capsys, "stations", "list", "--facility", "south", "--config", str(tmp_path / "parloir.yaml")))[
        1
    ] == [["no stations"]]


@ensureDeferred
async def test_a_ban_is_listed_and_lifted_once(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ("--config", str(tmp_path / "parloir.yaml"))
    code, rows = await said(capsys, "bans", "list", *config)
    assert (code, len(rows), rows[1][0], rows[1][-1]) == (0, 3, "198.51.100.7", "2")
    assert await said(capsys, "bans", "lift", "198.51.100.7", *config) == (0, [["lifted: 198.51.100.7"]])
    assert (await said(capsys, "bans", "lift", "2001:db8::7", *config))[0] == 0
    code, rows = await said(capsys, "bans", "lift", "198.51.100.7", *config)
    assert (code, rows) == (1, [["parloir: address: 198.51.100.7 is not banned"]])
    assert (await said(capsys, "bans", "list", *config))[1] == [["no bans"]]


@ensureDeferred
async def test_without_a_gateway_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "parloir.yaml"
    file.write_text(CONFIG.format(port=9))
    (tmp_path / "api.token").write_text("x" * 40)
    code, rows = await said(capsys, "stations", "list", "--config", str(file))
    assert code == 1
    assert "no gateway answers" in rows[0][0]


def test_a_trunk_may_be_told_another_address_for_media(tmp_path: Path) -> None:
    file = tmp_path / "parloir.yaml"
    file.write_text(CONFIG.format(port=1).replace("options: 0", "rtp_address: 192.0.2.9"))
    (tmp_path / "api.token").write_text("x" * 40)
    told = advertise(loader.load(file), lambda host: ("north", "pbx") if host == "127.0.0.9" else None)
    assert told("127.0.0.9") == "192.0.2.9"
    assert told("127.0.0.8") == "127.0.0.1"
    with pytest.raises(Unreachable):
        told("phone.invalid")
