"""Keeps what the SIP side says with phones, and finds what of it concerns a station."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address

from parloir.calls.stations import UnknownStation
from parloir.calls.trace import Mark, Seen, Trace
from parloir.config.schema import Config, Station
from parloir.rtp.description import Address

Bindings = Callable[[str, str], Sequence[Address]]


class Tracing:
    """The trace of a gateway that runs by a configuration; `bindings` says where a registered phone is."""

    def __init__(self, config: Config, bindings: Bindings) -> None:
        self.config = config
        self._bindings = bindings
        self._trace = Trace(frozenset(config.sip.reserved.numbers))

    def saw(self, way: str, peer: Address, data: bytes) -> None:
        """Take a message from or to a phone."""
        self._trace.saw(way, peer, data, datetime.now(UTC))

    def of(self, facility: str, station: str, after: int) -> Sequence[Seen]:
        """The messages of a station since that number; raises UnknownStation."""
        found = self.config.facilities.get(facility)
        if found is None or station not in found.stations:
            raise UnknownStation(facility, station, "facility" if found is None else "station")
        return self._trace.of(self._marks(facility, station, found.stations[station]), after)

    def _marks(self, facility: str, name: str, station: Station) -> list[Mark]:
        if station.login is not None:
            return [Mark(user=station.login.user), *self._bound(facility, name, station.login.user)]
        if station.number is not None:
            return [Mark(user=station.number)]
        address = station.sip_address
        assert address is not None
        if not _literal(address.host):
            return [Mark(user=address.user)] if address.user else []
        return [Mark(str(ip_address(address.host)), address.port, address.user)]

    def _bound(self, facility: str, name: str, user: str) -> list[Mark]:
        return [Mark(peer.host, peer.port, user) for peer in self._bindings(facility, name)]


def _literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
