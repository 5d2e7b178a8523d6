"""Phones by UDP, TCP and TLS, over IPv6, and elsewhere than on this machine."""

import re
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.certificates import write_certificate

from .baresip import FAKE_VIDEO
from .gateway_process import Gateway
from .network import Host, MayNot
from .picture import BLUE
from .raw_phone import RawPhone
from .stage import BROWSER_TONE, Stage

TRANSPORTS = ("udp", "tcp", "tls")
CALLED, CALLING = 2400, 1700


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_baresip_is_called_and_calls_by_every_transport(stage: Stage, tmp_path: Path, transport: str) -> None:
    certificate = write_certificate(tmp_path)
    called = stage.baresip(tone=CALLED, user="1001", certificate=certificate)
    calling = stage.baresip(tone=CALLING, user="1002", certificate=certificate)
    stations = {"pod-a-1": called.address_by(transport), "pod-a-2": calling.address_by(transport)}
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
    calling.dial(gateway.dialled(second["code"], transport))
    calling.wait_for_event("CALL_ESTABLISHED")
    waiting.wait_for_state("talking")
    waiting.wait_to_hear(CALLING)
    calling.wait_to_hear(BROWSER_TONE)

    write_certificate(gateway.home, "renewed.example")
    gateway.signal(signal.SIGHUP)
    gateway.wait_until(lambda: gateway.log_events("reloaded") or None, "reloaded")
    called.hang_up()
    page.wait_for_state("ended")
    assert gateway.end_reason(first) == "PhoneHungUp"
    waiting.hang_up()
    calling.wait_for_event("CALL_CLOSED")
    assert gateway.end_reason(second) == "VisitorLeft"
    assert len(gateway.log_events("sip.tls_renewed")) >= 1
    for phone in (called, calling):
        said = [line for line in phone.process.lines if "Via: SIP/2.0/" in line]
        assert said
        assert all(f"SIP/2.0/{transport.upper()}" in line for line in said)


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
    phone.talk(answer.body)
    visitor.wait_for_state("talking")
    visitor.wait_for_packets("audio", 50)
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
    visitor.wait_for_state("talking")
    slow, silent = Intruder(gateway), Intruder(gateway)
    slow.say(b"OPTIONS sip:a@b SIP/2.0\r\nVia: ")
    stranger = Intruder(gateway, "127.0.0.9")
    stranger.say(b"OPTIONS sip:a@b SIP/2.0\r\n\r\n")
    for nonsense in (b"\x16\x03\x01\x02\x00", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"A: b\r\n" * 5000):
        other = Intruder(gateway)
        other.say(nonsense)
        other.wait_until_cut(5)
        assert other.received == b""
    crowd = [Intruder(gateway) for _ in range(80)]
    for one in (stranger, *crowd[64:]):
        one.wait_until_cut(5)
        assert one.received == b""
    for one in (slow, silent, *crowd[:64]):
        one.wait_until_cut(15)
        assert one.received == b""
    visitor.wait_for_packets("audio", len(visitor.received["audio"]) + 50)
    visitor.leave()
    assert gateway.end_reason(visit) == "VisitorLeft"
    assert phone.wait(10) == 0, phone.errors


@pytest.fixture
def hosts() -> Iterator[list[Host]]:
    """The gateway's host, and one for each of two phones."""
    with ExitStack() as made:
        found: list[Host] = []
        try:
            for _ in range(3):
                found.append(Host())
                made.callback(found[-1].stop)
        except MayNot as why:
            pytest.skip(f"making a network needs root: {why}")
        yield found


OWN = ("10.77.1.1", "10.77.2.1")
PHONES = ("10.77.1.21", "10.77.2.21")
ADVERTISED = "10.77.2.99"


@pytest.mark.parametrize("listen", ["each", "all"])
def test_phones_elsewhere_see_one_address_of_a_host_with_several(stage: Stage, hosts: list[Host], listen: str) -> None:
    """Of a gateway with two networks each phone sees the address toward itself, or what is advertised to it."""
    here, *others = hosts
    for number, other in enumerate(others):
        here.wire(f"{OWN[number]}/24", other, f"{PHONES[number]}/24", f"wire-{number}")
    places: list[object] = [f"udp://{host}:5060" for host in OWN] if listen == "each" else ["udp://0.0.0.0:5060"]
    if listen == "each":
        places[1] = {"transport": "udp", "host": OWN[1], "port": 5060, "advertise": ADVERTISED}
    phones: list[RawPhone] = []
    for other, host in zip(others, PHONES, strict=True):
        with other.inside():
            phones.append(stage.raw_phone(host=host))
    with here.inside():
        stations = {"pod-a-1": phones[0].address, "pod-a-2": phones[1].address}
        gateway = stage.gateway(stations, sip={"listen": places, "rtp_address": "auto"})
        for number, phone in enumerate(phones):
            visit = gateway.add_visit(f"pod-a-{number + 1}")
            visitor = stage.visitor(visit)
            visitor.join()
            visitor.wait_for_state("talking")
            with others[number].inside():
                phone.talk(phone.wait_for("INVITE").body)
            visitor.wait_for_packets("audio", 50)
            phone.wait_for_packets("audio", 50)
            visitor.leave()
            phone.wait_for("BYE")
            assert gateway.end_reason(visit) == "VisitorLeft"

            gateway.cancel(visit)
            second = gateway.add_visit(f"pod-a-{number + 1}", rings=False)
            visitor = stage.visitor(second)
            visitor.join()
            visitor.wait_for_state("waiting")
            phone.be_quiet()
            assert phone.dial(f"sip:{second['code']}@{OWN[number]}:5060").status == 200
            phone.acknowledge()
            phone.hang_up()
            assert gateway.end_reason(second) == "PhoneHungUp"
    for number, other in enumerate(others):
        mine = {OWN[number], PHONES[number], *([ADVERTISED] if listen == "each" and number else [])}
        only_named(other.captures[f"wire-{number}"].frames, mine)


def test_phone_elsewhere_by_tcp_sees_the_one_address_it_talks_to(stage: Stage, hosts: list[Host]) -> None:
    here, there, _ = hosts
    here.wire(f"{OWN[0]}/24", there, f"{PHONES[0]}/24", "wire")
    with there.inside():
        phone = stage.sipp(1, host=PHONES[0], transport="tcp")
    with here.inside():
        places = ["udp://0.0.0.0:5060", "tcp://0.0.0.0:5060"]
        gateway = stage.gateway({"pod-a-1": phone.address("1001")}, sip={"listen": places, "rtp_address": "auto"})
        visit = gateway.add_visit()
        visitor = stage.visitor(visit)
        visitor.join()
        visitor.wait_for_state("talking")
        visitor.wait_for_packets("audio", 50)
        visitor.leave()
        assert gateway.end_reason(visit) == "VisitorLeft"
    assert phone.wait(10) == 0, phone.errors
    frames = there.captures["wire"].frames
    assert any(b"SIP/2.0/TCP" in frame for frame in frames)
    assert not any(b"SIP/2.0/UDP" in frame for frame in frames)
    only_named(frames, {OWN[0], PHONES[0]})


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
