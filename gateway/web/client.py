"""`parloir visits`: a client of the running gateway's HTTP API, found by its configuration."""

import argparse
import builtins
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from parloir.config import loader
from parloir.config.errors import ConfigErrors
from parloir.config.schema import Config
from parloir.web.connection import Connection, NotRunning, Rejected

OPEN = ("scheduled", "active")
LONG = "%Y-%m-%d %H:%M"


class NoSuchTime(Exception):
    """A start that cannot be read, or that the facility's clock skips."""


def add(options: argparse.Namespace) -> int:
    """Plan a visit and print its link and code; 0, or 1 with the reason on standard error."""
    return _with(options, _add)


def list(options: argparse.Namespace) -> int:
    """Print the visits, a line each."""
    return _with(options, _list)


def cancel(options: argparse.Namespace) -> int:
    """Call a visit off."""
    return _with(options, _cancel)


def moment(text: str, zone: ZoneInfo) -> str:
    """`now`, or a date and time by that zone's clock (or with an offset of its own), as the API takes it."""
    if text == "now":
        return text
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise NoSuchTime(f"--start {text}: give 'now' or a time like 2030-01-31T18:30") from error
    if given.tzinfo is not None:
        return given.isoformat()
    local = given.replace(tzinfo=zone)
    # A clock that goes forward skips an hour: such a time comes back from UTC as another.
    if datetime.fromtimestamp(local.timestamp(), zone).replace(tzinfo=None) != given:
        raise NoSuchTime(f"--start {text}: the clock of {zone.key} skips that time on that day")
    return local.isoformat()


def _with(options: argparse.Namespace, do: Callable[[argparse.Namespace, Config, Connection], None]) -> int:
    try:
        config = loader.load(options.config)
        do(options, config, Connection.to(config.gateway))
    except (ConfigErrors, NotRunning, Rejected, NoSuchTime) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _add(options: argparse.Namespace, config: Config, gateway: Connection) -> None:
    facility = config.facilities.get(options.facility)
    if facility is None:
        known = ", ".join(sorted(config.facilities)) or "none"
        raise Rejected(f"--facility {options.facility}: no such facility; there are: {known}")
    body = {
        "facility": options.facility,
        "station": options.station,
        "visitor": options.visitor,
        "start": moment(options.start, ZoneInfo(str(facility.timezone))),
        "minutes": options.minutes,
        "rings": options.ring,
    }
    visit = gateway.ask("POST", "/api/v1/visits", body)
    print(f"visit: {visit['link']}")
    print(f"code:  {visit['code']}")
    print(f"id:    {visit['id']}")


def _list(options: argparse.Namespace, config: Config, gateway: Connection) -> None:
    query = {"facility": options.facility} if options.facility else {}
    visits = gateway.ask("GET", "/api/v1/visits", query=query)["visits"]
    rows = [_row(visit, config) for visit in visits if options.all or visit["state"] in OPEN]
    if not rows:
        print("no visits")
        return
    rows.insert(0, ("ID", "START", "MIN", "STATION", "STATE", "CODE", "VISITOR", "LINK"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _row(visit: dict[str, Any], config: Config) -> tuple[str, ...]:
    start = datetime.fromisoformat(visit["start"])
    facility = config.facilities.get(visit["facility"])
    if facility is not None:
        start = start.astimezone(ZoneInfo(str(facility.timezone)))
    place = f"{visit['facility']}/{visit['station']}"
    columns: builtins.list[str] = [visit["id"], f"{start:{LONG}}", str(visit["minutes"]), place]
    return (*columns, visit["state"], visit["code"], visit["visitor"], visit["link"])


def _cancel(options: argparse.Namespace, config: Config, gateway: Connection) -> None:
    visit = gateway.ask("DELETE", f"/api/v1/visits/{options.visit}", {"reason": options.reason})
    print(f"cancelled: {visit['visitor']}, {visit['facility']}/{visit['station']}")
