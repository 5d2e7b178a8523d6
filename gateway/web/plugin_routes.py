"""Plugins' HTTP routes: who may use them is settled here, what they answer in the plugin's own worker."""

import json

from parloir.calls.facilities import Facility
from parloir.policy.collections import JSON, TEXTS, WEBHOOK, Reply, Route
from parloir.policy.job import Raised, Returned
from parloir.policy.values import Severity
from parloir.policy.worker import Late, Result
from parloir.web.asker import Askers
from parloir.web.errors import Refused
from parloir.web.office import Office
from parloir.web.request import WebRequest

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
DEADLINE = 2.0
LONGEST_REPLY = 1024 * 1024
TEXT_ONLY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"
"""The policy of HTML that a route answers: it may look as it likes, and does nothing."""


class PluginRoutes:
    """Serves every route of every facility's plugins as they are loaded now."""

    def __init__(self, office: Office, askers: Askers) -> None:
        self._office = office
        self._askers = askers

    async def serve(self, request: WebRequest, facility: str, plugin: str, path: str) -> bytes:
        """Answer one request; raises Refused."""
        method = request.method.decode("latin-1")
        if self._is_webhook(facility, plugin, method, path):
            house = known(self._office, facility)
            route = _route(house, plugin, method, path)
            given = self._askers.stranger(request)
        else:
            user, roles = await self._askers.known(request, facility)
            house = known(self._office, facility)
            route = _route(house, plugin, method, path)
            given = self._askers.asked(request, user, roles, route)
        result = await house.policies.run(plugin, route.answer, (given,), DEADLINE, written)
        status, media, answer = _judged(house, plugin, route, result)
        request.setResponseCode(status)
        request.say("content-type", media)
        if media.startswith("text/html"):
            request.say("content-security-policy", TEXT_ONLY)
        request.say("cache-control", "no-store")
        return answer

    def _is_webhook(self, facility: str, plugin: str, method: str, path: str) -> bool:
        """Whether strangers may ask; of all other routes they do not even learn whether they are there."""
        try:
            return _route(known(self._office, facility), plugin, method, path).roles == (WEBHOOK,)
        except Refused:
            return False


def known(office: Office, facility: str) -> Facility:
    """The facility of that id; raises Refused (404)."""
    try:
        return office.facilities.get(facility)
    except KeyError:
        raise Refused(404, "no_such_facility", f"there is no facility {facility}") from None


def written(reply: object) -> tuple[int, str, bytes]:
    """A plugin's reply as status, media type and bytes. Raises TypeError or ValueError for one that is none.

    Runs in the plugin's thread.
    """
    if type(reply) is not Reply:
        raise TypeError(f"a route answered {type(reply).__name__}: return Reply")
    if type(reply.status) is not int or not 200 <= reply.status <= 599:
        raise ValueError(f"a route answered with status {reply.status!r}: use 200 to 599")
    media, answer = reply.media, b""
    if media in TEXTS:
        media, answer = f"{media}; charset=utf-8", str(reply.body).encode()
    elif media != JSON:
        raise ValueError(f"a route answered with media {media!r}: use {', '.join((JSON, *TEXTS))}")
    elif reply.status not in (204, 304):
        answer = json.dumps(reply.body, allow_nan=False).encode()
    if len(answer) > LONGEST_REPLY:
        raise ValueError(f"a route answered {len(answer)} bytes: {LONGEST_REPLY} at most")
    return reply.status, media, answer


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


def _judged(house: Facility, plugin: str, route: Route, result: Result) -> tuple[int, str, bytes]:
    match result:
        case Returned(value=(int() as status, str() as media, bytes() as answer)):
            return status, media, answer
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
