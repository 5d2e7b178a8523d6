"""The command `parloir`: its words and options. What a command does lives in the module of its own noun."""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from parloir import __version__
from parloir.config.errors import ConfigError, ConfigErrors, Problem
from parloir.errors import ParloirError
from parloir.verbs import Verbs, take_config, take_file, verb

if TYPE_CHECKING:
    from parloir.config.schema import Config

OWN_OPTIONS = {
    "people": ("people", "take residents, visitors and relationships from files, and make visitors' links"),
    "staff": ("staff", "say who may log in"),
    "plugins": ("vendor", "see which plugins there are, explain decisions, begin a new plugin"),
    "audit": ("audit", "prove that the audit chain is as it was written"),
    "ledger": ("ledger", "prove the ledger, print balances and entries"),
    "rates": ("rates", "print the legal caps on prices that are in force"),
    "recordings": ("recordings", "find, hold, hand on, verify and expire recordings, and look after their keys"),
    "nodes": ("nodes", "see which gateways share the database, and give up one that never comes back"),
    "backup": ("backup", "copy all that the gateway cannot do without, while it runs"),
    "restore": ("restore", "put the gateway's data back from a backup"),
    "stations": ("stations", "say which phones are registered, where they are, and when they were heard of"),
    "bans": ("bans", "list and lift the bans of those who guessed passwords"),
    "trace": ("trace", "print the ladder of a phone's SIP messages"),
    "phone": ("phone", "a simulated SIP video phone, for trying things out"),
    "demo": ("demo", "a whole visit on this machine: gateway, phone and a link to open"),
    "bench": ("bench", "measure what a call costs this machine"),
}
"""Commands with options of their own: the module `parloir.NAME` that takes them, and what the command does."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 1 failed, 2 wrongly asked."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        options = _parser(words).parse_args(words)
        command: Callable[[argparse.Namespace], int] = options.command
        return command(options)
    except ConfigErrors as errors:
        _print(errors.problems)
        print(f"parloir: {_count(len(errors.problems), 'error')}", file=sys.stderr)
    except (ConfigError, ParloirError) as error:
        print(f"parloir: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 1


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="parloir",
        description="Bridge a facility's SIP phones to visitors' browsers.",
        epilog="Begin with 'parloir demo', or with 'parloir init' for a real set-up. Plugins may have commands of "
        "their own: see 'parloir billing --help'.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"parloir {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _file(commands, "init", _init, "write a first configuration and its secrets", "the file to write")
    _file(commands, "check", _check, "say all that is wrong with a configuration", "the file to read")
    _file(commands, "run", _run, "run the gateway", "its configuration")
    _visits(commands)
    _database(commands)
    for name, (noun, what) in OWN_OPTIONS.items():
        own = verb(commands, name, what)
        if words[:1] == [name]:
            module = import_module(f"parloir.{noun}")
            module.add_arguments(own)
            own.set_defaults(command=module.main)
    if words and not words[0].startswith("-") and words[0] not in commands.choices:
        import_module("parloir.vendor_commands").add(commands, words[0])
    return parser


def _file(
    commands: "Verbs[argparse.ArgumentParser]",
    name: str,
    command: Callable[[argparse.Namespace], int],
    what: str,
    which: str,
) -> None:
    parser = verb(commands, name, what)
    take_file(parser, which)
    parser.set_defaults(command=command)


def _visits(commands: "Verbs[argparse.ArgumentParser]") -> None:
    visits = verb(commands, "visits", "add, list and cancel visits on a running gateway")
    verbs = visits.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add = _visit_command(verbs, "add", "plan a visit and print its link and code")
    add.add_argument("--facility", required=True, help="its name in the configuration")
    add.add_argument("--station", required=True, help="the phone inside, by its name in the configuration")
    add.add_argument("--visitor", required=True, help="the visitor's name")
    add.add_argument("--start", default="now", help="'now' or like 2030-01-31T18:30, by the facility's clock")
    add.add_argument("--minutes", type=int, default=20, help="how long it lasts (default: 20)")
    add.add_argument("--no-ring", dest="ring", action="store_false", help="wait for the phone to dial the code")
    listing = _visit_command(verbs, "list", "print the visits that are planned and under way")
    listing.add_argument("--facility", help="only this facility's")
    listing.add_argument("--all", action="store_true", help="those that are over too")
    cancel = _visit_command(verbs, "cancel", "call a visit off")
    cancel.add_argument("visit", metavar="ID", help="as 'parloir visits list' prints it")
    cancel.add_argument("--reason", default="cancelled by staff", help="what the visitor's page says")


def _visit_command(verbs: "Verbs[argparse.ArgumentParser]", name: str, what: str) -> argparse.ArgumentParser:
    parser = verb(verbs, name, what)
    take_config(parser)

    def command(options: argparse.Namespace) -> int:
        carry_out: Callable[[argparse.Namespace], int] = getattr(import_module("parloir.web.client"), name)
        return carry_out(options)

    parser.set_defaults(command=command)
    return parser


def _database(commands: "Verbs[argparse.ArgumentParser]") -> None:
    database = verb(commands, "db", "look after the gateway's database")
    verbs = database.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _file(verbs, "upgrade", _upgrade, "bring the database to this version's schema", "the gateway's configuration")


def _init(options: argparse.Namespace) -> int:
    from parloir.config import first

    token = first.write(options.file)
    print(f"{options.file}: written")
    print(f"{token}: the API's token, keep it secret")
    print(f"Next: edit {options.file}, then run: parloir check {options.file}")
    return 0


def _check(options: argparse.Namespace) -> int:
    _examined(options.file)
    print(f"{options.file}: ok")
    return 0


def _run(options: argparse.Namespace) -> int:
    config = _examined(options.file)
    status: int = import_module("parloir.run").run(config, options.file)
    return status


def _examined(file: Path) -> "Config":
    """The configuration, its plugins looked at too; warnings are printed. Raises ConfigErrors."""
    from parloir.config import caps, loader
    from parloir.policy import check

    examination = loader.examine(file)
    _print(examination.warnings, "warning: ")
    config = examination.config
    problems = examination.problems if config is None else check.problems(config.facilities, examination.place)
    if config is None or problems:
        raise ConfigErrors(problems)
    doubts = check.warnings(config.facilities, examination.place, caps.shipped(), date.today())
    _print(doubts, "warning: ")
    return config


def _upgrade(options: argparse.Namespace) -> int:
    from parloir.config import loader

    gateway = loader.load(options.file).gateway
    with import_module("parloir.offline").bare(gateway) as store:
        backup = import_module("parloir.store.schema").upgrade(store.engine, gateway.data_dir)
    print(f"the database is at this version's schema{f'; before it: {backup}' if backup else ''}")
    return 0


def _print(problems: Iterable[Problem], mark: str = "") -> None:
    for problem in problems:
        print(f"{mark}{problem}", file=sys.stderr)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


if __name__ == "__main__":
    sys.exit(main())
