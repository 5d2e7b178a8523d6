"""A facility for a plugin's tests: its tables in memory, records that a test fills, and a clock that it sets."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from threading import Lock
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, MetaData, StaticPool, create_engine

from parloir.api import (
    Alert,
    Call,
    CallClass,
    ErasedRecording,
    Facility,
    Medium,
    Relationship,
    Resident,
    Suspension,
    Visit,
    Visitor,
    WayIn,
    Words,
)
from parloir.testing import SampleLedger

T = TypeVar("T")
NOON = datetime(2026, 3, 4, 18, 0, tzinfo=UTC)
"""A Wednesday, noon in Chicago."""


def answer(work: Coroutine[Any, Any, T]) -> T:
    """What an `async def` comes to; its store and records answer at once, so that no loop is needed."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError("waited for something")


class TablesInMemory:
    """The store of plugins on an SQLite database of its own."""

    def __init__(self, *plugins: Any) -> None:
        self.engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
        self._one_at_a_time = Lock()
        metadata = MetaData()
        for plugin in plugins:
            plugin.register_tables(metadata)
        metadata.create_all(self.engine)

    async def run(self, work: Callable[[Connection], T]) -> T:
        return self.run_now(work)

    def run_now(self, work: Callable[[Connection], T]) -> T:
        with self._one_at_a_time, self.engine.begin() as connection:
            return work(connection)

    def close(self) -> None:
        self.engine.dispose()


@dataclass
class Remembered:
    """The gateway's records, as a test wrote them."""

    known_calls: list[Call] = field(default_factory=list)
    known_visits: list[Visit] = field(default_factory=list)
    known_separations: list[tuple[str, str]] = field(default_factory=list)
    known_suspensions: list[Suspension] = field(default_factory=list)
    known_relationships: dict[str, list[tuple[str, Relationship]]] = field(default_factory=dict)

    async def calls(
        self,
        *,
        resident: str | None = None,
        visitor: str | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
    ) -> tuple[Call, ...]:
        return tuple(
            call
            for call in sorted(self.known_calls, key=lambda call: call.opened)
            if resident in (None, call.resident.id if call.resident else "")
            and (visitor is None or visitor in [each.id for each in call.visitors])
            and (after is None or call.opened >= after)
            and (before is None or call.opened < before)
        )

    async def visits(
        self,
        *,
        resident: str | None = None,
        visitor: str | None = None,
        station: str | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
    ) -> tuple[Visit, ...]:
        return tuple(
            visit
            for visit in sorted(self.known_visits, key=lambda visit: visit.start)
            if resident in (None, visit.resident.id if visit.resident else "")
            and (visitor is None or visitor in [each.id for each in visit.visitors])
            and station in (None, visit.station)
            and (after is None or visit.end > after)
            and (before is None or visit.start < before)
        )

    async def relationships(self, resident: str) -> tuple[tuple[str, Relationship], ...]:
        return tuple(self.known_relationships.get(resident, ()))

    async def separated(self, resident: str) -> tuple[str, ...]:
        pairs = self.known_separations
        return tuple(sorted({other for pair in pairs if resident in pair for other in pair if other != resident}))

    async def suspended(
        self, *, resident: str | None, visitors: Sequence[str], after: datetime, before: datetime
    ) -> tuple[Suspension, ...]:
        return tuple(
            each
            for each in self.known_suspensions
            if (each.resident is not None and each.resident == resident) or each.visitor in visitors
            if each.start < before and (each.finish is None or each.finish > after)
        )


@dataclass
class Deeds:
    """What plugins had the gateway do; `taken` are the stations and times to which no visit can be moved."""

    records: Remembered
    ended: list[tuple[str | None, str]] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)
    taken: set[tuple[str, datetime]] = field(default_factory=set)
    noted: list[tuple[str, str, str]] = field(default_factory=list)

    async def end_calls(self, *, unit: str | None, code: str, words: Words, by: str) -> tuple[str, ...]:
        self.ended.append((unit, code))
        live = [call for call in self.records.known_calls if call.ended is None and unit in (None, call.unit)]
        return tuple(call.id for call in live)

    async def release_visit(self, visit: str, *, code: str, words: Words, by: str) -> None:
        self.told.append((visit, code))
        self._change(visit, state="cancelled")

    async def move_visit(
        self, visit: str, *, station: str, start: datetime, end: datetime, code: str, words: Words, by: str
    ) -> bool:
        if (station, start) in self.taken:
            return False
        self.told.append((visit, code))
        self._change(visit, station=station, start=start, end=end)
        return True

    async def expire_recordings(self, *, by: str) -> tuple[ErasedRecording, ...]:
        return ()  # there are none

    async def note_call(self, call: str, text: str, *, by: str) -> bool:
        known = any(each.id == call for each in self.records.known_calls)
        if known:
            self.noted.append((call, text, by))
        return known

    def _change(self, id: str, **facts: Any) -> None:
        known = self.records.known_visits
        known[:] = [replace(visit, **facts) if visit.id == id else visit for visit in known]


@dataclass
class Institution:
    """A facility whose store, records, time and alerts a test reaches."""

    store: TablesInMemory
    records: Remembered = field(default_factory=Remembered)
    now: datetime = NOON
    zone: str = "America/Chicago"
    id: str = "north"
    alerts: list[Alert] = field(default_factory=list)
    stations: dict[str, str] = field(default_factory=lambda: {"pod-a-1": "A", "pod-a-2": "A", "pod-b-1": "B"})
    deeds: Deeds = field(init=False)
    ledger: SampleLedger = field(init=False)

    def __post_init__(self) -> None:
        self.deeds = Deeds(self.records)
        self.ledger = SampleLedger(lambda: self.now)

    @property
    def facility(self) -> Facility:
        return Facility(
            id=self.id,
            name="North County Jail",
            timezone=ZoneInfo(self.zone),
            tier="jail-350-999",
            language="en",
            store=self.store,
            records=self.records,
            now=lambda: self.now,
            raise_alert=self.alerts.append,
            actions=self.deeds,
            stations=self.stations,
            ledger=self.ledger,
        )


def a_call(*, at: datetime = NOON, **facts: Any) -> Call:
    """A call from inside by resident r1 that begins at `at`; `facts` are its other fields."""
    given: dict[str, Any] = {
        "id": "c1",
        "facility": "north",
        "timezone": "America/Chicago",
        "way_in": WayIn.INSIDE,
        "station": "pod-a-1",
        "resident": Resident(id="r1", name="Resident One", unit="A"),
        "call_class": CallClass.ORDINARY,
        "at": at,
        "opened": at,
    } | facts
    return Call(**given)


def a_visitor(id: str, *relationships: Relationship, **facts: Any) -> Visitor:
    """A visitor with these relationships."""
    return Visitor(id=id, name=f"Visitor {id}", relationships=relationships, **facts)


VIDEO = (Medium.AUDIO, Medium.VIDEO)
