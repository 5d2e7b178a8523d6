"""Waiting one's turn before "look, then add": SQLite has one writer anyway, PostgreSQL is asked for a lock."""

from hashlib import blake2b

from sqlalchemy import BigInteger, Connection, bindparam, func, select

CHECKPOINT = "ledger checkpoint"
LEDGER = "ledger"
TIMELINE = "timeline"
AUDIT = "audit"
SCHEMA = "schema"
"""What has one writer at a time in the whole database. Take them in this order, after all others."""

_HOLD = select(func.pg_advisory_xact_lock(bindparam("number", type_=BigInteger)))
_SHARE = select(func.pg_advisory_xact_lock_shared(bindparam("number", type_=BigInteger)))


def hold(connection: Connection, *names: str) -> None:
    """Hold what goes by these names until the transaction ends; waits for whoever holds or shares it."""
    if connection.dialect.name != "postgresql":
        return
    for name in names:
        connection.execute(_HOLD, {"number": _number(name)})


def share(connection: Connection, name: str) -> None:
    """Share what goes by this name with others who share it, until the transaction ends; waits for whoever holds it."""
    if connection.dialect.name == "postgresql":
        connection.execute(_SHARE, {"number": _number(name)})


def _number(name: str) -> int:
    return int.from_bytes(blake2b(f"parloir {name}".encode(), digest_size=8).digest(), signed=True)
