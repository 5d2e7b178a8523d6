"""Waiting one's turn before "look, then add": SQLite has one writer anyway, PostgreSQL is asked for a lock."""

from hashlib import blake2b

from sqlalchemy import Connection, func, select

TIMELINE = "timeline"
AUDIT = "audit"
SCHEMA = "schema"
"""What has one writer at a time in the whole database. Take them in this order, after all others."""


def hold(connection: Connection, *names: str) -> None:
    """Hold what goes by these names until the transaction ends; waits for whoever holds it."""
    if connection.dialect.name != "postgresql":
        return
    for name in names:
        number = int.from_bytes(blake2b(f"parloir {name}".encode(), digest_size=8).digest(), signed=True)
        connection.execute(select(func.pg_advisory_xact_lock(number)))
