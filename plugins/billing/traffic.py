"""What a call carried, as its reports say. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from parloir.api import Call, CallClass, Medium

REPORTS = ("quality", "report")
"""Events that say what a call has carried so far; after a crash the last one that came is what is known."""


@dataclass(frozen=True)
class Traffic:
    """Whole seconds talked, by which medium; octets of media in and out on both legs; processor time (ms) if measured.

    `at` is when the call was opened, UTC.
    """

    call: str
    at: datetime
    seconds: int
    medium: Medium = Medium.AUDIO
    privileged: bool = False
    octets: int = 0
    cpu: int | None = None


def traffic_of(call: Call, facts: Mapping[str, Any]) -> Traffic:
    """What a call has carried when a report of such facts came."""
    legs = [_list(facts.get(leg)) for leg in ("phone", "browser")]
    streams = [stream for leg in legs for stream in leg]
    seen = all(any(stream.get("kind") == Medium.VIDEO for stream in leg) for leg in legs)
    cpu = facts.get("cpu")
    return Traffic(
        call=call.id,
        at=call.opened,
        seconds=call.talked,
        medium=Medium.VIDEO if seen else Medium.AUDIO,
        privileged=call.call_class is CallClass.PRIVILEGED,
        octets=sum(_whole(stream.get(name)) for stream in streams for name in ("bytes_received", "bytes_sent")),
        cpu=None if cpu is None else _whole(cpu),
    )


def _list(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list | tuple) else []


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
