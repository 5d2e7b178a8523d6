"""`parloir plugins`: which there are, why a call was decided as it was, and the start of a new one."""

import argparse
from importlib import import_module
from pathlib import Path

from parloir.verbs import Verbs, take_config, verb


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `parloir plugins` takes."""
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    what = "print the plugins that are installed, where they are enabled, and how they are"
    take_config(_verb(verbs, "list", what))
    what = "print who was asked what about a call, who answered what, and how it was combined"
    explaining = _verb(verbs, "explain", what)
    take_config(explaining)
    explaining.add_argument("call", metavar="CALL", help="its id, as the log and the API name it")
    what = "write a package with a plugin to begin with, its settings, its tests and their CI"
    making = _verb(verbs, "new", what)
    making.add_argument("name", metavar="NAME", help="the plugin's name: small letters, digits and dashes")
    making.add_argument(
        "--dir", type=Path, default=Path(), metavar="D", help="where to make its folder (default: here)"
    )


def main(options: argparse.Namespace) -> int:
    """Do what was asked; 0, or an error is raised."""
    command = import_module(f"parloir.vendor_{options.verb}")
    status: int = command.main(options)
    return status


def _verb(verbs: "Verbs[argparse.ArgumentParser]", name: str, what: str) -> argparse.ArgumentParser:
    parser = verb(verbs, name, what)
    parser.set_defaults(verb=name)
    return parser
