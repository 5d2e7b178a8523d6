"""What a resident on the phone is told and may do: who they are, whom they can call, what they have, and calling."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from parloir.calls import circle
from parloir.calls.bookings import Bookings
from parloir.calls.guide import WrongPin
from parloir.calls.handset import Handset
from parloir.calls.lounge import Lounge
from parloir.calls.menu_effects import Entry, What
from parloir.calls.room import Room
from parloir.policy.participants import Resident
from parloir.store import ledger_balances, visits
from parloir.store.errors import LockedOut, LoginRefused
from parloir.store.logins import Logins
from parloir.store.visits import OPEN, Visit


@dataclass
class Inside:
    """One station's look-ups. `room` gives a visit's room, `begin` begins the call of a visit or waits for its visitor,
    and says whether it can. A call to somebody without a visit may last `minutes`."""

    facility: str
    station: str
    bookings: Bookings
    logins: Logins | None
    lounge: Lounge | None
    room: Callable[[Visit], Room]
    begin: Callable[[Room, Handset], bool]
    minutes: int = 15

    async def check(self, number: str, pin: str) -> Resident:
        """Who has that number and PIN; raises WrongPin, TooManyLogins."""
        if self.logins is None:
            raise WrongPin
        try:
            return circle.resident_of(await self.logins.resident(self.facility, number, pin, self.bookings.now()))
        except LoginRefused:
            raise WrongPin from None
        except LockedOut:
            raise WrongPin(locked=True) from None

    async def entries(self, resident: Resident, what: What) -> Sequence[Entry]:
        """Whom a resident may call, or the visits they have at this station until the day ends."""
        facility = self.bookings.facilities.get(self.facility)
        if what is What.CONTACTS:
            contacts = await facility.policies.contacts_of(resident)
            return [Entry(what, each.visitor, each.label or each.name) for each in contacts]
        zone = ZoneInfo(facility.timezone)
        midnight = self.bookings.now().astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
        found = await self._visits(resident, before=midnight + timedelta(days=1))
        return [Entry(what, each.id, each.visitor, each.start.astimezone(zone)) for each in found]

    async def balance(self, resident: Resident) -> int:
        """What a resident's own account has, in micro-dollars."""
        account = f"resident:{resident.id}"
        return await self.bookings.database.run(
            lambda connection: ledger_balances.available(connection, self.facility, account)
        )

    async def connect(self, handset: Handset, entry: Entry) -> bool:
        """Call somebody; False where they wait for no call and no visit with them is due."""
        assert handset.resident is not None
        visitor = entry.key if entry.what is What.CONTACTS else None
        now = self.bookings.now()
        due = [each for each in await self._visits(handset.resident, before=now, visitor=visitor) if each.start <= now]
        if entry.what is What.VISITS:
            due = [each for each in due if each.id == entry.key]
        room = self.room(due[0]) if due else None
        if visitor is not None and (room is None or not room.joined) and self.lounge is not None:
            room = await self.lounge.book(visitor, handset.resident, self.station, self.minutes) or room
        return room is not None and not handset.over and self.begin(room, handset)

    async def _visits(self, resident: Resident, before: datetime, visitor: str | None = None) -> list[Visit]:
        now = self.bookings.now()

        def find(connection: Connection) -> list[Visit]:
            return visits.list(
                connection,
                facility=self.facility,
                station=self.station,
                states=OPEN,
                resident=resident.id,
                visitor=visitor,
                after=now,
                before=before,
            )

        return await self.bookings.database.run(find)
