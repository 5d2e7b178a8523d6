"""The phones and what stands in their way, as an operator looks at them: where each is, and who is banned."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from parloir.config.schema import Config, Station
from parloir.errors import ParloirError
from parloir.rtp.description import Address
from parloir.sip.agent import UserAgent
from parloir.sip.binding import Binding
from parloir.sip.flow import Flow
from parloir.sip.uri import place


class Reach(StrEnum):
    """How things stand with a station's phone. An unconnected one is registered, but the connection is gone that it
    came by. One at its own address is only known by what it says."""

    REGISTERED = "registered"
    UNCONNECTED = "unconnected"
    NOT_REGISTERED = "not_registered"
    AT_ADDRESS = "at_address"
    TRUNK_UP = "trunk_up"
    TRUNK_DOWN = "trunk_down"


@dataclass(frozen=True)
class Phone:
    """One station's phone: its SIP address (a trunk's for one behind it), and when it or its PBX was heard of last."""

    facility: str
    station: str
    unit: str
    kind: str
    reach: Reach
    address: str
    transport: str
    user_agent: str
    seen: datetime | None
    expires: datetime | None


@dataclass(frozen=True)
class Barred:
    """A source that is not read: `times` is how often it was banned in a row."""

    address: str
    times: int
    since: datetime
    until: datetime


class NoSuchBan(ParloirError):
    """No such address is banned; `parloir bans list` names those that are."""

    field = "address"

    def __init__(self, address: str) -> None:
        super().__init__(f"{address} is not banned")
        self.address = address


class Switchboard:
    """What is known of every station that the configuration names."""

    def __init__(self, config: Config, agent: UserAgent) -> None:
        self.config = config
        self._agent = agent

    def phones(self) -> list[Phone]:
        """Every station's phone; one for each binding where several are registered as one station."""
        return [
            phone
            for id, facility in self.config.facilities.items()
            for name, station in facility.stations.items()
            for phone in self._of(id, name, station)
        ]

    def _of(self, facility: str, name: str, station: Station) -> Sequence[Phone]:
        if station.login is not None:
            bindings = self._agent.bindings(facility, name)
            if not bindings:
                return [self._phone(facility, name, station, Reach.NOT_REGISTERED)]
            return [self._registered(binding, station) for binding in bindings]
        if station.trunk is not None:
            link = self._agent.trunks().get((facility, station.trunk))
            at = link.at if link is not None else None
            reach = Reach.TRUNK_UP if link is not None and link.serves else Reach.TRUNK_DOWN
            transport = link.trunk.places[link.place].transport if link is not None else ""
            return [self._phone(facility, name, station, reach, at, transport)]
        address = station.sip_address
        assert address is not None
        at = Address(address.host, address.port)
        return [self._phone(facility, name, station, Reach.AT_ADDRESS, at, address.transport)]

    def _phone(
        self,
        facility: str,
        name: str,
        station: Station,
        reach: Reach,
        at: Address | None = None,
        transport: str = "",
    ) -> Phone:
        sighting = self._agent.sighting(at, transport) if at is not None else None
        return Phone(
            facility=facility,
            station=name,
            unit=station.unit,
            kind=station.kind,
            reach=reach,
            address=place(at.host, at.port) if at is not None else "",
            transport=transport,
            user_agent=sighting.agent if sighting is not None else "",
            seen=_moment(sighting.at) if sighting is not None else None,
            expires=None,
        )

    def _registered(self, binding: Binding, station: Station) -> Phone:
        flow = Flow.parse(binding.flow)
        return Phone(
            facility=binding.facility,
            station=binding.station,
            unit=station.unit,
            kind=station.kind,
            reach=Reach.REGISTERED if self._agent.is_open(flow) else Reach.UNCONNECTED,
            address=place(flow.peer.host, flow.peer.port),
            transport=flow.transport,
            user_agent=binding.user_agent,
            seen=_moment(binding.seen),
            expires=_moment(binding.expires),
        )

    def bans(self) -> list[Barred]:
        """The bans in force, the first to end first."""
        return [Barred(ban.host, ban.count, _moment(ban.since), _moment(ban.until)) for ban in self._agent.bans()]

    def lift(self, address: str) -> None:
        """End a ban; raises NoSuchBan."""
        if not self._agent.lift(address):
            raise NoSuchBan(address)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
