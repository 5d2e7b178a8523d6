"""The scheduling plugin: when visits and calls may be, and what happens when they suddenly may not."""

from sqlalchemy import MetaData

from parloir.api import Call, Cap, Deny, Facility, HttpRoute, Slot, SlotSearch, Task, Visit, hookimpl

from . import tables
from .desk import Desk
from .enforcement import Enforcement
from .orders import Orders
from .settings import SchedulingSettings

SWEEP = 10.0


class Scheduling:
    """One facility's scheduling."""

    api = 1
    Settings = SchedulingSettings

    def __init__(self, settings: SchedulingSettings, facility: Facility) -> None:
        self._facility = facility
        self._desk = Desk(settings, facility)
        self._enforcement = Enforcement(self._desk)

    @classmethod
    @hookimpl
    def register_tables(cls, metadata: MetaData) -> None:
        """Closures and excuses."""
        for table in tables.metadata.tables.values():
            table.to_metadata(metadata)

    @hookimpl
    async def authorize_visit(self, visit: Visit) -> Deny | None:
        """Every rule there is."""
        return await self._desk.visit_refusal(visit)

    @hookimpl
    async def authorize_call(self, call: Call) -> Deny | None:
        """What may have changed since the booking, and what holds for calls nobody booked."""
        return await self._desk.call_refusal(call)

    @hookimpl
    async def limit_call(self, call: Call) -> Cap | None:
        """No longer than its slot, and not into a time at which the unit is closed."""
        return await self._desk.cap(call)

    @hookimpl
    async def open_slots(self, search: SlotSearch) -> tuple[Slot, ...]:
        """The times that no rule forbids."""
        return tuple(Slot(station, span.start, span.end) for station, span in await self._desk.offers(search))

    @hookimpl
    def register_routes(self) -> tuple[HttpRoute, ...]:
        """Lockdown and the like."""
        return Orders(self._enforcement).routes()

    @hookimpl
    def register_tasks(self) -> tuple[Task, ...]:
        """Closures are carried out again and again, so that a failure or a race leaves nobody talking."""
        return (Task("sweep", SWEEP, self._enforcement.sweep),)
