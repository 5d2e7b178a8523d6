"""The plugin that keeps calls within their time."""

from datetime import timedelta

from sqlalchemy import MetaData

from parloir.api import Allow, Call, CallClass, Cap, Deny, Extend, Facility, Happening, Task, hookimpl

from ..period import Per, period
from . import tally
from .allowance import lengths, objection
from .settings import LimitsSettings
from .talk import Talk, merged, talk_of

LATE = timedelta(days=1)
"""How far back the gateway's own records are read, for calls that this plugin was not told of yet."""
KEPT = timedelta(days=62)


class Limits:
    """Durations, quotas, gaps and accommodations of one facility."""

    api = 1
    Settings = LimitsSettings

    def __init__(self, settings: LimitsSettings, facility: Facility) -> None:
        self._settings = settings
        self._facility = facility

    @classmethod
    @hookimpl
    def register_tables(cls, metadata: MetaData) -> None:
        """The seconds talked, in `limits_talks`."""
        tally.talks.to_metadata(metadata)

    @hookimpl
    async def authorize_call(self, call: Call) -> Allow | Deny | None:
        """Deny where a quota is used up or the last call is too near; never a privileged call."""
        if call.call_class is CallClass.PRIVILEGED or call.resident is None:
            return None
        talks = await self._talks(call)
        return objection(self._settings, talks, call, self._facility.timezone) or Allow("within_limits")

    @hookimpl
    async def limit_call(self, call: Call) -> tuple[Cap | Extend, ...] | None:
        """The call's duration and what is left of each quota, stretched for the resident's need."""
        return lengths(self._settings, await self._talks(call), call, self._facility.timezone) or None

    @hookimpl
    async def call_event(self, call: Call, event: Happening) -> None:
        """Count what was talked, as often as it is told: a call cut off by a crash has then counted up to there."""
        if talk := talk_of(call):
            facility = self._facility.id
            await self._facility.store.run(lambda connection: tally.put(connection, facility, talk))

    @hookimpl
    def register_tasks(self) -> tuple[Task, ...]:
        """Forget, once a day, what no period counts any more."""
        return (Task("forget", 86_400.0, self._forget),)

    async def _talks(self, call: Call) -> tuple[Talk, ...]:
        """All that the resident talked in the periods that matter now."""
        resident = call.resident
        if resident is None or not (self._settings.quotas or self._settings.gaps):
            return ()
        facility, zone, first = self._facility.id, self._facility.timezone, self._settings.week_starts
        start = min(period(per, call.at, zone, first)[0] for per in Per) - LATE
        told = await self._facility.store.run(lambda connection: tally.since(connection, facility, resident.id, start))
        recent = await self._facility.records.calls(resident=resident.id, after=call.at - LATE)
        return merged(told, (talk for each in recent if (talk := talk_of(each))))

    async def _forget(self) -> None:
        facility, before = self._facility.id, self._facility.now() - KEPT
        await self._facility.store.run(lambda connection: tally.forget(connection, facility, before))
