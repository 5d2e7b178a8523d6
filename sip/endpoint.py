"""What every socket of ours has: a name in flows, peers it can reach, and a face for each of them."""

from abc import ABC, abstractmethod
from ipaddress import ip_address
from typing import Any

from parloir.rtp.description import Address
from parloir.sip.flow import Face, Flow
from parloir.sip.local import local_address
from parloir.sip.settings import Listener
from parloir.sip.uri import place

MOST_PEERS = 4096


class Endpoint(ABC):
    """One listener of the configuration; its kinds bind, send and close, each in its own way."""

    def __init__(self, listener: Listener, product: str) -> None:
        self.listener = listener
        self.product = product
        self.port = listener.port
        self._address = ip_address(listener.host)
        self._local: dict[str, str] = {}

    @property
    def name(self) -> str:
        """How flows name it."""
        return f"{self.listener.transport}://{place(self.listener.host, self.port)}"

    @abstractmethod
    def bind(self, reactor: Any) -> None:
        """Take the port; CannotListenError of Twisted when another program has it."""

    @abstractmethod
    async def close(self) -> None:
        """Give the port back."""

    @abstractmethod
    def send(self, flow: Flow, data: bytes) -> None:
        """Send one message to the peer of a flow of this endpoint's."""

    @abstractmethod
    def drop(self, flow: Flow) -> None:
        """End the connection that a flow goes by."""

    @property
    def open(self) -> int:
        """How many connections there are."""
        return 0

    def has(self, flow: Flow) -> bool:
        """Whether something sent to that peer now would go on a way that is open."""
        return True

    def reaches(self, peer: Address) -> bool:
        """Whether it can send there: the IP version is the same, and a loopback socket stays at home."""
        there = ip_address(peer.host)
        if self._address.is_loopback and not there.is_loopback:
            return False
        return self._address.version == there.version or self.listener.host == "::"

    def fitness(self, own: str) -> int:
        """How well it suits peers toward whom this machine has address `own`; 0 is best."""
        return 0 if self.listener.host == own else 1 if self._address.is_unspecified else 2

    def face(self, peer: Address) -> Face:
        """What this peer reads of us: what is advertised, else the address we have toward it."""
        host = self.listener.advertise or self._toward(peer)
        return Face(host, self.port, self.product, self.listener.transport)

    def _toward(self, peer: Address) -> str:
        if not self._address.is_unspecified:
            return self.listener.host
        if peer.host not in self._local:
            if len(self._local) >= MOST_PEERS:
                self._local.clear()
            self._local[peer.host] = local_address(peer)
        return self._local[peer.host]
