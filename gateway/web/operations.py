"""What the HTTP API can do: one table, from which the routes and the OpenAPI document are both made."""

from dataclasses import dataclass
from typing import Literal

from parloir.store.staff import Role
from parloir.web.models import (
    AlertBody,
    AlertList,
    AlertQuery,
    Body,
    CallDetail,
    CallList,
    CallQuery,
    Me,
    NewLogin,
    NewVisit,
    Reason,
    SlotList,
    SlotQuery,
    TraceBody,
    TraceQuery,
    VisitBody,
    VisitList,
    VisitQuery,
)
from parloir.web.phone_models import BanList, StationList, StationQuery

ALL = frozenset(Role)
BOOKERS = frozenset({Role.SCHEDULER, Role.ADMINISTRATOR})
ENDERS = frozenset({Role.OFFICER, Role.ADMINISTRATOR})
TECHNICIANS = frozenset({Role.TECHNICIAN, Role.ADMINISTRATOR})
KEEPERS = frozenset({Role.OFFICER, Role.TECHNICIAN, Role.ADMINISTRATOR})


@dataclass(frozen=True)
class Operation:
    """One method on one path (`{id}` in it is an argument), open to staff with one of `roles`.

    `takes` is read from the JSON body, the query, or from the body if there is one, else the query ("either").
    """

    name: str
    method: Literal["GET", "POST", "DELETE"]
    path: str
    summary: str
    answer: type[Body] | None
    status: int = 200
    takes: type[Body] | None = None
    source: Literal["body", "query", "either"] = "body"
    roles: frozenset[Role] = ALL


OPERATIONS = (
    Operation("add_visit", "POST", "/api/v1/visits", "Schedule a visit.", VisitBody, 201, NewVisit, roles=BOOKERS),
    Operation("list_visits", "GET", "/api/v1/visits", "List visits.", VisitList, takes=VisitQuery, source="query"),
    Operation(
        "cancel_visit",
        "DELETE",
        "/api/v1/visits/{id}",
        "Cancel a visit; its call, if it has one, ends.",
        VisitBody,
        takes=Reason,
        source="either",
        roles=BOOKERS,
    ),
    Operation(
        "list_slots",
        "GET",
        "/api/v1/slots",
        "List the times that could be booked.",
        SlotList,
        takes=SlotQuery,
        source="query",
    ),
    Operation("list_calls", "GET", "/api/v1/calls", "List calls.", CallList, takes=CallQuery, source="query"),
    Operation("get_call", "GET", "/api/v1/calls/{id}", "Show a call and its timeline.", CallDetail),
    Operation(
        "end_call",
        "DELETE",
        "/api/v1/calls/{id}",
        "End a live call.",
        None,
        204,
        takes=Reason,
        source="either",
        roles=ENDERS,
    ),
    Operation("list_alerts", "GET", "/api/v1/alerts", "List alerts.", AlertList, takes=AlertQuery, source="query"),
    Operation(
        "acknowledge_alert",
        "POST",
        "/api/v1/alerts/{id}/acknowledge",
        "Say that an alert is known; the first who says so stays on record.",
        AlertBody,
        roles=KEEPERS,
    ),
    Operation(
        "list_stations",
        "GET",
        "/api/v1/stations",
        "List stations and how things stand with their phones.",
        StationList,
        takes=StationQuery,
        source="query",
    ),
    Operation("list_bans", "GET", "/api/v1/bans", "List addresses that are banned.", BanList, roles=TECHNICIANS),
    Operation("lift_ban", "DELETE", "/api/v1/bans/{address}", "End a ban.", None, 204, roles=TECHNICIANS),
    Operation(
        "show_trace",
        "GET",
        "/api/v1/stations/{facility}/{station}/trace",
        "Show the last SIP messages with a station's phone, without secrets.",
        TraceBody,
        takes=TraceQuery,
        source="query",
        roles=TECHNICIANS,
    ),
    Operation("show_me", "GET", "/api/v1/me", "Show who asks, and their pages.", Me),
)
"""For those who were let in."""

LOGINS = (
    Operation("log_in", "POST", "/api/v1/login", "Log in; the session's cookie comes with it.", Me, takes=NewLogin),
    Operation("log_out", "POST", "/api/v1/logout", "Log out.", None, 204),
)
"""For a browser, with the header `X-Parloir: 1`."""
