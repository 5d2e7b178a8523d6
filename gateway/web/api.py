"""The HTTP API under /api/v1: JSON in and out, for holders of the bearer token."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from parloir.calls.bookings import Wish
from parloir.policy import answers as policy
from parloir.web.bearer import Bearer
from parloir.web.desk import Desk
from parloir.web.errors import Refused
from parloir.web.models import (
    Body,
    CallBody,
    CallDetail,
    CallList,
    CallQuery,
    ErrorBody,
    NewVisit,
    Problem,
    Reason,
    VisitBody,
    VisitList,
    VisitQuery,
)
from parloir.web.operations import Operation
from parloir.web.request import LONGEST_BODY, WebRequest

JSON = "application/json"


class Api:
    """The operations, each a method of its name: models in, models out."""

    def __init__(self, desk: Desk, public_url: str) -> None:
        self._desk = desk
        self._public_url = public_url

    async def add_visit(self, taken: NewVisit) -> VisitBody:
        start = datetime.now(UTC) if taken.start == "now" else taken.start.astimezone(UTC)
        wish = Wish(
            facility=taken.facility,
            station=taken.station,
            visitor=taken.visitor,
            start=start,
            minutes=taken.minutes,
            rings=taken.rings,
            resident=taken.resident,
            visitors=taken.visitors,
            booked_by=taken.booked_by,
            call_class=policy.CallClass(taken.call_class.value) if taken.call_class else None,
        )
        visit = await self._desk.add_visit(wish)
        return VisitBody.of(visit, self._public_url)

    async def list_visits(self, taken: VisitQuery) -> VisitList:
        states = None if taken.state is None else [taken.state]
        visits = await self._desk.list_visits(taken.facility, taken.station, states)
        return VisitList(visits=[VisitBody.of(visit, self._public_url) for visit in visits])

    async def cancel_visit(self, id: str, taken: Reason) -> VisitBody:
        return VisitBody.of(await self._desk.cancel_visit(id, taken.reason), self._public_url)

    async def list_calls(self, taken: CallQuery) -> CallList:
        return CallList(calls=[CallBody.of(view) for view in await self._desk.list_calls(taken.live)])

    async def get_call(self, id: str) -> CallDetail:
        return CallDetail.with_timeline(await self._desk.get_call(id), await self._desk.timeline(id))

    async def end_call(self, id: str, taken: Reason) -> None:
        await self._desk.end_call(id, taken.reason, "api")


class Endpoint:
    """Serves operations over HTTP: asks for the token, reads what the operation takes, writes what it answers."""

    def __init__(self, api: Api, bearer: Bearer, client: Callable[[WebRequest], str], seconds: Callable[[], float]):
        self._api = api
        self._bearer = bearer
        self._client = client
        self._seconds = seconds

    def admit(self, request: WebRequest) -> None:
        """Raise Refused unless the request has the token."""
        self._bearer.check(request.header("authorization"), self._client(request), self._seconds())

    async def serve(self, operation: Operation, request: WebRequest, **path: str) -> bytes:
        """Do the operation; raises Refused or the desk's own errors."""
        self.admit(request)
        arguments: dict[str, Any] = dict(path)
        if operation.takes:
            arguments["taken"] = _taken(request, operation, operation.takes)
        do: Callable[..., Awaitable[Body | None]] = getattr(self._api, operation.name)
        answer = await do(**arguments)
        request.say("cache-control", "no-store")
        return write(request, operation.status, answer)


def write(request: WebRequest, status: int, body: Body | None) -> bytes:
    """Set the status and type of the answer; its bytes."""
    request.setResponseCode(status)
    if body is None:
        return b""
    request.say("content-type", JSON)
    return body.model_dump_json(by_alias=True).encode()


def write_refusal(request: WebRequest, refused: Refused) -> bytes:
    """The answer to a request that was refused."""
    for name, value in refused.headers.items():
        request.say(name, value)
    problem = Problem(code=refused.code, message=str(refused), field=refused.field)
    request.say("cache-control", "no-store")
    return write(request, refused.status, ErrorBody(error=problem))


def _taken(request: WebRequest, operation: Operation, model: type[Body]) -> Body:
    if request.oversized:
        raise Refused(413, "too_large", f"the body is over {LONGEST_BODY} bytes")
    body = request.content.read() if request.content else b""
    try:
        if operation.source == "query" or (operation.source == "either" and not body):
            return model.model_validate_strings(_query(request))
        if (request.header("content-type") or "").partition(";")[0].strip().lower() != JSON:
            raise Refused(415, "not_json", f"send the body as {JSON}", "content-type")
        return model.model_validate(_json(body), strict=False)
    except ValidationError as error:
        raise _invalid(error) from error


def _query(request: WebRequest) -> dict[str, str]:
    try:
        pairs = {name.decode(): [v.decode() for v in values] for name, values in (request.args or {}).items()}
    except UnicodeDecodeError as error:
        raise Refused(400, "not_utf8", "the query is not UTF-8") from error
    for name, values in pairs.items():
        if len(values) > 1:
            raise Refused(422, "repeated", f"{name} is given more than once", name)
    return {name: values[0] for name, values in pairs.items()}


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "not_json", "the body is not JSON") from error


def _invalid(error: ValidationError) -> Refused:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"] if part not in ("constrained-str", "literal['now']"))
    return Refused(422, "invalid", f"{field}: {first['msg']}" if field else first["msg"], field or None)
