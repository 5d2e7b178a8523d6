"""Which plugins are installed: the distributions' entry points of the group `parloir.plugins`."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol

GROUP = "parloir.plugins"


class Entry(Protocol):
    """What gives a plugin's class: an entry point, or in a test the class itself."""

    def load(self) -> Any:
        """Import the class; raises whatever its module raises."""


@dataclass(frozen=True)
class Installed:
    """One plugin that a distribution brings; nothing of it is imported until it is enabled."""

    name: str
    distribution: str
    version: str
    entry: Entry


def installed(points: Iterable[EntryPoint] | None = None) -> dict[str, tuple[Installed, ...]]:
    """The plugins by name; more than one under a name means that distributions quarrel about it."""
    found: dict[str, tuple[Installed, ...]] = {}
    for point in entry_points(group=GROUP) if points is None else points:
        name, version = (point.dist.name, point.dist.version) if point.dist else ("", "")
        found[point.name] = (*found.get(point.name, ()), Installed(point.name, name, version, point))
    return found
