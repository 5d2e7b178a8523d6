"""People as policies see them, from the store's rows: who they are, and what stands between them."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import TypeVar

from sqlalchemy import Connection

from parloir.policy.participants import Relationship, RelationshipKind, RelationshipState, Resident, Visitor
from parloir.store import no_contact, participants, relationships, residents, visitors
from parloir.store.no_contact import Order
from parloir.store.relationships import Relationship as Tie
from parloir.store.residents import Resident as ResidentRow
from parloir.store.visitors import Visitor as VisitorRow
from parloir.store.visits import Visit

T = TypeVar("T")

UNREGISTERED = "unregistered-"
"""Begins the id of a visitor of whom nothing but the name that staff wrote down is known."""


@dataclass(frozen=True)
class Circle:
    """Rows read at once: residents by id, visitors by visit, ties by visitor, orders by resident."""

    residents: Mapping[str, ResidentRow] = field(default_factory=dict)
    visitors: Mapping[str, Sequence[VisitorRow]] = field(default_factory=dict)
    ties: Mapping[str, Sequence[Tie]] = field(default_factory=dict)
    orders: Mapping[str, Sequence[Order]] = field(default_factory=dict)

    def resident(self, id: str | None) -> Resident | None:
        """The one of that id."""
        return None if id is None else resident_of(self.residents[id])

    def visitors_of(
        self, visit: str, resident: str | None, moment: datetime, zone: tzinfo, named: str = ""
    ) -> tuple[Visitor, ...]:
        """A visit's visitors, or the one whom it only names, as they stand at a moment (and day, in a zone)."""
        guest = VisitorRow(f"{UNREGISTERED}{visit}", "", "", named)
        known = self.visitors.get(visit, ()) or ([guest] if named else ())
        return tuple(self._visitor(each, resident, moment, zone) for each in known)

    def _visitor(self, row: VisitorRow, resident: str | None, moment: datetime, zone: tzinfo) -> Visitor:
        standing = [order for order in self.orders.get(resident or "", ()) if order.in_force(moment)]
        return Visitor(
            id=row.id,
            name=row.name,
            relationships=tuple(tie_of(each, moment) for each in self.ties.get(row.id, ())),
            minor=row.is_minor(moment.astimezone(zone).date()),
            no_contact=any(order.bars(row) for order in standing),
            languages=_languages(row.language),
            phone=row.phone or "",
        )


def of_visits(connection: Connection, visits: Sequence[Visit]) -> Circle:
    """The people of these visits, by a handful of queries; a thousand visits at most."""
    by_visit = participants.of_visits(connection, [visit.id for visit in visits])
    known = visitors.several(connection, {id for ids in by_visit.values() for id in ids})
    named = {visit: sorted((known[id] for id in ids), key=_by_name) for visit, ids in by_visit.items()}
    return _around(connection, {visit.resident for visit in visits if visit.resident is not None}, named)


def of_people(connection: Connection, residents: Iterable[str], visitors: Sequence[VisitorRow], visit: str) -> Circle:
    """These residents and visitors, as the people of one visit."""
    return _around(connection, residents, {visit: visitors})


def resident_of(row: ResidentRow) -> Resident:
    """A resident; accommodations are made codes, as `Hard of hearing` becomes `hard_of_hearing`."""
    return Resident(
        id=row.id,
        name=row.name,
        unit=row.unit,
        status=row.status.value,
        languages=_languages(row.language),
        accommodations=tuple(filter(None, map(_code, row.accommodations))),
    )


def tie_of(row: Tie, moment: datetime) -> Relationship:
    """A relationship as it stands at a moment."""
    return Relationship(
        kind=RelationshipKind(row.kind),
        state=RelationshipState(row.state_at(moment)),
        resident=row.resident,
        expires=row.expires,
    )


def _around(connection: Connection, whose: Iterable[str], named: Mapping[str, Sequence[VisitorRow]]) -> Circle:
    whose = set(whose)
    ties = relationships.of_visitors(connection, {row.id for rows in named.values() for row in rows})
    return Circle(
        residents=residents.several(connection, whose),
        visitors=named,
        ties=_by(ties, lambda tie: tie.visitor),
        orders=_by(no_contact.of_residents(connection, whose), lambda order: order.resident),
    )


def _by_name(row: VisitorRow) -> tuple[str, str]:
    return row.name, row.id


def _languages(language: str | None) -> tuple[str, ...]:
    return (language,) if language else ()


def _code(word: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", word.lower()).strip("_0123456789")[:64]


def _by(rows: Iterable[T], key: Callable[[T], str]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return found
