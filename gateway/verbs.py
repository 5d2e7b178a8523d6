"""How commands take their verbs and the configuration: said once, so that all help reads alike."""

import argparse
from pathlib import Path

Verbs = argparse._SubParsersAction  # the only name argparse has for what add_subparsers returns

DEFAULT = Path("parloir.yaml")
CONFIGURATION = "the gateway's configuration"


def verb(verbs: "Verbs[argparse.ArgumentParser]", name: str, what: str) -> argparse.ArgumentParser:
    """One verb of a command, or a command; `what` it does is its line in the list, and the sentence of its own help."""
    return verbs.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.", allow_abbrev=False)


def take_file(parser: argparse.ArgumentParser, which: str = CONFIGURATION, to: str = "file") -> None:
    """Let it take a file, the configuration, as a word that may be left out; `to` names it among the options."""
    help_ = f"{which} (default: {DEFAULT})"
    parser.add_argument(to, nargs="?", type=Path, default=DEFAULT, metavar="FILE", help=help_)


def take_config(parser: argparse.ArgumentParser) -> None:
    """Let it take the configuration as the option --config."""
    help_ = f"{CONFIGURATION} (default: {DEFAULT})"
    parser.add_argument("--config", type=Path, default=DEFAULT, metavar="FILE", help=help_)
