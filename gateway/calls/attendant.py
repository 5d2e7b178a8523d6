"""The attendant: takes a station's call from inside, and finds the visit whose code it dialled."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure

from parloir.calls.bookings import Bookings
from parloir.calls.codes import CodeGuard
from parloir.calls.room import Room
from parloir.log import Log
from parloir.sip.session import Incoming
from parloir.store.visits import Visit

VISITOR_MAY_COME = 45.0


@dataclass
class Attendant:
    """Answers dialled codes. A phone whose visitor is not here yet hears ringing, for `patience` seconds.

    `room` gives a visit's room, `begin` starts the call of a visitor who waits there.
    """

    reactor: Any
    bookings: Bookings
    log: Log
    room: Callable[[Visit], Room]
    begin: Callable[[Room, Incoming], None]
    patience: float = VISITOR_MAY_COME
    codes: CodeGuard = field(default_factory=CodeGuard)
    closed: bool = False
    _ringing: dict[str, Incoming] = field(default_factory=dict)

    def incoming(self, incoming: Incoming) -> None:
        """A station dials."""

        def failed(failure: Failure) -> None:
            self.log("dial.failed", station=incoming.station, error=failure.getErrorMessage())
            incoming.reject(500)

        ensureDeferred(self._dialled(incoming)).addErrback(failed)

    def take(self, visit: Visit) -> Incoming | None:
        """The phone that waits for this visit's visitor, if one does; it is the caller's from now on."""
        return self._ringing.pop(visit.id, None)

    def close(self) -> None:
        """Take no more calls."""
        self.closed = True
        while self._ringing:
            self._ringing.popitem()[1].reject(503, "Closing")

    async def _dialled(self, incoming: Incoming) -> None:
        place = f"{incoming.facility}/{incoming.station}"
        if self.closed:
            incoming.reject(503, "Closing")
        elif self.codes.paused(place, self.reactor.seconds()):
            self.log("dial.paused", station=place)
            incoming.reject(403, "Too many wrong codes")
        elif (visit := await self._visit(incoming)) is None:
            pause = self.codes.missed(place, self.reactor.seconds())
            self.log("dial.wrong_code", station=place, pause=pause)
            incoming.reject(404, "No such visit")
        else:
            self.codes.matched(place)
            self._connect(incoming, self.room(visit))

    async def _visit(self, incoming: Incoming) -> Visit | None:
        code = incoming.dialled
        if not (len(code) == 6 and code.isascii() and code.isdigit()):
            return None
        return await self.bookings.by_code(incoming.facility, incoming.station, code)

    def _connect(self, incoming: Incoming, room: Room) -> None:
        id = room.visit.id
        if room.call is not None or id in self._ringing:
            incoming.reject(486, "Visit in progress")
        elif room.joined:
            self.begin(room, incoming)
        else:
            self._ringing[id] = incoming
            incoming.on_cancel(lambda end: self._stop(id, incoming))
            incoming.ring()
            self.log("dial.waiting", visit=id)
            self.reactor.callLater(self.patience, self._stop, id, incoming)

    def _stop(self, id: str, incoming: Incoming) -> None:
        """The phone gave up, or nobody came."""
        if self._ringing.get(id) is incoming:
            del self._ringing[id]
            incoming.reject(480, "The visitor is not here")
