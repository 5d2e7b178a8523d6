"""The reactor that every process runs on: asyncio's, by a clock that nobody can set.

Twisted's own reactors put calls off by the time of day: where that is set back by an hour, a phone call's limit comes
an hour late.
"""

import asyncio
from time import monotonic

from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.main import installReactor


class SteadyReactor(AsyncioSelectorReactor):
    """Counts monotonic seconds."""

    def seconds(self) -> float:
        """Seconds that only rise, from no particular moment."""
        return monotonic()


def install() -> None:
    """Take it, on an event loop of its own, before any module asks for the reactor."""
    installReactor(SteadyReactor(asyncio.new_event_loop()))  # type: ignore[no-untyped-call]
