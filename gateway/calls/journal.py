"""The news of a facility: its calls' events and what happened beside them, in one order, with each plugin's place."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection

from parloir.calls import alarms, parties
from parloir.calls.history import History
from parloir.calls.premises import Premises
from parloir.policy.news import Item
from parloir.policy.participants import Resident
from parloir.policy.values import Alert, Happening, Visit
from parloir.store import calls, cursors, happenings, timeline, visits
from parloir.store.happenings import Hook, Row
from parloir.store.timeline import Entry

T = TypeVar("T")
UNTOLD = frozenset({"trail", "session", "error", "detail", "what"})
"""Facts of events that are not for plugins: decisions are in the call, and faults may name addresses or quote SDP."""


class Run(Protocol):
    """How the database does work, as Database.run."""

    def __call__(self, work: Callable[[Connection], T]) -> Awaitable[T]: ...


@dataclass(frozen=True)
class FacilityJournal:
    """A facility's journal (policy.news.Journal), read on the reactor."""

    premises: Premises
    run: Run
    now: Callable[[], datetime]

    async def after(self, position: int, most: int) -> Sequence[Item]:
        """The news after a position, rising, at most so many."""
        return await self.run(lambda connection: self._read(connection, position, most))

    async def cursor(self, plugin: str) -> int:
        """The position of the last item the plugin has taken; 0 before the first."""
        facility = self.premises.facility
        return await self.run(lambda connection: cursors.position(connection, facility, plugin) or 0)

    async def advance(self, plugin: str, position: int) -> None:
        """The plugin has taken all up to this position."""
        await self.run(lambda connection: cursors.move(connection, self.premises.facility, plugin, position))

    def _read(self, connection: Connection, position: int, most: int) -> list[Item]:
        happenings.number(connection)
        # What is numbered later may be seen by the second query and not by the first: it waits for the next time.
        end = happenings.last(connection)
        entries = timeline.after(connection, self.premises.facility, position, most)
        others = happenings.after(connection, self.premises.facility, position, most)
        news: list[Entry | Row] = [*entries, *others]
        known = sorted((each for each in news if each.sequence <= end), key=lambda each: each.sequence)
        return self._items(connection, known[:most])

    def _items(self, connection: Connection, news: Sequence[Entry | Row]) -> list[Item]:
        rows = calls.several(connection, {each.call for each in news if isinstance(each, Entry)})
        history = History(self.premises, list(rows.values()), connection)
        items: list[Item] = []
        for each in news:
            if isinstance(each, Entry):
                facts = {name: fact for name, fact in each.data.items() if name not in UNTOLD}
                items.append(Item("call_event", history.when(each), _happening(each, each.wall, facts)))
            else:
                items.append(
                    Item(each.hook.value, self._subject(connection, each), _happening(each, each.at, each.data))
                )
        return items

    def _subject(self, connection: Connection, row: Row) -> Visit | Resident | Alert:
        """Whom or what it is about, as it stands now."""
        match row.hook:
            case Hook.ALERT:
                return alarms.of(row.data)
            case Hook.PERSON:
                return parties.resident(connection, row.subject)
        visit, premises = visits.get(connection, row.subject), self.premises
        return parties.booked(
            connection,
            visit,
            unit=premises.unit(visit.station),
            media=premises.media(visit.station),
            now=self.now(),
            zone=premises.zone,
        )


def _happening(each: Entry | Row, at: datetime, facts: Mapping[str, Any]) -> Happening:
    return Happening(position=each.sequence, kind=each.kind, at=at, facts=facts)
