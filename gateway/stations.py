"""`parloir stations`: how things stand with the phones of the running gateway."""

import argparse
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from parloir.config import loader
from parloir.verbs import take_config, verb
from parloir.web.connection import Connection

HEADINGS = ("STATION", "KIND", "STATE", "ADDRESS", "LAST SEEN", "USER AGENT")
STATES = {
    "registered": "registered",
    "unconnected": "CONNECTION LOST",
    "not_registered": "NOT REGISTERED",
    "at_address": "at its address",
    "trunk_up": "trunk up",
    "trunk_down": "TRUNK DOWN",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `parloir stations` takes."""
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    what = "print each station: whether its phone is registered, where it is, and when it was last heard of"
    listing = verb(verbs, "list", what)
    listing.add_argument("--facility", help="only this facility's")
    take_config(listing)


def main(options: argparse.Namespace) -> int:
    """Print the stations, a line each."""
    gateway = Connection.to(loader.load(options.config).gateway)
    query = {"facility": options.facility} if options.facility else {}
    stations = gateway.ask("GET", "/api/v1/stations", query=query)["stations"]
    for line in table([HEADINGS, *map(row, stations)] if stations else [("no stations",)]):
        print(line)
    return 0


def row(station: dict[str, Any]) -> tuple[str, ...]:
    """A station's cells; times by this machine's clock."""
    where = " ".join(word for word in (station["transport"], station["address"]) if word)
    seen = moment(station["seen"]) if station["seen"] else "-"
    name = f"{station['facility']}/{station['station']}"
    return (name, station["kind"], STATES[station["reach"]], where or "-", seen, station["user_agent"] or "-")


def moment(text: str) -> str:
    """A time of the API's by this machine's clock."""
    return f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M:%S}"


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines, the columns under each other."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(c.ljust(width) for c, width in zip(row, widths, strict=True)).rstrip() for row in rows]
