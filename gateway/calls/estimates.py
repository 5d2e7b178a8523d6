"""What visits would cost if their call began now, told to their pages while nothing is set aside yet."""

from datetime import datetime
from secrets import token_hex
from typing import Any, TypeAlias

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from parloir.calls.bookings import Bookings
from parloir.calls.price_tag import UNKNOWN, price_tag
from parloir.calls.proposal import proposal
from parloir.calls.room import Room
from parloir.calls.till import Till
from parloir.store.calls import WayIn
from parloir.webrtc.signalling import Price

About: TypeAlias = tuple[str, datetime, datetime, bool]
"""A visit, from when to when, and whether its visitor is seen: what an estimate hangs on."""
KEPT = 5.0
"""Seconds for which an estimate is told again without asking."""
PATIENCE = 3.0
"""Seconds after which a page is told that there is none yet; what comes later is told too."""
MORE, AGAIN = 2, 2.0
"""How often more it is asked where there was no price, and after how many seconds: a plugin may have been late."""
MOST = 1000
"""How many are kept."""


class Estimates:
    """Asks for each visit at most once at a time, and never holds up a page that enters."""

    def __init__(self, reactor: Any, bookings: Bookings, till: Till) -> None:
        self._reactor = reactor
        self._bookings = bookings
        self._till = till
        self._asking: dict[About, Room] = {}
        self._kept: dict[About, tuple[float, Price | None]] = {}

    def tell(self, room: Room) -> None:
        """Tell a room's page what the visit would cost, at once where that was asked a moment ago."""
        key = _about(room)
        at, price = self._kept.get(key, (float("-inf"), None))
        if self._reactor.seconds() - at < KEPT:
            self._told(key, room, price)
        elif key in self._asking:
            self._asking[key] = room
        else:
            self._asking[key] = room
            ensureDeferred(self._find(key)).addErrback(self._failed, key)

    async def _find(self, key: About) -> None:
        late = self._reactor.callLater(
            PATIENCE, lambda: self._told(key, self._asking[key], self._unknown(self._asking[key]))
        )
        try:
            price = await self._price(self._asking[key])
            for _ in range(MORE):
                if price != UNKNOWN or self._asking[key].page is None:
                    break
                self._told(key, self._asking[key], price)
                await deferLater(self._reactor, AGAIN)
                price = await self._price(self._asking[key])
        finally:
            if late.active():
                late.cancel()
        self._keep(key, price)
        self._told(key, self._asking.pop(key), price)

    async def _price(self, room: Room) -> Price | None:
        """What the visit's call would cost if it began now, or when its time comes; None where nobody rates calls."""
        visit, book = room.visit, self._bookings
        facility = book.facilities.get(visit.facility)
        call = await proposal(
            book.database,
            facility,
            book.stations.get(visit.facility, visit.station),
            visit,
            id=token_hex(8),
            way_in=WayIn.SCHEDULED if visit.rings else WayIn.INSIDE,
            pictured=room.pictured,
            at=max(book.now(), visit.start),
            state="expected",
        )
        price = price_tag(await self._till.foresee(call, await facility.policies.price(call)), agreed=False)
        return self._unknown(room) if price == UNKNOWN else price

    def _unknown(self, room: Room) -> Price | None:
        """That it will be told, where there will be something to tell."""
        try:
            told = self._bookings.facilities.get(room.visit.facility).policies.rates_calls
        except KeyError:
            return None
        return UNKNOWN if told else None

    def _failed(self, failure: Failure, key: About) -> None:
        self._bookings.timelines.log(
            "estimate.failed", visit=key[0], error=f"{type(failure.value).__name__}: {failure.value}"
        )
        room = self._asking.pop(key)
        self._keep(key, self._unknown(room))
        self._told(key, room, self._unknown(room))

    def _keep(self, key: About, price: Price | None) -> None:
        now = self._reactor.seconds()
        self._kept = {each: (at, kept) for each, (at, kept) in self._kept.items() if now - at < KEPT}
        if len(self._kept) < MOST:
            self._kept[key] = (now, price)

    def _told(self, key: About, room: Room, price: Price | None) -> None:
        """A call that has begun has a price of its own, as has a visit that has changed meanwhile."""
        if price is not None and room.call is None and _about(room) == key:
            room.say(price)


def _about(room: Room) -> About:
    visit = room.visit
    return visit.id, visit.start, visit.end, room.pictured
