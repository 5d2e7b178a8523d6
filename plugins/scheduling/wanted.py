"""A visit that somebody wants, or a call that is about to be, with what the rules of scheduling look at."""

from dataclasses import dataclass
from datetime import datetime

from parloir.api import BookedBy, Call, CallClass, Resident, SlotSearch, Visit, Visitor

from .span import Span


@dataclass(frozen=True)
class Wanted:
    """Who, where and when. `id` is the visit's if it is moved; `by` is who asks, at `asked`."""

    id: str | None
    station: str
    unit: str
    resident: str | None
    visitors: tuple[Visitor, ...]
    span: Span
    asked: datetime
    by: BookedBy
    privileged: bool

    @property
    def visitor_ids(self) -> frozenset[str]:
        """Who comes."""
        return frozenset(visitor.id for visitor in self.visitors)


def of_visit(visit: Visit) -> Wanted:
    """What a visit wants."""
    return Wanted(
        id=visit.id,
        station=visit.station,
        unit=visit.unit,
        resident=visit.resident.id if visit.resident else None,
        visitors=visit.visitors,
        span=Span(visit.start, visit.end),
        asked=visit.asked_at,
        by=visit.booked_by,
        privileged=is_privileged(visit.call_class, visit.resident, visit.visitors),
    )


def of_search(search: SlotSearch, asked: datetime) -> Wanted:
    """What a search for times wants: any of them, at any of its stations."""
    return Wanted(
        id=None,
        station="",
        unit="",
        resident=search.resident.id if search.resident else None,
        visitors=search.visitors,
        span=Span(search.after, search.before),
        asked=asked,
        by=BookedBy.VISITOR,
        privileged=is_privileged(None, search.resident, search.visitors),
    )


def of_call(call: Call) -> Wanted:
    """What a call wants now; its end is its visit's, or its own beginning."""
    return Wanted(
        id=call.visit.id if call.visit else None,
        station=call.station,
        unit=call.unit,
        resident=call.resident.id if call.resident else None,
        visitors=call.visitors,
        span=Span(call.at, max(call.at, call.visit.end) if call.visit else call.at),
        asked=call.at,
        by=call.visit.booked_by if call.visit else BookedBy.RESIDENT,
        privileged=call.call_class is CallClass.PRIVILEGED,
    )


def is_privileged(said: CallClass | None, resident: Resident | None, visitors: tuple[Visitor, ...]) -> bool:
    """Whether staff said so, or a visitor is counsel or the like to the resident, in whatever state."""
    return said is CallClass.PRIVILEGED or any(
        relationship.kind.privileged for visitor in visitors for relationship in visitor.with_resident(resident)
    )
