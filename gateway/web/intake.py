"""What a request brings, read strictly: its JSON body and its query."""

import json
from typing import Any

from pydantic import ValidationError

from parloir.web.errors import Refused
from parloir.web.models import Body
from parloir.web.operations import Operation
from parloir.web.request import LONGEST_BODY, WebRequest

JSON = "application/json"


def taken(request: WebRequest, operation: Operation, model: type[Body]) -> Body:
    """What the operation takes; raises Refused (400, 413, 415, 422)."""
    try:
        if operation.source == "query" or (operation.source == "either" and not content(request)):
            return model.model_validate_strings(query(request))
        return model.model_validate(json_body(request), strict=False)
    except ValidationError as error:
        raise _invalid(error) from error


def content(request: WebRequest) -> bytes:
    """The body's bytes; raises Refused (413)."""
    if request.oversized:
        raise Refused(413, "too_large", f"the body is over {LONGEST_BODY} bytes")
    if request.content is None:
        return b""
    request.content.seek(0)
    body: bytes = request.content.read()
    return body


def query(request: WebRequest) -> dict[str, str]:
    """Each field of the query; raises Refused (400, 422) for one that is no text or is there twice."""
    try:
        pairs = {name.decode(): [v.decode() for v in values] for name, values in (request.args or {}).items()}
    except UnicodeDecodeError as error:
        raise Refused(400, "not_utf8", "the query is not UTF-8") from error
    for name, values in pairs.items():
        if len(values) > 1:
            raise Refused(422, "repeated", f"{name} is given more than once", name)
    return {name: values[0] for name, values in pairs.items()}


def json_body(request: WebRequest) -> Any:
    """The body as JSON; raises Refused (400, 413, 415)."""
    body = content(request)
    if (request.header("content-type") or "").partition(";")[0].strip().lower() != JSON:
        raise Refused(415, "not_json", f"send the body as {JSON}", "content-type")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "not_json", "the body is not JSON") from error


def _invalid(error: ValidationError) -> Refused:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"] if part not in ("constrained-str", "literal['now']"))
    return Refused(422, "invalid", f"{field}: {first['msg']}" if field else first["msg"], field or None)
