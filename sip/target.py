"""What can be called: a phone at its own address, one that registers here, or a number behind a trunk. Pure."""

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from parloir.sip.digest import Login
from parloir.sip.flow import Flow
from parloir.sip.uri import Uri


class Direct(Protocol):
    """A phone's own SIP address: user may be empty, host a name or an IP literal, transport "udp", "tcp" or "tls"."""

    @property
    def user(self) -> str: ...

    @property
    def host(self) -> str: ...

    @property
    def port(self) -> int: ...

    @property
    def transport(self) -> str: ...


@dataclass(frozen=True)
class Registered:
    """A station whose phone registers here; where it is, is known when it is called."""

    facility: str
    station: str


@dataclass(frozen=True)
class Through:
    """A number behind one of a facility's trunks."""

    facility: str
    trunk: str
    number: str


Target: TypeAlias = Direct | Registered | Through


@dataclass(frozen=True)
class Way:
    """How to reach a target now: flow and Request-URI, proxies between (RFC 3327), whom the call is from (a URI,
    "" for ourselves), and the login that answers a challenge."""

    flow: Flow
    uri: Uri
    route: tuple[str, ...] = ()
    sender: str = ""
    login: Login | None = None
