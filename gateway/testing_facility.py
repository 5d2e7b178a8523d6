"""A facility for the tests of plugins, with a clock that the test sets."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

from parloir.api import Alert, Call, Facility, Visit, Visitor
from parloir.policy.decision import Decision
from parloir.testing_actions import SampleActions
from parloir.testing_ledger import SampleLedger
from parloir.testing_people import NOON, ZONE, call, visit
from parloir.testing_records import SampleRecords
from parloir.testing_store import MemoryStore
from parloir.testing_trial import DEADLINE, Plugins, Trial, trial

STATIONS = {"pod-a-1": "A", "pod-a-2": "A", "pod-b-1": "B"}


class Clock:
    """The facility's clock: it stands until the test sets it or lets it go on."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now

    def __call__(self) -> datetime:
        """The time, in UTC."""
        return self._now

    def set(self, now: datetime) -> None:
        """Show this time, which must name its zone."""
        self._now = now.astimezone(UTC)

    def advance(self, **span: float) -> None:
        """Go on by what timedelta takes: `clock.advance(minutes=15)`."""
        self._now += timedelta(**span)


class SampleFacility:
    """A facility of three stations in two units, whose records, ledger, tables, time and alerts a test reaches.

    `facility` is what plugins are given. `ceiling` is the legal cap in micro-dollars a minute. It stays the same for
    all plugins that are tried in it, so that what one wrote is there for the next; `with` forgets it at the end.
    """

    def __init__(
        self,
        *,
        timezone: str = ZONE,
        tier: str | None = "jail-350-999",
        language: str = "en",
        stations: Mapping[str, str] = STATIONS,
        now: datetime = NOON,
        ceiling: int | None = None,
    ) -> None:
        self.clock = Clock(now)
        self.alerts: list[Alert] = []
        self.records = SampleRecords()
        self.actions = SampleActions(self.records, self.clock)
        self.ledger = SampleLedger(self.clock)
        self.store = MemoryStore()
        self.ceiling = ceiling
        self.facility = Facility(
            id="north",
            name="North County Jail",
            timezone=ZoneInfo(timezone),
            tier=tier,
            language=language,
            store=self.store,
            records=self.records,
            now=self.clock,
            raise_alert=self.alerts.append,
            actions=self.actions,
            stations=dict(stations),
            ledger=self.ledger,
        )

    def call(self, *visitors: Visitor, **facts: Any) -> Call:
        """A call in this facility that begins now, or at `at`."""
        if facts.get("visit") is None:
            facts = {"at": self.clock()} | facts
        return call(*visitors, **{"timezone": self.facility.timezone.key, "tier": self.facility.tier} | facts)

    def visit(self, *visitors: Visitor, **facts: Any) -> Visit:
        """A visit in this facility that is asked for now and begins in a day, or at `start`."""
        now = self.clock()
        return visit(*visitors, **{"start": now + timedelta(days=1), "asked_at": now} | facts)

    def trial(self, plugins: Plugins, deadline: float = DEADLINE) -> AbstractContextManager[Trial]:
        """Put plugins to work; in a `with`, at whose end they are taken down. Raises PluginErrors."""
        return trial(self.facility, self.store, plugins, deadline, self.ceiling)

    def decide(self, call: Call, plugins: Plugins, deadline: float = DEADLINE) -> Decision:
        """What these plugins and the gateway's own rules decide about a call."""
        with self.trial(plugins, deadline) as policies:
            return policies.decide(call)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget the tables."""
        self.store.close()
