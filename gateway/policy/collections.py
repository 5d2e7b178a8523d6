"""What a plugin adds to the gateway: tasks, routes, pages and commands."""

from argparse import ArgumentParser
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Task:
    """Work done every so many seconds, a `def` or an `async def`; a run that takes longer than that is given up."""

    name: str
    every: float
    run: Callable[[], Awaitable[None] | None]


VISITOR = "visitor"
"""The role of a visitor whom the visitors' portal has logged in."""
VISIT = "visit"
"""The role of a visit's own page, for its first visitor. Whoever has the link has it, so show it nothing private."""
REFUND_REQUESTS = "refund-requests"
"""A POST route of this path and the role VISIT is offered on a visit's page once one of its calls was charged. It is
asked with {"call", "words"}: the call's id, and the visitor's words."""
WEBHOOK = "webhook"
"""The role of anybody at all. A route with it has no other, and proves by itself who asks."""


@dataclass(frozen=True)
class Request:
    """What an HTTP route is given: who asks, the query, and the body already read as JSON.

    A webhook is given the body as it came, in `raw`, and the headers, by small names; nobody is known to have asked.
    """

    user: str
    roles: tuple[str, ...]
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    raw: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


JSON = "application/json"
TEXTS = ("text/plain", "text/csv", "text/html")


@dataclass(frozen=True)
class Reply:
    """What an HTTP route answers: a status, and a body that is JSON or, where `media` is one of TEXTS, text."""

    body: Any
    status: int = 200
    media: str = JSON


@dataclass(frozen=True)
class Route:
    """One HTTP route, open to those with one of these roles; `answer` is a `def` or an `async def`."""

    method: str
    path: str
    roles: tuple[str, ...]
    answer: Callable[[Request], Awaitable[Reply] | Reply]


@dataclass(frozen=True)
class Page:
    """A page for staff with one of these roles: its title, and the folder of its static files with an index.html."""

    title: str
    roles: tuple[str, ...]
    folder: str


class Commands(Protocol):
    """Takes the subcommands of one plugin."""

    def add(self, name: str, help: str, run: Callable[[Any], int]) -> ArgumentParser:
        """Add `parloir PLUGIN NAME`; add arguments to the parser that is returned. `run` gets them parsed."""

    def add_for_facility(self, name: str, help: str, run: Callable[[Any, Any], Awaitable[int]]) -> ArgumentParser:
        """The same for a command that works on a facility's data, beside the running gateway or without it.

        It takes `--config` and `--facility` too. `run` is an `async def` and gets the options and the plugin, made for
        that facility with its settings. Of `facility`, all but `actions` works.
        """
