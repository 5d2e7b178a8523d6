"""The terms on which a call's money was set aside, and what it comes to under them when it has ended. Pure."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from parloir.config.caps import Caps
from parloir.policy import price
from parloir.policy.answers import LONGEST, Ending, RateStep, Tax
from parloir.policy.decision import Decision
from parloir.policy.price import Charge
from parloir.policy.values import Medium


@dataclass(frozen=True)
class Quote:
    """What a call costs and for how many `seconds` at most it is paid, as its timeline keeps it (`hold_placed`).

    `cap` is the legal one that held when it was agreed, in micro-dollars a minute; `tier` the facility's (None: not
    configured) and `timezone` its clock, by which the cap that holds at the answer is found.
    """

    steps: tuple[RateStep, ...]
    cap: int | None
    taxes: tuple[Tax, ...]
    waived: tuple[Ending, ...]
    seconds: int
    tier: str | None
    timezone: str

    @classmethod
    def within(cls, balance: int | None, decision: Decision, tier: str | None, timezone: str) -> "Quote | None":
        """The terms for as long as the limit allows and the balance pays (None: whatever it comes to).

        What costs nothing at first needs no balance so long. None where the balance pays nothing.
        """
        assert decision.rate is not None
        steps, cap = decision.rate, decision.cap.per_minute if decision.cap else None
        wanted = LONGEST if decision.limit.seconds is None else decision.limit.seconds
        seconds = LONGEST if balance is None else price.affordable(steps, cap, decision.taxes, balance, wanted)
        if seconds < wanted and price.charge(steps, cap, decision.taxes, seconds).total == 0:
            seconds = price.free_seconds(steps, cap)
        if seconds == 0 < wanted:
            return None
        return cls(steps, cap, decision.taxes, decision.waived, seconds, tier, timezone)

    @classmethod
    def agreed(cls, decision: Decision, tier: str | None, timezone: str) -> "Quote":
        """The terms of a call for which money was set aside, as they were then."""
        assert decision.rate is not None
        assert decision.paid is not None
        cap = decision.cap.per_minute if decision.cap else None
        return cls(decision.rate, cap, decision.taxes, decision.waived, decision.paid.seconds, tier, timezone)

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "Quote":
        """The terms among an event's facts; raises pydantic's ValidationError where they are none."""
        return _QUOTE.validate_python(_some(facts, cls), strict=False)

    def facts(self) -> dict[str, Any]:
        """The terms as plain JSON data."""
        facts: dict[str, Any] = _QUOTE.dump_python(self, mode="json")
        return facts

    @property
    def most(self) -> Charge:
        """What the call may cost: what is set aside for it."""
        return price.charge(self.steps, self.cap, self.taxes, self.seconds)

    def bill(self, caps: Caps, *, seconds: int, answered: datetime | None, video: bool, ending: Ending) -> "Bill":
        """How a call is charged that ended so after so many seconds of two-way media, answered then (UTC)."""
        medium = Medium.VIDEO if video else Medium.AUDIO
        cap, day = self.cap, None
        if answered is not None:
            day = answered.astimezone(ZoneInfo(self.timezone)).date()
            now = caps.cap(day, self.tier, medium.value).per_minute
            cap = now if self.cap is None else min(now, self.cap)
        return Bill(min(seconds, self.seconds), medium, day, cap, ending, ending in self.waived)

    def charge(self, bill: "Bill") -> Charge:
        """What a bill comes to: never more than was set aside."""
        if bill.waived:
            return Charge(bill.seconds)
        return price.charge(self.steps, bill.cap, self.taxes, bill.seconds)


@dataclass(frozen=True)
class Bill:
    """How a call is charged, as its timeline keeps it (`charged`, `hold_released`): for whole seconds of two-way media.

    `cap` is the lower of the quote's and of that which held for the medium on `day`, the facility's date when the
    phone was answered (None: it never was).
    """

    seconds: int
    medium: Medium
    day: date | None
    cap: int | None
    ending: Ending
    waived: bool

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "Bill":
        """The bill among an event's facts; raises pydantic's ValidationError where there is none."""
        return _BILL.validate_python(_some(facts, cls), strict=False)

    def facts(self) -> dict[str, Any]:
        """The bill as plain JSON data."""
        facts: dict[str, Any] = _BILL.dump_python(self, mode="json")
        return facts


_QUOTE = TypeAdapter(Quote)
_BILL = TypeAdapter(Bill)


def _some(facts: Mapping[str, Any], kind: type[Quote] | type[Bill]) -> dict[str, Any]:
    """What one of these is made of, out of all that an event tells."""
    return {name: facts[name] for name in kind.__dataclass_fields__ if name in facts}
