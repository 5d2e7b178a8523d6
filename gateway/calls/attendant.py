"""The attendant: takes a station's call from inside, by the code of a visit, or by a menu that asks who and whom."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure

from parloir.calls.bookings import Bookings
from parloir.calls.bridge import Bridge
from parloir.calls.codes import CodeGuard
from parloir.calls.guide import Directory, Guide
from parloir.calls.handset import Handset, HandsetMedia
from parloir.calls.inside import Inside
from parloir.calls.lounge import Lounge
from parloir.calls.relays import NoRelay
from parloir.calls.room import Room
from parloir.calls.stations import Attending, Station, UnknownStation
from parloir.log import Log
from parloir.relay import commands
from parloir.sip.errors import Unreachable
from parloir.sip.session import Incoming, NotAcceptable
from parloir.store.logins import Logins
from parloir.store.visits import Visit

VISITOR_MAY_COME = 45.0


@dataclass
class Attendant:
    """Answers dialled codes, and the attendant's own number. A phone whose visitor is not here yet hears ringing, for
    `patience` seconds.

    `room` gives a visit's room, `begin` starts the call of a visitor who waits there. `menu` makes the media of a
    phone's menu, as the policies' calls' bridges are made but for nobody else to hear.
    """

    reactor: Any
    bookings: Bookings
    log: Log
    room: Callable[[Visit], Room]
    begin: Callable[[Room, Incoming], None]
    menu: Callable[[HandsetMedia, Station], Bridge]
    logins: Logins | None = None
    lounge: Lounge | None = None
    patience: float = VISITOR_MAY_COME
    codes: CodeGuard = field(default_factory=CodeGuard)
    pins: CodeGuard = field(default_factory=CodeGuard)
    closed: bool = False
    _ringing: dict[str, Incoming] = field(default_factory=dict)
    _guides: set[Guide] = field(default_factory=set)

    def incoming(self, incoming: Incoming) -> None:
        """A station dials."""

        def failed(failure: Failure) -> None:
            self.log("dial.failed", station=incoming.station, error=failure.getErrorMessage())
            incoming.reject(500)

        ensureDeferred(self._dialled(incoming)).addErrback(failed)

    def take(self, visit: Visit) -> Incoming | None:
        """The phone that waits for this visit's visitor, if one does; it is the caller's from now on."""
        return self._ringing.pop(visit.id, None)

    @property
    def busy(self) -> int:
        """How many phones are in the menu."""
        return len(self._guides)

    def close(self) -> None:
        """Take no more calls."""
        self.closed = True
        while self._ringing:
            self._ringing.popitem()[1].reject(503, "Closing")
        for guide in list(self._guides):
            if not guide.handset.calling:
                guide.handset.hang_up()

    async def _dialled(self, incoming: Incoming) -> None:
        place = f"{incoming.facility}/{incoming.station}"
        if self.closed:
            incoming.reject(503, "Closing")
        elif (attending := self._attending(incoming)) is not None:
            await self._lead(incoming, attending)
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

    def _attending(self, incoming: Incoming) -> Attending | None:
        """The facility's menu, where that is what was dialled."""
        try:
            attending = self.bookings.stations.get(incoming.facility, incoming.station).attending
        except UnknownStation:
            return None
        if attending is None:
            return None
        meant = incoming.dialled == attending.number or (attending.any_number and not _is_code(incoming.dialled))
        return attending if meant else None

    async def _lead(self, incoming: Incoming, attending: Attending) -> None:
        """Answer a phone, and lead it through the menu."""
        station = self.bookings.stations.get(incoming.facility, incoming.station)
        handset = Handset(self.reactor, incoming)
        handset.bridge = self.menu(HandsetMedia(handset), station)
        inside = Inside(
            incoming.facility,
            incoming.station,
            self.bookings,
            self.logins,
            self.lounge,
            self.room,
            self._wait_or_connect,
            attending.minutes,
        )
        directory = Directory(inside.check, inside.entries, inside.balance, inside.connect, attending.hotlines)
        guide = Guide(handset, attending.terms, directory, self.pins, self.reactor, self.log, over=self._guides.discard)
        handset.menu = guide
        self._guides.add(guide)
        incoming.on_cancel(lambda end: handset.cancelled())
        try:
            await handset.answer(incoming.remote.host, station.video)
        except NotAcceptable:
            self._refuse(handset, 488)
        except (NoRelay, commands.NoPorts, Unreachable):
            self._refuse(handset, 480)

    def _refuse(self, handset: Handset, status: int) -> None:
        handset.incoming.reject(status)
        handset.cancelled()

    async def _visit(self, incoming: Incoming) -> Visit | None:
        code = incoming.dialled
        if not _is_code(code):
            return None
        return await self.bookings.by_code(incoming.facility, incoming.station, code)

    def _wait_or_connect(self, room: Room, handset: Handset) -> bool:
        """Whether a visit that was chosen in the menu may be had."""
        if room.call is not None or room.visit.id in self._ringing or self.closed:
            return False
        self._connect(handset, room)
        return True

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


def _is_code(dialled: str) -> bool:
    return len(dialled) == 6 and dialled.isascii() and dialled.isdigit()
