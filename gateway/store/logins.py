"""Logging in: staff by name and password, residents by number and PIN, hashed off the store's own threads."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from parloir.store import audit, lockout, passwords, residents, sessions, staff
from parloir.store.database import Database
from parloir.store.errors import LockedOut, LoginRefused, TooManyLogins
from parloir.store.people_tables import residents as residents_table
from parloir.store.residents import Resident, ResidentStatus
from parloir.store.staff import Staff
from parloir.store.staff_tables import staff as staff_table

WAITING = 32
"""How many logins may wait for the one thread that hashes: each takes it some 40 ms."""


class Known(NamedTuple):
    """Who tries to log in, and the hash of what they must know."""

    id: str
    hash: str | None


class Logins:
    """Lets staff and residents in. One password is hashed at a time, so guessing never takes more than one core."""

    def __init__(self, database: Database, reactor: Any) -> None:
        self._database = database
        self._reactor = reactor
        self._thread = ThreadPool(0, 1, name="logins")
        self._thread.start()
        self._waiting = 0

    async def staff(self, user: str, password: str, ip: str, now: datetime) -> tuple[Staff, str]:
        """Log in one of staff; answers them and their new session's token. Goes into the audit chain.

        Raises LoginRefused, LockedOut, TooManyLogins.
        """

        def begin(connection: Connection) -> Known | LockedOut | None:
            person = staff.by_user(connection, user)
            if person is None or person.disabled:
                return None
            try:
                lockout.begin(connection, staff_table, person.id, now)
            except LockedOut as locked:
                audit.append(connection, person.user, "login.locked", f"staff {person.user}", {"ip": ip}, at=now)
                return locked
            return Known(person.id, staff.password_hash(connection, person.id))

        def refuse(connection: Connection, id: str) -> None:
            person = staff.get(connection, id)
            audit.append(connection, person.user, "login.refused", f"staff {person.user}", {"ip": ip}, at=now)

        def admit(connection: Connection, id: str) -> tuple[Staff, str]:
            person = staff.get(connection, id)
            lockout.clear(connection, staff_table, id)
            token = sessions.open(connection, id, ip, now)
            audit.append(connection, person.user, "login", f"staff {person.user}", {"ip": ip}, at=now)
            return person, token

        known = await self._check(begin, password, refuse)
        return await self._database.run(lambda connection: admit(connection, known.id))

    async def resident(self, facility: str, number: str, pin: str, now: datetime) -> Resident:
        """Who has that number and PIN, and is in the facility. Raises LoginRefused, LockedOut, TooManyLogins."""

        def begin(connection: Connection) -> Known | LockedOut | None:
            resident = residents.by_number(connection, facility, number)
            if resident is None or resident.status is not ResidentStatus.ACTIVE:
                return None
            try:
                lockout.begin(connection, residents_table, resident.id, now)
            except LockedOut as locked:
                return locked
            return Known(resident.id, residents.pin_hash(connection, resident.id))

        def admit(connection: Connection, id: str) -> Resident:
            lockout.clear(connection, residents_table, id)
            return residents.get(connection, id)

        known = await self._check(begin, pin, lambda connection, id: None)
        return await self._database.run(lambda connection: admit(connection, known.id))

    async def close(self) -> None:
        """End the thread that hashes, after what it was given."""
        await deferToThreadPool(self._reactor, self._thread, lambda: None)
        self._thread.stop()

    async def _check(
        self,
        begin: Callable[[Connection], Known | LockedOut | None],
        given: str,
        refuse: Callable[[Connection, str], None],
    ) -> Known:
        if self._waiting >= WAITING:
            raise TooManyLogins
        self._waiting += 1
        try:
            known = await self._database.run(begin)
            if isinstance(known, LockedOut):
                raise known
            hash = known.hash if known else None
            right = await deferToThreadPool(self._reactor, self._thread, passwords.matches, hash, given)
        finally:
            self._waiting -= 1
        if known is None:
            raise LoginRefused
        if not right:
            id = known.id
            await self._database.run(lambda connection: refuse(connection, id))
            raise LoginRefused
        return known
