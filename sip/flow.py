"""The way messages take between one of our sockets and a peer, and how that socket is named in them."""

import re
from dataclasses import dataclass

from parloir.rtp.description import Address
from parloir.sip.errors import MalformedMessage
from parloir.sip.message import Via
from parloir.sip.uri import Uri, place

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK"

_FLOW = re.compile(r"(\S+) \[?([0-9A-Fa-f:.]+)\]?:([0-9]{1,5})")


@dataclass(frozen=True)
class Flow:
    """Listener ("udp://10.0.0.5:5060") and peer address, as in RFC 5626."""

    listener: str
    peer: Address

    @classmethod
    def parse(cls, text: str) -> "Flow":
        """Read what str() wrote; MalformedMessage otherwise."""
        found = _FLOW.fullmatch(text)
        if found is None:
            raise MalformedMessage("flow", "not a listener and an address")
        return cls(found[1], Address(found[2], int(found[3])))

    def __str__(self) -> str:
        return f"{self.listener} {place(self.peer.host, self.peer.port)}"


@dataclass(frozen=True)
class Face:
    """What a peer reads of us: public host and port, and the product's name and version."""

    host: str
    port: int
    product: str

    def via(self, branch: str) -> Via:
        """Our hop; rport asks for the answer where the request came from (RFC 3581)."""
        return Via("UDP", self.host, self.port, (("rport", None), ("branch", branch)))

    def uri(self, user: str = "parloir") -> str:
        return str(Uri(user, self.host, self.port))

    @property
    def contact(self) -> str:
        return f"<{self.uri()}>"
