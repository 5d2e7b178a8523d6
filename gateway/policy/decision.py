"""What a facility's policies decided about one call. Plain values, JSON all through."""

from dataclasses import dataclass

from parloir.config.caps import LegalCap
from parloir.policy.answers import (
    Announcement,
    CallClass,
    Cap,
    CapKind,
    DenialKind,
    Ending,
    Extend,
    Payer,
    RateStep,
    Tax,
    Words,
)
from parloir.policy.trail import Asked

CORE = "parloir"
"""The name under which the gateway's own rules answer."""
BALANCE = "balance"
"""The code of the cap that what was set aside for the call makes."""


@dataclass(frozen=True)
class Denial:
    """Why a call, a visit or a relationship is not allowed: whose rule, what it is about, and the reason's code."""

    plugin: str
    kind: DenialKind
    code: str
    words: Words | None = None
    staff: str = ""


@dataclass(frozen=True)
class Limit:
    """How long a call may last from its connection, in seconds (None: without end), by which rule, and why so long."""

    seconds: int | None = None
    code: str = ""
    caps: tuple[Cap, ...] = ()
    extensions: tuple[Extend, ...] = ()

    def without(self, cap: Cap | None) -> int | None:
        """How long the call might last but for one of the caps, in seconds; None: without end."""
        if cap is None or cap.code != self.code:
            return self.seconds
        factor = max((each.factor for each in self.extensions), default=1.0)
        others = [each for each in self.caps if each is not cap]
        return min(
            (each.seconds if each.kind is CapKind.HARD else int(each.seconds * factor) for each in others), default=None
        )

    @property
    def warnings(self) -> tuple[int, ...]:
        """Seconds before the end at which both parties are told, the first first; all that any cap asks for."""
        if self.seconds is None:
            return ()
        return tuple(sorted({each for cap in self.caps for each in cap.warn if each < self.seconds}, reverse=True))

    def within(self, cap: Cap) -> "Limit":
        """The limit under one more cap, which is hard."""
        shorter = self.seconds is None or cap.seconds < self.seconds
        seconds, code = (cap.seconds, cap.code) if shorter else (self.seconds, self.code)
        return Limit(seconds, code, (*self.caps, cap), self.extensions)


@dataclass(frozen=True)
class Decision:
    """All that is decided before a call is connected. `denial` is the first of `denials`; None: it may be connected.

    `rate` is None where the facility has no plugin that rates calls; it is at no second over `cap`, the legal one, and
    `taxes` come on top. A call that ends in one of the ways `waived` costs nothing. `hold` is what was set aside for
    the call, in micro-dollars, and `paid` the cap that this makes, in seconds of two-way media; None where nothing was,
    or the facility pays. An `attended` call pauses while nobody listens to it. `announcements` begin with the gateway's
    notices and are to be played whole before the parties hear each other.
    """

    call_class: CallClass
    class_reason: str
    resident: str | None = None
    denials: tuple[Denial, ...] = ()
    payer: Payer | None = None
    rate: tuple[RateStep, ...] | None = None
    cap: LegalCap | None = None
    taxes: tuple[Tax, ...] = ()
    waived: tuple[Ending, ...] = ()
    hold: int | None = None
    paid: Cap | None = None
    limit: Limit = Limit()
    record: bool = False
    monitor: bool = False
    attended: bool = False
    announcements: tuple[Announcement, ...] = ()
    trail: tuple[Asked, ...] = ()

    @property
    def denial(self) -> Denial | None:
        """The denial that the parties are told; None when the call may be connected."""
        return self.denials[0] if self.denials else None

    @property
    def limit_seconds(self) -> int | None:
        """How long the call may last, in seconds; None: without end."""
        return self.limit.seconds


@dataclass(frozen=True)
class Ruling:
    """What the policies say to a question beside a call's beginning: yes, or the denial."""

    allowed: bool
    denial: Denial | None = None
    pending: bool = False
    trail: tuple[Asked, ...] = ()
