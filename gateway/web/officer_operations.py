"""What the HTTP API can do about live calls in officers' hands."""

from parloir.store.staff import Role
from parloir.web.officer_models import Because, Speaking, Speech, WallBody, Warn, Withhold
from parloir.web.operations import Operation

WATCHERS = frozenset({Role.OFFICER, Role.AUDITOR, Role.ADMINISTRATOR})
ACTORS = frozenset({Role.OFFICER, Role.ADMINISTRATOR})
CALL = "/api/v1/calls/{id}"

ACTS = (
    Operation("show_wall", "GET", "/api/v1/wall", "Show all live calls.", WallBody, roles=WATCHERS),
    Operation("warn_call", "POST", f"{CALL}/warning", "Warn both parties.", None, 204, Warn, roles=ACTORS),
    Operation(
        "withhold", "POST", f"{CALL}/withheld", "Mute a party, or take its picture.", None, 204, Withhold, roles=ACTORS
    ),
    Operation("pause_call", "POST", f"{CALL}/pause", "Pause a call.", None, 204, Because, roles=ACTORS),
    Operation("resume_call", "POST", f"{CALL}/resume", "Let a call go on.", None, 204, Because, roles=ACTORS),
    Operation(
        "begin_speaking",
        "POST",
        f"{CALL}/speakers",
        "Speak to the party inside, or to both.",
        Speaking,
        201,
        Speech,
        roles=ACTORS,
    ),
    Operation("end_speaking", "DELETE", f"{CALL}/speakers/{{speaker}}", "Speak no more.", None, 204, roles=ACTORS),
)
"""For those who were let in; the facility's policies say who of them may do what, and each act is audited first."""
