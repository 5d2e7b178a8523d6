"""The scheduling plugin in a facility for tests, and the visits that people there have and want."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from parloir.api import (
    BookedBy,
    Deny,
    Relationship,
    RelationshipKind,
    RelationshipState,
    Resident,
    SlotSearch,
    Visit,
    Visitor,
)
from parloir.plugins.scheduling.plugin import Scheduling
from tests.plugin_facility import NOON, Institution, TablesInMemory, answer

CHICAGO = ZoneInfo("America/Chicago")
RESIDENT = Resident(id="r1", name="Resident One", unit="A")
OTHER = Resident(id="r2", name="Resident Two", unit="A")
ANN = Visitor(
    id="ann",
    name="Ann",
    relationships=(Relationship(kind=RelationshipKind.FAMILY, state=RelationshipState.APPROVED, resident="r1"),),
)
CHILD = Visitor(id="child", name="Child", minor=True)
COUNSEL = Visitor(
    id="counsel",
    name="Counsel",
    relationships=(Relationship(kind=RelationshipKind.ATTORNEY, state=RelationshipState.PENDING, resident="r1"),),
)


@pytest.fixture
def north() -> Iterator[Institution]:
    store = TablesInMemory(Scheduling)
    yield Institution(store)
    store.close()


def scheduling(north: Institution, **settings: Any) -> Scheduling:
    """The plugin as the facility's configuration makes it."""
    return Scheduling(Scheduling.Settings.model_validate(settings), north.facility)


def local(text: str, zone: ZoneInfo = CHICAGO) -> datetime:
    """A time like `2026-03-06 10:00` by the facility's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def a_visit(start: str | datetime = "2026-03-06 10:00", minutes: int = 30, **facts: Any) -> Visit:
    """A visit that Ann asks for at noon on Wednesday, 4 March 2026, with resident r1."""
    begin = local(start) if isinstance(start, str) else start
    given: dict[str, Any] = {
        "facility": "north",
        "station": "pod-a-1",
        "unit": "A",
        "resident": RESIDENT,
        "visitors": (ANN,),
        "start": begin,
        "end": begin + timedelta(minutes=minutes),
        "asked_at": NOON,
        "booked_by": BookedBy.VISITOR,
    } | facts
    return Visit(**given)


def booked(north: Institution, id: str, start: str | datetime, **facts: Any) -> Visit:
    """A visit that is on record."""
    visit = a_visit(start, **({"id": id, "state": "scheduled"} | facts))
    north.records.known_visits.append(visit)
    return visit


def said(plugin: Scheduling, visit: Visit) -> str:
    """The code of the denial, or `yes`."""
    denial = answer(plugin.authorize_visit(visit))
    return "yes" if denial is None else denial.code


def denied(plugin: Scheduling, visit: Visit) -> Deny:
    """The denial."""
    denial = answer(plugin.authorize_visit(visit))
    assert denial is not None
    return denial


def open_times(
    plugin: Scheduling,
    after: str,
    before: str,
    *,
    stations: Sequence[str] = ("pod-a-1",),
    minutes: int = 30,
    zone: ZoneInfo = CHICAGO,
    visitors: tuple[Visitor, ...] = (ANN,),
) -> list[str]:
    """The slots that a visitor is offered, each as `STATION TIME` by the facility's clock."""
    search = SlotSearch(
        facility="north",
        resident=RESIDENT,
        visitors=visitors,
        stations=tuple(stations),
        after=local(after, zone),
        before=local(before, zone),
        minutes=minutes,
    )
    slots = answer(plugin.open_slots(search))
    return [f"{slot.station} {slot.start.astimezone(zone):%d %H:%M}" for slot in slots]
