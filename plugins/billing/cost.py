"""What a call cost the facility to carry, from what was measured, beside what it was charged. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from parloir.api import CallCharge

from .settings import Prices
from .traffic import Traffic

GIGABYTE = 1_000_000_000
CPU_HOUR = 3_600_000


@dataclass(frozen=True)
class Cost:
    """One call's, in micro-dollars: compute (None: not measured), bandwidth, and what it was charged before tax, less
    all that was given back."""

    traffic: Traffic
    compute: int | None
    bandwidth: int
    charged: int

    @property
    def total(self) -> int:
        """What it cost, as far as it was measured."""
        return (self.compute or 0) + self.bandwidth


def costs(traffic: Iterable[Traffic], charges: Iterable[CallCharge], prices: Prices) -> tuple[Cost, ...]:
    """Each call's cost, rounded up to the micro-dollar: what was used is never made cheaper by rounding."""
    kept = {charge.call: max(0, charge.amount - charge.refunded) for charge in charges}
    return tuple(
        Cost(
            each,
            None if each.cpu is None else -(-each.cpu * prices.cpu_hour // CPU_HOUR),
            -(-each.octets * prices.gigabyte // GIGABYTE),
            kept.get(each.call, 0),
        )
        for each in traffic
    )
