"""Where registered visitors wait for calls, each at a link of their own, until a resident may and does call them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from parloir.calls.bookings import Bookings
from parloir.calls.room import Room
from parloir.policy.participants import Resident
from parloir.store import participants, visitor_links, visits
from parloir.store.errors import StationTaken
from parloir.store.visitors import Visitor, VisitorStatus
from parloir.store.visits import BookedBy, Visit

WAITS = timedelta(days=30)
"""How long a page may wait without being opened anew."""
SHORTEST = 2
"""Minutes that a call must be able to last."""


@dataclass
class Lounge:
    """The rooms of those who wait, by visitor. `room` makes one for what stands for a visit while they have none."""

    bookings: Bookings
    room: Callable[[Visit], Room]
    _rooms: dict[str, Room] = field(default_factory=dict)

    async def enter(self, token: str) -> Room | None:
        """The room of the visitor whose link this is; None for a stranger's, or a visitor who is kept out."""
        visitor = await self.bookings.database.run(lambda connection: visitor_links.by_token(connection, token))
        if visitor is None or visitor.status is not VisitorStatus.ACTIVE:
            return None
        if visitor.id not in self._rooms:
            self._rooms[visitor.id] = self.room(_standing(visitor, self.bookings.now()))
        return self._rooms[visitor.id]

    def waits(self, visitor: str) -> Room | None:
        """The room of a visitor who can be called now."""
        room = self._rooms.get(visitor)
        return room if room is not None and room.joined else None

    async def book(self, visitor: str, resident: Resident, station: str, minutes: int) -> Room | None:
        """The room with a visit of its own for this call; None where nobody waits, or the station is not free."""
        room = self.waits(visitor)
        if room is None:
            return None
        visit = await self.bookings.database.run(lambda c: self._book(c, room, visitor, resident, station, minutes))
        if visit is None or not room.joined or _booked(room.visit):
            return None
        room.visit = visit
        return room

    def leave(self, room: Room) -> None:
        """The call is over: the visitor waits for the next."""
        for visitor, each in list(self._rooms.items()):
            if each is room:
                name, facility = room.visit.visitor, room.visit.facility
                room.visit = _standing_for(visitor, name, facility, self.bookings.now())

    def has(self, room: Room) -> bool:
        """Whether a room is one of these."""
        return any(each is room for each in self._rooms.values())

    def forget(self, room: Room) -> None:
        """Nobody is in it."""
        self._rooms = {visitor: each for visitor, each in self._rooms.items() if each is not room}

    def _book(
        self, connection: Connection, room: Room, visitor: str, resident: Resident, station: str, minutes: int
    ) -> Visit | None:
        facility, now = room.visit.facility, self.bookings.now()
        for _ in range(2):
            try:
                with connection.begin_nested():
                    visit = visits.add(
                        connection,
                        facility=facility,
                        station=station,
                        visitor=room.visit.visitor,
                        start=now,
                        minutes=minutes,
                        rings=False,
                        resident=resident.id,
                        booked_by=BookedBy.RESIDENT,
                    )
                    participants.put(connection, visit.id, [visitor])
                return visit
            except StationTaken as taken:
                minutes = min(minutes, int((taken.visit.start - now).total_seconds()) // 60)
                if minutes < SHORTEST:
                    return None
        return None


def _booked(visit: Visit) -> bool:
    return bool(visit.token)


def _standing(visitor: Visitor, now: datetime) -> Visit:
    return _standing_for(visitor.id, visitor.name, visitor.facility, now)


def _standing_for(visitor: str, name: str, facility: str, now: datetime) -> Visit:
    """What stands for a visit, without station, code or token, while there is none."""
    minutes = int(WAITS.total_seconds()) // 60
    return Visit(f"lounge-{visitor}", facility, "", name, now, minutes, "", "", rings=False)
