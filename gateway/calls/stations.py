"""What calls need to know of the stations, and how the phones are reached."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from parloir.calls.menu import Terms
from parloir.errors import ParloirError
from parloir.policy.values import Medium
from parloir.rtp.sdes import Encryption
from parloir.sip.session import Session, SessionEvents
from parloir.sip.target import Target


class UnknownStation(ParloirError):
    """The facility or the station is not in the configuration; `parloir check` lists what is wrong with it."""

    def __init__(self, facility: str, station: str, field: str) -> None:
        super().__init__(f"no station {station!r} in facility {facility!r} is configured")
        self.field = field


class NotServed(ParloirError):
    """The station cannot be rung; the configuration gives no way to it."""


@dataclass(frozen=True)
class MediaTerms:
    """How a phone's media is spoken: `latch` lets it come from another port, or from where its SIP comes from."""

    encryption: Encryption = Encryption.OFF
    latch: bool = False


@dataclass(frozen=True)
class Attending:
    """The facility's menu: the number that leads there ("" for none), or any that is no visit's code; what it offers;
    where each hotline's key sends the phone; and how long a call may last for which there is no visit."""

    number: str
    any_number: bool
    terms: Terms
    hotlines: Mapping[str, str] = field(default_factory=dict)
    minutes: int = 15


@dataclass(frozen=True)
class Station:
    """One station; `target` is None for one that cannot be rung. `prompts` are the facility's own recordings, by the
    names ("en/notice") of those whose place they take. `tone` is how often recorded calls remind of it, in seconds."""

    facility: str
    name: str
    facility_name: str
    language: str
    video: bool
    target: Target | None
    unit: str = ""
    terms: MediaTerms = MediaTerms()
    attending: Attending | None = None
    prompts: Mapping[str, str] = field(default_factory=dict)
    tone: float | None = None

    @property
    def media(self) -> tuple[Medium, ...]:
        """What its calls can carry."""
        return (Medium.AUDIO, Medium.VIDEO) if self.video else (Medium.AUDIO,)


class Phones(Protocol):
    """The SIP side, as calls use it."""

    async def invite(self, target: Target, sdp: str, events: SessionEvents, caller: str = "") -> Session: ...

    async def find(self, target: Target) -> str:
        """The IP literal that a target is at now; raises Unreachable."""


class Stations:
    """The configured stations, by facility and name."""

    def __init__(self, stations: list[Station]) -> None:
        self._known = {(s.facility, s.name): s for s in stations}

    def replace(self, others: "Stations") -> None:
        """Take the configuration's stations anew; live calls go on with theirs."""
        self._known = others._known

    def get(self, facility: str, station: str) -> Station:
        """One station; raises UnknownStation, saying which of the two names is wrong."""
        if found := self._known.get((facility, station)):
            return found
        known = any(facility == f for f, _ in self._known)
        raise UnknownStation(facility, station, "station" if known else "facility")

    def of(self, facility: str) -> tuple[Station, ...]:
        """All stations of a facility."""
        return tuple(station for station in self._known.values() if station.facility == facility)
