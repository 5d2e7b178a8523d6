"""Plugins for tests of the policies, made of plain answers, and calls for them to decide."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from twisted.internet import reactor

from parloir.api import (
    Alert,
    BookedBy,
    Call,
    Facility,
    Relationship,
    RelationshipKind,
    RelationshipState,
    Resident,
    Visit,
    Visitor,
    WayIn,
    hookimpl,
)
from parloir.policy.chain import Ceiling
from parloir.policy.discovery import Installed
from parloir.policy.inspection import HOOKS
from parloir.policy.loader import Patience, Surroundings, load
from parloir.policy.news import Journal
from parloir.policy.policies import Policies

NOON = datetime(2026, 3, 4, 18, 0, tzinfo=UTC)
RESIDENT = Resident(id="r1", name="Resident One", unit="A")
QUICK = Patience(deadline=0.3, remote_deadline=0.6, failures=100, rest=30.0, comes_up=5.0)
"""A short deadline, and a breaker that keeps out of the way."""
PATIENT = replace(QUICK, deadline=10.0, remote_deadline=20.0)
"""For plugins that answer at once, however busy the machine is."""


@dataclass(frozen=True)
class ClassItself:
    """An entry point that needs no distribution."""

    plugin: Any

    def load(self) -> Any:
        return self.plugin


def offered(plugins: Mapping[str, Any]) -> dict[str, tuple[Installed, ...]]:
    """These classes as installed plugins."""
    return {name: (Installed(name, f"dist-{name}", "1", ClassItself(each)),) for name, each in plugins.items()}


def answering(**answers: Any) -> type:
    """A plugin's class that answers each hook named with that value, or with what that function returns."""

    def method(hook: str, answer: Any) -> Any:
        if not callable(answer) or isinstance(answer, type):
            return _hook(hook, lambda *given: answer)
        return _hook(hook, answer)

    body = {"api": 1, "__init__": lambda self, settings, facility: None}
    return type("Answering", (), body | {hook: method(hook, answer) for hook, answer in answers.items()})


def _hook(name: str, answer: Callable[..., Any]) -> Any:
    """A marked method with the hook's own arguments."""
    arguments = ", ".join(("self", *HOOKS[name]))
    given = ", ".join(HOOKS[name])
    scope: dict[str, Any] = {"answer": answer}
    exec(f"def {name}({arguments}): return answer({given})", scope)
    return hookimpl(scope[name])


class Nothing:
    """Stands for the parts of a facility that these tests have no use for."""


@dataclass
class House:
    """A facility for tests: what is alerted lands in `alerts`."""

    alerts: list[Alert] = field(default_factory=list)

    @property
    def facility(self) -> Facility:
        nothing: Any = Nothing()
        return Facility(
            id="north",
            name="North County Jail",
            timezone=ZoneInfo("America/Chicago"),
            tier="jail-350-999",
            language="en",
            store=nothing,
            records=nothing,
            now=lambda: NOON,
            raise_alert=self.alerts.append,
            actions=nothing,
            stations={"pod-a-1": "A"},
            ledger=nothing,
        )

    def load(
        self,
        plugins: Mapping[str, Any],
        *,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        patience: Patience = PATIENT,
        journal: Journal | None = None,
        ceiling: Ceiling = lambda call: None,
    ) -> Policies:
        """The policies of these classes, in this order."""
        around = Surroundings(self.facility, reactor, journal, ceiling, patience=patience)
        return load({name: (settings or {}).get(name, {}) for name in plugins}, around, offered(plugins))


def tie(
    kind: RelationshipKind = RelationshipKind.FAMILY,
    state: RelationshipState = RelationshipState.APPROVED,
    resident: str | None = "r1",
    expires: datetime | None = None,
) -> Relationship:
    """A relationship with the resident of these tests."""
    return Relationship(kind=kind, state=state, resident=resident, expires=expires)


def visitor(*ties: Relationship, id: str = "v1", **facts: Any) -> Visitor:
    """A visitor; family without more ado."""
    return Visitor(id=id, name=f"Visitor {id}", relationships=ties or (tie(),), **facts)


def counsel(state: RelationshipState = RelationshipState.APPROVED, id: str = "lawyer", **facts: Any) -> Visitor:
    """An attorney."""
    return visitor(tie(RelationshipKind.ATTORNEY, state, **facts), id=id)


def a_visit(**facts: Any) -> Visit:
    """A visit of half an hour from noon on, booked by its visitor."""
    given: dict[str, Any] = {
        "id": "visit",
        "facility": "north",
        "station": "pod-a-1",
        "resident": RESIDENT,
        "visitors": (visitor(),),
        "start": NOON,
        "end": NOON + timedelta(minutes=30),
        "asked_at": NOON - timedelta(days=3),
        "booked_by": BookedBy.VISITOR,
    }
    return Visit(**given | facts)


def a_call(*visitors: Visitor, **facts: Any) -> Call:
    """A call from inside, to family without more ado."""
    given: dict[str, Any] = {
        "id": "c1",
        "facility": "north",
        "timezone": "America/Chicago",
        "way_in": WayIn.INSIDE,
        "station": "pod-a-1",
        "resident": RESIDENT,
        "visitors": visitors or (visitor(),),
        "at": NOON,
        "opened": NOON,
    }
    return Call(**given | facts)
