"""A YAML file as plain data that remembers where every value was written.

Scalars follow YAML 1.2's JSON schema: true, false, null, integers and decimals; all else (0123456, 18:30, yes) is text.
"""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import yaml

from parloir.config.errors import Key, Problem
from parloir.config.stations import StationsFile, read_stations

Data: TypeAlias = "bool | int | float | str | list[Data] | dict[str, Data] | Missing | None"
_LARGEST = 1_000_000


@dataclass(frozen=True)
class Place:
    """A line of a file, from 1."""

    file: Path
    line: int


@dataclass(frozen=True)
class Missing:
    """Stands where a tag's value could not be had; what is wrong with it is already reported."""


@dataclass
class Document:
    """What was read: the data, the place of each path, the problems met, and the files that secrets came from."""

    file: Path
    data: Data = None
    places: dict[Key, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    missing: set[Key] = field(default_factory=set)
    secret_files: dict[Key, Path] = field(default_factory=dict)

    def place(self, path: Key) -> Place:
        """Where a path is written, or the nearest of what it lies in."""
        for length in range(len(path), -1, -1):
            if (found := self.places.get(path[:length])) is not None:
                return found
        return Place(self.file, 1)

    def complain(self, path: Key, message: str, remedy: str, place: Place | None = None) -> None:
        """Add a problem at this path."""
        at = place or self.place(path)
        self.problems.append(Problem(".".join(path), at.file, at.line, message, remedy))


class _Loader(yaml.SafeLoader):
    """PyYAML with YAML 1.2's plain scalars in place of 1.1's."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own name


for _kind, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("null", r"null|~|", ["n", "~", ""]),
    ("int", r"-?(?:0|[1-9][0-9]*)", "-0123456789"),
    ("float", r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", "-0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(f"(?:{_pattern})$"), list(_first))


def read(file: Path) -> Document:
    """Read a configuration file. Nothing is raised: what is wrong with the file or its tags is in `problems`."""
    document = Document(file)
    text = _text(document, (), file, "the configuration")
    if text is None:
        return document
    try:
        node = _compose(text)
        if node is not None:
            document.data = _Reader(document).value(node, ())
    except yaml.MarkedYAMLError as error:
        unclosed = "stream end" in (error.problem or "")
        mark = error.context_mark if unclosed and error.context_mark else error.problem_mark
        message = f"not YAML: {error.problem or error.context}"
        document.complain((), message, "mend this line", Place(file, mark.line + 1 if mark else 1))
    except yaml.YAMLError as error:
        document.complain((), f"not YAML: {str(error).splitlines()[0]}", "save the file as plain text")
    except RecursionError:
        document.complain((), "nested too deep to be a configuration", "remove the superfluous brackets")
    return document


def _compose(text: str) -> yaml.Node | None:
    """The one document in the text as YAML's own nodes, each with its place."""
    loader = _Loader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


class _Reader:
    """Turns YAML nodes into data, one document's."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.within: list[yaml.Node] = []

    def value(self, node: yaml.Node, path: Key) -> Data:
        self.document.places.setdefault(path, Place(self.document.file, node.start_mark.line + 1))
        if any(node is outer for outer in self.within):
            return self.lost(path, "an alias that lies in what it names", "write it out instead")
        self.within.append(node)
        try:
            if node.tag.startswith("!"):
                return self.tagged(node, path)
            if isinstance(node, yaml.MappingNode):
                return self.mapping(node, path)
            if isinstance(node, yaml.SequenceNode):
                return [self.value(item, (*path, str(index))) for index, item in enumerate(node.value)]
            return _scalar(node)
        finally:
            self.within.pop()

    def mapping(self, node: yaml.MappingNode, path: Key) -> Data:
        found: dict[str, Data] = {}
        for key, value in node.value:
            place = Place(self.document.file, key.start_mark.line + 1)
            if not isinstance(key, yaml.ScalarNode):
                self.document.complain(path, "a key that is not plain text", "write KEY: VALUE", place)
                continue
            inner = (*path, key.value)
            if key.value in found:
                first = self.document.places[inner].line
                message = f"duplicate key, first given on line {first}"
                self.document.complain(inner, message, "keep one of the two", place)
                continue
            self.document.places[inner] = place
            found[key.value] = self.value(value, inner)
        return found

    def tagged(self, node: yaml.Node, path: Key) -> Data:
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
            return self.lost(path, f"{node.tag} needs one word after it", "write !env NAME or !file PATH")
        words = node.value.strip()
        match node.tag:
            case "!env":
                return self.env(words, path)
            case "!file":
                return self.file(words, path)
            case "!include":
                return self.include(words, path)
        return self.lost(path, f"unknown tag {node.tag}", "use !env NAME, !file PATH or !include PATH")

    def env(self, name: str, path: Key) -> Data:
        if (value := os.environ.get(name)) is None:
            return self.lost(path, f"environment variable {name} is not set", "set it where the gateway is started")
        return value

    def file(self, name: str, path: Key) -> Data:
        file = self.document.file.parent / name
        text = _text(self.document, path, file, "this file")
        if text is None:
            self.document.missing.add(path)
            return Missing()
        self.document.secret_files[path] = file
        return text.rstrip("\r\n")

    def include(self, name: str, path: Key) -> Data:
        file = self.document.file.parent / name
        if file.suffix.lower() != ".csv":
            return self.lost(path, f"cannot include {name}", "name a .csv file of stations")
        text = _text(self.document, path, file, "this file")
        if text is None:
            self.document.missing.add(path)
            return Missing()
        return self.stations(read_stations(text), file, path)

    def stations(self, found: StationsFile, file: Path, path: Key) -> Data:
        for fault in found.faults:
            where = path if fault.station is None else (*path, fault.station)
            self.document.complain(where, fault.message, fault.remedy, Place(file, fault.line))
        rows: dict[str, Data] = {}
        for row in found.rows:
            inner = (*path, row.station)
            self.document.places[inner] = Place(file, row.line)
            keys: dict[str, Data] = dict(row.keys)
            if row.user is not None:
                keys["login"] = self.login(row.user, row.password_file, file, inner)
            rows[row.station] = keys
        return rows

    def login(self, user: str, password_file: str | None, file: Path, path: Key) -> Data:
        login: dict[str, Data] = {"user": user}
        if password_file is not None:
            inner = (*path, "login", "password")
            secret = file.parent / password_file
            text = _text(self.document, inner, secret, "this file")
            if text is None:
                self.document.missing.add(inner)
            else:
                self.document.secret_files[inner] = secret
            login["password"] = Missing() if text is None else text.rstrip("\r\n")
        return login

    def lost(self, path: Key, message: str, remedy: str) -> Missing:
        self.document.complain(path, message, remedy)
        self.document.missing.add(path)
        return Missing()


def _scalar(node: yaml.Node) -> Data:
    value = str(node.value)
    try:
        match node.tag:
            case "tag:yaml.org,2002:bool":
                return value == "true"
            case "tag:yaml.org,2002:null":
                return None
            case "tag:yaml.org,2002:int":
                return int(value) if len(value) <= 20 else value
            case "tag:yaml.org,2002:float":
                return float(value)
    except ValueError:  # an explicit !!int or !!float before something else
        return value
    return value


def _text(document: Document, path: Key, file: Path, what: str) -> str | None:
    """The text of a file, or None with the problem noted."""
    subject = f"{file} " if path else ""
    whole = None if path else Place(file, 0)
    try:
        with file.open("rb") as stream:
            content = stream.read(_LARGEST + 1)
    except FileNotFoundError:
        document.complain(path, f"{subject}does not exist", f"write {what} or correct its name", whole)
    except OSError as error:
        reason = (error.strerror or "error").lower()
        document.complain(path, f"{subject}cannot be read: {reason}", "let the gateway's user read it", whole)
    else:
        if len(content) > _LARGEST:
            document.complain(path, f"{subject}is over {_LARGEST} bytes", "name the right file", whole)
            return None
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            where = Place(file, line) if not path else None
            document.complain(path, f"{subject}is not UTF-8 text (line {line})", "save it as UTF-8", where)
    return None
