"""What a facility writes under `plugins: contacts:`."""

from typing import Annotated, Self, TypeAlias

from pydantic import Field, Strict, model_validator

from parloir.api import RelationshipKind, Settings, Unfit

from ..period import Per, Weekday

Kinds: TypeAlias = frozenset[RelationshipKind]
DayOfMonth: TypeAlias = Annotated[int, Strict(), Field(ge=1, le=31)]
PRIVILEGED = frozenset(kind for kind in RelationshipKind if kind.privileged)


class ContactList(Settings):
    """The list that each resident keeps of people to talk to.

    It holds `most` people, and people are put on it `changes` times per `per`, on the days of the month from
    `first_day` to `last_day`. Those whose relationship is one of `unlisted` need not be on it, and do not count there.
    """

    most: Annotated[int, Strict(), Field(ge=1, le=500)] = 20
    changes: Annotated[int, Strict(), Field(ge=1, le=1000)] = 1
    per: Per = Per.MONTH
    week_starts: Weekday = Weekday.MONDAY
    first_day: DayOfMonth = 1
    last_day: DayOfMonth = 31
    unlisted: Kinds = PRIVILEGED

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first_day > self.last_day:
            raise Unfit(f"first_day {self.first_day} comes after last_day {self.last_day}", "swap them")
        return self


class ContactsSettings(Settings):
    """`list: null` does without lists; blocks, separations and relationships are looked at all the same.

    Staff who book a visit vouch for the people in it, where `staff_vouch` says so: they need be neither on the list nor
    approved, but nobody whom staff denied is let in, and blocks hold. `spared` are kinds of relationship that a block
    of the whole facility does not reach. Relationships of the kinds in `approve` need no decision by staff.
    """

    list_: ContactList | None = Field(default=ContactList(), alias="list")
    relationship_required: Annotated[bool, Strict()] = True
    staff_vouch: Annotated[bool, Strict()] = True
    spared: Kinds = frozenset()
    approve: Kinds = frozenset()

    @model_validator(mode="after")
    def _staff_decide(self) -> Self:
        if never := sorted(self.approve & (PRIVILEGED | {RelationshipKind.UNSTATED})):
            raise Unfit(f"approve names {', '.join(never)}", "leave it out: only staff can approve it")
        return self
