"""How protected a call is, by its participants alone, before any plugin is asked. Pure.

Whoever is known as counsel, clergy, medical or consular staff, for any resident and in any state of approval, makes
the call privileged; whether it may be connected is another question, which `unproven` answers.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from parloir.policy.answers import CallClass
from parloir.policy.participants import RelationshipKind, Resident, Visitor
from parloir.policy.values import BookedBy, Call, Route, Visit


@dataclass(frozen=True)
class Floor:
    """The least protection a call has, and why."""

    call_class: CallClass
    why: str


def of_call(call: Call) -> Floor:
    """The floor under a call's class. On routes that are never denied, what is not known is privileged."""
    if call.route is Route.HOTLINE:
        return Floor(CallClass.PRIVILEGED, "a hotline call")
    floor = _of(call.visitors, call.resident, call.visit)
    if call.route is Route.EMERGENCY and floor.call_class is CallClass.UNKNOWN:
        return Floor(CallClass.PRIVILEGED, f"an emergency call, and {floor.why}")
    return floor


def of_visit(visit: Visit) -> Floor:
    """The floor under the class of a visit's calls."""
    return _of(visit.visitors, visit.resident, visit)


def most_protected(classes: Iterable[CallClass]) -> CallClass:
    """The one of the classes that protects most; unknown beats all."""
    return max(classes, key=lambda each: each.protection)


def _of(visitors: tuple[Visitor, ...], resident: Resident | None, visit: Visit | None) -> Floor:
    for visitor in visitors:
        for tie in visitor.relationships:
            if tie.kind.privileged:
                return Floor(CallClass.PRIVILEGED, f"visitor {visitor.id} is on record as {tie.kind} ({tie.state})")
    if visit is not None and visit.call_class is not None and visit.call_class is not CallClass.ORDINARY:
        return Floor(visit.call_class, "the visit was booked so")
    if visit is not None and visit.booked_by is BookedBy.STAFF:
        return Floor(CallClass.ORDINARY, "staff booked the visit")
    if not visitors:
        return Floor(CallClass.UNKNOWN, "nobody outside is known")
    for visitor in visitors:
        stated = [tie for tie in visitor.with_resident(resident) if tie.kind is not RelationshipKind.UNSTATED]
        if not stated:
            return Floor(CallClass.UNKNOWN, f"what visitor {visitor.id} is to the resident is not on record")
    return Floor(CallClass.ORDINARY, "every visitor's relationship is on record, and none is privileged")


def unproven(
    visitors: tuple[Visitor, ...], resident: Resident | None, visit: Visit | None, at: datetime
) -> Visitor | None:
    """A visitor on record as counsel (or the like) whom staff have not approved, so that the call must not be made.

    Approved means: counsel to some resident, and something to this one. Staff who book a visit as privileged vouch;
    of a visit that others call privileged every visitor must be approved.
    """
    claimed = visit is not None and visit.call_class is CallClass.PRIVILEGED
    if visit is not None and claimed and visit.booked_by is BookedBy.STAFF:
        return None
    for visitor in visitors:
        ties = [tie for tie in visitor.relationships if tie.kind.privileged]
        proven = any(tie.holds(at) for tie in ties) and any(tie.holds(at) for tie in visitor.with_resident(resident))
        if (ties or claimed) and not proven:
            return visitor
    return None
