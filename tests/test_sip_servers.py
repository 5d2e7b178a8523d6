"""Where a domain's SIP servers are: the order of RFC 2782, answers kept for their TTL, and a real DNS server's."""

from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_twisted import async_yield_fixture, ensureDeferred
from twisted.internet.task import Clock
from twisted.names import authority, dns
from twisted.names.server import DNSServerFactory

from parloir.rtp.description import Address
from parloir.sip.errors import Unreachable
from parloir.sip.servers import LONGEST, SHORTEST, Names, Server, Servers, ordered

HOSTS = {"a.example": "192.0.2.1", "b.example": "192.0.2.2", "pbx.example": "192.0.2.9"}
FIRST, SECOND = Server(10, 0, 5070, "a.example", 600.0), Server(20, 0, 5060, "b.example", 90.0)

servers = st.builds(
    Server, st.integers(0, 3), st.integers(0, 65535), st.integers(1, 65535), st.sampled_from(list("ab"))
)


@given(st.lists(servers, max_size=8), st.randoms())
def test_every_server_has_its_turn_and_none_before_one_preferred(found: list[Server], random: Random) -> None:
    order = ordered(found, random.random)
    assert Counter(order) == Counter(found)
    assert [each.priority for each in order] == sorted(each.priority for each in found)


def test_the_heavier_is_the_likelier_to_be_first() -> None:
    heavy, light, last = Server(1, 30, 1, "heavy"), Server(1, 10, 2, "light"), Server(1, 0, 3, "last")
    chances = iter([0.76, 0.0, 0.5])
    assert ordered([heavy, light, last], lambda: next(chances)) == [heavy, last, light]
    random = Random(7)
    firsts = Counter(ordered([heavy, light, last], random.random)[0].target for _ in range(2000))
    assert firsts["heavy"] > 2 * firsts["light"] > 0


def done(work: Coroutine[Any, Any, tuple[Address, ...]]) -> tuple[Address, ...]:
    """What a coroutine that waits for nothing answers."""
    try:
        work.send(None)
    except StopIteration as end:
        found: tuple[Address, ...] = end.value
        return found
    raise AssertionError("it waits")


class Domain:
    """A domain's records, and how often they were looked up."""

    def __init__(self, *servers: Server) -> None:
        self.servers = list(servers)
        self.asked: list[str] = []
        self.clock = Clock()
        self.found = Servers(self.clock, self._look_up, self._resolve, lambda: 0.0)

    async def _look_up(self, name: str) -> list[Server]:
        self.asked.append(name)
        return self.servers

    async def _resolve(self, host: str) -> str:
        try:
            return HOSTS[host]
        except KeyError:
            raise Unreachable(host, "does not resolve") from None

    def of(self, transport: str = "udp", port: int = 5060) -> tuple[Address, ...]:
        return done(self.found.of("pbx.example", transport, port))


def test_its_servers_are_found_in_their_order() -> None:
    domain = Domain(SECOND, Server(15, 0, 5060, "gone.example"), FIRST)
    assert domain.of() == (Address("192.0.2.1", 5070), Address("192.0.2.2", 5060))


@pytest.mark.parametrize(("transport", "name"), [("udp", "_sip._udp"), ("tcp", "_sip._tcp"), ("tls", "_sips._tcp")])
def test_a_domain_without_records_is_a_host(transport: str, name: str) -> None:
    domain = Domain()
    assert domain.of(transport, 5061) == (Address("192.0.2.9", 5061),)
    assert domain.asked == [f"{name}.pbx.example"]


def test_a_domain_that_says_it_has_none_has_none() -> None:
    domain = Domain(Server(0, 0, 0, ""))
    with pytest.raises(Unreachable):
        domain.of()
    with pytest.raises(Unreachable):
        Domain(Server(0, 0, 5060, "gone.example")).of()


@pytest.mark.parametrize(("servers", "seconds"), [([FIRST, SECOND], 90.0), ([FIRST], 600.0), ([], SHORTEST)])
def test_an_answer_is_kept_as_long_as_it_holds(servers: list[Server], seconds: float) -> None:
    domain = Domain(*servers)
    before = domain.of()
    domain.servers = [Server(0, 0, 5099, "b.example", 9 * LONGEST)]
    domain.clock.advance(seconds - 1)
    assert (domain.of(), len(domain.asked)) == (before, 1)
    domain.clock.advance(1)
    assert (domain.of(), len(domain.asked)) == ((Address("192.0.2.2", 5099),), 2)
    domain.clock.advance(LONGEST)
    domain.of()
    assert len(domain.asked) == 3


class Zone(authority.FileAuthority):
    """A zone in memory."""

    records: Any
    soa: Any

    def loadFile(self, filename: str) -> None:  # noqa: N802
        start = dns.Record_SOA(b"ns.test", b"root.test")
        first, second = dns.Record_SRV(5, 7, 5070, b"A.test", 300), dns.Record_SRV(9, 0, 5060, b"b.test", 60)
        self.records = {b"pbx.test": [start], b"_sip._udp.pbx.test": [first, second]}
        self.soa = (b"pbx.test", start)


@async_yield_fixture
async def name_server() -> AsyncIterator[tuple[str, int]]:
    from twisted.internet import reactor

    protocol = dns.DNSDatagramProtocol(DNSServerFactory(authorities=[Zone("")], verbose=0))
    port: Any = reactor.listenUDP(0, protocol, "127.0.0.1")
    yield "127.0.0.1", port.getHost().port
    await port.stopListening()


@ensureDeferred
async def test_records_are_read_from_a_name_server(name_server: tuple[str, int]) -> None:
    from twisted.internet import reactor

    names = Names(reactor, [name_server])
    assert sorted(await names.services("_sip._udp.pbx.test"), key=lambda each: each.priority) == [
        Server(5, 7, 5070, "A.test", 300),
        Server(9, 0, 5060, "b.test", 60),
    ]
    assert await names.services("_sip._tcp.pbx.test") == []
    assert await names.services("_sip._udp.elsewhere.test") == []
