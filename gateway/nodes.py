"""`parloir nodes`: the gateways on one database, and how to give up one that never comes back."""

import argparse
import time
from datetime import UTC, datetime

from parloir.config import loader
from parloir.offline import Store, opened
from parloir.store import audit, nodes
from parloir.store.nodes import Standing
from parloir.verbs import take_config, verb


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `parloir nodes` takes."""
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, dest="verb")
    listing = verb(verbs, "list", "print the gateways in whose name there are calls or phones")
    releasing = verb(verbs, "release", "end in the records what a gateway that never comes back has left")
    releasing.add_argument("node", metavar="NODE", help="as 'parloir nodes list' prints it")
    take_config(listing)
    take_config(releasing)


def main(options: argparse.Namespace) -> int:
    """Do what is asked in the database; 0, or 1 with the reason on standard error."""
    with opened(loader.load(options.config).gateway) as store:
        if options.verb == "list":
            _list(store)
        else:
            _release(store, options.node)
    return 0


def _list(store: Store) -> None:
    with store.reading() as connection:
        found = nodes.standing(connection)
    for each in found:
        print(f"{each.node}: {_said(each)}{f'; heard at {each.heard:%Y-%m-%d %H:%M:%S} UTC' if each.heard else ''}")
    if not found:
        print("nothing is in the name of any gateway")


def _release(store: Store, node: str) -> None:
    with store.transaction() as connection:
        given_up = nodes.release(connection, node, datetime.now(UTC), time.monotonic_ns())
        facts = {"calls": given_up.calls, "dialogs": given_up.dialogs, "phones": given_up.phones}
        audit.append(connection, store.actor, "node.released", f"node {node}", facts)
    print(f"{node}: released {_said(given_up)}")


def _said(each: Standing) -> str:
    return ", ".join(
        f"{number} {noun}{'' if number == 1 else 's'}"
        for number, noun in ((each.calls, "live call"), (each.dialogs, "SIP dialog"), (each.phones, "registered phone"))
    )
