"""`parloir bans`: who is banned for guessing passwords at the running gateway, and how to let them in again."""

import argparse

from parloir.config import loader
from parloir.stations import moment, table
from parloir.verbs import take_config, verb
from parloir.web.connection import Connection

HEADINGS = ("ADDRESS", "BANNED", "UNTIL", "TIMES")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `parloir bans` takes."""
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listing = verb(verbs, "list", "print the addresses from which nothing is read, and until when")
    lifting = verb(verbs, "lift", "read an address again from now on")
    lifting.add_argument("address", metavar="ADDRESS", help="as 'parloir bans list' prints it")
    for each, do in ((listing, _list), (lifting, _lift)):
        take_config(each)
        each.set_defaults(verb=do)


def main(options: argparse.Namespace) -> int:
    """Do what is asked at the gateway; 0, or 1 with the reason on standard error."""
    options.verb(options, Connection.to(loader.load(options.config).gateway))
    return 0


def _list(options: argparse.Namespace, gateway: Connection) -> None:
    bans = gateway.ask("GET", "/api/v1/bans")["bans"]
    rows = [(ban["address"], moment(ban["since"]), moment(ban["until"]), str(ban["times"])) for ban in bans]
    for line in table([HEADINGS, *rows] if rows else [("no bans",)]):
        print(line)


def _lift(options: argparse.Namespace, gateway: Connection) -> None:
    gateway.ask("DELETE", f"/api/v1/bans/{options.address}")
    print(f"lifted: {options.address}")
