"""A facility's plugins, from the names and settings in its configuration to policies that can be asked.

Blocks while plugins are imported and made: call it in a thread when the reactor runs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import pluggy
from sqlalchemy import MetaData

from parloir.config.errors import Key, Problem
from parloir.policy import hookspecs
from parloir.policy.breaker import FAILURES, REST, Breaker
from parloir.policy.chain import Ceiling
from parloir.policy.discovery import Installed, installed
from parloir.policy.errors import PluginErrors
from parloir.policy.facility import Actions, Facility, Ledger
from parloir.policy.hooks import DEADLINE, REMOTE_DEADLINE, Enabled, Hooks
from parloir.policy.inbox import Inbox
from parloir.policy.inspection import NEWS, faults, implementations
from parloir.policy.job import Job, Raised, Returned, describe
from parloir.policy.news import Courier, Journal
from parloir.policy.pace import Pace
from parloir.policy.policies import Additions, Policies
from parloir.policy.questions import question
from parloir.policy.settings import Places, nowhere, parse, problem
from parloir.policy.worker import Worker

COMES_UP = 10.0


@dataclass(frozen=True)
class Patience:
    """How long plugins are waited for, and how often they may fail in a row; seconds."""

    deadline: float = DEADLINE
    remote_deadline: float = REMOTE_DEADLINE
    failures: int = FAILURES
    rest: float = REST
    comes_up: float = COMES_UP


@dataclass(frozen=True)
class Surroundings:
    """What a facility's policies need of the gateway; `pace` is shared by its facilities.

    `actions` and `ledger` are those of one plugin, by its name; where one is None all plugins have the facility's.
    """

    facility: Facility
    reactor: Any
    journal: Journal | None = None
    ceiling: Ceiling = lambda call: None
    places: Places = nowhere
    patience: Patience = Patience()
    pace: Pace | None = None
    actions: Callable[[str], Actions] | None = None
    ledger: Callable[[str], Ledger] | None = None


def load(
    plugins: Mapping[str, Mapping[str, Any]],
    surroundings: Surroundings,
    found: Mapping[str, tuple[Installed, ...]] | None = None,
) -> Policies:
    """The policies of a facility whose configuration names these plugins, each with its settings, in this order.

    `found` are the plugins installed, those of this environment where it is None. Raises PluginErrors with all that is
    wrong: unknown names, unfit classes, settings, constructors that raise or do not return.
    """
    here = installed() if found is None else found
    loading = _Loading(surroundings)
    for name, given in plugins.items():
        loading.add(name, given, here)
    return loading.policies()


def plugin_class(name: str, found: Mapping[str, tuple[Installed, ...]]) -> type | str:
    """The class of an installed plugin, or why it cannot be had."""
    offers = found[name]
    if len(offers) > 1:
        return f"{' and '.join(offer.distribution for offer in offers)} both bring a plugin of this name"
    try:
        plugin: type = offers[0].entry.load()
    except (Exception, SystemExit) as error:
        return f"it could not be imported: {describe(error)}"
    return plugin


def tables(name: str, plugin: Any) -> MetaData:
    """The tables that a plugin's class defines; raises ValueError for one that is not named after the plugin."""
    metadata = MetaData()
    implementation = implementations(plugin).get("register_tables")
    if implementation is not None:
        implementation.function(metadata)
    for table in metadata.tables:
        if not table.startswith(f"{name.replace('-', '_')}_"):
            raise ValueError(f"table {table!r} must begin with {name.replace('-', '_')!r} and an underscore")
    return metadata


class _Loading:
    """One facility's loading: what is ready, and what is wrong."""

    def __init__(self, surroundings: Surroundings) -> None:
        self.around = surroundings
        self.manager = pluggy.PluginManager("parloir")
        self.manager.add_hookspecs(hookspecs)
        self.inbox = Inbox(surroundings.reactor)
        self.problems: list[Problem] = []
        self.enabled: list[Enabled] = []
        self.additions: list[Additions] = []

    def complain(self, path: Key, message: str, remedy: str) -> None:
        self.problems.append(problem(self.around.places, path, message, remedy))

    def add(self, name: str, given: Mapping[str, Any], found: Mapping[str, tuple[Installed, ...]]) -> None:
        path = ("facilities", self.around.facility.id, "plugins", name)
        if name not in found:
            near = get_close_matches(name, found, 1)
            known = f"use one of {', '.join(sorted(found))}" if found else "install it"
            self.complain(path, "no such plugin is installed", f"did you mean '{near[0]}'?" if near else known)
            return
        plugin = plugin_class(name, found)
        if isinstance(plugin, str):
            self.complain(path, plugin, "mend or remove it")
            return
        unfit = faults(plugin)
        for message, remedy in unfit:
            self.complain(path, message, remedy)
        settings = parse(getattr(plugin, "Settings", None), given, path, self.around.places) if not unfit else []
        if isinstance(settings, list):
            self.problems += settings
            return
        self.enable(name, plugin, settings, path)

    def enable(self, name: str, plugin: type, settings: object, path: Key) -> None:
        """Make the plugin and register it; with pluggy as the last guard over what was looked at already."""
        facility = self.around.facility
        if self.around.actions is not None:
            facility = replace(facility, actions=self.around.actions(name))
        if self.around.ledger is not None:
            facility = replace(facility, ledger=self.around.ledger(name))
        made = self.within(lambda: plugin(settings, facility), path, "it could not be made")
        if made is None or self.within(lambda: tables(name, plugin), path, "its tables do not fit") is None:
            return
        try:
            self.manager.register(made.value, name)
            self.manager.check_pending()
        except Exception as error:
            self.complain(path, f"it does not fit: {describe(error)}", "tell the plugin's vendor")
            return
        hooks = implementations(made.value)
        patience = self.around.patience
        deadline = patience.remote_deadline if getattr(plugin, "remote", False) else patience.deadline
        worker = Worker(f"{self.around.facility.id}.{name}", self.around.reactor, self.inbox)
        breaker = Breaker(patience.failures, patience.rest)
        self.additions.append(self.added(name, hooks, path))
        self.enabled.append(Enabled(name, hooks, worker, deadline, breaker))

    def added(self, name: str, hooks: Mapping[str, Any], path: Key) -> Additions:
        """The routes, pages and tasks that the plugin brings."""
        brought: dict[str, Any] = {}
        for kind in ("routes", "pages", "tasks"):
            hook = f"register_{kind}"
            if hook in hooks:
                asked = self.within(hooks[hook].function, path, f"{hook} failed", question(hook).values)
                brought[kind] = asked.value or () if asked else ()
        return Additions(name, **brought)

    def within(
        self, make: Callable[[], Any], path: Key, failure: str, read: Callable[[Any], Any] = lambda value: value
    ) -> Returned | None:
        """Run the plugin's code in a thread, so that one that hangs or exits does not take the gateway with it."""
        done: SimpleQueue[Job] = SimpleQueue()
        job = Job(make, (), read, done.put)
        Thread(target=job.run, name=f"loading {path[-1]}", daemon=True).start()
        try:
            done.get(timeout=self.around.patience.comes_up)
        except Empty:
            self.complain(path, f"{failure}: it took over {self.around.patience.comes_up:g} s", "mend or remove it")
            return None
        if isinstance(job.result, Raised):
            self.complain(path, f"{failure}: {job.result.error}", "mend or remove it")
            return None
        return job.result

    def policies(self) -> Policies:
        if self.problems:
            raise PluginErrors(tuple(self.problems))
        around, alert = self.around, self.around.facility.raise_alert
        pace = around.pace or Pace(around.reactor)
        listening = [each for each in self.enabled if NEWS & set(each.hooks)] if around.journal else []
        couriers = [Courier(each, around.journal, around.reactor, alert) for each in listening if around.journal]
        return Policies(Hooks(self.enabled, pace, alert), alert, around.ceiling, couriers, self.additions)
