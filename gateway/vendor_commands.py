"""`parloir NAME ...`: the commands that a plugin brings, read when its name is the first word."""

import argparse
from collections.abc import Awaitable, Callable
from typing import Any

from parloir import vendor_facility
from parloir.errors import ParloirError
from parloir.policy.discovery import installed
from parloir.policy.inspection import faults, implementations
from parloir.policy.job import describe
from parloir.policy.loader import plugin_class

Commands = argparse._SubParsersAction  # the only name argparse has for what add_subparsers returns


class CommandsMissing(ParloirError):
    """A plugin's commands could not be had; mend the plugin, or ask its vendor."""

    def __init__(self, plugin: str, why: str) -> None:
        super().__init__(f"the commands of the plugin {plugin!r} are missing: {why}")
        self.plugin = plugin


class _Verbs:
    """Takes one plugin's subcommands."""

    def __init__(self, verbs: "Commands[argparse.ArgumentParser]", name: str, plugin: type) -> None:
        self._verbs = verbs
        self._name = name
        self._plugin = plugin

    def add(self, name: str, help: str, run: Callable[[Any], int]) -> argparse.ArgumentParser:
        """See parloir.api.Commands."""
        parser = self._verbs.add_parser(name, help=help, description=help, allow_abbrev=False)
        parser.set_defaults(command=run)
        return parser

    def add_for_facility(
        self, name: str, help: str, run: Callable[[Any, Any], Awaitable[int]]
    ) -> argparse.ArgumentParser:
        """See parloir.api.Commands."""
        parser = self.add(name, help, lambda options: vendor_facility.run(self._name, self._plugin, options, run))
        vendor_facility.add_arguments(parser)
        return parser


def add(commands: "Commands[argparse.ArgumentParser]", name: str) -> None:
    """Add the command of that plugin, if one of that name is installed. Raises CommandsMissing."""
    found = installed()
    if name not in found:
        return
    plugin = plugin_class(name, found)
    if isinstance(plugin, str):
        raise CommandsMissing(name, plugin)
    for message, remedy in faults(plugin):
        raise CommandsMissing(name, f"{message}, {remedy}")
    hook = implementations(plugin).get("register_commands")
    if hook is None:
        raise CommandsMissing(name, "it has none")
    own = commands.add_parser(name, description=f"Commands of the plugin {name}.", allow_abbrev=False)
    verbs = own.add_subparsers(title="commands", metavar="COMMAND", required=True)
    try:
        hook.function(*(_Verbs(verbs, name, plugin) for _ in hook.arguments))
    except (Exception, SystemExit) as error:
        raise CommandsMissing(name, describe(error)) from error
