"""`parloir bans`: who is banned for guessing passwords at the running gateway, and how to let them in again."""

import argparse
from pathlib import Path

from parloir.config import loader
from parloir.stations import DEFAULT, moment, table
from parloir.web.connection import Connection

HEADINGS = ("ADDRESS", "BANNED", "UNTIL", "TIMES")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `parloir bans` takes."""
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    what = "print the addresses from which nothing is read, and until when"
    listing = verbs.add_parser("list", help=what, description=f"{what.capitalize()}.", allow_abbrev=False)
    what = "read an address again from now on"
    lifting = verbs.add_parser("lift", help=what, description=f"{what.capitalize()}.", allow_abbrev=False)
    lifting.add_argument("address", metavar="ADDRESS", help="as 'parloir bans list' prints it")
    for verb, do in ((listing, _list), (lifting, _lift)):
        help_ = f"the gateway's configuration (default: {DEFAULT})"
        verb.add_argument("--config", type=Path, default=DEFAULT, metavar="FILE", help=help_)
        verb.set_defaults(verb=do)


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
