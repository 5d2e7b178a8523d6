"""What is wrong with a configuration, each problem with its place and what to do about it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

Key: TypeAlias = tuple[str, ...]
"""A path in the configuration: its keys from the outermost in; a place in a list is its number from "0"."""


class ConfigError(Exception):
    """The configuration cannot be used; the message says where and what to change."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong at one place: dotted path ("": the whole file), file, line from 1 (0: none), and the remedy."""

    path: str
    file: Path
    line: int
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: " if self.line else f"{self.file}: "
        what = f"{self.path}: {self.message}" if self.path else self.message
        return where + what + (f", {self.remedy}" if self.remedy else "")


class ConfigErrors(ConfigError):
    """Everything that is wrong with a configuration, in the order of its lines; mend each and check again."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))


class Unfit(ValueError):
    """A value that cannot be what its key wants; the key's place is added where it is known."""

    def __init__(self, message: str, remedy: str) -> None:
        self.message = message
        self.remedy = remedy
        super().__init__(f"{message}, {remedy}")
