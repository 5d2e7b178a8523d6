"""What the configuration says of a facility, as policies are shown it with every visit and call."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from parloir.calls.stations import Stations, UnknownStation
from parloir.policy.values import Medium


@dataclass(frozen=True)
class Premises:
    """A facility's clock (IANA name), regulated tier, language and stations."""

    facility: str
    timezone: str
    tier: str | None
    language: str
    stations: Stations

    @property
    def zone(self) -> ZoneInfo:
        """Its clock."""
        return ZoneInfo(self.timezone)

    def unit(self, station: str) -> str:
        """Where a station stands; "" for one without a unit, or that the configuration has no more."""
        try:
            return self.stations.get(self.facility, station).unit
        except UnknownStation:
            return ""

    def media(self, station: str) -> tuple[Medium, ...]:
        """What a station can carry; both for one that the configuration has no more."""
        try:
            return self.stations.get(self.facility, station).media
        except UnknownStation:
            return (Medium.AUDIO, Medium.VIDEO)
