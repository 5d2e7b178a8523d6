"""The HTTP API's bodies about phones and bans."""

from dataclasses import asdict
from datetime import datetime
from typing import Self

from parloir.calls.switchboard import Barred, Phone, Reach
from parloir.web.models import Body, Name


class StationBody(Body):
    """A station's phone. `address` is where its SIP comes from, or its PBX is; empty where that is not known."""

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

    @classmethod
    def of(cls, phone: Phone) -> Self:
        """The phone as the API shows it."""
        return cls(**asdict(phone))


class StationList(Body):
    """Stations in the configuration's order; one with several phones is there for each."""

    stations: list[StationBody]


class StationQuery(Body):
    """Which stations to list."""

    facility: Name | None = None


class BanBody(Body):
    """An address from which nothing is read; `times` is how often it was banned in a row."""

    address: str
    times: int
    since: datetime
    until: datetime

    @classmethod
    def of(cls, barred: Barred) -> Self:
        """The ban as the API shows it."""
        return cls(**asdict(barred))


class BanList(Body):
    """Bans in force, the first to end first."""

    bans: list[BanBody]
