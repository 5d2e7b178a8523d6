"""What is wrong with the plugins that a configuration names, before anything runs: none of them is made."""

from collections.abc import Iterator, Mapping
from datetime import date
from difflib import get_close_matches

from parloir.config.caps import Caps
from parloir.config.errors import Problem
from parloir.config.schema import Facility
from parloir.policy import price_check
from parloir.policy.discovery import Installed, installed
from parloir.policy.inspection import faults, implementations
from parloir.policy.loader import plugin_class
from parloir.policy.settings import Places, parse, problem


def problems(
    facilities: Mapping[str, Facility], places: Places, found: Mapping[str, tuple[Installed, ...]] | None = None
) -> tuple[Problem, ...]:
    """Unknown plugins, unfit classes and wrong settings, each where it is written. Imports the plugins it looks at."""
    here = installed() if found is None else found
    return tuple(
        each
        for id, facility in facilities.items()
        for each in (
            *(wrong for name in facility.plugins for wrong in _problems(id, facility, name, places, here)),
            *_unchosen(id, facility, places, here),
        )
    )


def warnings(
    facilities: Mapping[str, Facility],
    places: Places,
    caps: Caps,
    today: date,
    found: Mapping[str, tuple[Installed, ...]] | None = None,
) -> tuple[Problem, ...]:
    """What is doubtful about the prices of plugins that rate calls; those that `problems` names are left out."""
    here = installed() if found is None else found
    return tuple(
        each
        for id, facility in facilities.items()
        for name in facility.plugins
        for each in _doubts(id, facility, name, places, here, caps, today)
    )


def _problems(
    id: str, facility: Facility, name: str, places: Places, found: Mapping[str, tuple[Installed, ...]]
) -> Iterator[Problem]:
    path = ("facilities", id, "plugins", name)
    if name not in found:
        near = get_close_matches(name, found, 1)
        known = f"use one of {', '.join(sorted(found))}" if found else "install it"
        yield problem(places, path, "no such plugin is installed", f"did you mean '{near[0]}'?" if near else known)
        return
    plugin = plugin_class(name, found)
    if isinstance(plugin, str):
        yield problem(places, path, plugin, "mend or remove it")
        return
    unfit = [problem(places, path, message, remedy) for message, remedy in faults(plugin)]
    yield from unfit
    settings = parse(getattr(plugin, "Settings", None), facility.plugins[name], path, places) if not unfit else []
    if isinstance(settings, list):
        yield from settings


def _unchosen(
    id: str, facility: Facility, places: Places, found: Mapping[str, tuple[Installed, ...]]
) -> Iterator[Problem]:
    """Whoever may record says what becomes of a call whose recording fails."""
    if facility.recording.on_failure is not None:
        return
    for name in facility.plugins:
        plugin = plugin_class(name, found) if name in found else ""
        if not isinstance(plugin, str) and "may_record" in implementations(plugin):
            message = f"must be given, for plugin {name} may have calls recorded"
            remedy = "write recording: {on_failure: end}, or go_on: what becomes of a call whose recording fails"
            yield problem(places, ("facilities", id, "recording", "on_failure"), message, remedy)
            return


def _doubts(
    id: str,
    facility: Facility,
    name: str,
    places: Places,
    found: Mapping[str, tuple[Installed, ...]],
    caps: Caps,
    today: date,
) -> Iterator[Problem]:
    plugin = plugin_class(name, found) if name in found else ""
    if isinstance(plugin, str) or faults(plugin) or "rate_call" not in implementations(plugin):
        return
    path = ("facilities", id, "plugins", name)
    settings = parse(getattr(plugin, "Settings", None), facility.plugins[name], path, places)
    if not isinstance(settings, list):
        for where, message, remedy in price_check.doubts(path[:2], facility, name, settings, caps, today):
            yield problem(places, where, message, remedy)
