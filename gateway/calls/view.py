"""A call as staff are shown it."""

from collections.abc import Mapping
from dataclasses import dataclass

from parloir.calls.call import State
from parloir.calls.live import LiveCall
from parloir.store.calls import Call

ELSEWHERE = "elsewhere"
"""Where a call stands that another gateway on this database carries."""


@dataclass(frozen=True)
class View:
    """A call as remembered, and where it stands."""

    call: Call
    state: str

    @classmethod
    def of(cls, call: Call, live: Mapping[str, LiveCall], node: str) -> "View":
        """The view that this node has, which carries the calls in `live`."""
        if call.id in live:
            return cls(call, live[call.id].state.value)
        elsewhere = call.ended is None and call.node not in (None, node)
        return cls(call, ELSEWHERE if elsewhere else State.ENDED.value)
