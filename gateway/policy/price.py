"""What so many seconds of a call cost, in whole cents, and how long money lasts. Pure, and integers throughout.

Amounts are micro-dollars. A charge and each tax on it are rounded down to the cent.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from parloir.policy.answers import LONGEST, RateStep, Tax

CENT = 10_000
MINUTE = 60
MILLION = 1_000_000


@dataclass(frozen=True)
class Charge:
    """What is paid for so many whole seconds: `amount` for the call, then each tax by its code, in micro-dollars."""

    seconds: int
    amount: int = 0
    taxes: tuple[tuple[str, int], ...] = ()

    @property
    def total(self) -> int:
        """The call and the taxes on it."""
        return self.amount + sum(tax for _, tax in self.taxes)


def cost(steps: Sequence[RateStep], seconds: int) -> int:
    """The exact price of the first `seconds` of a call, in sixtieths of a micro-dollar."""
    ends = [*(step.from_second for step in steps[1:]), max(seconds, steps[-1].from_second)]
    return sum(
        step.per_minute * max(0, min(seconds, end) - step.from_second) for step, end in zip(steps, ends, strict=True)
    )


def floor_cents(sixtieths: int) -> int:
    """An exact price in sixtieths of a micro-dollar, rounded down to whole cents, in micro-dollars."""
    return sixtieths // (MINUTE * CENT) * CENT


def charge(steps: Sequence[RateStep], cap: int | None, taxes: Sequence[Tax], seconds: int) -> Charge:
    """The charge for so many whole seconds: never more than `cap` micro-dollars a minute (None: no cap) before tax."""
    amount = floor_cents(cost(steps, seconds))
    if cap is not None:
        amount = min(amount, floor_cents(cap * seconds))
    return Charge(seconds, amount, tuple((tax.code, tax.on(amount)) for tax in taxes))


def affordable(
    steps: Sequence[RateStep], cap: int | None, taxes: Sequence[Tax], balance: int, most: int = LONGEST
) -> int:
    """The most whole seconds, `most` at the most, whose charge and taxes the balance pays."""
    enough, beyond = 0, most + 1
    while beyond - enough > 1:
        middle = (enough + beyond) // 2
        if charge(steps, cap, taxes, middle).total <= balance:
            enough = middle
        else:
            beyond = middle
    return enough if balance >= 0 else 0


def free_seconds(steps: Sequence[RateStep], cap: int | None) -> int:
    """For how many seconds from its start a call costs nothing at all; LONGEST where it never does."""
    if cap == 0:
        return LONGEST
    return next((step.from_second for step in steps if step.per_minute), LONGEST)
