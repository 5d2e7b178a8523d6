"""What a closure does at once: ends the calls of now, and finds other times for the visits it takes away."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from parloir.api import Alert, Severity, SlotSearch, Visit

from . import tables
from .closure import Closure, ClosureKind, ahead
from .desk import Desk
from .reasons import BLACKOUT, LOCKDOWN, MOVED, Reason
from .span import Span

TRIES = 5
NEAR = timedelta(minutes=30)


@dataclass(frozen=True)
class Effect:
    """What was done: the calls ended, the visits moved and those released, by their ids."""

    ended: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    released: tuple[str, ...] = ()


@dataclass(frozen=True)
class Enforcement:
    """Carries closures out."""

    desk: Desk

    async def close(
        self, kind: ClosureKind, unit: str | None, start: datetime, finish: datetime | None, why: str, by: str
    ) -> tuple[Closure, Effect]:
        """Enter a closure and do at once what it asks for; it holds from the moment it is entered."""
        facility = self.desk.facility

        def enter(connection: Connection) -> Closure:
            return tables.add_closure(
                connection, facility.id, kind=kind, unit=unit, start=start, finish=finish, why=why, by=by
            )

        closure = await facility.store.run(enter)
        where = f"unit {unit}" if unit is not None else "the facility"
        severity = Severity.URGENT if kind is ClosureKind.LOCKDOWN else Severity.NOTICE
        text = f"{by} closed {where}: {why}"[:500]
        facility.raise_alert(Alert(severity=severity, code=kind.value, text=text, subject=closure.id))
        ended = await self._end_calls(closure)
        moved, released = await self._make_way(closure, self._horizon)
        return closure, Effect(ended, tuple(moved), tuple(released))

    async def sweep(self) -> None:
        """Do for every closure that holds or comes what has become necessary since, as after a failure or a race.

        While a lockdown goes on, visits are moved only as they come near, lest one be moved again and again.
        """
        now = self.desk.facility.now()
        closures = await self.desk.closures(Span(now, now))
        errors: list[Exception] = []
        for step in (self._end_calls, partial(self._make_way, reach=NEAR)):
            for closure in closures:
                try:
                    await step(closure)
                except Exception as error:
                    errors.append(error)
        if errors:
            raise ExceptionGroup("closures could not be carried out whole; it is tried again soon", errors)

    async def _end_calls(self, closure: Closure) -> tuple[str, ...]:
        """End the calls that it forbids, if it holds now."""
        facility, reason = self.desk.facility, _reason(closure)
        if not closure.span.holds(facility.now()):
            return ()
        words = reason.words()
        return await facility.actions.end_calls(unit=closure.unit, code=reason.code, words=words, by=closure.by)

    async def _make_way(self, closure: Closure, reach: timedelta) -> tuple[list[str], list[str]]:
        """Move or release the visits that it leaves no time for; answers those moved and those released.

        `reach` is how far ahead visits are looked for where nobody knows the closure's end.
        """
        now = self.desk.facility.now()
        moved: list[str] = []
        released: list[str] = []
        for visit in await self._taken_away(ahead(closure, now + reach), now):
            done = moved if await self._move(visit, closure, now) else released
            done.append(visit.id or "")
        return moved, released

    @property
    def _horizon(self) -> timedelta:
        """How long a lockdown without an end is taken to last."""
        return timedelta(hours=self.desk.settings.lockdown_hours)

    async def _taken_away(self, closure: Closure, now: datetime) -> list[Visit]:
        """The visits that fall in it. One that has begun is over with its call."""
        span = closure.span
        visits = await self.desk.facility.records.visits(after=max(span.start, now), before=span.end)
        return [visit for visit in visits if visit.state == "scheduled" and _falls_in(visit, closure)]

    async def _move(self, visit: Visit, closure: Closure, now: datetime) -> bool:
        """Give a visit the next time that it can have, at its own station before others of its unit, or release it."""
        actions, reason, id = self.desk.facility.actions, _reason(closure), visit.id or ""
        for station, span in (await self._places(visit, closure, now))[:TRIES]:
            start, end, words = span.start, span.end, MOVED.words()
            if await actions.move_visit(
                id, station=station, start=start, end=end, code=MOVED.code, words=words, by=closure.by
            ):
                return True
        await actions.release_visit(id, code=reason.code, words=reason.words(), by=closure.by)
        return False

    async def _places(self, visit: Visit, closure: Closure, now: datetime) -> list[tuple[str, Span]]:
        facility = self.desk.facility
        if not self.desk.settings.move_within_days:
            return []
        after = max(ahead(closure, now + self._horizon).span.end, now)
        unit = facility.stations.get(visit.station, visit.unit)
        others = sorted(each for each, its in facility.stations.items() if its == unit and each != visit.station)
        search = SlotSearch(
            facility=facility.id,
            resident=visit.resident,
            visitors=visit.visitors,
            stations=(visit.station, *others),
            after=after,
            before=after + timedelta(days=self.desk.settings.move_within_days),
            minutes=max(1, round((visit.end - visit.start).total_seconds() / 60)),
        )
        return await self.desk.offers(search, moved=visit)


def _reason(closure: Closure) -> Reason:
    return LOCKDOWN if closure.kind is ClosureKind.LOCKDOWN else BLACKOUT


def _falls_in(visit: Visit, closure: Closure) -> bool:
    return closure.concerns(visit.unit) and closure.span.meets(Span(visit.start, visit.end))
