"""The plugin that says who may be in touch with whom."""

from uuid import uuid4

from sqlalchemy import Connection, MetaData

from parloir.api import (
    Allow,
    Application,
    Call,
    Contact,
    Deny,
    Facility,
    Happening,
    HttpRoute,
    Relationship,
    Resident,
    Visit,
    Visitor,
    hookimpl,
)

from . import blocklist, lists, tables
from .application import decision
from .block import SelfBlock
from .meeting import Known, Meeting, of_call, of_visit
from .routes import Routes
from .rules import objection
from .settings import ContactsSettings


class Contacts:
    """Lists, blocks, separations and relationships of one facility."""

    api = 1
    Settings = ContactsSettings

    def __init__(self, settings: ContactsSettings, facility: Facility) -> None:
        self._settings = settings
        self._facility = facility

    @classmethod
    @hookimpl
    def register_tables(cls, metadata: MetaData) -> None:
        """Lists, blocks, their exceptions and visitors' own blocks, in `contacts_...`."""
        for table in tables.metadata.sorted_tables:
            table.to_metadata(metadata)

    @hookimpl
    def register_routes(self) -> tuple[HttpRoute, ...]:
        """Where lists and blocks are kept."""
        return Routes(self._settings, self._facility).all()

    @hookimpl
    async def authorize_call(self, call: Call) -> Allow | Deny | None:
        """Deny a call between people who may not be in touch."""
        return await self._judge(of_call(call))

    @hookimpl
    async def authorize_visit(self, visit: Visit) -> Allow | Deny | None:
        """Deny a visit of people who, at its start, may not be in touch."""
        return await self._judge(of_visit(visit))

    @hookimpl
    async def approve_relationship(self, application: Application) -> Allow | Deny | None:
        """Deny what cannot be, allow the kinds that the facility lets through, leave the rest to staff."""
        now = self._facility.now()
        known = await self._known(Meeting(application.resident, (application.visitor,), now))
        return decision(self._settings, application, known, now)

    @hookimpl
    async def contacts_of(self, resident: Resident) -> tuple[Contact, ...] | None:
        """The resident's list, without those who could not be called now."""
        if self._settings.list_ is None:
            return None
        facility, now = self._facility, self._facility.now()
        ties: dict[str, tuple[Relationship, ...]] = {}
        for visitor, tie in await facility.records.relationships(resident.id):
            ties[visitor] = (*ties.get(visitor, ()), tie)
        listed = await facility.store.run(lambda connection: lists.get(connection, facility.id, resident.id))
        people = tuple(
            Visitor(id=each.visitor, name=each.name, relationships=ties.get(each.visitor, ())) for each in listed
        )
        known = await self._known(Meeting(resident, people, now))
        return tuple(
            Contact(visitor=each.visitor, name=each.name, label=each.label)
            for each, visitor in zip(listed, people, strict=True)
            if objection(self._settings, Meeting(resident, (visitor,), now), known) is None
        )

    @hookimpl
    async def person_event(self, person: Resident, event: Happening) -> None:
        """Keep that a visitor, whose page a resident's call rang, wants no more of them."""
        if event.kind != "blocked":
            return
        facility, visitor = self._facility, str(event.facts["visitor"])
        block = SelfBlock(uuid4().hex, visitor, person.id, visitor, event.at)

        def keep(connection: Connection) -> None:
            known = blocklist.own(connection, facility.id, [visitor])
            if not any(each.resident == person.id for each in known):
                blocklist.add_own(connection, facility.id, block)

        await facility.store.run(keep)

    async def _judge(self, meeting: Meeting) -> Allow | Deny | None:
        denial = objection(self._settings, meeting, await self._known(meeting))
        return denial or (Allow("may_be_in_touch") if meeting.visitors else None)

    async def _known(self, meeting: Meeting) -> Known:
        """What is written down about the people of a meeting."""
        facility, resident = self._facility.id, meeting.resident_id
        visitors = [each.id for each in meeting.visitors]
        apart = await self._facility.records.separated(resident) if resident and visitors else ()

        def read(connection: Connection) -> Known:
            return Known(
                blocks=blocklist.in_force(connection, facility, visitors),
                self_blocks=blocklist.own(connection, facility, visitors),
                listed=lists.get(connection, facility, resident) if resident else (),
                apart=frozenset(apart),
            )

        return await self._facility.store.run(read)
