"""What plugins are shown of the ledger. Frozen; amounts are whole micro-dollars."""

from enum import StrEnum
from typing import Annotated, TypeAlias

from pydantic import AwareDatetime, Field
from pydantic.dataclasses import dataclass

from parloir.policy.participants import STRICT, Code, Line

Amount: TypeAlias = Annotated[int, Field(gt=0, le=100_000_000_000_000)]
"""Money that moves: above 0, and at most a hundred million dollars."""


class Holder(StrEnum):
    """Whose an account is. A resident's and a visitor's never go below 0; the facility's may, for it then owes."""

    RESIDENT = "resident"
    VISITOR = "visitor"
    FACILITY = "facility"


@dataclass(frozen=True, config=STRICT)
class Balance:
    """What an account may spend, and what is set aside for calls that are not settled yet."""

    available: int = 0
    held: int = 0

    @property
    def total(self) -> int:
        """Both."""
        return self.available + self.held


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Account:
    """One account. `id` is `resident:ID`, `visitor:ID` or `facility`; `reference` is the facility's own for its holder.

    `moved` is when money last came, went or was set aside. UTC times.
    """

    id: str
    holder: Holder
    owner: str = ""
    name: str = ""
    reference: str = ""
    opened: AwareDatetime
    moved: AwareDatetime
    balance: Balance = Balance()


@dataclass(frozen=True, kw_only=True, config=STRICT)
class LedgerEntry:
    """One entry as it moved one account: `amount` is what it added to or (below 0) took from available and held money.

    A hold or its release moves nothing between the account and the world: its amount is 0, and `set_aside` is what
    became held (below 0: available again). `taxes` are those within a charge, by code. `event` is unique.
    """

    number: int
    event: str
    kind: Code
    at: AwareDatetime
    amount: int
    set_aside: int = 0
    taxes: tuple[tuple[Code, int], ...] = ()
    call: str | None = None
    by: str = ""
    reason: Line = ""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class CallCharge:
    """What a call was charged when it was settled: `amount` for the call itself, `taxes` by code, from `account`.

    `refunded` is what has been given back of both since.
    """

    call: str
    account: str
    at: AwareDatetime
    amount: int
    taxes: tuple[tuple[Code, int], ...] = ()
    refunded: int = 0

    @property
    def total(self) -> int:
        """The call and the taxes on it."""
        return self.amount + sum(tax for _, tax in self.taxes)
