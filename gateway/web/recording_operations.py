"""What the HTTP API can do about listeners and recordings."""

from parloir.store.staff import Role
from parloir.web.operations import Operation
from parloir.web.recording_models import (
    ErasedList,
    Expiring,
    HoldBody,
    ListenerList,
    Listening,
    MakingBody,
    MarkBody,
    NewMark,
    Offer,
    Reasoned,
    RecordingDetail,
    RecordingList,
    RecordingQuery,
)

LISTENERS = frozenset({Role.OFFICER})
PLAYERS = frozenset({Role.OFFICER, Role.AUDITOR, Role.ADMINISTRATOR})
HOLDERS = frozenset({Role.AUDITOR, Role.ADMINISTRATOR})
CALL = "/api/v1/calls/{id}/listeners"
ALL = "/api/v1/recordings"
ONE = f"{ALL}/{{id}}"

RECORDINGS = (
    Operation("list_listeners", "GET", CALL, "Say who listens to a live call.", ListenerList, roles=PLAYERS),
    Operation("begin_listening", "POST", CALL, "Listen to a live call.", Listening, 201, Offer, roles=LISTENERS),
    Operation("end_listening", "DELETE", f"{CALL}/{{listener}}", "Listen no more.", None, 204, roles=LISTENERS),
    Operation(
        "list_recordings",
        "GET",
        ALL,
        "Search recordings.",
        RecordingList,
        takes=RecordingQuery,
        source="query",
        roles=PLAYERS,
    ),
    Operation("get_recording", "GET", ONE, "Show a recording and every act on it.", RecordingDetail, roles=PLAYERS),
    Operation(
        "begin_playback",
        "POST",
        f"{ONE}/playback",
        "Make a recording playable.",
        MakingBody,
        202,
        Reasoned,
        roles=PLAYERS,
    ),
    Operation("get_playback", "GET", f"{ONE}/playback", "Say how far that has come.", MakingBody, roles=PLAYERS),
    Operation(
        "begin_bundle", "POST", f"{ONE}/bundle", "Make a signed bundle.", MakingBody, 202, Reasoned, roles=PLAYERS
    ),
    Operation("get_bundle", "GET", f"{ONE}/bundle", "Say how far that has come.", MakingBody, roles=PLAYERS),
    Operation("add_mark", "POST", f"{ONE}/marks", "Add a bookmark or a note.", MarkBody, 201, NewMark, roles=PLAYERS),
    Operation("remove_mark", "DELETE", f"{ONE}/marks/{{mark}}", "Take one away.", None, 204, roles=PLAYERS),
    Operation("add_hold", "POST", f"{ONE}/hold", "Place a legal hold.", HoldBody, 201, Reasoned, roles=HOLDERS),
    Operation(
        "lift_holds",
        "DELETE",
        f"{ONE}/hold",
        "Lift all legal holds.",
        None,
        204,
        Reasoned,
        source="either",
        roles=HOLDERS,
    ),
    Operation(
        "expire_recordings",
        "POST",
        f"{ALL}/expire",
        "Erase recordings whose time is over.",
        ErasedList,
        takes=Expiring,
        roles=HOLDERS,
    ),
)
"""For those who were let in; each act is in the audit chain before it is done."""
