"""A configuration that is right: its values, its tags and tables, and the example that is shipped."""

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from parloir.config.address import HostPort, PortRange, SipAddress
from parloir.config.document import read
from parloir.config.loader import examine, load
from parloir.config.schema import Config, Listener, Station

ROOT = Path(__file__).parents[1]
FACILITY = "facilities: {north: {name: North, timezone: America/Chicago, stations: {}}}\n"

WHOLE = """
gateway:
  data_dir: ./data
  http: 127.0.0.1:8080
  public_url: "http://127.0.0.1:8080/"
  trusted_proxies: [127.0.0.1, 10.0.0.0/8]
sip:
  listen: ["udp://0.0.0.0:5060", {transport: udp, host: 10.0.0.1, port: 5070, advertise: 192.0.2.1}]
  rtp_address: auto
  rtp_ports: 30000-31999
  calls: 16
  calls_per_line: 4
webrtc:
  listen: "0.0.0.0:20000"
  public_address: [192.0.2.1, "2001:db8::1"]
  relays: 2
  turn: {urls: ["turn:192.0.2.2:3478", "turns:turn.example.org?transport=tcp"], secret: !file turn.secret}
facilities:
  north:
    name: North County Jail
    timezone: America/Chicago
    rates: {tier: jail-350-999}
    trunks:
      pbx: {address: "sip:10.0.0.10", register: true, login: {user: gw, password: !env PBX_PASSWORD}}
    station_defaults: {kind: audio, trust: address, trunk: pbx}
    stations:
      pod-a-1: {unit: A, address: "sip:1001@127.0.0.1:5090"}
      pod-a-2: {unit: A, number: 1002}
      pod-a-3: {unit: A, kind: video, login: {user: 1003, password: !file pod-a-3.secret}}
    plugins:
      scheduling:
      billing: {cap: 1.50, opens: 18:30, code: 0123, on: yes, off: false}
"""


@pytest.fixture
def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("PBX_PASSWORD", "from the environment")
    (tmp_path / "turn.secret").write_text("from a file\n")
    (tmp_path / "pod-a-3.secret").write_text("p\n")
    file = tmp_path / "parloir.yaml"
    file.write_text(WHOLE)
    return load(file)


def test_addresses_and_paths_are_read_as_what_they_are(whole: Config, tmp_path: Path) -> None:
    assert whole.gateway.data_dir == tmp_path / "data"
    assert whole.gateway.token_file == tmp_path / "data" / "api.token"
    assert whole.gateway.http == HostPort("127.0.0.1", 8080)
    assert whole.gateway.public_url == "http://127.0.0.1:8080"
    assert whole.gateway.trusted_proxies == ("127.0.0.1", "10.0.0.0/8")
    assert whole.sip.rtp_ports == PortRange(30000, 31999)
    assert whole.sip.listen == (
        Listener(transport="udp", host="0.0.0.0", port=5060),
        Listener(transport="udp", host="10.0.0.1", port=5070, advertise="192.0.2.1"),
    )
    assert whole.webrtc.public_address == ("192.0.2.1", "2001:db8::1")
    assert whole.facilities["north"].stations["pod-a-1"].sip_address == SipAddress("1001", "127.0.0.1", 5090)


def test_secrets_are_read_and_never_printed(whole: Config) -> None:
    password = whole.facilities["north"].trunks["pbx"].login
    assert password is not None
    assert password.password is not None
    assert password.password.get_secret_value() == "from the environment"
    assert whole.webrtc.turn is not None
    assert whole.webrtc.turn.secret.get_secret_value() == "from a file"
    assert "from a" not in repr(whole)
    assert "from the" not in repr(whole)


def test_stations_take_the_defaults_that_fit_how_they_are_reached(whole: Config) -> None:
    stations = whole.facilities["north"].stations
    assert [(s.kind, s.trust, s.trunk, s.number) for s in stations.values()] == [
        ("audio", "address", None, None),
        ("audio", None, "pbx", "1002"),
        ("video", None, None, None),
    ]


def test_scalars_follow_yaml_1_2(whole: Config) -> None:
    plugins = whole.facilities["north"].plugins
    assert plugins["scheduling"] == {}
    assert plugins["billing"] == {"cap": 1.5, "opens": "18:30", "code": "0123", "on": "yes", "off": False}


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    file = tmp_path / "parloir.yaml"
    file.write_text("gateway: {http: '127.0.0.1:9000'}\n" + FACILITY)
    config = load(file)
    assert config.gateway.public_url == "http://127.0.0.1:9000"
    assert (config.gateway.drain, config.gateway.rejoin_window) == (30, 60)
    assert (config.sip.ring_timeout, config.sip.media_timeout, config.sip.port_rest) == (45, 10, 30)
    assert (config.webrtc.public_address, config.webrtc.turn) == (("auto",), None)


def test_a_table_gives_the_stations(tmp_path: Path) -> None:
    (tmp_path / "3.secret").write_text("p\n")
    (tmp_path / "north.csv").write_text(
        'id,unit,kind,address,login,password_file\na,"A, upper",,sip:1@127.0.0.1,,\n\nb,B,audio,,1003,3.secret\n'
    )
    file = tmp_path / "parloir.yaml"
    file.write_text("facilities:\n  n: {name: N, timezone: UTC, stations: !include north.csv}\n")
    stations = load(file).facilities["n"].stations
    assert stations["a"] == Station(unit="A, upper", address="sip:1@127.0.0.1:5060")
    assert stations["b"].kind == "audio"
    assert stations["b"].login is not None
    assert stations["b"].login.user == "1003"


def test_the_example_is_right_as_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "parloir.example.yaml"
    file.write_bytes(files("parloir.config").joinpath("parloir.example.yaml").read_bytes())
    examination = examine(file)
    assert examination.problems == ()
    assert [warning.path for warning in examination.warnings] == ["gateway.token_file"]


def texts() -> st.SearchStrategy[str]:
    return st.text(alphabet=st.characters(categories=("L", "N", "P", "S")), max_size=20)


def json_values() -> st.SearchStrategy[object]:
    leaves = st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats(allow_nan=False) | texts()
    finite = leaves.filter(lambda value: value not in (float("inf"), float("-inf")))
    return st.recursive(finite, lambda inner: st.lists(inner) | st.dictionaries(texts(), inner), max_leaves=10)


@settings(max_examples=50)
@given(st.dictionaries(texts(), json_values(), min_size=1))
def test_json_is_read_as_json(value: dict[str, object]) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "value.json"
        file.write_text(json.dumps(value, ensure_ascii=False))
        document = read(file)
    assert document.problems == []
    assert document.data == value


def damaged() -> st.SearchStrategy[str]:
    lines = WHOLE.splitlines(keepends=True)
    pieces = st.sampled_from(
        ["[", "}", ": ", "!env X", "!file .", "&a *a", "\t", "\x00", "- ", "'", "? ", "!!int x", "#"]
    )

    def damage(at: int, piece: str, keep: bool) -> str:
        text = "".join(lines)
        cut = at % len(text)
        return text[:cut] + piece + text[cut if keep else cut + 3 :]

    return st.builds(damage, st.integers(0, 10_000), pieces, st.booleans())


@given(damaged() | st.text(alphabet="ab:[]{}&*!|>-?,'\"#%~<\t\x00\n 0.e", max_size=60))
def test_a_damaged_file_has_problems_at_its_lines_or_is_right(text: str) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "parloir.yaml"
        file.write_text(text)
        examination = examine(file)
    assert (examination.config is None) == bool(examination.problems)
    last = text.count("\n") + 1
    assert all(1 <= p.line <= last and p.message and p.remedy for p in examination.problems if p.file == file)


def test_endless_nesting_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    file = tmp_path / "parloir.yaml"
    file.write_text("[" * 100_000)
    (problem,) = examine(file).problems
    assert "nested too deep" in problem.message


def test_an_alias_in_itself_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    file = tmp_path / "parloir.yaml"
    file.write_text(FACILITY + "gateway: &a {data_dir: *a}\n")
    (problem,) = examine(file).problems
    assert (problem.path, problem.line, problem.remedy) == ("gateway.data_dir", 2, "write it out instead")


def sections(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A section of the schema and all those within it."""
    yield model
    for field in model.model_fields.values():
        for inner in _models(field.annotation):
            yield from sections(inner)


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def test_every_key_is_described() -> None:
    described = set(re.findall(r"[a-z_]+", (ROOT / "docs" / "configuration.md").read_text()))
    keys = {field.alias or name for section in sections(Config) for name, field in section.model_fields.items()}
    assert len(keys) > 40
    assert keys - described == set()
