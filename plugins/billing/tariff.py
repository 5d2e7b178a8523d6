"""What a call costs by a facility's rates, less discounts and free minutes. Pure; whole micro-dollars."""

from collections.abc import Sequence
from typing import TypeAlias
from zoneinfo import ZoneInfo

from parloir.api import Call, RateStep, Tariff, Tax

from .settings import BillingSettings, Discount
from .which import medium_of

Prices: TypeAlias = Sequence[tuple[int, int]]
"""From which minute of a call on, what a minute costs."""
MINUTE = 60
LONGEST = 86_400


def tariff(settings: BillingSettings, call: Call, zone: ZoneInfo, free_seconds: int = 0) -> Tariff:
    """The first rate that fits, less each discount that fits, from the end of the call's free seconds on.

    A rate's and a discount's minutes count from the call's beginning, free ones too.
    """
    rate = next(rate for rate in settings.rates if rate.fits(call, zone))
    discounts = [each for each in settings.discounts if each.fits(call, zone)]
    return Tariff(
        steps=_steps(rate.prices, discounts, min(free_seconds, LONGEST)),
        code="rates",
        taxes=tuple(Tax(levy.code, levy.percent) for levy in settings.taxes if levy.medium in (None, medium_of(call))),
        waived=tuple(sorted(settings.waived)),
    )


def _steps(prices: Prices, discounts: Sequence[Discount], free: int) -> tuple[RateStep, ...]:
    starts = {0, *(minute * MINUTE for minute, _ in prices)}
    starts |= {each.first_minutes * MINUTE for each in discounts if each.first_minutes is not None}
    starts |= {free} if free < LONGEST else set()
    steps: list[RateStep] = []
    for start in sorted(starts):
        price = 0 if start < free else _price(prices, discounts, start)
        if not steps or steps[-1].per_minute != price:
            steps.append(RateStep(start, price))
    return tuple(steps)


def _price(prices: Prices, discounts: Sequence[Discount], second: int) -> int:
    price = [price for minute, price in prices if minute * MINUTE <= second][-1]
    for each in discounts:
        if each.first_minutes is None or second < each.first_minutes * MINUTE:
            price = price * (100 - each.percent) // 100
    return price
