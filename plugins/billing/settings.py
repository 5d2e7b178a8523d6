"""What a facility writes under `plugins: billing:`."""

from itertools import pairwise
from typing import Annotated, Self, TypeAlias

from pydantic import Field, SecretStr, Strict, StringConstraints, model_validator

from parloir.api import CallClass, Ending, Holder, Medium, Settings, Unfit

from ..period import Per, Weekday
from .money import DOLLAR, Percent, Price, Sum
from .which import Which

Code: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Minutes: TypeAlias = Annotated[int, Strict(), Field(ge=1, le=44_640)]
Calls: TypeAlias = Annotated[int, Strict(), Field(ge=1, le=10_000)]
Days: TypeAlias = Annotated[int, Strict(), Field(ge=1, le=3650)]

WAIVED = frozenset(
    {Ending.FACILITY_FAULT, Ending.LOCKDOWN, Ending.CANCELLED, Ending.NO_ANSWER, Ending.DROPPED},
)


class Step(Settings):
    """A price from a minute of the call on."""

    from_minute: Annotated[int, Strict(), Field(ge=0, le=1439)]
    per_minute: Price


class Rate(Which):
    """What a minute costs, all through a call or step after step."""

    per_minute: Price | None = None
    steps: Annotated[tuple[Step, ...], Field(max_length=24)] = ()

    @model_validator(mode="after")
    def _one_price(self) -> Self:
        if (self.per_minute is None) is not bool(self.steps):
            raise Unfit("a rate has one price or steps", "give per_minute or steps")
        minutes = [step.from_minute for step in self.steps]
        if minutes and (minutes[0] != 0 or any(later <= earlier for earlier, later in pairwise(minutes))):
            raise Unfit("the steps do not rise from minute 0", "begin with from_minute: 0 and put them in order")
        if self.call_class is CallClass.PRIVILEGED:
            raise Unfit("privileged calls are free", "leave this rate out")
        return self

    @property
    def prices(self) -> tuple[tuple[int, int], ...]:
        """From which minute of the call on, what a minute costs."""
        return tuple((step.from_minute, step.per_minute) for step in self.steps) or ((0, self.per_minute or 0),)


class Discount(Which):
    """Per cent off the rate, for the first minutes or for all of the call."""

    percent: Annotated[int, Strict(), Field(ge=1, le=100)]
    code: Code = "discount"
    first_minutes: Annotated[int, Strict(), Field(ge=1, le=1439)] | None = None


class Levy(Settings):
    """A tax passed through to whoever pays, without mark-up; of calls by one medium, or of all."""

    code: Code
    percent: Percent
    medium: Medium | None = None


class Counted(Settings):
    """So many calls, or minutes, of a resident's in a period, by one medium or by all."""

    per: Per
    calls: Calls | None = None
    minutes: Minutes | None = None
    medium: Medium | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if (self.calls is None) is (self.minutes is None):
            raise Unfit("free calls are counted one way", "give calls or minutes")
        return self


class Indigent(Counted):
    """Free calls of residents without money: less than `below` in the account, and less came in for so many `days`."""

    below: Sum
    days: Days = 30


class Payments(Settings):
    """Who takes money in for the facility: a provider that is installed, with its own settings.

    The one named `sandbox` moves no money and takes `sandbox: true`, so that nobody enables it by mistake.
    """

    provider: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
    sandbox: Annotated[bool, Strict()] = False
    secret: Annotated[SecretStr, Field(min_length=16, max_length=1000)]
    least: Sum = 5 * DOLLAR
    most: Sum = 200 * DOLLAR
    settings: dict[str, str | int | bool] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _meant(self) -> Self:
        if (self.provider == "sandbox") is not self.sandbox:
            raise Unfit(
                "sandbox: true belongs to the provider sandbox and to no other",
                "name a real provider and leave sandbox out, or set both",
            )
        if not 0 < self.least <= self.most:
            raise Unfit("least and most leave nothing to pay", "give a least above 0 and no more than most")
        return self


class Prices(Settings):
    """What the facility itself pays for: an hour of one processor, and a gigabyte (10^9 bytes) either way."""

    cpu_hour: Price = 0
    gigabyte: Price = 0


class BillingSettings(Settings):
    """Rates are tried from the top and the first that fits holds; the last one fits every call.

    `accounts` pay in this order, the first that has money. All `free` rules, and all counts of `first_free`, hold that
    fit. Below `low_balance` both parties are told when a call begins. A call that ends in one of the ways `waived`
    costs nothing. An account without movement for `idle_days` is reported.
    """

    accounts: Annotated[tuple[Holder, ...], Field(min_length=1, max_length=3)] = (Holder.RESIDENT, Holder.VISITOR)
    rates: Annotated[tuple[Rate, ...], Field(min_length=1, max_length=100)]
    free: Annotated[tuple[Which, ...], Field(max_length=100)] = ()
    first_free: Annotated[tuple[Counted, ...], Field(max_length=20)] = ()
    indigent: Indigent | None = None
    discounts: Annotated[tuple[Discount, ...], Field(max_length=20)] = ()
    taxes: Annotated[tuple[Levy, ...], Field(max_length=10)] = ()
    waived: frozenset[Ending] = WAIVED
    low_balance: Sum = 2 * DOLLAR
    week_starts: Weekday = Weekday.MONDAY
    payments: Payments | None = None
    prices: Prices = Prices()
    idle_days: Days = 180

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len(set(self.accounts)) < len(self.accounts):
            raise Unfit("accounts names one twice", "name each once")
        if Holder.FACILITY in self.accounts[:-1]:
            raise Unfit("the facility's account always pays, so none after it would", "put facility last")
        if not self.rates[-1].fits_all:
            raise Unfit(
                "no rate fits every call, and a call without a rate is denied", "end with one without conditions"
            )
        codes = [levy.code for levy in self.taxes]
        if len(set(codes)) < len(codes):
            raise Unfit("two taxes have one code", "give each a code of its own")
        return self

    @property
    def dearest(self) -> dict[Medium, int]:
        """The most that a minute may come to by each medium, in micro-dollars, whatever the call."""
        return {
            medium: max(price for rate in self.rates if rate.medium in (None, medium) for _, price in rate.prices)
            for medium in Medium
        }
