"""Staff's sessions: a secret token in the browser, its hash here."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection, delete, insert, select, update

from parloir.store.staff_tables import staff, staff_sessions

LIFETIME = timedelta(hours=12)
IDLE = timedelta(minutes=30)
GRAIN = timedelta(minutes=1)
"""How exactly `seen` is kept: not every request has to write."""


@dataclass(frozen=True)
class Session:
    """One login: whose (the staff's id), from where, and its times in UTC."""

    staff: str
    ip: str
    opened: datetime
    seen: datetime
    expires: datetime


def open(connection: Connection, staff: str, ip: str, now: datetime, lifetime: timedelta = LIFETIME) -> str:
    """Begin a session; answers its token, which is kept nowhere."""
    token = secrets.token_urlsafe(32)
    row = {"staff": staff, "ip": ip, "opened": now, "seen": now, "expires": now + lifetime}
    connection.execute(insert(staff_sessions).values(token_hash=_hash(token), **row))
    return token


def find(connection: Connection, token: str, now: datetime, idle: timedelta = IDLE) -> Session | None:
    """The session of a token, marked as seen now; None where it ended, expired, lay idle, or its owner is disabled."""
    mine = staff_sessions.c.token_hash == _hash(token)
    query = select(staff_sessions).join(staff).where(mine, ~staff.c.disabled)
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    session = Session(row["staff"], row["ip"], row["opened"], row["seen"], row["expires"])
    if now >= session.expires or now - session.seen >= idle:
        connection.execute(delete(staff_sessions).where(mine))
        return None
    if now - session.seen >= GRAIN:
        connection.execute(update(staff_sessions).where(mine).values(seen=now))
    return session


def close(connection: Connection, token: str) -> None:
    """End a session; harmless for one that is over."""
    connection.execute(delete(staff_sessions).where(staff_sessions.c.token_hash == _hash(token)))


def close_all(connection: Connection, staff: str) -> None:
    """End every session of one of staff."""
    connection.execute(delete(staff_sessions).where(staff_sessions.c.staff == staff))


def sweep(connection: Connection, now: datetime, idle: timedelta = IDLE) -> int:
    """Remove the sessions that are over; answers how many."""
    over = (staff_sessions.c.expires <= now) | (staff_sessions.c.seen <= now - idle)
    return connection.execute(delete(staff_sessions).where(over)).rowcount


def _hash(token: str) -> str:
    return sha256(token.encode(errors="surrogatepass")).hexdigest()
