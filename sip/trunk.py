"""A PBX as the configuration has it: where it is, how to log in to it, and how it says who calls. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from parloir.sip.digest import Login
from parloir.sip.errors import MalformedMessage
from parloir.sip.message import Request
from parloir.sip.target import Direct
from parloir.sip.uri import NameAddr, Uri

MOST_IDENTITIES = 4
_SEPARATORS = re.compile(r"[\s\-.()]")


class Place(Direct, Protocol):
    """Where a PBX is: an address, or, where `portless`, a domain that may say which servers it has."""

    @property
    def portless(self) -> bool: ...


class Identity(StrEnum):
    """Where a PBX says who calls: P-Asserted-Identity (RFC 3325), or From."""

    ASSERTED = "asserted"
    FROM = "from"


@dataclass(frozen=True)
class CallerRule:
    """How a caller becomes a station's number: the first of the headers that is there, without a leading `strip`,
    and of that the last `digits` (0: all)."""

    headers: tuple[Identity, ...] = (Identity.ASSERTED, Identity.FROM)
    strip: str = ""
    digits: int = 0

    def number(self, request: Request) -> str:
        """The caller's number; "" where the headers name none."""
        for header in self.headers:
            for user in _users(header, request):
                number = user.removeprefix(self.strip)
                return number[-self.digits :] if self.digits else number
        return ""


@dataclass(frozen=True)
class Trunk:
    """One PBX. `places` are its addresses, the first preferred; `numbers` are the stations behind it (number and
    station's name). Seconds: `expires` is for how long to register, `options` how often to ask for life (0: never)."""

    facility: str
    name: str
    places: tuple[Place, ...]
    numbers: tuple[tuple[str, str], ...] = ()
    register: bool = False
    login: Login | None = None
    expires: int = 600
    options: float = 30.0
    caller: CallerRule = CallerRule()

    @property
    def owner(self) -> tuple[str, str]:
        """The facility and the trunk's name."""
        return self.facility, self.name

    def station(self, request: Request) -> str | None:
        """The station whose number a request's caller has, if there is one."""
        return dict(self.numbers).get(self.caller.number(request))

    def dialled(self, request: Request) -> str | None:
        """What was dialled, where the Request-URI only says that the call is for us: the user in To."""
        try:
            asked, meant = Uri.parse(request.uri), Uri.parse(request.recipient.uri)
        except MalformedMessage:
            return None
        return meant.user if self.login is not None and asked.user == self.login.user else None


def _users(header: Identity, request: Request) -> Iterator[str]:
    """The users that a header names, in sip and tel URIs, without what is only there for the eye."""
    values = request.all("P-Asserted-Identity") if header is Identity.ASSERTED else [request.one("From")]
    for value in values[:MOST_IDENTITIES]:
        try:
            uri = NameAddr.parse(value).uri
            scheme, _, rest = uri.partition(":")
            user = rest if scheme.lower() == "tel" else Uri.parse(uri).user
        except MalformedMessage:
            continue
        number = _SEPARATORS.sub("", user.partition(";")[0])
        if number:
            yield number
