"""`parloir plugins explain`: how a call came to be decided, as its timeline keeps it."""

import argparse
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from parloir.config import loader
from parloir.config.schema import Config
from parloir.errors import ParloirError
from parloir.policy.explain import explain
from parloir.policy.trail import from_json
from parloir.web.connection import Connection, NotRunning, Rejected


class NotAnswered(ParloirError):
    """The running gateway could not be asked, or does not know the call; the message says which."""


class NotDecided(ParloirError):
    """The call's timeline holds no decision: the call ended before, or is a hotline call, of which nothing is kept."""

    def __init__(self, call: str, state: str) -> None:
        super().__init__(
            f"call {call} ({state}) has no decision on record: it ended before one was made, or is a hotline call"
        )
        self.call = call


class TrailUnreadable(ParloirError):
    """A decision is on record in a form that this version does not know; ask with the gateway's own version."""

    def __init__(self, call: str) -> None:
        super().__init__(f"call {call}: its decision is not written as this version writes it; use the gateway's own")
        self.call = call


def main(options: argparse.Namespace) -> int:
    """Print each decision of the call; raises NotAnswered, NotDecided or TrailUnreadable."""
    config = loader.load(options.config)
    try:
        call = Connection.to(config.gateway).ask("GET", f"/api/v1/calls/{options.call}")
    except (NotRunning, Rejected) as error:
        raise NotAnswered(str(error)) from error
    print("\n\n".join(paragraphs(call, config)))
    return 0


def paragraphs(call: dict[str, Any], config: Config) -> Iterator[str]:
    """The call, then each of its decisions; times are by the facility's clock."""
    decided = [event for event in call["timeline"] if event["kind"] == "decided"]
    if not decided:
        raise NotDecided(call["id"], call["state"])
    facility = config.facilities.get(call["facility"])
    zone = ZoneInfo(facility.timezone if facility else "UTC")
    yield f"call {call['id']}: {call['facility']}/{call['station']}, {call['class']}, {call['state']}"
    for event in decided:
        at = datetime.fromisoformat(event["wall"]).astimezone(zone)
        try:
            trail = from_json(event["data"].get("trail"))
        except ValidationError as error:
            raise TrailUnreadable(call["id"]) from error
        yield f"decided {at:%Y-%m-%d %H:%M:%S} {zone.key}:"
        yield explain(trail)
