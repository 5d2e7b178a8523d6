"""Where the SIP servers of a domain are: its SRV records, and the addresses behind them (RFC 3263 section 4.2)."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError

from parloir.rtp.description import Address
from parloir.sip.errors import Unreachable
from parloir.sip.surroundings import Clock

SERVICES = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}
PATIENCE = 6.0
"""Seconds until a name without an answer counts as one without records."""
SHORTEST, LONGEST = 30.0, 3600.0
"""Seconds for which an answer is kept at least and at most, whatever its TTL; one without records for the shortest."""
MOST = 16

Resolve = Callable[[str], Awaitable[str]]
LookUp = Callable[[str], Awaitable[list["Server"]]]
Chance = Callable[[], float]


@dataclass(frozen=True)
class Server:
    """One SRV record (RFC 2782); `ttl` in seconds."""

    priority: int
    weight: int
    port: int
    target: str
    ttl: float = 0.0


def ordered(servers: Iterable[Server], chance: Chance) -> list[Server]:
    """As they are to be tried: by priority, and among equals by lot, the heavier the likelier (RFC 2782, page 4).

    `chance` answers from 0 to 1, which it never reaches.
    """
    left, order = sorted(servers, key=lambda each: (each.priority, each.weight)), []
    while left:
        first = [each for each in left if each.priority == left[0].priority]
        drawn = chance() * sum(each.weight for each in first)
        sums = accumulate(each.weight for each in first)
        order.append(next(each for each, sum_so_far in zip(first, sums, strict=True) if sum_so_far >= drawn))
        left.remove(order[-1])
    return order


class Servers:
    """Looks a domain up and keeps the answer for its TTL, in one order until then."""

    def __init__(self, clock: Clock, look_up: LookUp, resolve: Resolve, chance: Chance) -> None:
        self._clock = clock
        self._look_up = look_up
        self._resolve = resolve
        self._chance = chance
        self._kept: dict[tuple[str, str], tuple[float, list[Server]]] = {}

    async def of(self, domain: str, transport: str, port: int) -> tuple[Address, ...]:
        """The addresses to try, in their order; `port` is for a domain without records, which is a host itself.

        Raises Unreachable where no host has an address, or where the domain says that it has no such service.
        """
        servers = await self._servers(domain, transport)
        if not servers:
            return (Address(await self._resolve(domain), port),)
        found = []
        for server in servers:
            try:
                found.append(Address(await self._resolve(server.target), server.port))
            except Unreachable:
                continue
        if not found:
            raise Unreachable(domain, "none of its SIP servers has an address")
        return tuple(found)

    async def _servers(self, domain: str, transport: str) -> list[Server]:
        until, servers = self._kept.get((domain, transport), (0.0, []))
        if self._clock.seconds() < until:
            return servers
        found = await self._look_up(f"{SERVICES[transport]}.{domain.rstrip('.')}")
        if [server.target for server in found] == [""]:
            raise Unreachable(domain, f"it has no SIP server for {transport}")
        servers = ordered(found, self._chance)[:MOST]
        lasts = min((server.ttl for server in servers), default=SHORTEST)
        self._kept[domain, transport] = self._clock.seconds() + min(max(lasts, SHORTEST), LONGEST), servers
        return servers


class Names:
    """SRV records by DNS, from the name servers that this machine uses, or from `servers` (IP literal and port)."""

    def __init__(self, reactor: Any, servers: Iterable[tuple[str, int]] = ()) -> None:
        self._reactor = reactor
        self._from = list(servers)

    @cached_property
    def _resolver(self) -> Any:
        from twisted.names.client import Resolver  # few gateways have a trunk with a name, and this takes a while

        resolv = None if self._from else "/etc/resolv.conf"
        return Resolver(servers=self._from or None, resolv=resolv)  # type: ignore[no-untyped-call]

    async def services(self, name: str) -> list[Server]:
        """The SRV records of a name; none where there are none, or nobody answers in time."""
        from twisted.names import dns, error

        try:
            asked: Deferred[Any] = self._resolver.lookupService(name, timeout=(1, 2))
            answers, _, _ = await asked.addTimeout(PATIENCE, self._reactor)
        except (error.DomainError, error.ResolverError, TimeoutError, OSError):
            return []
        records = [(answer.ttl, answer.payload) for answer in answers if answer.type == dns.SRV]
        return [
            Server(each.priority, each.weight, each.port, each.target.name.decode(errors="replace").rstrip("."), ttl)
            for ttl, each in records
        ]
