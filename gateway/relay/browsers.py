"""The one socket that all browsers of a relay share, and the ICE-lite agent that tells them apart (RFC 8445)."""

from typing import Protocol

from parloir.relay.bodies import BrowserTerms, Candidate
from parloir.relay.entries import Punt, PuntKind, RawAddress
from parloir.relay.switch import Switch
from parloir.rtp.description import Kind
from parloir.webrtc.dtls import fingerprint, new_certificate
from parloir.webrtc.ice_lite import Checked, Credentials, IceLite, Nominated

CONSENT = 8.0
"""Seconds without a valid check after which a browser counts as lost (it checks about every 2.5)."""

_HOST_PREFERENCE = 126
_LOCAL_PREFERENCE = 65_535
_COMPONENT = 255


class Guest(Protocol):
    """A browser at the shared socket: a call's own, or a listener's. Its name is new."""

    name: str
    peer: int
    cname: str
    ssrcs: dict[Kind, int]

    @property
    def placed(self) -> bool: ...

    def move(self, address: RawAddress) -> None: ...

    def handshake(self, datagram: bytes) -> None: ...

    def close(self) -> None: ...


class Browsers:
    """Answers checks, and hands each browser's handshake to its leg.

    `fd` is the shared socket, already the switch's; `addresses` are those that browsers may reach it at.
    """

    def __init__(self, switch: Switch, fd: int, port: int, addresses: tuple[str, ...]) -> None:
        self.certificate = new_certificate()
        self.fd = fd
        self._switch = switch
        self._ice = IceLite()
        self._candidates = tuple(
            Candidate(address=address, port=port, priority=_priority(index)) for index, address in enumerate(addresses)
        )
        self._legs: dict[str, Guest] = {}
        self._peers: dict[int, Guest] = {}

    def open(self, leg: Guest) -> BrowserTerms:
        """Begin to answer checks for a leg, whose name must be new."""
        self._legs[leg.name] = self._peers[leg.peer] = leg
        return self._terms(leg, self._ice.open(leg.name))

    def restart(self, leg: Guest) -> BrowserTerms:
        """New credentials for the same leg."""
        return self._terms(leg, self._ice.restart(leg.name))

    def close(self, leg: Guest) -> None:
        """Forget a leg and close it."""
        self._ice.close(leg.name)
        del self._legs[leg.name], self._peers[leg.peer]
        leg.close()

    def take(self, punt: Punt) -> Guest | None:
        """Deal with STUN or DTLS; the leg whose browser proved by it that it lives."""
        if punt.kind is PuntKind.DTLS:
            leg = self._peers.get(punt.subject)
            if leg is not None:
                leg.handshake(punt.data)
            return None
        return self._check(punt)

    def lost(self, now: float) -> frozenset[str]:
        """The names of the legs whose browsers have stopped checking; `now` in monotonic seconds."""
        return frozenset(self._ice.lost(now, CONSENT))

    def _check(self, punt: Punt) -> Guest | None:
        if punt.address is None:
            return None
        source = (str(punt.address[0]), int(punt.address[1]))
        received = self._ice.receive(punt.data, source, punt.arrival / 1e9)
        if received.reply is not None:
            self._switch.send_datagram(punt.fd, punt.address, received.reply)
        if received.event is None:
            return None
        leg = self._legs[received.event.leg]
        if isinstance(received.event, Nominated) or (isinstance(received.event, Checked) and not leg.placed):
            leg.move(punt.address)
        return leg

    def _terms(self, leg: Guest, credentials: Credentials) -> BrowserTerms:
        return BrowserTerms(
            ufrag=credentials.ufrag,
            password=credentials.password,
            fingerprint=fingerprint(self.certificate),
            candidates=self._candidates,
            cname=leg.cname,
            ssrcs=leg.ssrcs,
        )


def _priority(index: int) -> int:
    """RFC 8445 section 5.1.2.1, earlier addresses preferred."""
    return _HOST_PREFERENCE << 24 | (_LOCAL_PREFERENCE - index) << 8 | _COMPONENT
