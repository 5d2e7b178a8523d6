"""The people whose time a visit takes: what they are engaged in, and their turn to be booked for more.

Whether a visit may be booked is asked while others book too, so what was looked at may be another by then. Who books
reads the engagements, asks, then holds them and books only if they are still the same.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, or_, select

from parloir.store import locks, separations
from parloir.store.people_tables import visit_visitors
from parloir.store.tables import visits
from parloir.store.visits import OPEN

Engaged = frozenset[tuple[str, str, datetime, datetime]]
"""Open visits: each with its station, start and end."""


@dataclass(frozen=True)
class Party:
    """Those on record whom a visit engages, by id: residents, with those who may not meet them, and visitors."""

    residents: frozenset[str]
    visitors: frozenset[str]


def party(connection: Connection, resident: str | None, visitors: frozenset[str], now: datetime) -> Party:
    """Whom a visit of this resident and these visitors engages."""
    if resident is None:
        return Party(frozenset(), visitors)
    apart = {each.other(resident) for each in separations.of_resident(connection, resident, now)}
    return Party(frozenset({resident, *apart}), visitors)


def of(connection: Connection, party: Party) -> Engaged:
    """The open visits of any of them."""
    theirs = select(visit_visitors.c.visit).where(visit_visitors.c.visitor.in_(party.visitors))
    anyones = or_(visits.c.resident.in_(party.residents), visits.c.id.in_(theirs))
    query = select(visits.c.id, visits.c.station, visits.c.start, visits.c.finish)
    rows = connection.execute(query.where(anyones, visits.c.state.in_(OPEN)))
    return frozenset((row[0], row[1], row[2], row[3]) for row in rows)


def hold(connection: Connection, party: Party) -> None:
    """Keep others from booking any of them until the transaction ends; waits for whoever does so now."""
    residents = (f"resident {each}" for each in sorted(party.residents))
    locks.hold(connection, *residents, *(f"visitor {each}" for each in sorted(party.visitors)))
