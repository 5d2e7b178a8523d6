"""The way into a call's timeline: each event is stored in order and said in the log, and never blocks the call."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection
from twisted.internet.defer import Deferred, ensureDeferred

from parloir.calls import alarms
from parloir.log import Log
from parloir.policy import values
from parloir.policy.decision import Decision
from parloir.policy.trail import to_json
from parloir.policy.values import Alert
from parloir.store import calls, timeline
from parloir.store.calls import Call, CallClass
from parloir.store.database import Database

T = TypeVar("T")
LONG = ("trail", "phone", "browser")
"""What the timeline keeps of an event and a log line has no room for."""


@dataclass(frozen=True)
class Clock:
    """Two times: UTC for people, monotonic nanoseconds for what is measured."""

    wall: Callable[[], datetime]
    monotonic: Callable[[], int]


class Timelines:
    """Writes calls and their events behind, in the order given; a write that fails is said in the log.

    `written` is called after each write that went well: there is news for plugins. `happened` is called with each
    event's call and kind.
    """

    def __init__(self, database: Database, clock: Clock, log: Log) -> None:
        self.database = database
        self.clock = clock
        self.log = log
        self.written: Callable[[], None] = lambda: None
        self.happened: Callable[[str, str], None] = lambda call, kind: None

    def opened(self, call: Call) -> None:
        """Remember a call that begins."""
        self._write(call.id, lambda connection: calls.add(connection, call))
        self.event(call.id, "opened", facility=call.facility, station=call.station, way_in=call.way_in.value)

    def decided(self, call: str, decision: Decision) -> None:
        """What the policies settled: the call's class for good, and who answered what."""
        privilege = CallClass(decision.call_class.value)
        self._write(call, lambda connection: calls.classify(connection, call, privilege))
        self.event(
            call,
            "decided",
            **{"class": privilege.value, "why": decision.class_reason},
            denied=decision.denial.code if decision.denial else None,
            limit=decision.limit_seconds,
            record=decision.record,
            monitor=decision.monitor,
            attended=decision.attended,
            payer=values.to_json(decision.payer) if decision.payer else None,
            rate=[values.to_json(step) for step in decision.rate] if decision.rate is not None else None,
            hold=decision.hold,
            trail=to_json(decision.trail),
        )

    def event(self, call: str, kind: str, /, **data: Any) -> None:
        """Add an event, with both times taken now."""
        wall, monotonic = self.clock.wall(), self.clock.monotonic()
        self.log(f"call.{kind}", call=call, **{k: v for k, v in data.items() if k not in LONG})
        self._write(call, lambda connection: timeline.append(connection, call, kind, data, wall, monotonic))
        self.happened(call, kind)

    def alarm(self, facility: str, call: str, alert: Alert) -> None:
        """Have a facility's staff and plugins told of something about a call."""
        at = self.clock.wall()
        self.log("alert", facility=facility, severity=alert.severity.value, why=alert.code, text=alert.text, call=call)
        self._write(call, lambda connection: alarms.put(connection, facility, alert, at))

    def finished(self, call: str, reason: str) -> "Deferred[None]":
        """Write down the end; fires when that and all before it is stored."""
        wall = self.clock.wall()
        return self._write(call, lambda connection: calls.finish(connection, call, wall, reason))

    def _write(self, call: str, work: Callable[[Connection], T]) -> "Deferred[None]":
        async def write() -> None:
            try:
                await self.database.run(work)
                self.written()
            except Exception as error:
                self.log("store.failed", call=call, error=f"{type(error).__name__}: {error}")

        return ensureDeferred(write())
