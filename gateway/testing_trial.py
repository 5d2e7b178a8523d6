"""Plugins at work in a sample facility, asked by a test as the gateway would ask them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic import JsonValue

from parloir.api import (
    Action,
    Actor,
    Alert,
    Application,
    Call,
    Contact,
    Facility,
    Happening,
    Recording,
    Reply,
    Request,
    Resident,
    Slot,
    SlotSearch,
    Visit,
)
from parloir.config.caps import LegalCap
from parloir.errors import ParloirError
from parloir.policy import loader
from parloir.policy.decision import Decision, Ruling
from parloir.policy.discovery import Installed, installed
from parloir.policy.job import Returned
from parloir.policy.outside import Retention
from parloir.policy.policies import Policies
from parloir.testing_loop import Loop
from parloir.testing_store import MemoryStore

Plugins: TypeAlias = Mapping[str, type | tuple[type, Mapping[str, Any]] | Mapping[str, Any]]
"""Plugins by name, in their order: a class, a class with its settings, or the settings of one that is installed."""

DEADLINE = 5.0
"""Seconds; longer than the gateway's, so that a busy machine fails no test."""


class PluginFailed(ParloirError):
    """A plugin raised, or was not done in time, where the gateway would have tried again or said so to staff."""


@dataclass(frozen=True)
class _Given:
    """An entry point for a class that no distribution brings."""

    plugin: type

    def load(self) -> type:
        return self.plugin


class Trial:
    """Each method asks the plugins one thing and returns what came of it."""

    def __init__(self, policies: Policies, loop: Loop, facility: Facility, deadline: float) -> None:
        self._policies = policies
        self._loop = loop
        self._facility = facility
        self._deadline = deadline
        self._position = 0

    def decide(self, call: Call) -> Decision:
        """All that is decided before a call is connected."""
        return self._loop.run(self._policies.decide(call))

    def limit_again(self, call: Call, decision: Decision) -> Decision:
        """The decision with a limit asked for anew, in mid-call."""
        return self._loop.run(self._policies.limit_again(call, decision))

    def authorize_visit(self, visit: Visit) -> Ruling:
        """Whether a visit may be booked."""
        return self._loop.run(self._policies.authorize_visit(visit))

    def open_slots(self, search: SlotSearch) -> tuple[Slot, ...]:
        """The times that could be booked."""
        return self._loop.run(self._policies.open_slots(search))

    def approve_relationship(self, application: Application) -> Ruling:
        """Whether a visitor is what they say they are."""
        return self._loop.run(self._policies.approve_relationship(application))

    def contacts_of(self, resident: Resident) -> tuple[Contact, ...]:
        """Whom a resident is offered to call."""
        return self._loop.run(self._policies.contacts_of(resident))

    def may_act(self, call: Call, action: Action, actor: Actor) -> Ruling:
        """Whether staff may do this to a call."""
        return self._loop.run(self._policies.may_act(call, action, actor))

    def retain_recording(self, recording: Recording) -> Retention:
        """How long a recording is kept."""
        return self._loop.run(self._policies.retain_recording(recording))

    def health(self) -> dict[str, bool]:
        """What each plugin says of itself."""
        return self._loop.run(self._policies.health())

    def tell(self, subject: Call | Visit | Resident | Alert, kind: str, **facts: JsonValue) -> None:
        """Tell all who listen that this happened; raises PluginFailed for one that does not take it."""
        hook, name = _NEWS[type(subject)]
        self._position += 1
        event = Happening(position=self._position, kind=kind, at=self._facility.now(), facts=facts)
        for plugin in self._policies.hooks.having(hook):
            listening = plugin.hooks[hook]
            given = {name: subject, "event": event}
            self._work(plugin.name, listening.function, *(given[each] for each in listening.arguments))

    def run_task(self, plugin: str, name: str) -> None:
        """Do one of a plugin's tasks once. Raises PluginFailed."""
        [task] = [each for added in self._additions(plugin) for each in added.tasks if each.name == name]
        self._work(plugin, task.run)

    def request(self, plugin: str, method: str, path: str, request: Request) -> Reply:
        """Ask one of a plugin's HTTP routes. Raises PluginFailed; who may ask it is left to the gateway."""
        routes = [each for added in self._additions(plugin) for each in added.routes]
        [route] = [each for each in routes if (each.method, each.path) == (method, path)]
        reply: Reply = self._work(plugin, route.answer, request)
        return reply

    def _additions(self, plugin: str) -> Sequence[Any]:
        return [each for each in self._policies.additions if each.plugin == plugin]

    def _work(self, plugin: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run code of a plugin where the gateway would."""
        result = self._loop.run(self._policies.run(plugin, function, arguments, self._deadline))
        if isinstance(result, Returned):
            return result.value
        raise PluginFailed(f"{plugin}: {getattr(result, 'error', f'not done within {self._deadline:g} s')}")


_NEWS: dict[type, tuple[str, str]] = {
    Call: ("call_event", "call"),
    Visit: ("visit_event", "visit"),
    Resident: ("person_event", "person"),
    Alert: ("alert", "alert"),
}


@contextmanager
def trial(
    facility: Facility, store: MemoryStore, plugins: Plugins, deadline: float, ceiling: int | None
) -> Iterator[Trial]:
    """Load these plugins as a gateway does, and take them down at the end. Raises PluginErrors."""
    found, settings = _offered(plugins)
    for name in settings:
        kind = loader.plugin_class(name, found) if name in found else name
        if isinstance(kind, type):
            store.add(loader.tables(name, kind))
    loop = Loop()
    patience = loader.Patience(deadline, deadline)
    cap = None if ceiling is None else LegalCap(ceiling)
    around = loader.Surroundings(facility, loop, ceiling=lambda call: cap, patience=patience)
    policies = loader.load(settings, around, found)
    try:
        yield Trial(policies, loop, facility, deadline)
    finally:
        loop.run(policies.close())


def _offered(plugins: Plugins) -> tuple[dict[str, tuple[Installed, ...]], dict[str, Mapping[str, Any]]]:
    """What a gateway would find installed, and what its configuration would say."""
    found, settings = installed(), dict[str, Mapping[str, Any]]()
    for name, given in plugins.items():
        if isinstance(given, Mapping):
            settings[name] = given
            continue
        kind, settings[name] = given if isinstance(given, tuple) else (given, {})
        found[name] = (Installed(name, "", "", _Given(kind)),)
    return found, settings
