"""What is wrong with a plugin's class before any of its code is run: each fault with its remedy."""

import inspect
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel

from parloir.policy import hookspecs
from parloir.policy.hooks import Implementation

API = 1
HOOKS = {
    name: tuple(inspect.signature(function).parameters)
    for name, function in vars(hookspecs).items()
    if hasattr(function, "parloir_spec")
}
"""Every hook's name and its arguments."""
NEWS = frozenset({"call_event", "visit_event", "person_event", "alert"})
OF_THE_CLASS = frozenset({"register_tables", "register_commands"})
Fault = tuple[str, str]


def faults(plugin: object) -> list[Fault]:
    """All that is wrong with the class, as message and remedy."""
    if not inspect.isclass(plugin):
        return [("its entry point does not name a class", "name the plugin's class there")]
    return [*_declarations(plugin), *(fault for name in dir(plugin) for fault in _member(plugin, name))]


def implementations(plugin: Any) -> dict[str, Implementation]:
    """The hooks that a plugin without faults has: of its instance, or of its class."""
    return {
        name: Implementation(getattr(plugin, name), tuple(_named(getattr(plugin, name), arguments)))
        for name, arguments in HOOKS.items()
        if _options(inspect.getattr_static(plugin, name, None)) is not None
    }


def _declarations(plugin: type) -> Iterator[Fault]:
    api = getattr(plugin, "api", None)
    if api is None:
        yield "it does not say which API it is written for", f"add 'api = {API}' to the class"
    elif type(api) is not int or api != API:
        yield f"it is written for API {api!r}, and this is {API}", "install a version of it that fits"
    if type(getattr(plugin, "remote", False)) is not bool:
        yield "its 'remote' is neither True nor False", "write 'remote = True' or remove it"
    settings = getattr(plugin, "Settings", None)
    if settings is not None and not (inspect.isclass(settings) and issubclass(settings, BaseModel)):
        yield "its 'Settings' is not a model", "make it a subclass of parloir.api.Settings"


def _member(plugin: type, name: str) -> Iterator[Fault]:
    static = inspect.getattr_static(plugin, name)
    options = _options(static)
    if options is None:
        if name in HOOKS and callable(getattr(plugin, name, None)):
            yield f"{name} has the name of a hook but is not marked", "mark it with @hookimpl or rename it"
        return
    if name not in HOOKS:
        near = get_close_matches(name, HOOKS, 1)
        yield f"{name} is no hook", f"did you mean '{near[0]}'?" if near else "remove its @hookimpl"
        return
    if taken := sorted(option for option, value in options.items() if value):
        yield f"{name} is marked with {', '.join(taken)}", "write plain @hookimpl: each plugin answers for itself"
    function = getattr(plugin, name)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        yield f"{name} yields", "return the answer instead"
    if name in OF_THE_CLASS and not isinstance(static, classmethod | staticmethod):
        yield f"{name} is asked of the class", "put @classmethod above it, and @hookimpl below that"
    yield from _arguments(name, static)


def _arguments(name: str, static: object) -> Iterator[Fault]:
    function = getattr(static, "__func__", static)
    parameters = list(inspect.signature(function).parameters.values())  # type: ignore[arg-type]
    if not isinstance(static, staticmethod):
        parameters = parameters[1:]
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            star = str(parameter).partition(parameter.name)[0]
            yield (
                f"{name} takes {star}{parameter.name}",
                f"name what it uses of {', '.join(HOOKS[name]) or 'no arguments'}",
            )
        elif parameter.name not in HOOKS[name] and parameter.default is parameter.empty:
            near = get_close_matches(parameter.name, HOOKS[name], 1)
            known = f"use {', '.join(HOOKS[name])}" if HOOKS[name] else "this hook has none"
            yield (
                f"{name} has an unknown argument {parameter.name!r}",
                f"did you mean '{near[0]}'?" if near else known,
            )


def _named(function: Any, arguments: tuple[str, ...]) -> Iterator[str]:
    return (name for name in inspect.signature(function).parameters if name in arguments)


def _options(member: object) -> dict[str, Any] | None:
    """What @hookimpl wrote on a method, beneath or above @classmethod; None for one that is not marked."""
    options = getattr(member, "parloir_impl", None) or getattr(getattr(member, "__func__", None), "parloir_impl", None)
    return options if isinstance(options, dict) else None
