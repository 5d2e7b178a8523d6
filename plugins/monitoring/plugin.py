"""The plugin that says which calls may be listened to and by whom, and tells staff of those on the hot list."""

from sqlalchemy import MetaData

from parloir.api import (
    Action,
    Actor,
    Alert,
    Call,
    CallClass,
    Facility,
    Happening,
    HttpRoute,
    No,
    Severity,
    Yes,
    hookimpl,
)

from . import hotlist, tables
from .routes import Routes
from .settings import LIVE, MonitoringSettings, Which, unit_of

DECIDED = "decided"
"""The event by which a call's class is known."""


class Monitoring:
    """Who listens to whom in one facility."""

    api = 1
    Settings = MonitoringSettings

    def __init__(self, settings: MonitoringSettings, facility: Facility) -> None:
        self._settings = settings
        self._facility = facility

    @classmethod
    @hookimpl
    def register_tables(cls, metadata: MetaData) -> None:
        """The hot list, what was told of it, and notes, in `monitoring_...`."""
        for table in tables.metadata.sorted_tables:
            table.to_metadata(metadata)

    @hookimpl
    def register_routes(self) -> tuple[HttpRoute, ...]:
        """Where the hot list and notes are kept."""
        return Routes(self._facility).all()

    @hookimpl
    def may_monitor(self, call: Call) -> Yes | No:
        """As the facility has chosen; the gateway never asks for a privileged call."""
        if self._settings.monitor is Which.NOTHING:
            return No("nothing_is_monitored")
        if unit_of(call) in self._settings.present:
            return Yes("monitor_must_be_present", present=True)
        return Yes("ordinary_calls")

    @hookimpl
    def may_act(self, call: Call, action: Action, actor: Actor) -> Yes | No | None:
        """What is done to live calls, by the first rule that fits; of recordings others judge."""
        if action not in LIVE:
            return None
        if not any(rule.fits(call, action, frozenset(actor.roles)) for rule in self._settings.rules):
            return No("no_rule_allows_it")
        if action in self._settings.reasons and not actor.why.strip():
            return No("reason_required")
        return Yes("rule")

    @hookimpl
    async def call_event(self, call: Call, event: Happening) -> None:
        """Tell staff, once, of a call with somebody of the hot list in it."""
        if event.kind != DECIDED or call.call_class is not CallClass.ORDINARY:
            return
        facility, hot = self._facility, self._settings.hot
        found = await facility.store.run(
            lambda connection: hotlist.news(connection, facility.id, call, hot, facility.now())
        )
        if found:
            who = ", ".join(f"{kind} {value}" for kind, value in found)
            text = f"Hot list: {who}: a call at station {call.station}"[:500]
            facility.raise_alert(Alert(severity=Severity.URGENT, code="hot_list", text=text, subject=call.id))
