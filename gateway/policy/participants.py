"""Who takes part in a call, as plugins see them, and what ties them to one another."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypeAlias

from pydantic import AwareDatetime, ConfigDict, StringConstraints
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)
"""How every value of this package is checked when it is made."""

Code: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
"""A reason in one word, as in `outside_hours`: small letters, digits and underscores, 64 at most."""

Line: TypeAlias = Annotated[str, StringConstraints(max_length=500)]
"""Text for a person to read, 500 characters at most."""


class RelationshipKind(StrEnum):
    """What a visitor is to a resident. UNSTATED: nobody wrote it down, so the call's class cannot be known."""

    FAMILY = "family"
    FRIEND = "friend"
    OTHER = "other"
    ATTORNEY = "attorney"
    CLERGY = "clergy"
    MEDICAL = "medical"
    CONSULAR = "consular"
    UNSTATED = "unstated"

    @property
    def privileged(self) -> bool:
        """Whether the law protects what these two say to each other."""
        return self in (self.ATTORNEY, self.CLERGY, self.MEDICAL, self.CONSULAR)


class RelationshipState(StrEnum):
    """Where staff's decision on a relationship stands."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Relationship:
    """One tie of a visitor to a resident, by the resident's id; None means the resident of this very call or visit."""

    kind: RelationshipKind
    state: RelationshipState
    resident: str | None = None
    expires: AwareDatetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether staff approved it and it has not expired by then."""
        return self.state is RelationshipState.APPROVED and (self.expires is None or at < self.expires)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Resident:
    """The person inside. `status` is the facility's own word (in custody, released, in hospital ...)."""

    id: str
    name: str
    unit: str = ""
    status: str = ""
    languages: tuple[str, ...] = ()
    accommodations: tuple[Code, ...] = ()


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Visitor:
    """A person outside, with every relationship on record, those with other residents too.

    `no_contact` says that an order forbids contact with this call's resident; `phone` is their telephone number.
    """

    id: str
    name: str
    relationships: tuple[Relationship, ...] = ()
    minor: bool = False
    no_contact: bool = False
    languages: tuple[str, ...] = ()
    phone: Line = ""

    def with_resident(self, resident: Resident | None) -> tuple[Relationship, ...]:
        """The relationships with that resident."""
        id = resident.id if resident else None
        return tuple(each for each in self.relationships if each.resident is None or each.resident == id)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Contact:
    """A visitor that a resident may call, as the attendant offers them; `label` is what the resident calls them."""

    visitor: str
    name: str
    label: str = ""
