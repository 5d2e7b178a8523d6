"""Logging in and out: staff's passwords in, a session's cookie out."""

import math
from collections.abc import Callable

from parloir.store.errors import LockedOut, LoginRefused
from parloir.web.allowance import Allowances
from parloir.web.answer import write
from parloir.web.door import Door
from parloir.web.errors import Refused
from parloir.web.intake import taken
from parloir.web.models import Me, NewLogin
from parloir.web.operations import Operation
from parloir.web.request import WebRequest
from parloir.web.sessions import Sessions, utc

GUESSES = 20
WINDOW = 120.0


class Login:
    """Serves the two operations; wrong passwords are rationed by address here, and by account in the store."""

    def __init__(
        self,
        door: Door,
        sessions: Sessions | None,
        client: Callable[[WebRequest], str],
        seconds: Callable[[], float],
    ) -> None:
        self._door = door
        self._sessions = sessions
        self._client = client
        self._seconds = seconds
        self._guesses = Allowances(GUESSES, WINDOW)

    async def serve(self, operation: Operation, request: WebRequest) -> bytes:
        """Do the operation; raises Refused, TooManyLogins."""
        request.say("cache-control", "no-store")
        self._door.admit_page(request)
        if self._sessions is None:
            raise Refused(404, "no_logins", "nobody logs in here")
        if operation.name == "log_out":
            return await self._log_out(operation, request, self._sessions)
        return await self._log_in(operation, request, self._sessions)

    async def _log_in(self, operation: Operation, request: WebRequest, sessions: Sessions) -> bytes:
        given = taken(request, operation, NewLogin)
        assert isinstance(given, NewLogin)
        client = self._client(request)
        # Taken before the password is looked at, so that many guesses at once win nothing.
        if not self._guesses.take(client, self._seconds()):
            raise _wait("too many logins from your address: wait a while", WINDOW / GUESSES)
        try:
            person, cookie = await sessions.open(given.user, given.password, client)
        except LockedOut as locked:
            raise _wait(str(locked), (locked.until - utc()).total_seconds()) from locked
        except LoginRefused as refused:
            raise Refused(401, "login_refused", str(refused)) from refused
        if old := sessions.token(request):
            await sessions.close(old)
        request.say("set-cookie", cookie)
        return write(request, operation.status, Me.of(person))

    async def _log_out(self, operation: Operation, request: WebRequest, sessions: Sessions) -> bytes:
        if token := sessions.token(request):
            await sessions.close(token)
        request.say("set-cookie", sessions.removal)
        return write(request, operation.status, None)


def _wait(why: str, seconds: float) -> Refused:
    return Refused(429, "locked_out", why, None, {"Retry-After": str(max(1, math.ceil(seconds)))})
