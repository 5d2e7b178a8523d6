"""What may be answered to each hook, read from the hooks' own annotations."""

from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from parloir.policy import hookspecs
from parloir.policy.errors import PolicyError

MOST = 10_000


class WrongAnswer(PolicyError):
    """A plugin answered with something that its hook does not list under `Return`; correct the plugin."""

    def __init__(self, hook: str, found: str, wanted: str) -> None:
        super().__init__(f"{hook} was answered with {found}: return {wanted}")
        self.hook = hook


@dataclass(frozen=True)
class Question:
    """A hook's name, the types it may be answered with, and whether a tuple of them is an answer too."""

    name: str
    types: tuple[type, ...]
    many: bool

    def values(self, answer: object) -> tuple[Any, ...] | None:
        """The answer's values, or None for no answer; raises WrongAnswer. Subclasses of a listed type will not do."""
        if answer is None or not self.types:
            return None
        values = answer if self.many and type(answer) is tuple else (answer,)
        if len(values) > MOST:
            raise WrongAnswer(self.name, f"{len(values)} values", f"{MOST} at most")
        for value in values:
            if type(value) not in self.types:
                raise WrongAnswer(self.name, type(value).__name__, self.wanted)
        return values

    @property
    def wanted(self) -> str:
        """What may be returned, in words."""
        names = ", ".join(each.__name__ for each in self.types)
        return f"{names}{' or a tuple of them' if self.many else ''} or None"


@cache
def question(name: str) -> Question:
    """What the hook of that name may be answered with."""
    options = _options(get_type_hints(getattr(hookspecs, name))["return"])
    types = [option for option in options if isinstance(option, type) and option is not NoneType]
    tuples = [option for option in options if get_origin(option) is tuple]
    inner = [each for option in tuples for each in _options(get_args(option)[0])]
    return Question(name, tuple(dict.fromkeys([*types, *inner])), bool(tuples))


def _options(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
