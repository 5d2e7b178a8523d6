"""Fetches what is on record around a visit or a call and puts it to the rules."""

from dataclasses import dataclass, replace
from datetime import timedelta

from parloir.api import BookedBy, Call, Cap, CapKind, Deny, Facility, SlotSearch, Visit

from . import no_shows, quota, tables
from .closure import Closure
from .rules import Circumstances, Rules
from .settings import SchedulingSettings
from .span import Span
from .wanted import Wanted, of_call, of_search, of_visit

LONGEST_CALL = timedelta(days=1)
LONGEST = 86_400


@dataclass(frozen=True)
class Desk:
    """One facility's scheduling."""

    settings: SchedulingSettings
    facility: Facility

    @property
    def rules(self) -> Rules:
        """The rules by the facility's clock."""
        return Rules(self.settings, self.facility.timezone)

    async def visit_refusal(self, visit: Visit) -> Deny | None:
        """Why a visit may not be booked, or moved there."""
        wanted = of_visit(visit)
        return self.rules.visit_refusal(wanted, await self._circumstances(wanted))

    async def call_refusal(self, call: Call) -> Deny | None:
        """Why a call may not be now."""
        wanted = of_call(call)
        around = await self._around_call(wanted)
        calls = await self.facility.records.calls(after=call.at - LONGEST_CALL) if around.apart else ()
        return self.rules.call_refusal(wanted, around, calls, call.id)

    async def cap(self, call: Call) -> Cap | None:
        """How long a call may last: to the end of its visit, or until its unit closes if that is sooner.

        Asked again in mid-call, it counts from the connection as every cap does.
        """
        wanted = of_call(call)
        times = self.rules.call_times(wanted, Circumstances(closures=await self.closures(wanted.span)))
        closes = times.closes(call.at)
        slot_first = call.visit is not None and wanted.span.end <= closes
        end = wanted.span.end if slot_first else closes
        if end - call.at >= LONGEST_CALL:
            return None
        seconds = int((end - (call.answered or call.at)).total_seconds())
        return Cap(min(max(0, seconds), LONGEST), CapKind.HARD, "slot_end" if slot_first else "closing_time")

    async def offers(self, search: SlotSearch, moved: Visit | None = None) -> list[tuple[str, Span]]:
        """The stations and times that the visit could have; one that is moved is not in its own way.

        However far a visitor looks, no more is worked out than may be booked.
        """
        now = self.facility.now()
        wanted = of_search(search, now)
        if moved is None:
            latest = now + timedelta(days=self.settings.book_days_ahead + 2)
            wanted = replace(wanted, span=Span(max(search.after, now), min(search.before, latest)))
        else:
            wanted = replace(wanted, id=moved.id, by=BookedBy.STAFF, privileged=of_visit(moved).privileged)
        if wanted.span.start >= wanted.span.end:
            return []
        stations = {station: self.facility.stations.get(station, "") for station in search.stations}
        return self.rules.offers(wanted, stations, search.minutes, await self._circumstances(wanted))

    async def closures(self, span: Span) -> tuple[Closure, ...]:
        """What staff closed, as far as it may matter in that time."""
        facility = self.facility.id
        return await self.facility.store.run(lambda connection: tables.closures_after(connection, facility, span.start))

    async def _circumstances(self, wanted: Wanted) -> Circumstances:
        records, span = self.facility.records, wanted.span
        week = quota.around(self.settings, self.facility.timezone, span)
        counted = wanted.resident is not None and not wanted.privileged
        around = await self._around_call(wanted)
        return replace(
            around,
            visits=await records.visits(after=span.start, before=span.end),
            theirs=(
                await records.visits(resident=wanted.resident, after=week.start, before=week.end) if counted else ()
            ),
            missed=await self._missed(wanted),
            excused=await self._excused(),
        )

    async def _around_call(self, wanted: Wanted) -> Circumstances:
        records, span = self.facility.records, wanted.span
        visitors = sorted(wanted.visitor_ids)
        after, before = span.start, max(span.end, span.start + timedelta(seconds=1))
        return Circumstances(
            apart=frozenset(await records.separated(wanted.resident) if wanted.resident is not None else ()),
            suspensions=await records.suspended(
                resident=wanted.resident, visitors=visitors, after=after, before=before
            ),
            closures=await self.closures(span),
        )

    async def _missed(self, wanted: Wanted) -> tuple[Visit, ...]:
        rule = self.settings.no_shows
        if rule is None or wanted.privileged:
            return ()
        after, visits = no_shows.since(rule, wanted.asked), self.facility.records.visits
        found = [await visits(visitor=each, after=after, before=wanted.asked) for each in sorted(wanted.visitor_ids)]
        return tuple({visit.id: visit for visits in found for visit in visits}.values())

    async def _excused(self) -> frozenset[str]:
        if self.settings.no_shows is None:
            return frozenset()
        facility = self.facility.id
        return await self.facility.store.run(lambda connection: tables.excused(connection, facility))
