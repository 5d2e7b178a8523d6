"""What plugins answer. Each value checks itself when it is made, so a wrong one is its plugin's error."""

from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, model_validator
from pydantic.dataclasses import dataclass

from parloir.policy.participants import STRICT, Code, Line

LONGEST = 86_400
ANNOUNCED = 30.0


class CallClass(StrEnum):
    """What a call is before the law, from the least to the most protected.

    A privileged call is never recorded, listened to or watched. A call whose class is unknown is not connected.
    """

    ORDINARY = "ordinary"
    PRIVILEGED = "privileged"
    UNKNOWN = "unknown"

    @property
    def protection(self) -> int:
        """0 for the least protected; of several classes the highest number holds."""
        return list(CallClass).index(self)


class DenialKind(StrEnum):
    """What a denial is about. Privileged calls are not denied for EXEMPT_IF_PRIVILEGED."""

    IDENTITY = "identity"
    ORDER = "order"
    CONTACT = "contact"
    SCHEDULE = "schedule"
    QUOTA = "quota"
    BALANCE = "balance"
    SUSPENSION = "suspension"
    FACILITY = "facility"


EXEMPT_IF_PRIVILEGED = frozenset({DenialKind.QUOTA, DenialKind.BALANCE, DenialKind.SUSPENSION})


@dataclass(frozen=True, config=STRICT)
class Words:
    """The same said in English and in Spanish."""

    en: Line
    es: Line

    def pick(self, language: str) -> str:
        """The text in that language (`es`, `es-MX` ...), English where it is another."""
        return self.es if language.split("-")[0] == "es" else self.en


@dataclass(frozen=True, config=STRICT)
class Identity:
    """The resident on the phone is this one; `how` says what proves it."""

    resident: str
    how: Code


@dataclass(frozen=True, config=STRICT)
class Allow:
    """No objection, with a reason that `parloir plugins explain` shows. It overrules nobody's denial."""

    code: Code = "allowed"


@dataclass(frozen=True, config=STRICT)
class Deny:
    """Not allowed. `words` is read to the visitor where the code is not one of Parloir's own; `staff` is for staff."""

    kind: DenialKind
    code: Code
    words: Words | None = None
    staff: Line = ""


@dataclass(frozen=True, config=STRICT)
class Yes:
    """This may be done. As an answer to may_monitor, `present` has the parties talk only while somebody listens."""

    code: Code = "allowed"
    present: bool = False


@dataclass(frozen=True, config=STRICT)
class No:
    """This may not be done."""

    code: Code


class PayerKind(StrEnum):
    """Who pays. NOBODY makes the call free."""

    RESIDENT = "resident"
    VISITOR = "visitor"
    FACILITY = "facility"
    NOBODY = "nobody"


@dataclass(frozen=True, config=STRICT)
class Payer:
    """Who pays for the call, and from which account of the plugin that answers."""

    kind: PayerKind
    account: str | None = None


@dataclass(frozen=True, config=STRICT)
class RateStep:
    """A price from a second of the call on (0: its start), in whole micro-dollars a minute."""

    from_second: Annotated[int, Field(ge=0, le=LONGEST)]
    per_minute: Annotated[int, Field(ge=0, le=100_000_000)]


@dataclass(frozen=True, config=STRICT)
class Tax:
    """A tax passed through to whoever pays: so many millionths of the charge, rounded down to the cent."""

    code: Code
    ppm: Annotated[int, Field(ge=0, le=1_000_000)]

    def on(self, charge: int) -> int:
        """The tax on a charge, in micro-dollars."""
        return charge * self.ppm // 10_000_000_000 * 10_000


class Ending(StrEnum):
    """How a call ended, as far as its price is concerned.

    NO_ANSWER: nobody answered, or the phone could not be reached. DROPPED: a side's media was lost and did not come
    back. FACILITY_FAULT: the gateway or its host failed, or was stopped. LOCKDOWN: a plugin ended the call for the
    facility. OFFICER: staff ended it. CANCELLED: staff cancelled the visit. LIMIT: its time was over.
    """

    HUNG_UP = "hung_up"
    LIMIT = "limit"
    NO_ANSWER = "no_answer"
    DROPPED = "dropped"
    FACILITY_FAULT = "facility_fault"
    LOCKDOWN = "lockdown"
    OFFICER = "officer"
    CANCELLED = "cancelled"


@dataclass(frozen=True, config=STRICT)
class Tariff:
    """The price of the call, step after step; the first begins at second 0.

    `taxes` come on top of the charge. A call that ends in one of the ways `waived` costs nothing.
    """

    steps: Annotated[tuple[RateStep, ...], Field(min_length=1, max_length=100)]
    code: Code = "tariff"
    taxes: Annotated[tuple[Tax, ...], Field(max_length=10)] = ()
    waived: tuple[Ending, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        seconds = [step.from_second for step in self.steps]
        if seconds[0] != 0 or any(later <= earlier for earlier, later in pairwise(seconds)):
            raise ValueError("the steps of a tariff begin at second 0 and rise")
        if len({tax.code for tax in self.taxes}) < len(self.taxes):
            raise ValueError("each tax of a tariff has a code of its own")
        return self


@dataclass(frozen=True, config=STRICT)
class Discount:
    """Per cent off the tariff, for the first seconds of the call or (None) for all of it."""

    percent: Annotated[int, Field(ge=1, le=100)]
    code: Code
    first_seconds: Annotated[int, Field(ge=1, le=LONGEST)] | None = None


class CapKind(StrEnum):
    """HARD caps (a slot's end, a balance, lockdown) hold as they are; POLICY caps can be extended."""

    HARD = "hard"
    POLICY = "policy"


@dataclass(frozen=True, config=STRICT)
class Cap:
    """The call may last so many seconds, counted from its connection.

    So many seconds (`warn`) before the call's end, whichever cap makes it, both parties are told how long they have.
    """

    seconds: Annotated[int, Field(ge=0, le=LONGEST)]
    kind: CapKind
    code: Code
    warn: Annotated[tuple[Annotated[int, Field(ge=1, le=3600)], ...], Field(max_length=5)] = ()


@dataclass(frozen=True, config=STRICT)
class Extend:
    """Policy caps are so many times as long, as for a resident who signs or types."""

    factor: Annotated[float, Field(ge=1.0, le=10.0)]
    code: Code


@dataclass(frozen=True, config=STRICT)
class Announcement:
    """What both parties hear before they hear each other, and read on the page.

    `sound` is the path of a WAV file in the facility's language (16-bit PCM, one channel) that lasts `seconds`.
    An announcement whose code was already given is left out.
    """

    code: Code
    words: Words
    seconds: Annotated[float, Field(gt=0.0, le=ANNOUNCED)]
    sound: str | None = None


@dataclass(frozen=True, config=STRICT)
class Slot:
    """A time at a station that can be booked."""

    station: str
    start: AwareDatetime
    end: AwareDatetime

    @property
    def key(self) -> tuple[str, datetime, datetime]:
        """What two plugins must agree on to offer the same slot."""
        return self.station, self.start, self.end


@dataclass(frozen=True, config=STRICT)
class Keep:
    """A recording is kept for so many days from its making."""

    days: Annotated[int, Field(ge=0, le=36_500)]
    code: Code


@dataclass(frozen=True, config=STRICT)
class LegalHold:
    """A recording is kept until the hold is lifted."""

    code: Code
