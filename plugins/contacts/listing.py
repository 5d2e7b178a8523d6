"""The list of people a resident may talk to, and when it may be changed. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from zoneinfo import ZoneInfo

from parloir.api import Relationship

from ..period import period
from .settings import ContactList

Ties: TypeAlias = Mapping[str, Sequence[Relationship]]
"""What each visitor on record is to the resident, by the visitor's id."""


@dataclass(frozen=True)
class Listed:
    """One person on a resident's list: name, and what the resident calls them."""

    visitor: str
    name: str
    label: str = ""


@dataclass(frozen=True)
class Refusal:
    """Why a list cannot be changed so: a code, and the same in words for staff."""

    code: str
    message: str


@dataclass(frozen=True)
class Change:
    """A list as it is, and as it shall be."""

    old: tuple[Listed, ...]
    new: tuple[Listed, ...]

    @property
    def added(self) -> tuple[str, ...]:
        """Visitors who were not on it."""
        before = {each.visitor for each in self.old}
        return tuple(each.visitor for each in self.new if each.visitor not in before)

    @property
    def removed(self) -> tuple[str, ...]:
        """Visitors who will not be on it."""
        after = {each.visitor for each in self.new}
        return tuple(each.visitor for each in self.old if each.visitor not in after)


def counted(settings: ContactList, visitors: Sequence[str], ties: Ties, at: datetime) -> list[str]:
    """The visitors who count on a list: all but those who need not be on it."""
    return [
        visitor
        for visitor in visitors
        if not any(tie.kind in settings.unlisted and tie.holds(at) for tie in ties.get(visitor, ()))
    ]


def wrong(change: Change, ties: Ties | None) -> Refusal | None:
    """What no list may hold: somebody twice, or (where `ties` are given) somebody new without a tie to the resident."""
    visitors = [each.visitor for each in change.new]
    if twice := sorted({each for each in visitors if visitors.count(each) > 1}):
        return Refusal("listed_twice", f"{', '.join(twice)}: on the list twice")
    strangers = [each for each in change.added if ties is not None and not ties.get(each)]
    if strangers:
        return Refusal("not_related", f"{', '.join(strangers)}: no relationship with the resident is on record")
    return None


def refusal(
    settings: ContactList,
    change: Change,
    ties: Ties,
    earlier: Sequence[datetime],
    at: datetime,
    zone: ZoneInfo,
) -> Refusal | None:
    """Why a list cannot be changed so at that moment. Taking people off, and putting them in another order, can always.

    `earlier` are the moments of the changes that counted before.
    """
    if not counted(settings, change.added, ties, at):
        return None
    after = counted(settings, [each.visitor for each in change.new], ties, at)
    if len(after) > settings.most:
        return Refusal("list_full", f"{len(after)} people on the list, and {settings.most} are allowed")
    if not settings.first_day <= at.astimezone(zone).day <= settings.last_day:
        days = f"from day {settings.first_day} to day {settings.last_day} of a month"
        return Refusal("list_closed", f"people are put on a list {days} only")
    start, anew = period(settings.per, at, zone, settings.week_starts)
    if sum(start <= each < anew for each in earlier) >= settings.changes:
        return Refusal("list_changed", f"changed often enough; open again on {anew.astimezone(zone):%Y-%m-%d}")
    return None
