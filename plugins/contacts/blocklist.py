"""Blocks as they are stored: entered, excepted from, lifted, and never deleted."""

from collections.abc import Collection
from datetime import datetime
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Table, insert, select, true, update

from .block import Block, SelfBlock
from .tables import blocks, exceptions, moment, seconds, self_blocks


def add(connection: Connection, facility: str, block: Block) -> None:
    """Store a block with its exceptions."""
    connection.execute(
        insert(blocks).values(
            id=block.id,
            facility=facility,
            visitor=block.visitor,
            resident=block.resident,
            reason=block.reason,
            entered_by=block.entered_by,
            start=seconds(block.start),
            finish=seconds(block.finish) if block.finish else None,
        )
    )
    for resident in sorted(block.exceptions):
        except_from(connection, block.id, resident, block.entered_by, block.start)


def add_own(connection: Connection, facility: str, block: SelfBlock) -> None:
    """Store a visitor's own block."""
    connection.execute(
        insert(self_blocks).values(
            id=block.id,
            facility=facility,
            visitor=block.visitor,
            resident=block.resident,
            entered_by=block.entered_by,
            start=seconds(block.start),
        )
    )


def except_from(connection: Connection, block: str, resident: str, by: str, at: datetime) -> None:
    """Let one resident through a block of the whole facility."""
    row = {"id": uuid4().hex, "block": block, "resident": resident, "entered_by": by, "start": seconds(at)}
    connection.execute(insert(exceptions).values(row))


def end_exception(connection: Connection, block: str, resident: str, by: str, at: datetime) -> bool:
    """Let the resident through no longer; whether there was an exception to end."""
    where = (exceptions.c.block == block) & (exceptions.c.resident == resident)
    return _lift(connection, exceptions, where, by, at)


def lift(connection: Connection, facility: str, block: str, by: str, at: datetime) -> bool:
    """End a block; whether it was there to end."""
    return _lift(connection, blocks, (blocks.c.facility == facility) & (blocks.c.id == block), by, at)


def lift_own(connection: Connection, facility: str, block: str, visitor: str, at: datetime) -> bool:
    """End a visitor's own block, by that visitor; whether they had it."""
    where = (self_blocks.c.facility == facility) & (self_blocks.c.id == block) & (self_blocks.c.visitor == visitor)
    return _lift(connection, self_blocks, where, visitor, at)


def in_force(connection: Connection, facility: str, visitors: Collection[str] | None = None) -> tuple[Block, ...]:
    """Blocks that nobody has lifted, of these visitors or (None) of all, the oldest first."""
    query = select(blocks).where(blocks.c.facility == facility, blocks.c.lifted.is_(None), _of(blocks, visitors))
    rows = connection.execute(query.order_by(blocks.c.start, blocks.c.id)).all()
    excepted = _excepted(connection, [row.id for row in rows])
    return tuple(
        Block(
            id=row.id,
            visitor=row.visitor,
            resident=row.resident,
            reason=row.reason,
            entered_by=row.entered_by,
            start=moment(row.start),
            finish=None if row.finish is None else moment(row.finish),
            exceptions=frozenset(excepted.get(row.id, ())),
        )
        for row in rows
    )


def own(connection: Connection, facility: str, visitors: Collection[str] | None = None) -> tuple[SelfBlock, ...]:
    """Visitors' own blocks in force, of these visitors or (None) of all, the oldest first."""
    here = self_blocks.c.facility == facility
    query = select(self_blocks).where(here, self_blocks.c.lifted.is_(None), _of(self_blocks, visitors))
    return tuple(
        SelfBlock(row.id, row.visitor, row.resident, row.entered_by, moment(row.start))
        for row in connection.execute(query.order_by(self_blocks.c.start, self_blocks.c.id))
    )


def _excepted(connection: Connection, ids: Collection[str]) -> dict[str, set[str]]:
    """The residents who are let through each of these blocks."""
    found: dict[str, set[str]] = {}
    query = select(exceptions).where(exceptions.c.block.in_(list(ids)), exceptions.c.lifted.is_(None))
    for row in connection.execute(query):
        found.setdefault(row.block, set()).add(row.resident)
    return found


def _of(table: Table, visitors: Collection[str] | None) -> ColumnElement[bool]:
    return true() if visitors is None else table.c.visitor.in_(list(visitors))


def _lift(connection: Connection, table: Table, where: ColumnElement[bool], by: str, at: datetime) -> bool:
    change = update(table).where(where, table.c.lifted.is_(None)).values(lifted=seconds(at), lifted_by=by)
    return connection.execute(change).rowcount > 0
