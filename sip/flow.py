"""The way messages take between one of our sockets and a peer, and how that socket is named in them."""

import re
from dataclasses import dataclass, field, replace

from parloir.rtp.description import Address
from parloir.sip.errors import MalformedMessage
from parloir.sip.message import Via
from parloir.sip.uri import Parameters, Uri, place

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK"
SUPPORTED = "100rel, timer"

_FLOW = re.compile(r"(\S+) \[?([0-9A-Fa-f:.]+)\]?:([0-9]{1,5})")


@dataclass(frozen=True)
class Flow:
    """Listener ("udp://10.0.0.5:5060") and peer address, as in RFC 5626; on a stream the two name a connection.

    `back` is the port where the peer takes a new connection when that one is gone, if it is another than the peer's.
    """

    listener: str
    peer: Address
    back: int | None = field(default=None, compare=False)

    @property
    def transport(self) -> str:
        """ "udp", "tcp" or "tls"."""
        return self.listener.partition(":")[0]

    @property
    def default_port(self) -> int:
        """The port meant where a URI or Via names none (RFC 3261 section 19.1.2)."""
        return 5061 if self.transport == "tls" else 5060

    @property
    def reliable(self) -> bool:
        """Whether the transport itself repeats what is lost."""
        return self.transport != "udp"

    @classmethod
    def parse(cls, text: str) -> "Flow":
        """Read what str() wrote; MalformedMessage otherwise."""
        found = _FLOW.fullmatch(text)
        if found is None:
            raise MalformedMessage("flow", "not a listener and an address")
        return cls(found[1], Address(found[2], int(found[3])))

    def answering(self, via: Via) -> "Flow":
        """The way of responses to a request that came this way: back on its connection, or as its Via says."""
        if self.reliable:
            return replace(self, back=via.port or self.default_port)
        return replace(self, peer=via.answer_to(self.peer))

    def goes_by(self, other: "Flow") -> bool:
        """Whether what is sent this way can be on that connection."""
        again = self.back is not None and Address(self.peer.host, self.back) == other.peer
        return self == other or (again and self.listener == other.listener)

    def __str__(self) -> str:
        return f"{self.listener} {place(self.peer.host, self.peer.port)}"


def by(transport: str) -> Parameters:
    """The URI parameter that asks for a transport; UDP is what a URI without one means."""
    return () if transport == "udp" else (("transport", transport),)


@dataclass(frozen=True)
class Face:
    """What a peer reads of us: public host and port, the product's name and version, and the transport between us."""

    host: str
    port: int
    product: str
    transport: str = "udp"

    def via(self, branch: str) -> Via:
        """Our hop; rport asks for the answer where the request came from (RFC 3581)."""
        return Via(self.transport.upper(), self.host, self.port, (("rport", None), ("branch", branch)))

    def uri(self, user: str = "parloir") -> str:
        """Our address of record."""
        return str(Uri(user, self.host, self.port))

    def contact(self, to: str = "") -> str:
        """Where we take calls by that transport; sips: for a peer that says so (RFC 3261 section 8.1.1.8)."""
        if to.lower().startswith("sips:"):
            return f"<{Uri('parloir', self.host, self.port, scheme='sips')}>"
        return f"<{Uri('parloir', self.host, self.port, by(self.transport))}>"
