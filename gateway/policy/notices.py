"""What the gateway itself tells both parties before they hear each other. Pure.

A notice's code is the name of its prompt; that a call is recorded or monitored is true only of calls that were told so.
"""

from collections.abc import Iterable

from parloir.policy.answers import Announcement, CallClass, Words

NOTICE = Announcement(
    "notice",
    Words(
        "This is a visit through Parloir. Please be courteous. It begins now.",
        "Esta es una visita por Parloir. Por favor, sean corteses. Comienza ahora.",
    ),
    6.0,
)
RECORDED = Announcement(
    "recorded",
    Words("This call is recorded and may be monitored.", "Esta llamada se graba y puede ser supervisada."),
    4.0,
)
RECORDED_ONLY = Announcement(
    "recorded_only",
    Words("This call is recorded.", "Esta llamada se graba."),
    3.0,
)
MONITORED = Announcement(
    "monitored",
    Words("This call may be monitored.", "Esta llamada puede ser supervisada."),
    3.0,
)
PRIVATE = Announcement(
    "private",
    Words(
        "This call is confidential. It is neither recorded nor monitored.",
        "Esta llamada es confidencial. No se graba ni se supervisa.",
    ),
    5.0,
)


def core(call_class: CallClass, record: bool, monitor: bool) -> tuple[Announcement, ...]:
    """The notices of a call of that class which is, or is not, recorded and monitored."""
    if record and monitor:
        return RECORDED, NOTICE
    if record:
        return RECORDED_ONLY, NOTICE
    if monitor:
        return MONITORED, NOTICE
    return (PRIVATE, NOTICE) if call_class is CallClass.PRIVILEGED else (NOTICE,)


RECORD, MONITOR = "record", "monitor"
_TOLD = {
    RECORDED.code: frozenset({RECORD, MONITOR}),
    RECORDED_ONLY.code: frozenset({RECORD}),
    MONITORED.code: frozenset({MONITOR}),
}


def told(announcements: Iterable[Announcement]) -> frozenset[str]:
    """What those who heard these announcements know may be done: only that is ever done to their call."""
    known: frozenset[str] = frozenset()
    for each in announcements:
        known |= _TOLD.get(each.code, frozenset())
    return known
