"""The rooms that pages are in: one for each visit, made when it is first entered, and those of the lounge."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from parloir.calls.facilities import Facilities
from parloir.calls.room import Room
from parloir.calls.stations import Stations
from parloir.store.visits import Visit
from parloir.webrtc.signalling import IceServer

Hear = Callable[[Room], None]


class Rooms(dict[str, Room]):
    """The rooms by visit. `ready` hears when a room's visitor has joined and its time has come; `estimate` tells a
    room's page what a call would cost."""

    def __init__(
        self,
        reactor: Any,
        now: Callable[[], datetime],
        stations: Stations,
        facilities: Facilities,
        ice_servers: Callable[[str], tuple[IceServer, ...]],
        relay_only: bool,
        ready: Hear,
        estimate: Hear,
    ) -> None:
        super().__init__()
        self._reactor = reactor
        self._now = now
        self._stations = stations
        self._facilities = facilities
        self._ice_servers = ice_servers
        self._relay_only = relay_only
        self._ready = ready
        self._estimate = estimate

    def of(self, visit: Visit) -> Room:
        """A visit's room."""
        if visit.id not in self:
            station = self._stations.get(visit.facility, visit.station)
            self[visit.id] = self._made(visit, station.facility_name, station.language, self._forget, self._estimate)
        return self[visit.id]

    def waiting(self, visit: Visit, empty: Hear) -> Room:
        """A room for a visitor who waits to be called; `empty` hears when nobody is in it."""
        facility = self._facilities.get(visit.facility)
        return self._made(visit, facility.name, facility.language, empty)

    def tidy(self) -> None:
        """Forget the rooms in which nobody is."""
        for room in list(self.values()):
            self._forget(room)

    def _forget(self, room: Room) -> None:
        """A room in which nobody is keeps nothing worth keeping."""
        if room.page is None and room.call is None and self.get(room.visit.id) is room:
            del self[room.visit.id]

    def _made(
        self, visit: Visit, facility: str, language: str, empty: Hear, estimate: Hear = lambda room: None
    ) -> Room:
        def ice_servers() -> tuple[IceServer, ...]:
            return self._ice_servers(visit.id)

        ways = (ice_servers, self._relay_only)
        return Room(visit, facility, language, self._reactor, self._now, self._ready, *ways, empty, estimate)
