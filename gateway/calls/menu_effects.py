"""What the attendant's menu asks of the gateway, and of whom it speaks. Pure values."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias


class What(StrEnum):
    """What is looked up for the resident."""

    CONTACTS = "contacts"
    VISITS = "visits"
    BALANCE = "balance"


class Back(StrEnum):
    """Why a call that was asked for did not come about, by the prompt that says it."""

    NOT_HERE = "not-here"
    DECLINED = "declined"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True)
class Entry:
    """Whom to call: `key` is the visitor's or the visit's id, `at` a visit's time by the facility's clock."""

    what: What
    key: str
    name: str = field(repr=False)
    at: datetime | None = None


@dataclass(frozen=True)
class Say:
    """Prompts to play in a row, in place of what is being said; each as "language/name"."""

    prompts: tuple[str, ...]
    endless: bool = False


@dataclass(frozen=True)
class Hush:
    """Cut short what is being said."""


@dataclass(frozen=True)
class Check:
    """Whose number and PIN are these? To be answered by `known` or `unknown`."""

    number: str = field(repr=False)
    pin: str = field(repr=False)


@dataclass(frozen=True)
class Find:
    """To be answered by `found`, or `has` for the balance."""

    what: What


@dataclass(frozen=True)
class Connect:
    """Call them; `came_back` if that comes to nothing."""

    entry: Entry


@dataclass(frozen=True)
class Abandon:
    """The call is not wanted any more."""


@dataclass(frozen=True)
class Refer:
    """Send the phone to the hotline of that key."""

    key: str


@dataclass(frozen=True)
class HangUp:
    """The menu is over."""


Do: TypeAlias = Say | Hush | Check | Find | Connect | Abandon | Refer | HangUp
Effects: TypeAlias = tuple[Do, ...]
