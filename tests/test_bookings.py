"""Visits booked at one instant, here or at another gateway: each is judged with all that were booked before it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from pytest_twisted import async_yield_fixture, ensureDeferred
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError
from twisted.internet.defer import Deferred, gatherResults

from parloir.calls.bookings import Bookings, Wish
from parloir.calls.facilities import Facilities, Facility, VisitDenied
from parloir.calls.stations import Station, Stations
from parloir.calls.timeline import Clock, Timelines
from parloir.log import json_log
from parloir.policy.answers import DenialKind
from parloir.policy.decision import Denial, Ruling
from parloir.policy.values import Visit
from parloir.store import engagements, residents, separations, visitors, visits
from parloir.store.database import Database, connect
from parloir.store.engagements import Party
from tests.databases import Server

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FULL = Denial("quota", DenialKind.QUOTA, "weekly_visits")
PLACES = ("pod-1", "pod-2")


@dataclass
class OneVisit:
    """A policy that allows one visit in all. The first two that ask are answered only when both have looked."""

    database: Database
    asked: int = 0
    _both: "Deferred[None]" = field(default_factory=Deferred)

    async def authorize_visit(self, visit: Visit) -> Ruling:
        count = len(await self.database.run(visits.list))
        self.asked += 1
        if self.asked == 2:
            self._both.callback(None)
        elif self.asked == 1:
            await self._both
        return Ruling(False, FULL) if count else Ruling(True)


@dataclass
class Office:
    """Two gateways on one database, and the people whom they book."""

    books: tuple[Bookings, Bookings]
    policy: OneVisit
    ids: dict[str, str]

    async def book(self, node: int, resident: str | None, *names: str) -> str:
        """What became of a visit at this gateway's own station."""
        people = tuple(self.ids[name] for name in names)
        who = self.ids[resident] if resident else None
        wish = Wish("north", PLACES[node], "Visitor", NOW + timedelta(hours=1), 30, resident=who, visitors=people)
        try:
            await self.books[node].add(wish)
        except VisitDenied:
            return "denied"
        return "booked"

    async def at_once(self, one: tuple[str | None, str], two: tuple[str | None, str]) -> list[str]:
        found = [Deferred.fromCoroutine(self.book(node, *who)) for node, who in enumerate((one, two))]
        return sorted(await gatherResults(found))


def move_in(connection: Connection) -> dict[str, str]:
    """Three residents, two of whom are kept apart, and two visitors."""
    inside = {
        name: residents.add(connection, facility="north", number=name, name=name).id for name in ("bob", "rob", "tom")
    }
    outside = {name: visitors.add(connection, facility="north", name=name).id for name in ("ann", "sue")}
    separations.enter(connection, first=inside["bob"], second=inside["tom"], reason="-", by="staff", start=NOW)
    return inside | outside


@async_yield_fixture
async def office(where: str) -> AsyncIterator[Office]:
    databases = (Database.open(where), Database.open(where))
    policy: Any = OneVisit(databases[0])
    stations = Stations([Station("north", place, "North", "en", True, None) for place in PLACES])
    facilities = Facilities({"north": Facility("north", "North", "America/Chicago", None, "en", policy)})
    clock = Clock(lambda: NOW, lambda: 0)
    one, two = (
        Bookings(each, Timelines(each, clock, json_log(StringIO())), stations, facilities) for each in databases
    )
    yield Office((one, two), policy, await databases[0].run(move_in))
    for each in databases:
        await each.close()


@pytest.mark.parametrize(
    ("one", "two"),
    [(("bob", "ann"), ("bob", "sue")), (("bob", "ann"), ("rob", "ann")), (("bob", "ann"), ("tom", "sue"))],
    ids=["one resident", "one visitor", "residents who are kept apart"],
)
@ensureDeferred
async def test_of_two_bookings_at_one_instant_one_is_judged_again_with_the_other(
    office: Office, one: tuple[str, str], two: tuple[str, str]
) -> None:
    assert await office.at_once(one, two) == ["booked", "denied"]
    assert office.policy.asked == 3
    assert len(await office.books[0].search()) == 1


@ensureDeferred
async def test_bookings_of_people_who_have_nothing_in_common_are_judged_once(office: Office) -> None:
    assert await office.at_once(("bob", "ann"), ("rob", "sue")) == ["booked", "booked"]
    assert office.policy.asked == 2


def test_who_books_holds_all_that_take_part_until_it_is_done(postgresql: Server) -> None:
    engine = connect(postgresql.fresh())
    with engine.connect() as first, engine.connect() as second:
        engagements.hold(first, Party(frozenset({"bob", "tom"}), frozenset({"ann"})))
        second.exec_driver_sql("SET lock_timeout = '20ms'")
        second.commit()
        for other in (Party(frozenset({"tom"}), frozenset()), Party(frozenset(), frozenset({"ann"}))):
            with pytest.raises(OperationalError, match="lock timeout"):
                engagements.hold(second, other)
            second.rollback()
        engagements.hold(second, Party(frozenset({"rob"}), frozenset({"sue"})))
        first.commit()
        engagements.hold(second, Party(frozenset({"tom"}), frozenset({"ann"})))
        second.rollback()
    engine.dispose()
