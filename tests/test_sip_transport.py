"""Real sockets of every transport, IPv4 and IPv6: what comes and goes on them, and on which."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from OpenSSL import SSL
from pytest_twisted import async_yield_fixture, ensureDeferred
from twisted.internet.defer import Deferred

from parloir.rtp.description import Address
from parloir.sip.crowd import Standing
from parloir.sip.errors import BadCertificate, Unreachable
from parloir.sip.flow import Face, Flow
from parloir.sip.settings import Listener, Streams, Tls
from parloir.sip.transport import Sockets
from tests.certificates import write_certificate
from tests.stream_phone import Credentials, StreamPhone

PATIENCE = 5.0


def message(name: str = "a") -> bytes:
    """A request to that user."""
    headers = b"Via: SIP/2.0/TCP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\n"
    return b"OPTIONS sip:%s@b SIP/2.0\r\n%sCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n" % (name.encode(), headers)


class Host:
    """The sockets of one side, and all that was received and said."""

    def __init__(self, reactor: Any, listen: tuple[Listener, ...], streams: Streams = Streams()) -> None:  # noqa: B008
        self.reactor = reactor
        self.got: list[tuple[Flow, bytes]] = []
        self.log: list[tuple[str, dict[str, Any]]] = []
        self.lost: list[Flow] = []
        self.unreachable: list[Flow] = []
        self.sockets = Sockets(listen, "Test", lambda flow, data: self.got.append((flow, data)), streams, self._logged)
        self.sockets.on_lost = self.lost.append
        self.sockets.on_unreachable = self.unreachable.append
        self.sockets.bind(reactor)

    def _logged(self, event: str, /, **fields: Any) -> None:
        self.log.append((event, fields))

    async def until(self, true: Callable[[], object], what: str) -> None:
        """Let the reactor run until something holds."""
        deadline = self.reactor.seconds() + PATIENCE
        while not true():
            assert self.reactor.seconds() < deadline, f"{what}: not within {PATIENCE} s; {self.got} {self.log}"
            pause: Deferred[None] = Deferred()
            self.reactor.callLater(0.005, pause.callback, None)
            await pause

    async def next(self) -> tuple[Flow, bytes]:
        """The first message not taken yet."""
        await self.until(lambda: self.got, "a message")
        return self.got.pop(0)


class Hosts:
    """All sides of one test."""

    def __init__(self, reactor: Any, home: Path) -> None:
        self.reactor = reactor
        self.home = home
        self.tls = Tls(*write_certificate(home))
        self.streams = Streams(tls=self.tls)
        self._made: list[Host] = []
        self._phones: list[StreamPhone] = []

    def host(self, *listen: Listener, streams: Streams | None = None) -> Host:
        made = Host(self.reactor, listen, streams or self.streams)
        self._made.append(made)
        return made

    def phone(self, credentials: Credentials | None = None) -> StreamPhone:
        phone = StreamPhone(self.reactor, credentials)
        self._phones.append(phone)
        return phone

    async def close(self) -> None:
        for made in self._made:
            await made.sockets.close()
        for phone in self._phones:
            await phone.close()


@async_yield_fixture
async def hosts(tmp_path: Path) -> AsyncIterator[Hosts]:
    from twisted.internet import reactor

    made = Hosts(reactor, tmp_path)
    yield made
    await made.close()


PAIRS = [
    (Listener("127.0.0.2", 0, transport=transport), Listener("127.0.0.3", 0, transport=transport))
    for transport in ("udp", "tcp", "tls")
] + [
    (Listener("::1", 0, transport=transport), Listener("::", 0, transport=transport))
    for transport in ("udp", "tcp", "tls")
]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0].transport} {pair[0].host}")
@ensureDeferred
async def test_message_and_its_answer_take_the_same_way(hosts: Hosts, pair: tuple[Listener, Listener]) -> None:
    one, other = hosts.host(pair[0]), hosts.host(pair[1])
    seen: list[tuple[str, bytes]] = []
    other.sockets.observe = lambda way, peer, data: seen.append((way, data))
    there = Address(pair[1].host if pair[1].host != "::" else "::1", other.sockets.addresses[0].port)
    way = one.sockets.flow(there, pair[0].transport)
    one.sockets.send(way, message())
    one.sockets.send(way, message("again"))
    back, data = await other.next()
    assert data == message()
    assert await other.next() == (back, message("again"))
    other.sockets.send(back, message("answer"))
    flow, data = await one.next()
    assert (flow, data) == (way, message("answer"))
    assert seen == [("in", message()), ("in", message("again")), ("out", message("answer"))]
    for side, flow in ((one, way), (other, back)):
        face = side.sockets.face(flow)
        assert (face.transport, face.port) == (pair[0].transport, side.sockets.addresses[0].port)
        assert face.host == (pair[0].host if side is one or pair[1].host == "::" else pair[1].host)


def test_face_names_its_transport() -> None:
    assert Face("10.0.0.5", 5060, "P").contact() == "<sip:parloir@10.0.0.5:5060>"
    assert Face("10.0.0.5", 5060, "P", "tcp").contact() == "<sip:parloir@10.0.0.5:5060;transport=tcp>"
    assert Face("::1", 5061, "P", "tls").contact("sip:a@b") == "<sip:parloir@[::1]:5061;transport=tls>"
    assert Face("::1", 5061, "P", "tls").contact("sips:a@b") == "<sips:parloir@[::1]:5061>"
    assert str(Face("::1", 5061, "P", "tls").via("z9hG4bK1")) == "SIP/2.0/TLS [::1]:5061;rport;branch=z9hG4bK1"


@ensureDeferred
async def test_advertised_address_is_what_peers_read(hosts: Hosts) -> None:
    host = hosts.host(*(Listener("127.0.0.2", 0, f"192.0.2.{n}", t) for n, t in enumerate(("udp", "tcp", "tls"))))
    for n, transport in enumerate(("udp", "tcp", "tls")):
        assert host.sockets.face(host.sockets.flow(Address("127.0.0.3", 9), transport)).host == f"192.0.2.{n}"


@ensureDeferred
async def test_listener_with_the_right_address_is_taken(hosts: Hosts) -> None:
    listen = [Listener(host, 0) for host in ("127.0.0.5", "0.0.0.0", "::1", "127.0.0.1")]
    host = hosts.host(*listen, Listener("127.0.0.6", 0, transport="tcp"))
    assert host.sockets.flow(Address("127.0.0.9", 9)).listener.startswith("udp://127.0.0.1:")
    assert host.sockets.flow(Address("::1", 9)).listener.startswith("udp://[::1]:")
    assert host.sockets.flow(Address("127.0.0.9", 9), "tcp").listener.startswith("tcp://127.0.0.6:")
    without = hosts.host(Listener("127.0.0.5", 0), Listener("0.0.0.0", 0), Listener("127.0.0.6", 0))
    assert without.sockets.flow(Address("127.0.0.9", 9)).listener.startswith("udp://0.0.0.0:")


@ensureDeferred
async def test_peer_that_no_listener_reaches_is_unreachable(hosts: Hosts) -> None:
    host = hosts.host(Listener("127.0.0.2", 0))
    for peer, transport in (
        (Address("::1", 9), "udp"),
        (Address("127.0.0.3", 9), "tcp"),
        (Address("192.0.2.1", 9), "udp"),
    ):
        with pytest.raises(Unreachable):
            host.sockets.flow(peer, transport)


@ensureDeferred
async def test_peer_that_refuses_connections_is_said(hosts: Hosts) -> None:
    host, phone = hosts.host(Listener("127.0.0.2", 0, transport="tcp")), hosts.phone()
    await phone.deaf()
    way = host.sockets.flow(Address(phone.host, phone.port), "tcp")
    host.sockets.send(way, message())
    await host.until(lambda: host.unreachable, "unreachable")
    assert host.unreachable == [way]
    assert [name for name, _ in host.log] == ["sip.not_connected"]
    assert not host.sockets.has(way)


@ensureDeferred
async def test_connection_that_is_gone_is_made_again_to_the_peers_port(hosts: Hosts) -> None:
    host, phone = hosts.host(Listener("127.0.0.2", 0, transport="tcp")), hosts.phone()
    line = await phone.connect(host.sockets.addresses[0])
    phone.send(message())
    flow, _ = await host.next()
    assert host.sockets.has(flow)
    line.transport.loseConnection()
    await host.until(lambda: host.lost, "lost")
    assert host.lost == [flow]
    back = Flow(flow.listener, flow.peer, phone.port)
    assert not host.sockets.has(back)
    host.sockets.send(back, message("phone"))
    await host.until(lambda: phone.lines, "a new connection")
    assert host.sockets.has(back)
    host.sockets.drop(back)
    await host.until(lambda: not phone.lines, "no connection")


@ensureDeferred
async def test_ping_is_answered(hosts: Hosts) -> None:
    host, phone = hosts.host(Listener("127.0.0.2", 0, transport="tls")), hosts.phone(Credentials())
    line = await phone.connect(host.sockets.addresses[0])
    phone.send(b"\r\n\r\n")
    await host.until(lambda: line.pongs == 1, "a pong")


@ensureDeferred
async def test_keep_alives_in_datagrams_are_dropped(hosts: Hosts) -> None:
    host, other = hosts.host(Listener("127.0.0.2", 0)), hosts.host(Listener("127.0.0.3", 0))
    way = other.sockets.flow(host.sockets.addresses[0])
    for datagram in (b"\r\n\r\n", b"\r\n", b"\0", b"", message()):
        other.sockets.send(way, datagram)
    assert (await host.next())[1] == message()
    assert (host.got, other.got) == ([], [])


@ensureDeferred
async def test_unwelcome_hosts_and_too_many_are_not_let_in(hosts: Hosts) -> None:
    streams = Streams(total=8, per_source=2)
    host, phone = hosts.host(Listener("127.0.0.2", 0, transport="tcp"), streams=streams), hosts.phone()
    at = host.sockets.addresses[0]
    host.sockets.standing = lambda host: Standing.UNWELCOME
    await (await phone.connect(at)).gone
    host.sockets.standing = lambda host: Standing.KNOWN
    first, _, third = [await phone.connect(at) for _ in range(3)]
    await third.gone
    assert host.sockets.counters == {"not let in": 2}
    first.transport.loseConnection()
    await host.until(lambda: host.lost, "room")
    fourth = await phone.connect(at)
    phone.send(message())
    await host.next()
    assert not fourth.gone.called


@ensureDeferred
async def test_nonsense_is_cut_and_counted(hosts: Hosts) -> None:
    host, phone = hosts.host(Listener("127.0.0.2", 0, transport="tcp")), hosts.phone()
    line = await phone.connect(host.sockets.addresses[0])
    phone.send(b"\x16\x03\x01\x00")
    await line.gone
    assert host.sockets.counters == {"not the beginning of a message": 1}
    assert [name for name, _ in host.log] == ["sip.connection_cut"]


async def shown(host: Host, hosts: Hosts, credentials: Credentials | None = None) -> tuple[str, str]:
    """Whom a fresh TLS connection is shown, and by which version."""
    phone = hosts.phone(credentials or Credentials())
    line = await phone.connect(host.sockets.addresses[0])
    phone.send(message())
    await host.next()
    tls = line.transport._tlsConnection
    [name] = tls.get_peer_certificate(as_cryptography=True).subject
    return str(name.value), tls.get_protocol_version_name()


@ensureDeferred
async def test_renewed_certificate_is_shown_and_live_connections_go_on(hosts: Hosts) -> None:
    host, old = hosts.host(Listener("127.0.0.2", 0, transport="tls")), hosts.phone(Credentials())
    await old.connect(host.sockets.addresses[0])
    old.send(message())
    flow, _ = await host.next()
    assert (await shown(host, hosts))[0] == "visits.example"
    write_certificate(hosts.home, "renewed.example")
    assert (await shown(host, hosts))[0] == "renewed.example"
    old.send(message("still"))
    assert await host.next() == (flow, message("still"))
    assert [name for name, _ in host.log] == ["sip.tls_renewed"]


@ensureDeferred
async def test_renewal_that_cannot_be_used_leaves_the_old_certificate(hosts: Hosts) -> None:
    host = hosts.host(Listener("127.0.0.2", 0, transport="tls"))
    hosts.tls.key.write_text("no key")
    assert (await shown(host, hosts))[0] == "visits.example"
    host.sockets.renew_certificate()
    assert (await shown(host, hosts))[0] == "visits.example"
    assert {name for name, _ in host.log} == {"sip.tls_refused"}
    write_certificate(hosts.home, "mended.example")
    assert (await shown(host, hosts))[0] == "mended.example"


@ensureDeferred
async def test_tls_is_modern(hosts: Hosts) -> None:
    host = hosts.host(Listener("127.0.0.2", 0, transport="tls"))
    assert (await shown(host, hosts))[1] == "TLSv1.3"
    assert (await shown(host, hosts, Credentials(newest=SSL.TLS1_2_VERSION)))[1] == "TLSv1.2"
    old = hosts.phone(Credentials(newest=SSL.TLS1_1_VERSION))
    line = await old.connect(host.sockets.addresses[0])
    old.send(message())
    await line.gone
    assert host.got == []


@ensureDeferred
async def test_phones_must_be_signed_for_where_authorities_are_named(hosts: Hosts) -> None:
    signed = hosts.home / "signed"
    signed.mkdir()
    mine = write_certificate(signed, "phone.example")
    streams = Streams(tls=Tls(hosts.tls.certificate, hosts.tls.key, mine[0]))
    host = hosts.host(Listener("127.0.0.2", 0, transport="tls"), streams=streams)
    await shown(host, hosts, Credentials(*mine))
    for stranger in (Credentials(), Credentials(hosts.tls.certificate, hosts.tls.key)):
        phone = hosts.phone(stranger)
        line = await phone.connect(host.sockets.addresses[0])
        phone.send(message())
        await line.gone
    assert host.got == []
    false = hosts.phone(Credentials(hosts.tls.certificate, hosts.tls.key))
    host.sockets.send(host.sockets.flow(Address(false.host, false.port), "tls"), message())
    await host.until(lambda: host.lost, "lost")
    assert false.raw == []


@ensureDeferred
async def test_listener_without_a_usable_certificate_is_no_listener(hosts: Hosts) -> None:
    hosts.tls.key.write_text("no key")
    with pytest.raises(BadCertificate):
        Host(hosts.reactor, (Listener("127.0.0.2", 0, transport="tls"),), hosts.streams)
    with pytest.raises(BadCertificate):
        Host(hosts.reactor, (Listener("127.0.0.2", 0, transport="tls"),), Streams())
