"""Who asks a plugin's route: staff, a portal or page for a visitor, or a stranger that the plugin itself must judge."""

from collections.abc import Callable

from sqlalchemy import Connection

from parloir.policy.collections import VISIT, VISITOR, WEBHOOK, Request, Route
from parloir.store import participants, visitors, visits
from parloir.store.errors import NoSuch
from parloir.web import reach
from parloir.web.allowance import Allowances
from parloir.web.door import HOLDER, Door
from parloir.web.errors import Refused
from parloir.web.intake import content, json_body, query
from parloir.web.office import LANE, Office
from parloir.web.request import WebRequest

ON_BEHALF = "x-parloir-visitor"
"""Names the visitor for whom the bearer token's holder asks, such as a visitors' portal that has logged them in."""
BY_LINK = "x-parloir-visit"
"""The secret of a visit's link, by which the visit's own page asks for its visitor."""
SECRETS = frozenset({"authorization", "cookie", BY_LINK})
KNOCKS, WITHIN = 60, 60.0
"""How often one address may ask a webhook, or by a link, in so many seconds."""


class Askers:
    """Reads each request into what its route is given; raises Refused for those whom the route is not for."""

    def __init__(
        self, office: Office, door: Door, client: Callable[[WebRequest], str], seconds: Callable[[], float]
    ) -> None:
        self._office = office
        self._door = door
        self._client = client
        self._seconds = seconds
        self._strangers = Allowances(KNOCKS, WITHIN)

    async def known(self, request: WebRequest, facility: str) -> tuple[str, tuple[str, ...]]:
        """The name and roles of somebody who is let in."""
        if (token := request.header(BY_LINK)) is not None:
            return await self._by_link(request, facility, token), (VISIT,)
        who = await self._door.admit(request)
        visitor = request.header(ON_BEHALF)
        if visitor is None:
            reach.require(who, facility)
            return who.user, tuple(sorted(role.value for role in who.roles))
        if who is not HOLDER:
            raise Refused(403, "not_on_behalf", "only the bearer token's holder asks for visitors", ON_BEHALF)
        await self._office.database.run(lambda connection: _on_record(connection, facility, visitor), LANE)
        return visitor, (VISITOR,)

    def stranger(self, request: WebRequest) -> Request:
        """What a webhook is given: all that the plugin needs to prove who sent it."""
        self._ration(request)
        headers = {
            name.decode("latin-1").lower(): values[-1].decode("latin-1")
            for name, values in request.requestHeaders.getAllRawHeaders()
        }
        told = {name: value for name, value in headers.items() if name not in SECRETS}
        return Request(user="", roles=(WEBHOOK,), query=query(request), raw=content(request), headers=told)

    def asked(self, request: WebRequest, user: str, roles: tuple[str, ...], route: Route) -> Request:
        """What any other route is given; raises Refused unless one of the roles is the route's."""
        if not set(roles) & set(route.roles):
            wanted = " or ".join(sorted(route.roles)) or "none"
            raise Refused(403, "forbidden", f"{user} may not do this: it takes the role {wanted}")
        body = json_body(request) if content(request) else None
        return Request(user=user, roles=roles, query=query(request), body=body)

    async def _by_link(self, request: WebRequest, facility: str, token: str) -> str:
        self._ration(request)
        self._door.admit_page(request)
        visitor = await self._office.database.run(lambda connection: _of_link(connection, facility, token), LANE)
        if visitor is None:
            raise Refused(401, "unknown_link", "this link is not known, or its visit names nobody on record", BY_LINK)
        return visitor

    def _ration(self, request: WebRequest) -> None:
        if not self._strangers.take(self._client(request), self._seconds()):
            raise Refused(429, "too_often", "ask again later", None, {"Retry-After": f"{WITHIN:.0f}"})


def _on_record(connection: Connection, facility: str, visitor: str) -> None:
    try:
        here = visitors.get(connection, visitor).facility == facility
    except NoSuch:
        here = False
    if not here:
        raise Refused(422, "no_such_visitor", f"there is no visitor {visitor!r} at {facility}", ON_BEHALF)


def _of_link(connection: Connection, facility: str, token: str) -> str | None:
    """The first of the visit's people; the page of a link is everybody's who has it."""
    visit = visits.by_token(connection, token)
    if visit is None or visit.facility != facility:
        return None
    people = participants.of_visit(connection, visit.id)
    return people[0].id if people else None
