"""One connection by a clock the tests turn: who may stay, who is cut, and what waits until it is up."""

from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock, StringTransport

from parloir.rtp.description import Address
from parloir.sip.connection import FIRST, MOST_UNREAD, MOST_WAITING, STRANGER_IDLE, UNREAD, Connection
from parloir.sip.crowd import STRANGERS_EACH, Crowd, Standing
from parloir.sip.flow import Flow
from parloir.sip.framing import PATIENCE
from parloir.sip.settings import Listener, Streams
from parloir.sip.stream import StreamSocket

MESSAGE = b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 0\r\n\r\n"
IDLE = 100.0


class Wire(StringTransport):
    """A transport that takes the calls a TCP one takes."""

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: N802
        pass

    def setTcpKeepAlive(self, enabled: bool) -> None:  # noqa: N802
        pass


class Socket:
    """The owner of one connection; it remembers what it is told."""

    def __init__(self, ours: bool = False, welcome: bool = True, peer: str = "10.0.0.21") -> None:
        self.clock = Clock()
        self.clock.advance(1000.0)
        self.welcome = welcome
        self.messages: list[bytes] = []
        self.whys: list[str] = []
        self.over = False
        there = (IPv6Address if ":" in peer else IPv4Address)("TCP", peer, 40000)
        self.wire = Wire(peerAddress=there)
        self.connection = Connection(self, Address(peer, 5060) if ours else None)

    def up(self) -> "Socket":
        self.connection.makeConnection(self.wire)
        return self

    def came(self, connection: Connection) -> bool:
        return self.welcome

    def received(self, connection: Connection, message: bytes) -> None:
        self.messages.append(message)

    def broke(self, connection: Connection, why: str) -> None:
        self.whys.append(why)

    def went(self, connection: Connection) -> None:
        self.over = True

    @property
    def cut(self) -> bool:
        return bool(self.wire.disconnected)

    def feed(self, data: bytes) -> None:
        self.connection.dataReceived(data)

    def overdue_after(self, seconds: float, standing: Standing = Standing.KNOWN) -> str | None:
        self.clock.advance(seconds)
        return self.connection.overdue(self.clock.seconds(), standing, IDLE)


def test_messages_are_taken_and_a_ping_is_answered() -> None:
    socket = Socket().up()
    socket.feed(MESSAGE[:10])
    socket.feed(MESSAGE[10:] + b"\r\n\r\n" + MESSAGE)
    assert socket.messages == [MESSAGE, MESSAGE]
    assert socket.wire.value() == b"\r\n"


def test_peer_with_a_mapped_address_is_an_ipv4_peer() -> None:
    assert Socket(peer="::ffff:10.0.0.21").up().connection.peer == Address("10.0.0.21", 40000)


def test_one_that_is_not_let_in_is_cut_and_not_heard() -> None:
    socket = Socket(welcome=False).up()
    assert socket.cut
    socket.feed(MESSAGE)
    assert socket.messages == []


def test_nonsense_is_cut_after_what_made_sense() -> None:
    socket = Socket().up()
    socket.feed(MESSAGE + b"\x16\x03\x01" + MESSAGE)
    assert socket.messages == [MESSAGE]
    assert socket.whys == ["not the beginning of a message"]
    assert socket.cut


def test_what_is_sent_before_the_connection_is_up_waits() -> None:
    socket = Socket(ours=True)
    socket.connection.send(b"one")
    socket.connection.send(b"x" * MOST_WAITING)
    socket.connection.send(b"two")
    assert socket.up().wire.value() == b"onetwo"


def test_phone_that_says_nothing_is_cut() -> None:
    assert Socket().up().overdue_after(FIRST - 1) is None
    assert Socket().up().overdue_after(FIRST) == "says nothing"


def test_phone_that_keeps_alive_stays_and_one_that_does_not_is_idle() -> None:
    socket = Socket().up()
    for _ in range(5):
        socket.feed(b"\r\n\r\n")
        assert socket.overdue_after(IDLE - 1) is None
    assert socket.overdue_after(1.0) == "idle"


def test_connection_of_our_own_may_wait_for_a_ringing_phone() -> None:
    socket = Socket(ours=True).up()
    assert socket.overdue_after(IDLE - 1) is None
    socket.connection.send(MESSAGE)
    assert socket.overdue_after(IDLE - 1) is None
    assert socket.overdue_after(1.0) == "idle"


def test_slow_message_is_cut_off() -> None:
    socket = Socket().up()
    for byte in MESSAGE[: int(PATIENCE)]:
        socket.feed(bytes([byte]))
        reason = socket.overdue_after(1.0)
    assert reason == "a message does not end"


def test_stranger_must_say_something_soon_and_cannot_hold_on_by_pings() -> None:
    socket = Socket().up()
    socket.feed(b"\r\n\r\n")
    assert socket.overdue_after(FIRST, Standing.STRANGER) == "a stranger"
    socket = Socket().up()
    assert socket.overdue_after(1.0, Standing.STRANGER) is None
    socket.feed(MESSAGE)
    assert socket.overdue_after(STRANGER_IDLE - 1, Standing.STRANGER) is None
    socket.feed(b"\r\n\r\n")
    assert socket.overdue_after(1.0, Standing.STRANGER) == "a stranger"


def test_one_who_is_unwelcome_by_now_is_cut() -> None:
    socket = Socket().up()
    socket.feed(MESSAGE)
    assert socket.overdue_after(1.0, Standing.UNWELCOME) == "not known any more"


def test_phone_that_does_not_read_is_cut_off_in_time() -> None:
    socket = Socket().up()
    socket.feed(MESSAGE)
    socket.connection.pauseProducing()
    assert socket.overdue_after(UNREAD - 1) is None
    assert socket.overdue_after(1.0) == "does not read what it is sent"
    socket.connection.resumeProducing()
    assert socket.overdue_after(1.0) is None


def test_phone_that_does_not_read_costs_bounded_memory() -> None:
    socket = Socket().up()
    socket.connection.pauseProducing()
    for _ in range(100):
        socket.connection.send(b"x" * 10_000)
        socket.feed(b"\r\n\r\n")
    assert socket.cut
    assert socket.whys == ["does not read what it is sent"]
    assert len(socket.wire.value()) <= MOST_UNREAD


def test_nothing_is_sent_on_a_connection_that_is_over() -> None:
    socket = Socket().up()
    socket.connection.connectionLost()
    socket.connection.send(MESSAGE)
    assert socket.over
    assert socket.wire.value() == b""


@pytest.mark.parametrize(("standing", "each"), [(Standing.KNOWN, 20), (Standing.STRANGER, STRANGERS_EACH)])
def test_one_host_takes_so_many_places(standing: Standing, each: int) -> None:
    crowd = Crowd(Streams(total=100, per_source=20))
    assert sum(crowd.enter("10.0.0.21", standing) for _ in range(50)) == each
    assert crowd.enter("10.0.0.22", standing)
    crowd.leave("10.0.0.21")
    assert [crowd.enter("10.0.0.21", standing) for _ in range(2)] == [True, False]


def test_strangers_leave_half_of_the_places_to_phones() -> None:
    crowd = Crowd(Streams(total=100, per_source=20))
    assert sum(crowd.enter(f"192.0.2.{n % 50}", Standing.STRANGER) for n in range(200)) == 50
    assert sum(crowd.enter(f"10.0.0.{n % 50}", Standing.KNOWN) for n in range(200)) == 50


def test_the_unwelcome_take_no_place() -> None:
    assert not Crowd(Streams()).enter("192.0.2.1", Standing.UNWELCOME)


class Phones:
    """All that a listener's connections tell."""

    def __init__(self) -> None:
        self.clock = MemoryReactorClock()
        self.cuts: list[str] = []
        self.unreachables: list[Flow] = []
        self.losts: list[Flow] = []
        self.host = Standing.KNOWN
        listener, terms = Listener("10.0.0.5", 5060, transport="tcp"), Streams(idle=IDLE)
        self.socket = StreamSocket(listener, "Test", self, Crowd(terms), terms, None)
        self.socket.bind(self.clock)

    def standing(self, host: str) -> Standing:
        return self.host

    def received(self, flow: Flow, data: bytes) -> None:
        pass

    def lost(self, flow: Flow) -> None:
        self.losts.append(flow)

    def unreachable(self, flow: Flow, why: str) -> None:
        self.unreachables.append(flow)

    def cut(self, flow: Flow, why: str) -> None:
        self.cuts.append(why)

    def connected(self) -> Wire:
        """A phone's connection, always from the same port."""
        factory: Any = self.clock.tcpServers[0][1]
        wire = Wire(peerAddress=IPv4Address("TCP", "10.0.0.21", 40000))
        factory.buildProtocol(None).makeConnection(wire)
        return wire


def test_those_overdue_are_cut_within_a_second_or_so() -> None:
    phones = Phones()
    wire = phones.connected()
    phones.clock.pump([0.5] * int(2 * FIRST + 4))
    assert wire.disconnected
    assert phones.cuts == ["says nothing"]


def test_one_who_is_banned_meanwhile_is_cut() -> None:
    phones = Phones()
    wire = phones.connected()
    phones.clock.advance(1.5)
    assert not wire.disconnected
    phones.host = Standing.UNWELCOME
    phones.clock.advance(1.5)
    assert wire.disconnected


def test_attempt_to_connect_that_is_given_up_is_no_news() -> None:
    phones = Phones()
    way = Flow(phones.socket.name, Address("10.0.0.21", 5060))
    phones.socket.send(way, MESSAGE)
    assert phones.socket.has(way)
    phones.socket.drop(way)
    [connector] = phones.clock.connectors
    assert connector._disconnected
    assert phones.unreachables == []


def test_connection_in_the_place_of_an_older_one_inherits_nothing() -> None:
    phones = Phones()
    older = phones.connected()
    assert phones.losts == []
    newer = phones.connected()
    assert phones.losts == [Flow(phones.socket.name, Address("10.0.0.21", 40000))]
    assert older.disconnected
    assert not newer.disconnected
