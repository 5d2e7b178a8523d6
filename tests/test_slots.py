"""Free times as staff and portals ask for them: through the facility's own policies, for people on record."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from pytest_twisted import async_yield_fixture, ensureDeferred
from sqlalchemy import Connection
from twisted.internet import reactor

from parloir.api import Slot, SlotSearch
from parloir.calls.bookings import Bookings, Search
from parloir.calls.facilities import Facilities, Facility, UnknownFacility
from parloir.calls.stations import Station, Stations
from parloir.calls.timeline import Clock, Timelines
from parloir.log import json_log
from parloir.store import visitors
from parloir.store.database import Database
from parloir.store.errors import NoSuch

from .databases import furnished
from .policy_plugins import House, answering

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def offer(search: SlotSearch) -> tuple[Slot, ...]:
    """One slot at each station, at the earliest moment; two visitors are too many."""
    if len(search.visitors) > 1:
        return ()
    return tuple(
        Slot(station=each, start=search.after, end=search.after + search.minutes * timedelta(minutes=1))
        for each in search.stations
    )


@async_yield_fixture
async def bookings(tmp_path: Path) -> AsyncIterator[Bookings]:
    database = Database.open(furnished(tmp_path), reactor)
    policies = House().load({"slots": answering(open_slots=offer)})
    stations = Stations([Station(place, "pod-1", place, "en", True, None) for place in ("north", "south")])
    facilities = Facilities({"north": Facility("north", "North", "America/Chicago", None, "en", policies)})
    timelines = Timelines(database, Clock(lambda: NOW, lambda: 0), json_log(StringIO()))
    yield Bookings(database, timelines, stations, facilities)
    await policies.close()
    await database.close()


@ensureDeferred
async def test_the_facilitys_stations_are_offered_from_now_on_at_the_earliest(bookings: Bookings) -> None:
    wanted = Search("north", NOW - HOUR, NOW + HOUR, 30)
    assert await bookings.open_slots(wanted) == (Slot(station="pod-1", start=NOW, end=NOW + timedelta(minutes=30)),)


@ensureDeferred
async def test_the_policies_see_the_people_who_ask(bookings: Bookings) -> None:
    def register(connection: Connection) -> tuple[str, str]:
        ann, bob = (visitors.add(connection, facility="north", name=name).id for name in ("Ann", "Bob"))
        return ann, bob

    people = await bookings.database.run(register)
    assert await bookings.open_slots(Search("north", NOW, NOW + HOUR, 30, visitors=people)) == ()
    assert len(await bookings.open_slots(Search("north", NOW, NOW + HOUR, 30, visitors=people[:1]))) == 1


@ensureDeferred
async def test_a_stranger_and_a_facility_that_is_not_there_are_named(bookings: Bookings) -> None:
    with pytest.raises(NoSuch, match="nobody"):
        await bookings.open_slots(Search("north", NOW, NOW + HOUR, 30, visitors=("nobody",)))
    with pytest.raises(UnknownFacility, match="east"):
        await bookings.open_slots(Search("east", NOW, NOW + HOUR, 30))
