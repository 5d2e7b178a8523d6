"""Phones by UDP, TCP and TLS, over IPv6, and elsewhere than on this machine."""

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import write_certificate

from .baresip import FAKE_VIDEO, Baresip
from .gateway_process import Gateway
from .network import Host, MayNot
from .picture import BLUE
from .raw_phone import RawPhone
from .stage import BROWSER_TONE, Stage

TRANSPORTS = ("udp", "tcp", "tls")
CALLED, CALLING = 2400, 1700


def test_baresip_is_called_by_tls_and_calls_by_tcp(stage: Stage, tmp_path: Path) -> None:
    """The other way round, registered phones do; see test_registrar."""
    certificate = write_certificate(tmp_path)
    called = stage.baresip(tone=CALLED, user="1001", certificate=certificate)
    calling = stage.baresip(tone=CALLING, user="1002", certificate=certificate)
    stations = {"pod-a-1": called.address_by("tls"), "pod-a-2": calling.address_by("tcp")}
    gateway = stage.gateway(stations, transports=TRANSPORTS)
    first = gateway.add_visit("pod-a-1", visitor="Ann Doe")
    second = gateway.add_visit("pod-a-2", visitor="Bob Roe", rings=False)

    page = stage.page(first)
    page.join()
    page.wait_for_state("talking")
    page.wait_to_hear(CALLED)
    page.wait_to_see(FAKE_VIDEO)
    called.wait_to_hear(BROWSER_TONE)
    called.wait_to_see(BLUE)

    waiting = stage.page(second)
    waiting.join()
    waiting.wait_for_state("waiting")
    calling.dial(gateway.dialled(second["code"], "tcp"))
    calling.wait_for_event("CALL_ESTABLISHED")
    waiting.wait_for_state("talking")
    waiting.wait_to_hear(CALLING)
    calling.wait_to_hear(BROWSER_TONE)

    write_certificate(gateway.home, "renewed.example")
    gateway.config["sip"]["calls"] = 12
    gateway.configure()
    assert [event["keys"] for event in gateway.log_events("reload.needs_restart")] == [["sip.calls"]]
    called.hang_up()
    page.wait_for_state("ended")
    assert gateway.end_reason(first) == "PhoneHungUp"
    waiting.hang_up()
    calling.wait_for_event("CALL_CLOSED")
    assert gateway.end_reason(second) == "VisitorLeft"
    assert len(gateway.log_events("sip.tls_renewed")) >= 1
    _talked_by(called, "TLS")
    _talked_by(calling, "TCP")


def _talked_by(phone: Baresip, transport: str) -> None:
    said = [line for line in phone.process.lines if "Via: SIP/2.0/" in line]
    assert said
    assert all(f"SIP/2.0/{transport}" in line for line in said)


def test_phone_on_ipv6_is_called_and_calls(stage: Stage) -> None:
    phone = stage.raw_phone(host="::1")
    gateway = stage.gateway({"pod-a-1": phone.address}, host="::1")
    visit = gateway.add_visit()
    visitor = stage.visitor(visit)
    visitor.join()
    visitor.wait_for_state("talking")
    invite = phone.wait_for("INVITE")
    assert re.search(r"^c=IN IP6 ::1\r?$", invite.body, re.MULTILINE)
    phone.talk(invite.body)
    phone.wait_for_packets("audio", 50)
    phone.wait_for_packets("video", 15)
    visitor.wait_for_packets("audio", 50)
    visitor.wait_for_packets("video", 15)
    phone.hang_up()
    assert gateway.end_reason(visit) == "PhoneHungUp"

    phone.be_quiet()
    gateway.cancel(visit)
    second = gateway.add_visit(rings=False)
    visitor = stage.visitor(second)
    visitor.join()
    visitor.wait_for_state("waiting")
    answer = phone.dial(f"sip:{second['code']}@[::1]:{gateway.sip_port}")
    assert answer.status == 200
    phone.acknowledge()
    visitor.wait_for_state("notice")
    phone.hang_up()
    assert gateway.end_reason(second) == "PhoneHungUp"


class Intruder:
    """A connection to the gateway by somebody who means no call; `received` is all that came back."""

    def __init__(self, gateway: Gateway, host: str = "127.0.0.1") -> None:
        self._socket = socket.create_connection(("127.0.0.1", gateway.port_of("tcp")), 5, (host, 0))
        self.received = b""

    def say(self, data: bytes) -> None:
        """Send it; a gateway that has had enough may not take it."""
        with suppress(OSError):
            self._socket.sendall(data)

    def wait_until_cut(self, timeout: float) -> None:
        """Read until the gateway ends the connection. Raises TimeoutError."""
        self._socket.settimeout(timeout)
        try:
            while chunk := self._socket.recv(4096):
                self.received += chunk
        except ConnectionError:
            pass
        finally:
            self._socket.close()


def test_intruders_by_tcp_are_cut_off_while_a_visit_goes_on(stage: Stage) -> None:
    phone = stage.sipp(1, transport="tcp")
    gateway = stage.gateway({"pod-a-1": phone.address("1001")}, transports=("udp", "tcp"))
    visit = gateway.add_visit()
    visitor = stage.visitor(visit)
    visitor.join()
    visitor.wait_for_state("notice")
    slow, silent = Intruder(gateway), Intruder(gateway)
    slow.say(b"OPTIONS sip:a@b SIP/2.0\r\nVia: ")
    stranger = Intruder(gateway, "127.0.0.9")
    stranger.say(b"OPTIONS sip:a@b SIP/2.0\r\n\r\n")
    for nonsense in (b"\x16\x03\x01\x02\x00", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"A: b\r\n" * 5000):
        other = Intruder(gateway)
        other.say(nonsense)
        other.wait_until_cut(30)
        assert other.received == b""
    crowd = [Intruder(gateway) for _ in range(80)]
    for one in (stranger, *crowd[64:]):
        one.wait_until_cut(30)
        assert one.received == b""
    for one in (slow, silent, *crowd[:64]):
        one.wait_until_cut(60)
        assert one.received == b""
    visitor.wait_for_state("talking")
    visitor.wait_for_packets("audio", len(visitor.received["audio"]) + 25)
    visitor.leave()
    assert gateway.end_reason(visit) == "VisitorLeft"
    assert phone.wait(30) == 0, phone.errors


@pytest.fixture
def hosts() -> Iterator[list[Host]]:
    """The gateway's host, and one for each of three phones."""
    with ExitStack() as made:
        found: list[Host] = []
        try:
            for _ in range(4):
                found.append(Host())
                made.callback(found[-1].stop)
        except MayNot as why:
            pytest.skip(f"making a network needs root: {why}")
        yield found


OWN = ("10.77.1.1", "10.77.2.1", "10.77.3.1")
PHONES = ("10.77.1.21", "10.77.2.21", "10.77.3.21")
ADVERTISED = "10.77.2.99"
PLACES: dict[str, list[object]] = {
    "each": [
        f"udp://{OWN[0]}:5060",
        {"transport": "udp", "host": OWN[1], "port": 5060, "advertise": ADVERTISED},
        f"udp://{OWN[2]}:5060",
        f"tcp://{OWN[2]}:5060",
    ],
    "all": ["udp://0.0.0.0:5060", "tcp://0.0.0.0:5060"],
}


@pytest.mark.parametrize("listen", PLACES)
def test_phones_elsewhere_see_one_address_of_a_host_with_several(stage: Stage, hosts: list[Host], listen: str) -> None:
    """Of a gateway with three networks each phone sees the address toward itself, or what is advertised to it. The
    third phone talks by TCP."""
    here, *others = hosts
    for number, other in enumerate(others):
        here.wire(f"{OWN[number]}/24", other, f"{PHONES[number]}/24", f"wire-{number}")
    phones: list[RawPhone] = []
    for other, host in zip(others[:2], PHONES, strict=False):
        with other.inside():
            phones.append(stage.raw_phone(host=host))
    with others[2].inside():
        by_tcp = stage.sipp(1, host=PHONES[2], transport="tcp")
    stations = {"pod-a-1": phones[0].address, "pod-a-2": phones[1].address, "pod-a-3": by_tcp.address("1003")}
    with here.inside():
        gateway = stage.gateway(stations, sip={"listen": PLACES[listen], "rtp_address": "auto"})
        visits = [gateway.add_visit(station) for station in stations]
        visitors = [stage.visitor(visit) for visit in visits]
        for visitor in visitors:
            visitor.join()
        for visitor in visitors:
            visitor.wait_for_state("talking")
        for number, phone in enumerate(phones):
            with others[number].inside():
                phone.talk(phone.wait_for("INVITE").body)
            phone.wait_for_packets("audio", 25)
        for visit, visitor in zip(visits, visitors, strict=True):
            visitor.wait_for_packets("audio", 25)
            visitor.leave()
            assert gateway.end_reason(visit) == "VisitorLeft"
        for number, phone in enumerate(phones):
            phone.wait_for("BYE")
            dials(stage, gateway, phone, f"pod-a-{number + 1}", visits[number], OWN[number])
    assert by_tcp.wait(30) == 0, by_tcp.errors
    for number, other in enumerate(others):
        frames = other.captures[f"wire-{number}"].frames
        only_named(frames, {OWN[number], PHONES[number], *([ADVERTISED] if listen == "each" and number == 1 else [])})
        _all_by(frames, *((b"SIP/2.0/TCP", b"SIP/2.0/UDP") if number == 2 else (b"SIP/2.0/UDP", b"SIP/2.0/TCP")))


def _all_by(frames: list[bytes], wanted: bytes, unwanted: bytes) -> None:
    assert any(wanted in frame for frame in frames)
    assert not any(unwanted in frame for frame in frames)


def dials(stage: Stage, gateway: Gateway, phone: RawPhone, station: str, before: dict[str, Any], address: str) -> None:
    """The phone calls that address of the gateway, and hangs up."""
    gateway.cancel(before)
    visit = gateway.add_visit(station, rings=False)
    visitor = stage.visitor(visit)
    visitor.join()
    visitor.wait_for_state("waiting")
    phone.be_quiet()
    assert phone.dial(f"sip:{visit['code']}@{address}:5060").status == 200
    phone.acknowledge()
    phone.hang_up()
    assert gateway.end_reason(visit) == "PhoneHungUp"


def only_named(frames: list[bytes], allowed: set[str]) -> None:
    """No frame names a loopback address, and SIP messages name none but those allowed."""
    messages = [frame for frame in frames if b"SIP/2.0" in frame]
    assert len(messages) > 5
    assert any(b"m=audio" in frame for frame in messages)
    for frame in messages:
        named = {host.decode() for host in re.findall(rb"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])", frame)}
        assert named <= allowed, frame
    for frame in frames:
        assert b"127.0.0." not in frame
        assert b"localhost" not in frame
