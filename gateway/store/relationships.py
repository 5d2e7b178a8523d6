"""Relationships: what a visitor is to a resident, and whether staff approved it. Never removed, only ended."""

import builtins
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, RowMapping, Select, insert, select, update
from sqlalchemy.exc import IntegrityError

from parloir.store import audit, happenings
from parloir.store.errors import NoBarId, NoSuch, Taken
from parloir.store.happenings import Hook, News
from parloir.store.people_tables import relationships, residents


class RelationshipKind(StrEnum):
    """What a visitor is to a resident."""

    FAMILY = "family"
    FRIEND = "friend"
    OTHER = "other"
    ATTORNEY = "attorney"
    CLERGY = "clergy"
    MEDICAL = "medical"
    CONSULAR = "consular"

    @property
    def privileged(self) -> bool:
        """Whether the law protects what these two say to each other."""
        return self in PRIVILEGED


PRIVILEGED = frozenset(
    {RelationshipKind.ATTORNEY, RelationshipKind.CLERGY, RelationshipKind.MEDICAL, RelationshipKind.CONSULAR}
)


AT_ONCE = 1000


class RelationshipState(StrEnum):
    """Where staff's decision stands."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True)
class Relationship:
    """One tie, with who decided on it and when. Times in UTC."""

    id: str
    resident: str
    visitor: str
    kind: RelationshipKind
    state: RelationshipState = RelationshipState.PENDING
    bar_id: str | None = None
    decided_by: str | None = None
    decided: datetime | None = None
    expires: datetime | None = None

    def state_at(self, now: datetime) -> RelationshipState:
        """Where it stands then: what was approved ends by itself when it expires."""
        over = self.expires is not None and now >= self.expires
        return RelationshipState.EXPIRED if over and self.state is RelationshipState.APPROVED else self.state


def add(
    connection: Connection,
    *,
    resident: str,
    visitor: str,
    kind: RelationshipKind,
    bar_id: str | None = None,
    expires: datetime | None = None,
) -> Relationship:
    """Ask for a relationship, which is pending until staff decide; raises Taken where there is one of that kind."""
    relationship = Relationship(secrets.token_hex(8), resident, visitor, kind, bar_id=bar_id, expires=expires)
    try:
        with connection.begin_nested():
            put(connection, [relationship])
    except IntegrityError:
        raise Taken("relationship", f"{kind} of {visitor}") from None
    return relationship


def put(connection: Connection, those: Iterable[Relationship]) -> None:
    """Write down many at once, all of them new, in whatever state."""
    if rows := [*those]:
        connection.execute(insert(relationships), [_columns(relationship) for relationship in rows])
        _tell(connection, rows)


def change(connection: Connection, relationship: Relationship) -> None:
    """Write a relationship down as it is now; its two and its kind stay. Raises NoSuch."""
    fixed = ("id", "resident", "visitor", "kind")
    columns = {name: value for name, value in _columns(relationship).items() if name not in fixed}
    here = relationships.c.id == relationship.id
    if connection.execute(update(relationships).where(here).values(columns)).rowcount == 0:
        raise NoSuch("relationship", relationship.id)
    _tell(connection, [get(connection, relationship.id)])


def decide(
    connection: Connection,
    id: str,
    state: RelationshipState,
    *,
    by: str,
    now: datetime,
    expires: datetime | None = None,
) -> Relationship:
    """Staff's decision, which goes into the audit chain. Raises NoSuch, and NoBarId for an attorney without one."""
    before = get(connection, id)
    if state is RelationshipState.APPROVED and before.kind is RelationshipKind.ATTORNEY and not before.bar_id:
        raise NoBarId(id)
    values = {"state": state, "decided_by": by, "decided": now, "expires": expires}
    connection.execute(update(relationships).where(relationships.c.id == id).values(values))
    facts = {"kind": before.kind, "before": before.state, "resident": before.resident, "visitor": before.visitor}
    facts["expires"] = expires.isoformat() if expires else ""
    audit.append(connection, by, f"relationship.{state}", f"relationship {id}", facts, at=now)
    after = get(connection, id)
    _tell(connection, [after])
    return after


def get(connection: Connection, id: str) -> Relationship:
    """The one of that id; raises NoSuch."""
    found = _all(connection, select(relationships).where(relationships.c.id == id))
    if not found:
        raise NoSuch("relationship", id)
    return found[0]


def of_visitors(connection: Connection, visitors: Iterable[str]) -> builtins.list[Relationship]:
    """All that these visitors are to anyone, in every state: what privilege is judged by."""
    return _all(connection, select(relationships).where(relationships.c.visitor.in_(tuple(visitors))))


def of_resident(connection: Connection, resident: str) -> builtins.list[Relationship]:
    """All that anyone is to this resident, in every state."""
    return _all(connection, select(relationships).where(relationships.c.resident == resident))


def list(
    connection: Connection,
    facility: str,
    *,
    states: Iterable[RelationshipState] | None = None,
    limit: int | None = 200,
) -> builtins.list[Relationship]:
    """A facility's relationships, as those that wait for a decision."""
    query = select(relationships).join(residents).where(residents.c.facility == facility)
    if states is not None:
        query = query.where(relationships.c.state.in_(tuple(states)))
    return _all(connection, query.limit(limit))


def expire(connection: Connection, now: datetime) -> int:
    """Mark the approved ones whose time is over; answers how many."""
    over = (relationships.c.state == RelationshipState.APPROVED) & (relationships.c.expires <= now)
    expired = [
        replace(each, state=RelationshipState.EXPIRED) for each in _all(connection, select(relationships).where(over))
    ]
    connection.execute(update(relationships).where(over).values(state=RelationshipState.EXPIRED))
    _tell(connection, expired)
    return len(expired)


def _tell(connection: Connection, those: Sequence[Relationship]) -> None:
    for start in range(0, len(those), AT_ONCE):
        some = those[start : start + AT_ONCE]
        here = residents.c.id.in_({each.resident for each in some})
        places = {
            row.id: row.facility for row in connection.execute(select(residents.c.id, residents.c.facility).where(here))
        }
        happenings.append_all(connection, Hook.PERSON, (_news(each, places[each.resident]) for each in some))


def _news(each: Relationship, facility: str) -> News:
    facts = {"visitor": each.visitor, "relationship": each.kind, "state": each.state}
    return News(facility, each.resident, "relationship", facts)


def _all(connection: Connection, query: Select[*tuple[object, ...]]) -> builtins.list[Relationship]:
    return [_relationship(row) for row in connection.execute(query.order_by(relationships.c.id)).mappings()]


def _columns(relationship: Relationship) -> dict[str, object]:
    return {
        "id": relationship.id,
        "resident": relationship.resident,
        "visitor": relationship.visitor,
        "kind": relationship.kind,
        "state": relationship.state,
        "bar_id": relationship.bar_id,
        "decided_by": relationship.decided_by,
        "decided": relationship.decided,
        "expires": relationship.expires,
    }


def _relationship(row: RowMapping) -> Relationship:
    return Relationship(
        id=row["id"],
        resident=row["resident"],
        visitor=row["visitor"],
        kind=RelationshipKind(row["kind"]),
        state=RelationshipState(row["state"]),
        bar_id=row["bar_id"],
        decided_by=row["decided_by"],
        decided=row["decided"],
        expires=row["expires"],
    )
