"""A call as it counts against a resident's time. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from parloir.api import Call, CallClass, Medium, Route, WayIn

from .settings import medium_of


@dataclass(frozen=True)
class Talk:
    """Seconds talked in one call of a resident's, from its answer to its end (or to now, while it lasts). UTC."""

    call: str
    resident: str
    began: datetime
    ended: datetime
    seconds: int
    medium: Medium
    way_in: WayIn


def talk_of(call: Call) -> Talk | None:
    """What a call counts; None for one that counts nothing: privileged, an emergency, nobody known, nothing said."""
    counted = call.call_class is CallClass.ORDINARY and call.route is Route.VISIT and call.talked > 0
    if not counted or call.resident is None:
        return None
    return Talk(
        call=call.id,
        resident=call.resident.id,
        began=call.answered or call.opened,
        ended=call.ended or call.at,
        seconds=call.talked,
        medium=medium_of(call),
        way_in=call.way_in,
    )


def merged(*talks: Iterable[Talk]) -> tuple[Talk, ...]:
    """Each call once, as the one who saw it last saw it."""
    latest: dict[str, Talk] = {}
    for talk in (each for some in talks for each in some):
        known = latest.get(talk.call)
        if known is None or (talk.seconds, talk.ended) > (known.seconds, known.ended):
            latest[talk.call] = talk
    return tuple(latest.values())
