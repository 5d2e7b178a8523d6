"""Plugins as vendors write them, for the tests of what vendors test theirs with."""

import time
from datetime import timedelta

from sqlalchemy import Column, Integer, MetaData, Table, insert

from parloir.api import (
    Action,
    Actor,
    Alert,
    Allow,
    Application,
    Call,
    Contact,
    DenialKind,
    Deny,
    Facility,
    Happening,
    HttpRoute,
    Keep,
    RateStep,
    Recording,
    Reply,
    Request,
    Resident,
    Settings,
    Slot,
    SlotSearch,
    Tariff,
    Task,
    Visit,
    Words,
    Yes,
    hookimpl,
)

GONE = Words("No visits.", "No hay visitas.")


class Hours(Settings):
    closes: int = 20


class Bare:
    """What every plugin here has."""

    api = 1

    def __init__(self, settings: Settings, facility: Facility) -> None:
        self.settings = settings
        self.facility = facility


class QuietHours(Bare):
    """Denies calls in the evening."""

    Settings = Hours

    @hookimpl
    def authorize_call(self, call: Call) -> Deny | None:
        assert isinstance(self.settings, Hours)
        late = call.at.astimezone(self.facility.timezone).hour >= self.settings.closes
        return Deny(DenialKind.SCHEDULE, "outside_hours") if late else None


class Objector(Bare):
    @hookimpl
    async def authorize_call(self, call: Call) -> Deny:
        return Deny(DenialKind.QUOTA, "enough", GONE, f"as of {self.facility.now():%H:%M}")


class Broken(Bare):
    @hookimpl
    def authorize_call(self, call: Call) -> Allow:
        raise RuntimeError("no licence")


class Sleeper(Bare):
    @hookimpl
    def authorize_call(self, call: Call) -> Allow:
        time.sleep(0.3)
        return Allow()


class Pricey(Bare):
    @hookimpl
    def rate_call(self, call: Call) -> Tariff:
        return Tariff((RateStep(0, 200_000),))


class Desk(Bare):
    """Has something to say to everything that is asked beside a call's beginning."""

    @classmethod
    @hookimpl
    def register_tables(cls, metadata: MetaData) -> None:
        Table("desk_told", metadata, Column("id", Integer, primary_key=True))

    @hookimpl
    async def authorize_visit(self, visit: Visit) -> Deny | None:
        booked = await self.facility.records.visits(resident=visit.resident.id if visit.resident else "")
        return Deny(DenialKind.QUOTA, "weekly_quota") if booked else None

    @hookimpl
    def open_slots(self, search: SlotSearch) -> tuple[Slot, ...]:
        return (Slot("pod-a-1", search.after, search.before),)

    @hookimpl
    def approve_relationship(self, application: Application) -> Allow | None:
        return Allow() if application.bar_id else None

    @hookimpl
    async def contacts_of(self, resident: Resident) -> tuple[Contact, ...]:
        ties = await self.facility.records.relationships(resident.id)
        return tuple(Contact(visitor=each, name=each) for each, _ in ties)

    @hookimpl
    def may_act(self, call: Call, action: Action, actor: Actor) -> Yes | None:
        return Yes() if "officer" in actor.roles else None

    @hookimpl
    def retain_recording(self, recording: Recording) -> Keep:
        return Keep(90, "ninety_days")

    @hookimpl
    def check_health(self) -> bool:
        return self.facility.language == "en"

    @hookimpl
    def call_event(self, event: Happening) -> None:
        self.facility.store.run_now(lambda connection: connection.execute(insert(told_table).values(id=event.position)))

    @hookimpl
    def alert(self, alert: Alert) -> None:
        raise RuntimeError(alert.code)

    @hookimpl
    def register_tasks(self) -> tuple[Task, ...]:
        return (Task("lock", 60.0, self.lock),)

    @hookimpl
    def register_routes(self) -> tuple[HttpRoute, ...]:
        return (HttpRoute("POST", "/lock", ("officer",), self.answer),)

    async def lock(self) -> None:
        await self.facility.actions.end_calls(unit="A", code="lockdown", words=GONE, by="task")
        for each in await self.facility.records.visits(after=self.facility.now()):
            assert each.id is not None
            later = each.start + timedelta(days=1)
            if not await self.facility.actions.move_visit(
                each.id, station=each.station, start=later, end=later, code="lockdown", words=GONE, by="task"
            ):
                await self.facility.actions.release_visit(each.id, code="lockdown", words=GONE, by="task")

    async def answer(self, request: Request) -> Reply:
        await self.lock()
        return Reply({"by": request.user})


told_table = Table("desk_told", MetaData(), Column("id", Integer, primary_key=True))
