"""Several gateways on one database: what only one of them can carry on has its name, and ends when it starts anew."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, delete, func, select, true, update

from parloir.store import timeline
from parloir.store.errors import NodeRuns, NoSuchNode
from parloir.store.phone_tables import bindings
from parloir.store.tables import calls, dialogs, events

LOST = "gateway_lost"
"""The event of a call whose node was given up."""
REASON = "GatewayLost"
QUIET = timedelta(seconds=60)
"""How long a node has said nothing of its calls before it may be given up; one that runs does so every ten seconds."""


@dataclass(frozen=True)
class Standing:
    """What is still in a node's name; `heard` is when it last told something of a call that lives (UTC)."""

    node: str
    calls: int = 0
    dialogs: int = 0
    phones: int = 0
    heard: datetime | None = None


def own(connection: Connection, column: "Column[Any]", node: str) -> ColumnElement[bool]:
    """The rows of this node, and those of before there were names; all in SQLite, for it has one gateway."""
    if connection.dialect.name == "sqlite":
        return true()
    return column.is_(None) | (column == node)


def standing(connection: Connection) -> list[Standing]:
    """Every node in whose name there is something, by name."""
    alive = _counts(connection, calls, calls.c.ended.is_(None))
    spoken, phones = _counts(connection, dialogs), _counts(connection, bindings)
    heard = _heard(connection)
    names = sorted({*alive, *spoken, *phones})
    return [
        Standing(name, alive.get(name, 0), spoken.get(name, 0), phones.get(name, 0), heard.get(name)) for name in names
    ]


def others(connection: Connection, node: str) -> list[Standing]:
    """The other nodes in whose name there is something; none beside SQLite's one gateway."""
    if connection.dialect.name == "sqlite":
        return []
    return [each for each in standing(connection) if each.node != node]


def release(connection: Connection, node: str, now: datetime, monotonic: int) -> Standing:
    """Give up a node that never comes back, and answer what was in its name.

    Its live calls end as GatewayLost. What its phones still take for a call is ended by the gateway that starts next,
    and its phones are registered no more. Raises NoSuchNode, and NodeRuns where it told something of a call just now.
    """
    found = next((each for each in standing(connection) if each.node == node), None)
    if found is None:
        raise NoSuchNode(node)
    if found.heard is not None and now - found.heard < QUIET:
        raise NodeRuns(node, now - found.heard, QUIET)
    theirs = (calls.c.node == node) & calls.c.ended.is_(None)
    lost = connection.execute(select(calls.c.id).where(theirs).order_by(calls.c.opened)).scalars().all()
    timeline.append_all(connection, {call: (LOST, {"node": node}) for call in lost}, now, monotonic)
    connection.execute(update(calls).where(theirs).values(ended=now, reason=REASON))
    connection.execute(update(dialogs).where(dialogs.c.node == node).values(node=None))
    connection.execute(delete(bindings).where(bindings.c.node == node))
    return found


def _counts(connection: Connection, table: Table, *which: ColumnElement[bool]) -> dict[str, int]:
    node = table.c.node
    query = select(node, func.count()).where(node.is_not(None), *which).group_by(node)
    return {row[0]: row[1] for row in connection.execute(query)}


def _heard(connection: Connection) -> dict[str, datetime]:
    query = select(calls.c.node, func.max(events.c.wall)).join(events, events.c.call == calls.c.id)
    alive = query.where(calls.c.ended.is_(None), calls.c.node.is_not(None)).group_by(calls.c.node)
    return {row[0]: row[1] for row in connection.execute(alive)}
