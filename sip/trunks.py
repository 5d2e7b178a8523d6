"""The trunks of all facilities: each kept up by its link, and found by name, or by where a call comes from."""

from collections.abc import Iterable
from dataclasses import replace

from parloir.rtp.description import Address
from parloir.sip.digest import Login
from parloir.sip.errors import Unreachable
from parloir.sip.local import plain
from parloir.sip.message import Request
from parloir.sip.stations import Station
from parloir.sip.surroundings import Clock, Log
from parloir.sip.target import Through, Way
from parloir.sip.transactions import Transactions
from parloir.sip.transport import Sockets
from parloir.sip.trunk import Place, Trunk
from parloir.sip.trunk_link import Locate, TrunkLink


async def literal(place: Place) -> tuple[Address, ...]:
    """An IP literal as it is; Unreachable for a name."""
    try:
        return (Address(plain(place.host), place.port),)
    except ValueError:
        raise Unreachable(place.host, "names are not looked up here") from None


class Trunks:
    """`locate` finds the servers at a place; links begin when they are started."""

    def __init__(self, clock: Clock, wire: Transactions, sockets: Sockets, log: Log) -> None:
        self.locate: Locate = literal
        self.links: dict[tuple[str, str], TrunkLink] = {}
        self._clock = clock
        self._wire = wire
        self._sockets = sockets
        self._log = log
        self._started = False
        self._left: list[TrunkLink] = []

    def replace(self, trunks: Iterable[Trunk]) -> None:
        """Take these from now on; one that is as it was stays up."""
        self._left = [link for link in self._left if link.leaving]
        before, self.links = self.links, {}
        for trunk in trunks:
            link = before.pop(trunk.owner, None)
            if link is not None and replace(link.trunk, numbers=trunk.numbers) == trunk:
                link.trunk = trunk
            else:
                if link is not None:
                    self._leave(link)
                link = TrunkLink(trunk, self._clock, self._wire, self._sockets, self._found, self._log)
                if self._started:
                    link.start()
            self.links[trunk.owner] = link
        for gone in before.values():
            self._leave(gone)

    def _leave(self, link: TrunkLink) -> None:
        link.stop()
        self._left.append(link)

    async def _found(self, place: Place) -> tuple[Address, ...]:
        return await self.locate(place)

    def start(self) -> None:
        """Bring all up."""
        self._started = True
        for link in self.links.values():
            link.start()

    def stop(self) -> None:
        """Leave all PBXs."""
        for link in self.links.values():
            link.stop()

    @property
    def leaving(self) -> bool:
        """Whether a PBX is still being told that we go."""
        return any(link.leaving for link in (*self.links.values(), *self._left))

    def knows(self, host: str) -> bool:
        """Whether a PBX of ours is there, or one that we are taking leave of."""
        return any(link.is_at(host) for link in self.links.values()) or any(
            link.leaving and link.is_at(host) for link in self._left
        )

    async def way(self, target: Through) -> Way:
        """How to call a number behind a trunk; raises Unreachable."""
        link = self.links.get((target.facility, target.trunk))
        if link is None:
            raise Unreachable(f"{target.facility}/{target.trunk}", "no such trunk")
        return await link.way(target.number)

    def at(self, peer: Address) -> list[TrunkLink]:
        """The trunks that a message from there can come by, those with just that port first."""
        found = [link for link in self.links.values() if link.is_at(peer.host)]
        return sorted(found, key=lambda link: peer not in link.addresses)

    def is_exactly(self, peer: Address) -> bool:
        """Whether a PBX of ours listens at just that address."""
        return any(peer in link.addresses for link in self.links.values())

    def identify(self, peer: Address, request: Request) -> Station | None:
        """The station behind a trunk whose number a request's caller has."""
        for link in self.at(peer):
            name = link.trunk.station(request)
            if name is not None:
                return Station(link.trunk.facility, name, peer, trunk=True)
        return None

    def caller(self, peer: Address, request: Request) -> str:
        """What the PBX there says of who calls, as its rule reads it, for the log."""
        return next((link.trunk.caller.number(request)[:64] for link in self.at(peer)), "")

    def dialled(self, peer: Address, request: Request) -> str | None:
        """What was dialled, where a PBX calls us by the contact that we registered."""
        return next((number for link in self.at(peer) if (number := link.trunk.dialled(request))), None)

    def login(self, peer: Address) -> Login | None:
        """What answers the challenges of the PBX there."""
        return next((link.trunk.login for link in self.at(peer)), None)
