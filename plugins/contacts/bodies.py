"""What the plugin's HTTP routes are sent."""

from typing import Annotated, TypeAlias

from pydantic import AwareDatetime, Field, StringConstraints

from parloir.api import Settings

Id: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Words: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class Person(Settings):
    """One person for a resident's list."""

    visitor: Id
    name: Words
    label: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""


class NewList(Settings):
    """A resident's list as it shall be. With `why`, an administrator changes it past its bounds."""

    resident: Id
    contacts: Annotated[tuple[Person, ...], Field(max_length=500)]
    why: Words | None = None


class NewBlock(Settings):
    """A block of a visitor: from one resident, or from all but those `except`; until `finish`, or for good."""

    visitor: Id
    resident: Id | None = None
    reason: Words
    finish: AwareDatetime | None = None
    except_: Annotated[frozenset[Id], Field(alias="except", max_length=500)] = frozenset()


class BlockId(Settings):
    """A block to lift."""

    block: Id


class Exemption(Settings):
    """A resident to let through a block of the whole facility, or no longer."""

    block: Id
    resident: Id


class NewSelfBlock(Settings):
    """A visitor's own block, of one resident or of all. Staff who enter it name the visitor who asked for it."""

    resident: Id | None = None
    visitor: Id | None = None
