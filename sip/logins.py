"""Stations that register here, by the user that each logs in as. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from parloir.sip.digest import Login
from parloir.sip.errors import MalformedMessage
from parloir.sip.message import Request
from parloir.sip.uri import NameAddr, Uri

_TO = re.compile(rb"(?im)^(?:to|t)[ \t]*:[^\r\n]{0,512}?sips?:([^@;>:\s]{1,256})@")


@dataclass(frozen=True)
class StationLogin:
    """One station, and what its phone must know."""

    facility: str
    station: str
    login: Login

    @property
    def owner(self) -> tuple[str, str]:
        """The facility and the station."""
        return self.facility, self.station


class Logins:
    """All of them; a user is one station's in the whole gateway."""

    def __init__(self, logins: Iterable[StationLogin] = ()) -> None:
        self._by_user: dict[str, StationLogin] = {}
        self.replace(logins)

    def __len__(self) -> int:
        return len(self._by_user)

    def replace(self, logins: Iterable[StationLogin]) -> None:
        """Take these from now on."""
        self._by_user = {each.login.user: each for each in logins}

    @property
    def all(self) -> frozenset[StationLogin]:
        """Every one."""
        return frozenset(self._by_user.values())

    @property
    def owners(self) -> set[tuple[str, str]]:
        """The stations that register here."""
        return {each.owner for each in self._by_user.values()}

    def are_meant(self, data: bytes) -> bool:
        """Whether a message not yet read looks like a REGISTER for one of our users."""
        found = _TO.search(data) if data.startswith(b"REGISTER ") else None
        return found is not None and found[1].decode(errors="replace") in self._by_user

    def registering(self, request: Request) -> StationLogin | None:
        """Whose address of record a REGISTER is about: its To (RFC 3261 section 10.3)."""
        return self._named(request.recipient)

    def calling(self, request: Request) -> StationLogin | None:
        """Who a request says that it is from."""
        return self._named(request.sender)

    def _named(self, address: NameAddr) -> StationLogin | None:
        try:
            return self._by_user.get(Uri.parse(address.uri).user)
        except MalformedMessage:
            return None
