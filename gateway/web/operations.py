"""What the HTTP API can do: one table, from which the routes and the OpenAPI document are both made."""

from dataclasses import dataclass
from typing import Literal

from parloir.web.models import (
    Body,
    CallDetail,
    CallList,
    CallQuery,
    NewVisit,
    Reason,
    VisitBody,
    VisitList,
    VisitQuery,
)


@dataclass(frozen=True)
class Operation:
    """One method on one path (`{id}` in it is an argument). `takes` is read from the JSON body, the query, or
    from the body if there is one, else the query ("either")."""

    name: str
    method: Literal["GET", "POST", "DELETE"]
    path: str
    summary: str
    answer: type[Body] | None
    status: int = 200
    takes: type[Body] | None = None
    source: Literal["body", "query", "either"] = "body"


OPERATIONS = (
    Operation("add_visit", "POST", "/api/v1/visits", "Schedule a visit.", VisitBody, 201, NewVisit),
    Operation("list_visits", "GET", "/api/v1/visits", "List visits.", VisitList, takes=VisitQuery, source="query"),
    Operation(
        "cancel_visit",
        "DELETE",
        "/api/v1/visits/{id}",
        "Cancel a visit; its call, if it has one, ends.",
        VisitBody,
        takes=Reason,
        source="either",
    ),
    Operation("list_calls", "GET", "/api/v1/calls", "List calls.", CallList, takes=CallQuery, source="query"),
    Operation("get_call", "GET", "/api/v1/calls/{id}", "Show a call and its timeline.", CallDetail),
    Operation("end_call", "DELETE", "/api/v1/calls/{id}", "End a live call.", None, 204, takes=Reason, source="either"),
)
