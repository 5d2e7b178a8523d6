"""Broken configuration files: each problem names its path, its line and what to do."""

import stat
from pathlib import Path
from typing import NamedTuple

import pytest

from parloir.config.errors import ConfigErrors, Problem
from parloir.config.loader import examine, load

STATION = 'pod-a-1: {unit: A, address: "sip:1001@127.0.0.1:5090"}'
FACILITY = f"facilities: {{north: {{name: North, timezone: America/Chicago, stations: {{{STATION}}}}}}}\n"


class Broken(NamedTuple):
    """A file's text, and what must be said about it: path, line, and words of message and remedy, in file order."""

    text: str
    said: list[tuple[str, int, str, str]]


BROKEN = {
    "misspelt_keys": Broken(
        "gateway:\n  drane: 5\nsipp: {}\n" + FACILITY,
        [
            ("gateway.drane", 2, "unknown key", "did you mean 'drain'?"),
            ("sipp", 3, "unknown key", "did you mean 'sip'?"),
        ],
    ),
    "nothing_left_for_visits": Broken(
        "sip:\n  calls: 4\n  reserved: {calls: 4, numbers: ['911']}\n  session_expires: 60\n" + FACILITY,
        [
            ("sip.reserved.calls", 3, "4 of 4 calls are reserved", "keep fewer than sip.calls: 4"),
            ("sip.session_expires", 4, "shorter than phones may accept", "set 0 for never, or at least 90"),
        ],
    ),
    "attendants_keys": Broken(
        FACILITY.replace(
            "stations",
            "attendant: {number: '123456', languages: [en, xx], hotlines: {'1': {target: 'sip:7@10.0.0.1'}, "
            "'10': {target: 'sip:7@10.0.0.1'}}}, stations",
        ),
        [
            ("facilities.north.attendant.number", 1, "the code of a visit", "take a shorter or a longer one"),
            ("facilities.north.attendant.languages", 1, "no prompts in 'xx'", "write some of en, es"),
            ("facilities.north.attendant.hotlines.1", 1, "this key chooses a language", "take 0, or one above 2"),
            ("facilities.north.attendant.hotlines.10", 1, "not a key from 0 to 9", "name one key, in quotes"),
        ],
    ),
    "attendant_without_a_number": Broken(
        FACILITY.replace("stations", "attendant: {languages: [en]}, stations"),
        [("facilities.north.attendant", 1, "no number leads here", "set number, or any_number: true")],
    ),
    "key_like_no_other": Broken(
        "webrtc: {listen: '0.0.0.0:20000', zzz: 1}\n" + FACILITY,
        [("webrtc.zzz", 1, "unknown key", "use one of listen, public_address, relays, turn, relay_only")],
    ),
    "duplicate_keys": Broken(
        "sip:\n  calls: 4\n  calls_per_line: 4\n  calls: 8\n" + FACILITY,
        [("sip.calls", 4, "duplicate key, first given on line 2", "keep one of the two")],
    ),
    "not_yaml": Broken(
        "gateway:\n  http: [\n" + FACILITY,
        [("", 2, "not YAML: expected ',' or ']'", "mend this line")],
    ),
    "missing_keys": Broken(
        "facilities:\n  north:\n    stations: {}\n",
        [
            ("facilities.north.name", 2, "missing", "add 'name: ...'"),
            ("facilities.north.timezone", 2, "missing", "add 'timezone: ...'"),
        ],
    ),
    "no_facilities": Broken("gateway: {}\n", [("facilities", 1, "missing", "add 'facilities: ...'")]),
    "empty": Broken("# nothing yet\n", [("", 1, "the file is empty", "parloir init")]),
    "unset_environment": Broken(
        "webrtc:\n  turn:\n    urls: ['turn:turn.example.org']\n    secret: !env NO_SUCH_SECRET\n" + FACILITY,
        [("webrtc.turn.secret", 4, "NO_SUCH_SECRET is not set", "set it where the gateway is started")],
    ),
    "missing_files": Broken(
        "webrtc:\n  turn: {urls: ['turn:turn.example.org'], secret: !file turn.secret}\n"
        "gateway:\n  tls: {certificate: cert.pem, key: key.pem}\n" + FACILITY,
        [
            ("webrtc.turn.secret", 2, "turn.secret does not exist", "write this file or correct its name"),
            ("gateway.tls.certificate", 4, "cert.pem cannot be read", "correct its name"),
            ("gateway.tls.key", 4, "key.pem cannot be read", "correct its name"),
        ],
    ),
    "unknown_tag": Broken(
        "gateway: {data_dir: !path data}\n" + FACILITY,
        [("gateway.data_dir", 1, "unknown tag !path", "use !env NAME, !file PATH or !include PATH")],
    ),
    "wrong_kinds": Broken(
        "gateway: {http: 8080, drain: yes}\nsip: {calls: many, listen: udp}\nwebrtc: [1]\n" + FACILITY,
        [
            ("gateway.http", 1, "should be text", "put it in quotes"),
            ("gateway.drain", 1, "not a number", "write a number without quotes"),
            ("sip.listen", 2, "not a list", "write it in brackets"),
            ("sip.calls", 2, "not a whole number", "write a whole number without quotes"),
            ("webrtc", 3, "not a group of keys", "KEY: VALUE"),
        ],
    ),
    "out_of_bounds": Broken(
        "gateway: {drain: 0}\nsip: {calls: 0}\nwebrtc: {relays: 1000}\n" + FACILITY,
        [
            ("gateway.drain", 1, "too small", "write more than 0"),
            ("sip.calls", 2, "too small", "write at least 1"),
            ("webrtc.relays", 3, "too large", "write at most 256"),
        ],
    ),
    "bad_addresses": Broken(
        "gateway: {http: '127.0.0.1', public_url: 'visits.example.org'}\n"
        "sip: {listen: ['upd://0.0.0.0:5060', 'udp://gateway:5060', 'udp://0.0.0.0:70000'], rtp_ports: 31999-30000}\n"
        "webrtc: {public_address: [203.0.113.300]}\n" + FACILITY,
        [
            ("gateway.http", 1, "names no port", "write it like 127.0.0.1:8080"),
            ("gateway.public_url", 1, "not a web address", "write it like https://"),
            ("sip.listen.0", 2, "not a listener", "udp://0.0.0.0:5060"),
            ("sip.listen.1", 2, "'gateway' is not an IP address", "write one like 0.0.0.0"),
            ("sip.listen.2", 2, "'70000' is not a port", "from 0 to 65535"),
            ("sip.rtp_ports", 2, "ends before it begins", "write the lower port first"),
            ("webrtc.public_address.0", 3, "not an IP address", "write one like"),
        ],
    ),
    "public_http": Broken(
        "gateway:\n  public_url: http://visits.example.org\n" + FACILITY,
        [("gateway.public_url", 2, "plain http off localhost", "write https:// and set gateway.tls")],
    ),
    "https_by_nobody": Broken(
        "gateway:\n  public_url: https://visits.example.org\n" + FACILITY,
        [("gateway.public_url", 2, "nothing here serves https", "set gateway.tls, or gateway.trusted_proxies")],
    ),
    "registration": Broken(
        "sip: {registrar: {min_expires: 600, max_expires: 60}, admission: {allow: [phones], failures: 0}}\n"
        "facilities:\n  north:\n    name: N\n    timezone: UTC\n"
        "    trunks: {pbx: {address: 'sip:10.0.0.10', register: true, identity: [to]}}\n    stations:\n"
        "      a: {login: {user: '1'}}\n",
        [
            ("sip.registrar", 1, "min_expires is above max_expires", "write the lower one first"),
            ("sip.admission.failures", 1, "too small", "write at least 1"),
            ("sip.admission.allow.0", 1, "not an IP address or network", "write one like 10.0.0.5"),
            ("facilities.north.trunks.pbx.identity.0", 6, "", "asserted"),
        ],
    ),
    "logins": Broken(
        "facilities:\n  north:\n    name: N\n    timezone: UTC\n"
        "    trunks: {pbx: {address: 'sip:10.0.0.10', register: true}}\n    stations:\n"
        "      a: {login: {user: '1', password: x}}\n      b: {login: {user: '1'}}\n",
        [
            ("facilities.north.trunks.pbx.register", 5, "register without a login", "add login"),
            ("facilities.north.stations.b.login", 8, "without a password", "add password"),
            ("facilities.north.stations.b.login.user", 8, "also that of facilities.north.stations.a", "of its own"),
        ],
    ),
    "overlapping_ports": Broken(
        "gateway: {http: '127.0.0.1:5060', public_url: 'http://127.0.0.1:5060'}\n"
        "sip:\n  listen: ['udp://0.0.0.0:30500', 'tcp://0.0.0.0:5060']\n  rtp_ports: 30000-31999\n"
        "webrtc: {listen: '0.0.0.0:29999', relays: 2}\n" + FACILITY,
        [
            ("sip.listen.1", 3, "port 5060 (tcp) overlap gateway.http", "move one of the two"),
            ("sip.rtp_ports", 4, "port 30500 (udp) overlap sip.listen.0", "move one of the two"),
            ("webrtc.listen", 5, "port 30000 (udp) overlap sip.rtp_ports", "move one of the two"),
        ],
    ),
    "rtp_ports_odd_and_few": Broken(
        "sip: {rtp_ports: 30001-30040, calls: 16}\n" + FACILITY,
        [
            ("sip.rtp_ports", 1, "first port 30001 is odd", "begin at 30002"),
            ("sip.rtp_ports", 1, "40 ports are too few for sip.calls: 16", "name at least 64"),
        ],
    ),
    "more_relays_than_ports_for_them": Broken(
        "sip: {rtp_ports: 30000-30031, calls: 1}\nwebrtc: {relays: 9}\n" + FACILITY,
        [("sip.rtp_ports", 1, "32 ports cannot be shared among 9 relays", "name at least 36")],
    ),
    "relay_only_without_turn": Broken(
        "webrtc: {relay_only: true}\n" + FACILITY,
        [("webrtc.relay_only", 1, "no TURN server", "set webrtc.turn")],
    ),
    "other_database": Broken(
        "gateway: {database: 'mysql+pymysql://u:hidden@db/p'}\n" + FACILITY,
        [("gateway.database", 1, "mysql is no database", "write postgresql+psycopg://")],
    ),
    "facility_that_is_not": Broken(
        "facilities:\n  north wing: {name: North, timezone: America/Chicgo, language: fr}\n",
        [
            ("facilities.north wing", 2, "cannot be a name", "use letters"),
            ("facilities.north wing.timezone", 2, "unknown timezone 'America/Chicgo'", "like America/Chicago"),
        ],
    ),
    "language_without_prompts": Broken(
        "facilities:\n  north: {name: North, timezone: UTC, language: fr, stations: {" + STATION + "}}\n",
        [("facilities.north.language", 2, "no prompts in 'fr'", "write one of en, es")],
    ),
    "stations_reached_in_no_way_or_two": Broken(
        "facilities:\n  north:\n    name: North\n    timezone: UTC\n    station_defaults: {kind: vide}\n    stations:\n"
        "      a: {unit: A}\n"
        '      b: {address: "sip:1@127.0.0.1", login: {user: b, password: c}}\n'
        '      c: {number: "1002"}\n'
        "      d: {trunk: pbx, number: 1003}\n"
        '      e: {address: "sips:1@127.0.0.1"}\n'
        "      f: {address: 1.5}\n"
        "      g: {address: 'sip:1@phone.example.org', trust: address}\n",
        [
            ("facilities.north.station_defaults.kind", 5, "not one of the choices", "write video or audio"),
            ("facilities.north.stations.a", 7, "no way to reach this station", "give either address"),
            ("facilities.north.stations.b", 8, "address and login at once", "give either address"),
            ("facilities.north.stations.c", 9, "no way to reach", "give either address"),
            ("facilities.north.stations.e.address", 11, "not a SIP address", "sip:1001@10.0.0.20:5060"),
            ("facilities.north.stations.f.address", 12, "not text", "write text"),
            ("facilities.north.stations.g", 13, "'phone.example.org' is a name", "write the phone's IP address"),
        ],
    ),
    "stations_against_each_other": Broken(
        "facilities:\n  north:\n    name: North\n    timezone: UTC\n    stations:\n"
        "      a: {address: 'sip:1@127.0.0.1'}\n"
        "      b: {address: 'sip:1@127.0.0.1:5060'}\n"
        "      c: {trunk: pbx, number: 1003}\n",
        [
            ("facilities.north.stations.b.address", 7, "is also facilities.north.stations.a", "an address of its own"),
            ("facilities.north.stations.c.trunk", 8, "no trunk 'pbx' here", "add it to north.trunks"),
        ],
    ),
}


def problems(tmp_path: Path, text: str) -> tuple[Problem, ...]:
    file = tmp_path / "parloir.yaml"
    file.write_text(text)
    with pytest.raises(ConfigErrors) as raised:
        load(file)
    return raised.value.problems


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_each_problem_names_path_line_and_remedy(tmp_path: Path, broken: Broken) -> None:
    found = problems(tmp_path, broken.text)
    assert [(p.path, p.line) for p in found] == [(path, line) for path, line, _, _ in broken.said], found
    for problem, (path, line, message, remedy) in zip(found, broken.said, strict=True):
        assert message in problem.message
        assert remedy in problem.remedy
        assert str(problem).startswith(f"{tmp_path / 'parloir.yaml'}:{line}: {path}")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    (problem,) = examine(tmp_path / "parloir.yaml").problems
    assert str(problem) == f"{tmp_path}/parloir.yaml: does not exist, write the configuration or correct its name"


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "parloir.yaml"
    file.write_bytes(b"gateway:\n  http: \xff\n")
    (problem,) = examine(file).problems
    assert (problem.line, problem.remedy) == (2, "save it as UTF-8")


def test_a_table_of_stations_names_its_own_lines(tmp_path: Path) -> None:
    (tmp_path / "north.csv").write_text(
        "id,unti,address,number\n"
        "a,A,sip:1@127.0.0.1,\n"
        "a,A,sip:2@127.0.0.1,\n"
        ",A,sip:3@127.0.0.1,\n"
        "d,A,tel:4,\n"
        "e,A,,1005\n"
        "f,A,sip:6@127.0.0.1,,,\n"
    )
    found = problems(tmp_path, "facilities:\n  north: {name: N, timezone: UTC, stations: !include north.csv}\n")
    stations = "facilities.north.stations"
    assert [(p.path, p.file.name, p.line, p.remedy) for p in found] == [
        (stations, "north.csv", 1, "did you mean 'unit'?"),
        (f"{stations}.a", "north.csv", 3, "keep one of the two"),
        (stations, "north.csv", 4, "fill the column 'id'"),
        (f"{stations}.d.address", "north.csv", 5, "write it like 'sip:1001@10.0.0.20:5060'"),
        (f"{stations}.e", "north.csv", 6, "give either address, or trunk and number, or login"),
        (stations, "north.csv", 7, "put text with commas in quotes"),
    ]


def test_a_table_that_is_missing_is_reported_at_the_key(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "facilities:\n  north: {name: N, timezone: UTC, stations: !include north.csv}\n")
    assert (problem.path, problem.line) == ("facilities.north.stations", 2)
    assert "north.csv does not exist" in problem.message


def test_a_certificate_that_is_none_is_refused(tmp_path: Path) -> None:
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("not PEM")
    text = "gateway:\n  tls: {certificate: cert.pem, key: key.pem}\n" + FACILITY
    (problem,) = problems(tmp_path, text)
    assert (problem.path, problem.line) == ("gateway.tls", 2)
    assert "name a PEM certificate chain and its own unencrypted key" in problem.remedy


def test_no_problem_shows_a_secret(tmp_path: Path) -> None:
    (tmp_path / "long.secret").write_text("s3cret" * 500)
    text = (
        "webrtc: {turn: {urls: ['turn:turn.example.org'], secret: !file long.secret}}\n"
        "facilities:\n  north:\n    name: N\n    timezone: UTC\n    stations:\n"
        "      a: {login: {user: u, password: {s3cret: s3cret}}}\n"
    )
    found = problems(tmp_path, text)
    assert len(found) == 2
    assert not any("s3cret" in str(problem) for problem in found)


def test_doubts_are_warnings_and_do_not_stop_the_gateway(tmp_path: Path) -> None:
    secret = tmp_path / "a.secret"
    secret.write_text("x\n")
    secret.chmod(stat.S_IRUSR | stat.S_IWUSR | stat.S_IROTH)
    file = tmp_path / "parloir.yaml"
    file.write_text(
        "gateway: {http: '0.0.0.0:8080', public_url: 'http://127.0.0.1:8080'}\n"
        "sip:\n  listen: ['udp://0.0.0.0:5060']\n  rtp_ports: 40000-41999\n"
        "facilities:\n  north:\n    name: N\n    timezone: UTC\n"
        "    trunks: {pbx: {address: 'sip:10.0.0.10'}}\n"
        "    stations:\n      a: {login: {user: a, password: !file a.secret}}\n"
        "    plugins: {billing: {}}\n  south: {name: S, timezone: UTC}\n"
    )
    examination = examine(file)
    assert examination.config is not None
    assert [(warning.path, warning.line) for warning in examination.warnings] == [
        ("gateway.http", 1),
        ("gateway.token_file", 1),
        ("sip.rtp_ports", 4),
        ("facilities.north.stations.a.login.password", 11),
        ("facilities.south.stations", 13),
    ]
    assert all(warning.message and warning.remedy for warning in examination.warnings)
