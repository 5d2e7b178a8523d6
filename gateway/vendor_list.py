"""`parloir plugins list`: a line for each plugin that is installed, or that a facility names."""

import argparse
import sys
from collections.abc import Iterable, Mapping

from parloir.config import loader
from parloir.config.schema import Facility
from parloir.policy.discovery import Installed, installed
from parloir.verbs import DEFAULT
from parloir.web.connection import Connection, NotRunning

HEAD = ("PLUGIN", "VERSION", "DISTRIBUTION", "ENABLED IN", "HEALTH")
Row = tuple[str, ...]


def main(options: argparse.Namespace) -> int:
    """Print the table; where no gateway runs, nobody's health is known, and that is said.

    Without a configuration, given or in its usual place, it is only what is installed.
    """
    if options.config == DEFAULT and not DEFAULT.exists():
        _print(rows(installed(), {}, None))
        return 0
    config = loader.load(options.config)
    parts: Mapping[str, bool] | None = None
    try:
        parts = Connection.to(config.gateway).health()
    except NotRunning as error:
        print(f"the plugins' health is not known: {error}", file=sys.stderr)
    _print(rows(installed(), config.facilities, parts))
    return 0


def rows(
    found: Mapping[str, tuple[Installed, ...]], facilities: Mapping[str, Facility], parts: Mapping[str, bool] | None
) -> tuple[Row, ...]:
    """By name, what HEAD heads; `parts` is what the running gateway says, None where none runs."""
    enabled: dict[str, list[str]] = {}
    for id, facility in facilities.items():
        for name in facility.plugins:
            enabled.setdefault(name, []).append(id)
    made: list[Row] = []
    for name in sorted({*found, *enabled}):
        where = enabled.get(name, [])
        offers = [(each.version or "-", each.distribution or "-") for each in found.get(name, ())]
        for version, distribution in offers or [("-", "not installed")]:
            made.append((name, version, distribution, ", ".join(where) or "-", _health(name, where, parts)))
    return tuple(made)


def table(made: Iterable[Row]) -> tuple[str, ...]:
    """The rows as lines under their head."""
    lines = [HEAD, *made]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    return tuple(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _print(made: Iterable[Row]) -> None:
    print("\n".join(table(made)))


def _health(name: str, facilities: Iterable[str], parts: Mapping[str, bool] | None) -> str:
    """How a plugin is in the facilities that enable it: the gateway has a part for each, FACILITY.PLUGIN."""
    if parts is None:
        return "unknown" if facilities else "-"
    said = {id: parts.get(f"{id}.{name}") for id in facilities}
    failing = [id for id, well in said.items() if well is False]
    missing = [id for id, well in said.items() if well is None]
    faults = {"failing": failing, "not loaded": missing}
    worse = [f"{fault} in {', '.join(where)}" for fault, where in faults.items() if where]
    return "; ".join(worse) or ("ok" if said else "-")
