"""Whose phone is it? A station found by the address its signalling comes from, as `trust: address` asks."""

from collections.abc import Iterable
from dataclasses import dataclass

from parloir.rtp.description import Address
from parloir.sip.logins import StationLogin


@dataclass(frozen=True)
class Station:
    """A phone that is trusted by its address: IP literal, port, and the user it calls itself ("" for any).

    `trunk` says that the address is a PBX's, which can send a refused call elsewhere; `login` that the phone registered
    from there, and has yet to prove that a request is its own.
    """

    facility: str
    station: str
    address: Address
    user: str = ""
    trunk: bool = False
    login: StationLogin | None = None


class Stations:
    """The phones that may call, to be replaced when the configuration is read again."""

    def __init__(self, stations: Iterable[Station] = ()) -> None:
        self._by_host: dict[str, list[Station]] = {}
        self.replace(stations)

    def replace(self, stations: Iterable[Station]) -> None:
        """Take other stations from now on; calls that are up are not touched."""
        found: dict[str, list[Station]] = {}
        for station in stations:
            found.setdefault(station.address.host, []).append(station)
        self._by_host = found

    def knows(self, host: str) -> bool:
        """Whether any station is at that IP literal."""
        return host in self._by_host

    def identify(self, source: Address, user: str) -> Station | None:
        """The one station a request from `source` with this From user can be, or None.

        A station at exactly this address and port goes before its neighbours on the same host, and several on one
        address (behind a PBX) are told apart by their user.
        """
        here = self._by_host.get(source.host, [])
        exact = [station for station in here if station.address.port == source.port]
        candidates = exact or here
        named = [station for station in candidates if station.user == user]
        if len(named) == 1:
            return named[0]
        return candidates[0] if len(candidates) == 1 else None
