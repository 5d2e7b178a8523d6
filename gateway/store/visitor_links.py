"""Visitors' own links: at each a visitor waits for calls from residents who may call them. One a visitor."""

import secrets
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from parloir.store import audit
from parloir.store.people_tables import visitor_links, visitors
from parloir.store.text import can_be_kept
from parloir.store.visitors import Visitor, visitor_of


def make(connection: Connection, visitor: str, *, by: str, now: datetime) -> str:
    """A fresh token for a visitor (by id), in place of the one there was; goes into the audit chain."""
    token = secrets.token_urlsafe(24)
    end(connection, visitor)
    connection.execute(insert(visitor_links).values(visitor=visitor, token=token, made=now, made_by=by))
    audit.append(connection, by, "visitor.link_made", f"visitor {visitor}", {}, at=now)
    return token


def end(connection: Connection, visitor: str) -> bool:
    """Let a visitor's link lead nowhere; whether there was one."""
    return connection.execute(delete(visitor_links).where(visitor_links.c.visitor == visitor)).rowcount > 0


def by_token(connection: Connection, token: str) -> Visitor | None:
    """Whose link that is; None for a stranger's."""
    if not can_be_kept(token):
        return None
    query = select(visitors).join(visitor_links).where(visitor_links.c.token == token)
    row = connection.execute(query).mappings().first()
    return None if row is None else visitor_of(row)
