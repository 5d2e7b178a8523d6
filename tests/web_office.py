"""A web server with an office: staff of every role in a database, and facilities whose plugins a test names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

from twisted.internet import reactor

from parloir.calls.facilities import Facilities, Facility
from parloir.store import passwords, staff
from parloir.store.database import Database
from parloir.store.logins import Logins
from parloir.store.staff import Role
from parloir.web.office import Office
from parloir.web.recordings import Archive

from .databases import furnished
from .policy_plugins import House
from .web_server import Answer, Server, serve

PASSWORD = "correct horse battery"
HASH = passwords.hash_password(PASSWORD, "nobody")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ORIGIN = "https://visits.example"
OURS = {"X-Parloir": "1", "Origin": ORIGIN}


@dataclass
class Counter:
    """A running server, its office, and what was alerted at its facility `north`."""

    server: Server
    office: Office
    house: House

    async def log_in(self, user: str, password: str = PASSWORD, headers: Mapping[str, str] = OURS) -> Answer:
        """Try to log in."""
        body = {"user": user, "password": password}
        return await self.server.ask("POST", "/api/v1/login", body, dict(headers), token=None)

    async def session(self, user: str) -> "Browser":
        """A browser in which that one is logged in."""
        answer = await self.log_in(user)
        assert answer.status == 200
        return Browser(self.server, cookie(answer))

    async def close(self) -> None:
        """Stop everything."""
        await self.server.web.close()
        for facility in self.office.facilities.all():
            await facility.policies.close()
        await self.office.logins.close()
        await self.office.database.close()


@dataclass(frozen=True)
class Browser:
    """Sends its cookie, and what our own pages send beside it."""

    server: Server
    cookie: str

    async def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] = OURS) -> Answer:
        """Ask the server something."""
        return await self.server.ask(method, path, body, {**headers, "Cookie": self.cookie}, token=None)


def cookie(answer: Answer) -> str:
    """The cookie that an answer sets, as a browser sends it back."""
    ((name, morsel),) = SimpleCookie(answer.headers["Set-Cookie"]).items()
    return f"{name}={morsel.value}"


async def counter(
    home: Path,
    plugins: Mapping[str, Any] | None = None,
    archive: Callable[[Database, Facilities], Archive] | None = None,
    **settings: Any,
) -> Counter:
    """Start one. Staff are named after their roles; `guest` is an officer at the facility `south` alone.

    `archive` makes what there is of recordings.
    """
    database = Database.open(furnished(home), reactor)
    people = {role.value: ([role], ()) for role in Role} | {"guest": ([Role.OFFICER], ("south",))}
    for user, (roles, where) in people.items():
        await database.run(
            lambda connection, user=user, roles=roles, where=where: staff.add(  # type: ignore[misc]
                connection, user=user, name=f"The {user}", roles=roles, password_hash=HASH, by="test", facilities=where
            )
        )
    house = House()
    facilities = Facilities(
        {
            "north": Facility("north", "North", "America/Chicago", None, "en", house.load(plugins or {})),
            "south": Facility("south", "South", "America/Denver", None, "en", house.load({})),
        }
    )
    settings["archive"] = archive(database, facilities) if archive else None
    office = Office(Logins(database, reactor), database, facilities)
    return Counter(await serve(home, office=office, **settings), office, house)
