"""When each phone was heard of last, and what it says it is. Pure."""

from collections import OrderedDict
from dataclasses import dataclass

from parloir.rtp.description import Address
from parloir.sip.message import Message

MOST = 4096
LONGEST_AGENT = 200


@dataclass(frozen=True)
class Sighting:
    """When (seconds since 1970), and the program that the phone named, "" for none yet."""

    at: float
    agent: str = ""


class Sightings:
    """The peers heard of last."""

    def __init__(self) -> None:
        self._of: OrderedDict[Address, Sighting] = OrderedDict()

    def note(self, peer: Address, message: Message, now: float) -> None:
        """A peer has said something."""
        before = self._of.pop(peer, None)
        named = next(iter(message.all("User-Agent") + message.all("Server")), "")
        agent = "".join(c for c in named if c.isprintable())[:LONGEST_AGENT]
        self._of[peer] = Sighting(now, agent or (before.agent if before else ""))
        if len(self._of) > MOST:
            self._of.popitem(last=False)

    def of(self, peer: Address, any_port: bool = False) -> Sighting | None:
        """What is known of the phone at that address; on a connection its port may be any."""
        if not any_port:
            return self._of.get(peer)
        here = (sighting for address, sighting in self._of.items() if address.host == peer.host)
        return max(here, key=lambda sighting: sighting.at, default=None)
