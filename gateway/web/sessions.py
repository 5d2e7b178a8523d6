"""Staff's sessions in their browsers: a cookie that no script reads and no other site can make a browser send."""

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Connection

from parloir.store import sessions, staff
from parloir.store.sessions import LIFETIME
from parloir.store.staff import Staff
from parloir.web.office import LANE, Office
from parloir.web.request import WebRequest

LONGEST_TOKEN = 128


def utc() -> datetime:
    """Now."""
    return datetime.now(UTC)


class Sessions:
    """Begins, finds and ends sessions. With https the cookie has the __Host- prefix (RFC 6265bis section 4.1.3.2)."""

    def __init__(self, office: Office, public_url: str, now: Callable[[], datetime] = utc) -> None:
        self._office = office
        self._secure = public_url.lower().startswith("https:")
        self._name = "__Host-parloir" if self._secure else "parloir"
        self._now = now

    async def open(self, user: str, password: str, client: str) -> tuple[Staff, str]:
        """Log someone in; answers them and the header that gives them their cookie. Raises what Logins does."""
        now = self._now()
        await self._office.database.run(lambda connection: sessions.sweep(connection, now), LANE)
        person, token = await self._office.logins.staff(user, password, client, now)
        return person, self._cookie(token, int(LIFETIME.total_seconds()))

    async def owner(self, token: str) -> Staff | None:
        """Whose session it is; None where it is over."""
        now = self._now()

        def find(connection: Connection) -> Staff | None:
            session = sessions.find(connection, token, now)
            return None if session is None else staff.get(connection, session.staff)

        return await self._office.database.run(find, LANE)

    async def close(self, token: str) -> None:
        """End a session."""
        await self._office.database.run(lambda connection: sessions.close(connection, token), LANE)

    @property
    def removal(self) -> str:
        """The header that takes the cookie away."""
        return self._cookie("", 0)

    def token(self, request: WebRequest) -> str | None:
        """The token in the request's cookie."""
        value = request.getCookie(self._name.encode())  # type: ignore[no-untyped-call]
        return value.decode("latin-1") if value and len(value) <= LONGEST_TOKEN else None

    def _cookie(self, token: str, seconds: int) -> str:
        secure = "; Secure" if self._secure else ""
        return f"{self._name}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
