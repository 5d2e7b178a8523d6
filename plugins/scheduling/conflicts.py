"""Two visits at once: at one station, of one resident, of one visitor, or of residents who are kept apart."""

from bisect import bisect_left
from collections.abc import Collection, Iterable
from datetime import timedelta

from parloir.api import Call, Deny, Visit

from .reasons import KEPT_APART, RESIDENT_BUSY, STATION_TAKEN, VISITOR_BUSY
from .span import Span
from .wanted import Wanted

OPEN = frozenset({"scheduled", "active"})


class Diary:
    """Open visits, found by their time."""

    def __init__(self, visits: Iterable[Visit]) -> None:
        self._visits = sorted((visit for visit in visits if visit.state in OPEN), key=lambda visit: visit.start)
        self._starts = [visit.start for visit in self._visits]
        self._longest = max((visit.end - visit.start for visit in self._visits), default=timedelta(0))

    def at(self, span: Span) -> list[Visit]:
        """Those that share time with the span."""
        first = bisect_left(self._starts, span.start - self._longest)
        last = bisect_left(self._starts, span.end)
        return [visit for visit in self._visits[first:last] if visit.end > span.start]


def refusal(wanted: Wanted, visits: Iterable[Visit], apart: Collection[str]) -> Deny | None:
    """Why the wanted visit cannot be while those are; `apart` are the residents whom its resident must not meet.

    What keeps residents apart is told to staff only.
    """
    for visit in visits:
        if not _is_beside(visit, wanted):
            continue
        if visit.station == wanted.station:
            return STATION_TAKEN.deny(f"by visit {visit.id}")
        if visit.resident is not None and visit.resident.id == wanted.resident:
            return RESIDENT_BUSY.deny(f"visit {visit.id}")
        if not wanted.visitor_ids.isdisjoint(visitor.id for visitor in visit.visitors):
            return VISITOR_BUSY.deny(f"visit {visit.id}")
        if visit.resident is not None and visit.resident.id in apart:
            return KEPT_APART.deny(f"from resident {visit.resident.id}, visit {visit.id}")
    return None


def at_once(call: str, calls: Iterable[Call], apart: Collection[str]) -> Deny | None:
    """Why a call cannot be while those that have not ended are: one is of a resident kept apart from its own."""
    for other in calls:
        if other.id != call and other.ended is None and other.resident is not None and other.resident.id in apart:
            return KEPT_APART.deny(f"from resident {other.resident.id}, call {other.id}")
    return None


def _is_beside(visit: Visit, wanted: Wanted) -> bool:
    return visit.state in OPEN and visit.id != wanted.id and wanted.span.meets(Span(visit.start, visit.end))
