"""What is answered: a body's JSON, or a refusal's."""

from parloir.web.errors import Refused
from parloir.web.intake import JSON
from parloir.web.models import Body, ErrorBody, Problem
from parloir.web.request import WebRequest


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
