"""The price of a call from its tariff, the discounts and the legal cap. Pure; whole micro-dollars throughout."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from parloir.config.caps import Caps, LegalCap
from parloir.policy.answers import Discount, RateStep, Tariff
from parloir.policy.values import Call, Medium

FREE = (RateStep(0, 0),)


def agreed(tariff: Tariff, discounts: Sequence[Discount], ceiling: int | None) -> tuple[RateStep, ...]:
    """The tariff less the discounts, each off what the ones before left, rounded down; at no second over the cap."""
    starts = {step.from_second for step in tariff.steps}
    starts |= {each.first_seconds for each in discounts if each.first_seconds is not None}
    steps: list[RateStep] = []
    for start in sorted(starts):
        price = _at(tariff, start)
        for discount in discounts:
            if discount.first_seconds is None or start < discount.first_seconds:
                price = price * (100 - discount.percent) // 100
        if ceiling is not None:
            price = min(price, ceiling)
        if not steps or steps[-1].per_minute != price:
            steps.append(RateStep(start, price))
    return tuple(steps)


def legal_cap(caps: Caps, call: Call) -> LegalCap:
    """The cap on a call that begins at `call.at`, by its facility's own date: of its tier, for sound or picture."""
    day = call.at.astimezone(ZoneInfo(call.timezone)).date()
    return caps.cap(day, call.tier, (Medium.VIDEO if Medium.VIDEO in call.media else Medium.AUDIO).value)


def is_free(rate: Sequence[RateStep]) -> bool:
    """Whether nothing is charged at any second."""
    return all(step.per_minute == 0 for step in rate)


def _at(tariff: Tariff, second: int) -> int:
    return [step.per_minute for step in tariff.steps if step.from_second <= second][-1]
