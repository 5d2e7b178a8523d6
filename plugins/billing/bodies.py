"""What billing's HTTP routes are sent. Amounts are decimal text, as "12.50"."""

from typing import Annotated, Self, TypeAlias

from pydantic import Field, StringConstraints, model_validator

from parloir.api import Holder, Settings

from .money import Sum

Id: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Account: TypeAlias = Annotated[str, StringConstraints(pattern=r"^(resident:|visitor:).{1,80}$|^facility$")]
Words: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Amount: TypeAlias = Annotated[Sum, Field(gt=0)]


class Money(Settings):
    """Money of somebody's: by their `account`, or as `holder` and the facility's own `number` for them."""

    account: Account | None = None
    holder: Holder | None = None
    number: Id | None = None
    amount: Amount
    reference: Id

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        named = self.holder is not None and self.number is not None
        if (self.account is None) is not named:
            raise ValueError("give account, or holder and number")
        return self


class Deposit(Money):
    """Money that was paid in at a counter. `reference` is the receipt's, so that none is entered twice."""

    note: Annotated[str, StringConstraints(max_length=200)] = ""


class Withdrawal(Money):
    """Money that a holder takes back. `reference` is the check's or the slip's."""

    reason: Words


class Refund(Settings):
    """What a call was charged is given back: all that is left, or `amount`."""

    call: Id
    amount: Amount | None = None
    reason: Words


class NewRequest(Settings):
    """A visitor asks for money back for a call of theirs, or of a visit of theirs; without either, for their last."""

    call: Id | None = None
    visit: Id | None = None
    words: Words


class Declined(Settings):
    """A request is not granted."""

    id: Id
    answer: Words


class NewPayment(Settings):
    """Money to be paid in through the provider. A visitor's goes into their own account where none is named."""

    account: Account | None = None
    amount: Amount


class PaymentRefund(Settings):
    """A payment is given back to whoever made it."""

    id: Id
    reason: Words


class PaymentId(Settings):
    """A payment of the sandbox to be made."""

    id: Id
