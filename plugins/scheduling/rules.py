"""All rules of scheduling in their order, for a visit that is asked for and for a call that is about to be."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from parloir.api import BookedBy, Call, Deny, Suspension, Visit

from . import booking, conflicts, no_shows, party, quota
from .closure import Closure, ahead
from .reasons import NO_SLOT, SUSPENDED
from .settings import SchedulingSettings
from .slots import slots
from .span import Span
from .timetable import Timetable, timetable, visiting_hours
from .wanted import Wanted

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Circumstances:
    """What is on record around a visit: all visits near it, its resident's of the week, its visitors' missed ones,
    the residents to be kept apart from its own, suspensions, closures, and missed visits that were excused."""

    visits: tuple[Visit, ...] = ()
    theirs: tuple[Visit, ...] = ()
    missed: tuple[Visit, ...] = ()
    apart: frozenset[str] = frozenset()
    suspensions: tuple[Suspension, ...] = ()
    closures: tuple[Closure, ...] = ()
    excused: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Rules:
    """One facility's rules, by the clock on its wall."""

    settings: SchedulingSettings
    zone: ZoneInfo

    def visit_refusal(self, wanted: Wanted, around: Circumstances) -> Deny | None:
        """Why this visit may not be booked, or moved to this time. Staff may book at times that are no slot."""
        return (
            self.people_refusal(wanted, around)
            or booking.refusal(self.settings, self.zone, wanted)
            or self.visit_times(wanted, around, wanted.span).refusal(wanted.span)
            or (None if self._is_slot(wanted) else NO_SLOT.deny())
            or self.time_refusal(wanted, around)
        )

    def people_refusal(self, wanted: Wanted, around: Circumstances) -> Deny | None:
        """Why these people may not book, whatever the time."""
        if denial := party.refusal(self.settings, wanted.visitors):
            return denial
        if self.settings.no_shows is None:
            return None
        return no_shows.refusal(self.settings.no_shows, self.zone, wanted, around.missed, around.excused)

    def time_refusal(self, wanted: Wanted, around: Circumstances) -> Deny | None:
        """Why these people may not have this time, though it is open."""
        return (
            _suspended(wanted, around.suspensions)
            or quota.refusal(self.settings, self.zone, wanted, around.theirs)
            or conflicts.refusal(wanted, around.visits, around.apart)
        )

    def visit_times(self, wanted: Wanted, around: Circumstances, within: Span) -> Timetable:
        """When the unit is open for this visit, as seen when it is asked for."""
        horizon = wanted.asked + timedelta(hours=self.settings.lockdown_hours)
        closures = [ahead(closure, horizon) for closure in around.closures]
        hours = visiting_hours(self.settings, wanted.privileged)
        return timetable(self.settings, hours, wanted.unit, self.zone, within, closures)

    def call_refusal(self, wanted: Wanted, around: Circumstances, calls: Iterable[Call], call: str) -> Deny | None:
        """Why this call may not be now; `calls` are those of these hours. What was booked is not counted again."""
        now = Span(wanted.asked, wanted.asked + SECOND)
        return (
            self.call_times(wanted, around).refusal(now)
            or party.refusal(self.settings, wanted.visitors)
            or _suspended(wanted, around.suspensions)
            or conflicts.at_once(call, calls, around.apart)
        )

    def call_times(self, wanted: Wanted, around: Circumstances) -> Timetable:
        """When the unit is open for this call: a visit has visiting hours, other calls have those of the phones."""
        hours = visiting_hours(self.settings, wanted.privileged) if wanted.id else self.settings.phone_hours
        return timetable(
            self.settings, hours, wanted.unit, self.zone, Span(wanted.asked, wanted.asked + DAY), around.closures
        )

    def offers(
        self, wanted: Wanted, stations: Mapping[str, str], minutes: int, around: Circumstances
    ) -> list[tuple[str, Span]]:
        """Every station and time within the wanted one that this visit could have, by time.

        `stations` gives the unit of each; stations of a unit have the same times.
        """
        if self.people_refusal(wanted, around):
            return []
        found: list[tuple[str, Span]] = []
        diary = conflicts.Diary(around.visits)
        for unit in set(stations.values()):
            here = [station for station, its in stations.items() if its == unit]
            for candidate in self._open_to(replace(wanted, unit=unit), minutes, around):
                beside = [visit for visit in diary.at(candidate.span) if visit.id != wanted.id]
                if conflicts.refusal(replace(candidate, station=""), beside, around.apart):
                    continue
                taken = {visit.station for visit in beside}
                found += ((station, candidate.span) for station in here if station not in taken)
        order = list(stations)
        return sorted(found, key=lambda offer: (offer[1], order.index(offer[0])))

    def _open_to(self, wanted: Wanted, minutes: int, around: Circumstances) -> Iterator[Wanted]:
        """The slots of a unit within the wanted time, without those that a rule forbids, whatever the station."""
        times = self.visit_times(wanted, around, wanted.span)
        for span in self._slots(wanted, wanted.span, minutes):
            candidate = replace(wanted, span=span)
            if not (
                booking.refusal(self.settings, self.zone, candidate)
                or times.refusal(span)
                or _suspended(candidate, around.suspensions)
                or quota.refusal(self.settings, self.zone, candidate, around.theirs)
            ):
                yield candidate

    def _is_slot(self, wanted: Wanted) -> bool:
        if wanted.by is BookedBy.STAFF:
            return True
        minutes = round((wanted.span.end - wanted.span.start) / timedelta(minutes=1))
        within = Span(wanted.span.start - DAY, wanted.span.end + DAY)
        return wanted.span in self._slots(wanted, within, minutes)

    def _slots(self, wanted: Wanted, within: Span, minutes: int) -> list[Span]:
        if wanted.by is not BookedBy.STAFF and minutes not in self.settings.minutes:
            return []
        hours = visiting_hours(self.settings, wanted.privileged)
        return slots(hours, wanted.unit, self.zone, within, minutes=minutes, every=self.settings.step)


def _suspended(wanted: Wanted, suspensions: Iterable[Suspension]) -> Deny | None:
    """Why somebody is barred at that time; never from privileged visits."""
    for each in suspensions:
        holds = each.start <= wanted.span.start and (each.finish is None or wanted.span.start < each.finish)
        if holds and not wanted.privileged:
            return SUSPENDED.deny(each.reason)
    return None
