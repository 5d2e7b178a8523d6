"""Who asks: the holder of the bearer token, or one of staff by the session that their login began."""

from collections.abc import Callable

from parloir.store.staff import Role, Staff
from parloir.web.bearer import Bearer
from parloir.web.errors import Refused
from parloir.web.origin import origin_allowed
from parloir.web.request import WebRequest
from parloir.web.sessions import Sessions

HOLDER = Staff("", "api", "the bearer token", frozenset(Role))
"""Whoever has the bearer token may do everything everywhere."""
HARMLESS = (b"GET", b"HEAD")
MARK = "x-parloir"
"""A header that a page of another site cannot send without asking first, and is never allowed to."""


class Door:
    """Lets in or refuses. `client` is the address that a request comes from."""

    def __init__(
        self,
        bearer: Bearer,
        client: Callable[[WebRequest], str],
        public_url: str,
        seconds: Callable[[], float],
        sessions: Sessions | None = None,
    ) -> None:
        self._bearer = bearer
        self._client = client
        self._public_url = public_url
        self._seconds = seconds
        self._sessions = sessions

    async def admit(self, request: WebRequest) -> Staff:
        """Who asks; raises Refused: 401, 403 for a session's change that our own page did not ask for, or 429."""
        token = self._sessions.token(request) if self._sessions else None
        if self._sessions is None or token is None or request.header("authorization") is not None:
            self.admit_holder(request)
            return HOLDER
        if request.method not in HARMLESS:
            self.admit_page(request)
        person = await self._sessions.owner(token)
        if person is None:
            raise Refused(401, "session_over", "log in again", None, {"Set-Cookie": self._sessions.removal})
        return person

    def admit_holder(self, request: WebRequest) -> None:
        """Raise Refused unless the request has the bearer token."""
        self._bearer.check(request.header("authorization"), self._client(request), self._seconds())

    def admit_page(self, request: WebRequest) -> None:
        """Raise Refused unless a page of our own asks, so that no other site acts in the name of who is logged in."""
        if request.header(MARK) != "1":
            raise Refused(403, "not_our_page", "send the header 'X-Parloir: 1'", MARK)
        if not origin_allowed(request.header("origin"), request.header("host"), self._public_url):
            raise Refused(403, "wrong_origin", "the page that asks is not ours: see gateway.public_url")
