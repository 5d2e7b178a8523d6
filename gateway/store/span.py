"""Spans of time as rows keep them: from `start` up to, not including, `finish`, or for ever where that is missing."""

from datetime import datetime

from sqlalchemy import ColumnElement, Table


def holds(table: Table, at: datetime) -> ColumnElement[bool]:
    """Rows whose span includes a moment."""
    return (table.c.start <= at) & (table.c.finish.is_(None) | (table.c.finish > at))


def overlaps(table: Table, after: datetime, before: datetime) -> ColumnElement[bool]:
    """Rows whose span has some time in common with another."""
    return (table.c.start < before) & (table.c.finish.is_(None) | (table.c.finish > after))
