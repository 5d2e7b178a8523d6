"""What each plugin answered to a question and how the answers were combined: the record that is kept. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from parloir.policy.spoken import say


class Outcome(StrEnum):
    """How it went to ask one plugin one question."""

    ANSWERED = "answered"
    SILENT = "silent"
    RAISED = "raised"
    LATE = "late"
    BROKEN = "broken"


FAILED = (Outcome.RAISED, Outcome.LATE, Outcome.BROKEN)


@dataclass(frozen=True)
class Answer:
    """What one plugin answered: the values, or what went wrong."""

    plugin: str
    outcome: Outcome
    values: tuple[Any, ...] = ()
    error: str = ""
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether the plugin did not do its part."""
        return self.outcome in FAILED


@dataclass(frozen=True)
class Reply:
    """An answer as it is kept: in words, with the milliseconds it took."""

    plugin: str
    outcome: Outcome
    said: str = ""
    error: str = ""
    milliseconds: int = 0


@dataclass(frozen=True)
class Asked:
    """One question: who answered what, the rule that combined it, what came of it, and what else there is to say."""

    question: str
    rule: str
    result: str
    replies: tuple[Reply, ...] = ()
    notes: tuple[str, ...] = ()


_TRAIL = TypeAdapter(tuple[Asked, ...])


def asked(question: str, rule: str, result: str, answers: Sequence[Answer], notes: tuple[str, ...] = ()) -> Asked:
    """The record of a question that was asked."""
    replies = tuple(
        Reply(each.plugin, each.outcome, "; ".join(map(say, each.values)), each.error, round(each.seconds * 1000))
        for each in answers
    )
    return Asked(question, rule, result, replies, notes)


def to_json(trail: Sequence[Asked]) -> list[Any]:
    """A trail as plain JSON data."""
    data: list[Any] = _TRAIL.dump_python(tuple(trail), mode="json")
    return data


def from_json(data: object) -> tuple[Asked, ...]:
    """A trail from its JSON data; raises pydantic's ValidationError for anything else."""
    return _TRAIL.validate_python(data)
