"""ICE-lite for every browser of one shared UDP socket (RFC 8445 section 2.5): datagrams in, answers out."""

import random
import secrets
import string
from dataclasses import dataclass, field
from typing import Final

from parloir.webrtc import stun
from parloir.webrtc.addresses import Address, normalised
from parloir.webrtc.allowance import Allowance, owner
from parloir.webrtc.nomination import Nomination
from parloir.webrtc.stun import Refusal

_ICE_CHARACTERS: Final = string.ascii_letters + string.digits
_UFRAG_LENGTH: Final = 8
_PASSWORD_LENGTH: Final = 24


@dataclass(frozen=True)
class Credentials:
    """What a browser needs to check this leg: 47 and 142 random bits (RFC 8445 section 5.3 asks for 24 and 128)."""

    ufrag: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Nominated:
    """From now on this leg's packets go to `address`: the first one checked, until the browser nominates."""

    leg: str
    address: Address


@dataclass(frozen=True)
class Checked:
    """The leg's browser proved that it is alive and consents to be sent to (RFC 7675)."""

    leg: str


@dataclass(frozen=True)
class Received:
    """What came of a datagram: bytes to send back to where it came from, and what the leg's owner should know."""

    reply: bytes | None = None
    event: Nominated | Checked | None = None


@dataclass
class _Leg:
    name: str
    credentials: Credentials
    fresh: Credentials | None = None
    nomination: Nomination = field(default_factory=Nomination)
    heard: float | None = None


NOTHING: Final = Received()


class IceLite:
    """The agent of one socket. It always has the controlled role, one component and host candidates only.

    A check costs a header scan until its ufrag is known, then one token of its source, then an HMAC. Addresses that
    a leg was validly checked from have tokens of their own (`rate` a second each, `burst` at once); all others of
    one host (IPv6: one /64) share theirs. Strangers are answered at most `refusals` times a second altogether, and
    never with more bytes than they sent. Times are monotonic seconds.
    """

    def __init__(
        self,
        rate: float = 50,
        burst: float = 100,
        refusals: float = 100,
        entropy: random.Random | None = None,
    ) -> None:
        self._legs: dict[str, _Leg] = {}
        self._ufrags: dict[str, _Leg] = {}
        self._addresses: dict[Address, _Leg] = {}
        self._checks = Allowance(rate, burst)
        self._refusals = Allowance(refusals, refusals)
        self._entropy = entropy or secrets.SystemRandom()

    def open(self, leg: str) -> Credentials:
        """Begin to answer checks for a leg, whose name must be new; ValueError if it is not."""
        if leg in self._legs:
            raise ValueError(f"leg {leg!r} is open already")
        opened = self._legs[leg] = _Leg(leg, self._invent())
        self._ufrags[opened.credentials.ufrag] = opened
        return opened.credentials

    def restart(self, leg: str) -> Credentials:
        """New credentials for an ICE restart; the old ones stay valid until the new ones nominate an address.

        KeyError if the leg is not open.
        """
        restarted = self._legs[leg]
        if restarted.fresh:
            del self._ufrags[restarted.fresh.ufrag]
        restarted.fresh = self._invent()
        self._ufrags[restarted.fresh.ufrag] = restarted
        return restarted.fresh

    def close(self, leg: str) -> None:
        """Forget a leg and its addresses; harmless when it is not open."""
        closed = self._legs.pop(leg, None)
        if closed is None:
            return
        for credentials in (closed.credentials, closed.fresh):
            if credentials:
                del self._ufrags[credentials.ufrag]
        for address in closed.nomination.addresses():
            self._release(address, closed)

    def address(self, leg: str) -> Address | None:
        """Where to send to the leg's browser; None before its first check, or if the leg is not open."""
        found = self._legs.get(leg)
        return found.nomination.selected if found else None

    def leg(self, source: tuple[str, int]) -> str | None:
        """The leg that was last validly checked from this address: the only one its packets may belong to."""
        found = self._addresses.get(normalised(source))
        return found.name if found else None

    def lost(self, now: float, after: float) -> list[str]:
        """The legs whose last valid check is more than `after` seconds old; not those that never had one."""
        return [leg.name for leg in self._legs.values() if leg.heard is not None and now - leg.heard > after]

    def receive(self, datagram: bytes, source: tuple[str, int], now: float) -> Received:
        """Take a datagram that may be STUN. Never raises, whatever it holds; silence for what is no request."""
        ufrag = stun.receiver(datagram)
        if ufrag is None:
            return NOTHING
        address = normalised(source)
        leg = self._ufrags.get(ufrag)
        if leg is None:
            return self._refuse(datagram, Refusal.UNAUTHENTICATED, now)
        known = self._addresses.get(address) is leg
        if not self._checks.take(address if known else owner(address[0]), now):
            return NOTHING
        credentials = leg.fresh if leg.fresh and leg.fresh.ufrag == ufrag else leg.credentials
        check = stun.authenticate(datagram, credentials.ufrag, credentials.password)
        if isinstance(check, Refusal):
            return self._refuse(datagram, check, now)
        if check.controlled:
            return Received(stun.role_conflict(check.transaction, credentials.password))
        event = self._bind(leg, credentials, check, address, now)
        return Received(stun.success(check.transaction, address, credentials.password), event)

    def _bind(
        self, leg: _Leg, credentials: Credentials, check: stun.Check, address: Address, now: float
    ) -> Nominated | Checked:
        nomination, before = leg.nomination, leg.nomination.selected
        leg.heard = now
        forgotten = nomination.checked(address)
        if forgotten is not None:
            self._release(forgotten, leg)
        self._addresses[address] = leg
        if check.nominates and credentials is leg.fresh:
            del self._ufrags[leg.credentials.ufrag]
            leg.credentials, leg.fresh = leg.fresh, None
            nomination.select(address, check.priority)
            return Nominated(leg.name, address)
        if check.nominates:
            nomination.nominated(address, check.priority)
        return Checked(leg.name) if nomination.selected in (before, None) else Nominated(leg.name, nomination.selected)

    def _release(self, address: Address, leg: _Leg) -> None:
        if self._addresses.get(address) is leg:
            del self._addresses[address]

    def _refuse(self, datagram: bytes, code: Refusal, now: float) -> Received:
        return Received(stun.refusal(datagram, code)) if self._refusals.take("strangers", now) else NOTHING

    def _invent(self) -> Credentials:
        ufrag = self._text(_UFRAG_LENGTH)
        while ufrag in self._ufrags:
            ufrag = self._text(_UFRAG_LENGTH)
        return Credentials(ufrag, self._text(_PASSWORD_LENGTH))

    def _text(self, length: int) -> str:
        return "".join(self._entropy.choices(_ICE_CHARACTERS, k=length))
