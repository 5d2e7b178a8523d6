"""Listeners, addresses and certificates of the SIP side in the configuration."""

from pathlib import Path

import pytest

from parloir import wiring
from parloir.config.address import SipAddress
from parloir.config.errors import Unfit
from parloir.config.loader import examine
from parloir.sip.settings import Listener, Streams, Tls
from tests.certificates import write_certificate

FACILITY = """
facilities:
  north:
    name: North
    timezone: America/Chicago
    stations:
      pod-a-1: {address: "sip:1001@10.0.0.21%s", trust: address}
"""


def problems(tmp_path: Path, sip: str, address: str = "") -> list[tuple[str, str]]:
    """Path and words of all that keeps the gateway from running with that `sip` section."""
    file = tmp_path / "parloir.yaml"
    file.write_text(f"sip: {sip}\n{FACILITY % address}")
    return [(problem.path, problem.message) for problem in examine(file).problems]


def test_all_transports_reach_the_sip_side(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    file = tmp_path / "parloir.yaml"
    advertised = "{transport: tls, host: 10.0.0.5, port: 5061, advertise: 192.0.2.1}"
    listen = f'["udp://10.0.0.5", "tcp://[2001:db8::5]:5070", {advertised}]'
    tls = "{certificate: cert.pem, key: key.pem, ca: cert.pem}"
    file.write_text(
        f"sip: {{listen: {listen}, tls: {tls}, connections: {{total: 9, per_source: 3, idle: 60}}}}\n{FACILITY % ''}"
    )
    config = examine(file).config
    assert config is not None
    settings = wiring.sip_settings(config)
    assert settings.listen == (
        Listener("10.0.0.5", 5060),
        Listener("2001:db8::5", 5070, transport="tcp"),
        Listener("10.0.0.5", 5061, "192.0.2.1", "tls"),
    )
    assert settings.streams == Streams(9, 3, 60, Tls(certificate, key, certificate))


def test_relays_are_told_of_their_ports_and_how_long_closed_ones_rest(tmp_path: Path) -> None:
    file = tmp_path / "parloir.yaml"
    sip, webrtc = "{rtp_ports: 31000-31999, port_rest: 45, media_timeout: 7}", '{listen: "127.0.0.1:21000", relays: 3}'
    file.write_text(f"sip: {sip}\nwebrtc: {webrtc}\n{FACILITY % ''}")
    config = examine(file).config
    assert config is not None
    told = [wiring.relay_settings(config, index) for index in range(3)]
    assert [(each.rtp_first, each.rtp_last) for each in told] == [(31000, 31331), (31332, 31663), (31664, 31995)]
    assert [(each.webrtc_host, each.webrtc_port) for each in told] == [("127.0.0.1", 21000 + n) for n in range(3)]
    assert {(each.port_rest, each.media_timeout) for each in told} == {(45, 7)}


def test_tls_listener_needs_a_certificate(tmp_path: Path) -> None:
    assert problems(tmp_path, '{listen: ["udp://0.0.0.0", "tls://0.0.0.0"]}') == [
        ("sip.listen", "a tls listener without a certificate")
    ]


def test_certificate_that_is_no_certificate_is_found(tmp_path: Path) -> None:
    _, key = write_certificate(tmp_path)
    (tmp_path / "bad.pem").write_text("no")
    listen = '{listen: ["udp://0.0.0.0", "tls://0.0.0.0"], tls: {certificate: %s, key: key.pem%s}}'
    assert [path for path, _ in problems(tmp_path, listen % ("bad.pem", ""))] == ["sip.tls"]
    assert [path for path, _ in problems(tmp_path, listen % ("none.pem", ""))] == ["sip.tls.certificate"]
    assert [path for path, _ in problems(tmp_path, listen % ("cert.pem", ", ca: bad.pem"))] == ["sip.tls.ca"]
    key.chmod(0o644)
    assert problems(tmp_path, listen % ("cert.pem", ", ca: cert.pem")) == []


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_station_needs_a_listener_of_its_transport(tmp_path: Path, transport: str) -> None:
    address = f"10.0.0.21:5070;transport={transport}"
    assert problems(tmp_path, '{listen: ["udp://0.0.0.0"]}', f":5070;transport={transport}") == [
        ("facilities.north.stations.pod-a-1.address", f"sip:1001@{address} needs a listener for {transport}")
    ]
    assert problems(tmp_path, '{listen: ["tcp://0.0.0.0"]}', ";transport=tcp") == []


def test_ipv4_and_ipv6_listeners_share_a_port_number(tmp_path: Path) -> None:
    assert problems(tmp_path, '{listen: ["udp://0.0.0.0", "udp://[2001:db8::5]", "tcp://0.0.0.0"]}') == []
    assert [path for path, _ in problems(tmp_path, '{listen: ["udp://0.0.0.0", "udp://[::]"]}')] == ["sip.listen.1"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("sip:1001@10.0.0.21", SipAddress("1001", "10.0.0.21", 5060, "udp")),
        ("sip:1001@10.0.0.21;transport=udp", SipAddress("1001", "10.0.0.21", 5060, "udp")),
        ("sip:1001@10.0.0.21;transport=TCP", SipAddress("1001", "10.0.0.21", 5060, "tcp")),
        ("sip:1001@10.0.0.21:5080;transport=tls", SipAddress("1001", "10.0.0.21", 5080, "tls")),
        ("sip:[2001:db8::1];transport=tls", SipAddress("", "2001:db8::1", 5061, "tls")),
    ],
)
def test_address_names_its_transport(text: str, address: SipAddress) -> None:
    assert SipAddress.parse(text) == address
    assert SipAddress.parse(str(address)) == address


@pytest.mark.parametrize("tail", [";transport=sctp", ";transport", ";lr", ";transport=tcp;lr", ";"])
def test_address_with_other_parameters_is_refused(tail: str) -> None:
    with pytest.raises(Unfit):
        SipAddress.parse(f"sip:1001@10.0.0.21{tail}")
