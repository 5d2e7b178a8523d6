"""Plugins' HTTP routes: who may use them is settled here, what they answer in the plugin's own worker."""

import json

from sqlalchemy import Connection

from parloir.calls.facilities import Facility
from parloir.policy.collections import Reply, Request, Route
from parloir.policy.job import Raised, Returned
from parloir.policy.values import Severity
from parloir.policy.worker import Late, Result
from parloir.store import visitors
from parloir.store.errors import NoSuch
from parloir.store.staff import Staff
from parloir.web import reach
from parloir.web.door import HOLDER, Door
from parloir.web.errors import Refused
from parloir.web.intake import JSON, content, json_body, query
from parloir.web.office import LANE, Office
from parloir.web.request import WebRequest

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
DEADLINE = 2.0
LONGEST_REPLY = 1024 * 1024
VISITOR = "visitor"
ON_BEHALF = "x-parloir-visitor"
"""Names the visitor for whom the bearer token's holder asks, such as a visitors' portal that has logged them in."""


class PluginRoutes:
    """Serves every route of every facility's plugins as they are loaded now."""

    def __init__(self, office: Office, door: Door) -> None:
        self._office = office
        self._door = door

    async def serve(self, request: WebRequest, facility: str, plugin: str, path: str) -> bytes:
        """Answer one request; raises Refused."""
        who = await self._door.admit(request)
        house = known(self._office, facility)
        route = _route(house, plugin, request.method.decode("latin-1"), path)
        user, roles = await self._asker(request, who, facility, route)
        body = json_body(request) if content(request) else None
        given = Request(user=user, roles=roles, query=query(request), body=body)
        result = await house.policies.run(plugin, route.answer, (given,), DEADLINE, written)
        status, answer = _judged(house, plugin, route, result)
        request.setResponseCode(status)
        request.say("content-type", JSON)
        request.say("cache-control", "no-store")
        return answer

    async def _asker(self, request: WebRequest, who: Staff, facility: str, route: Route) -> tuple[str, tuple[str, ...]]:
        """The name and roles that the plugin is shown; raises Refused unless one of the roles is the route's."""
        visitor = request.header(ON_BEHALF)
        if visitor is None:
            user, roles = who.user, tuple(sorted(role.value for role in who.roles))
            reach.require(who, facility)
        elif who is HOLDER:
            await self._office.database.run(lambda connection: _on_record(connection, facility, visitor), LANE)
            user, roles = visitor, (VISITOR,)
        else:
            raise Refused(403, "not_on_behalf", "only the bearer token's holder asks for visitors", ON_BEHALF)
        if not set(roles) & set(route.roles):
            wanted = " or ".join(sorted(route.roles)) or "none"
            raise Refused(403, "forbidden", f"{user} may not do this: it takes the role {wanted}")
        return user, roles


def known(office: Office, facility: str) -> Facility:
    """The facility of that id; raises Refused (404)."""
    try:
        return office.facilities.get(facility)
    except KeyError:
        raise Refused(404, "no_such_facility", f"there is no facility {facility}") from None


def written(reply: object) -> tuple[int, bytes]:
    """A plugin's reply as status and JSON; raises TypeError or ValueError for one that is none. Runs in its thread."""
    if type(reply) is not Reply:
        raise TypeError(f"a route answered {type(reply).__name__}: return Reply")
    if type(reply.status) is not int or not 200 <= reply.status <= 599:
        raise ValueError(f"a route answered with status {reply.status!r}: use 200 to 599")
    answer = b"" if reply.status in (204, 304) else json.dumps(reply.body, allow_nan=False).encode()
    if len(answer) > LONGEST_REPLY:
        raise ValueError(f"a route answered {len(answer)} bytes: {LONGEST_REPLY} at most")
    return reply.status, answer


def _on_record(connection: Connection, facility: str, visitor: str) -> None:
    try:
        here = visitors.get(connection, visitor).facility == facility
    except NoSuch:
        here = False
    if not here:
        raise Refused(422, "no_such_visitor", f"there is no visitor {visitor!r} at {facility}", ON_BEHALF)


def _route(house: Facility, plugin: str, method: str, path: str) -> Route:
    routes = [route for each in house.policies.additions if each.plugin == plugin for route in each.routes]
    here = {route.method.upper(): route for route in routes if route.path.strip("/") == path.strip("/")}
    if not here:
        raise Refused(404, "not_found", "there is nothing here")
    # Answers to HEAD are cut to their headers on the way out.
    found = here.get("GET" if method == "HEAD" else method)
    if found is None:
        raise Refused(405, "method_not_allowed", f"{method} is not done here", None, {"Allow": ", ".join(sorted(here))})
    return found


def _judged(house: Facility, plugin: str, route: Route, result: Result) -> tuple[int, bytes]:
    match result:
        case Returned(value=(int() as status, bytes() as answer)):
            return status, answer
        case Raised():
            house.policies.alarm(
                plugin, Severity.WARNING, "route_failed", f"failed at {route.method} {route.path}: {result.error}"
            )
            raise Refused(500, "plugin_failed", f"{plugin} failed; an alert says why")
        case Late():
            raise Refused(504, "plugin_late", f"{plugin} gave no answer within {DEADLINE:g} s")
    raise Refused(
        503, "plugin_busy", f"{plugin} takes no more: its earlier answers never came", None, {"Retry-After": "30"}
    )
