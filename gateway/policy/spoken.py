"""An answer in a few plain words, for staff. Pure."""

from typing import Any

from parloir.policy.answers import (
    Allow,
    Announcement,
    CallClass,
    Cap,
    Deny,
    Discount,
    Extend,
    Identity,
    Keep,
    LegalHold,
    No,
    Payer,
    PayerKind,
    RateStep,
    Slot,
    Tariff,
    Yes,
)
from parloir.policy.participants import Contact


def say(value: Any) -> str:
    """What the answer amounts to; short, and never more than the answer itself holds."""
    match value:
        case CallClass() | bool():
            return str(value).lower()
        case Identity():
            return f"resident {value.resident} ({value.how})"
        case Allow() | Yes():
            return f"yes ({value.code})"
        case No():
            return f"no ({value.code})"
        case Deny():
            return f"denied, {value.kind}: {value.code}" + (f" ({value.staff})" if value.staff else "")
        case Payer(kind=PayerKind.NOBODY):
            return "nobody pays"
        case Payer():
            return f"the {value.kind} pays" + (f" (account {value.account})" if value.account else "")
        case Tariff():
            return f"{rate(value.steps)} ({value.code})"
        case Discount():
            span = f" for the first {duration(value.first_seconds)}" if value.first_seconds else ""
            return f"{value.percent} % off{span} ({value.code})"
        case Cap():
            return f"{duration(value.seconds)} at most, {value.kind} ({value.code})"
        case Extend():
            return f"{value.factor:g} times as long ({value.code})"
        case Announcement():
            return f"announce {value.code} ({value.seconds:g} s)"
        case Keep():
            return f"keep {value.days} days ({value.code})"
        case LegalHold():
            return f"legal hold ({value.code})"
        case Slot():
            return f"{value.station} {value.start:%Y-%m-%d %H:%M}-{value.end:%H:%M}"
        case Contact():
            return f"contact {value.visitor}"
    return type(value).__name__


def duration(seconds: int) -> str:
    """Seconds as `15 min`, `1 min 30 s` or `45 s`."""
    minutes, rest = divmod(seconds, 60)
    return " ".join([*([f"{minutes} min"] if minutes else []), *([f"{rest} s"] if rest or not minutes else [])])


def price(micro_dollars: int) -> str:
    """Micro-dollars as dollars, with as many decimals as it takes, two at least."""
    whole, part = divmod(micro_dollars, 1_000_000)
    decimals = f"{part:06}".rstrip("0")
    return f"${whole}.{decimals:0<2}"


def rate(steps: tuple[RateStep, ...]) -> str:
    """Rate steps as `$0.12 a minute, from 10 min on $0.10`."""
    first, *later = steps
    start = "free" if first.per_minute == 0 else f"{price(first.per_minute)} a minute"
    return ", ".join([start, *(f"from {duration(step.from_second)} on {price(step.per_minute)}" for step in later)])
