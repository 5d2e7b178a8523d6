"""Which calls, and how much of one, are free. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from parloir.api import Call, CallClass, Route

from ..period import period
from .settings import BillingSettings, Counted
from .which import medium_of

LEAST = 60
"""In seconds: with fewer free ones left, a call is paid for from its start or not made."""


@dataclass(frozen=True)
class Free:
    """How much of a call is free: all of it (`seconds` None), or so many seconds from its start; and by which rule."""

    code: str
    seconds: int | None = None


def by_rule(settings: BillingSettings, call: Call, zone: ZoneInfo) -> Free | None:
    """Free whatever was talked before: privileged, an emergency, or as one of the facility's rules says."""
    if call.call_class is CallClass.PRIVILEGED:
        return Free("privileged")
    if call.route is not Route.VISIT:
        return Free("emergency")
    return Free("free_rule") if any(rule.fits(call, zone) for rule in settings.free) else None


def by_count(
    settings: BillingSettings, call: Call, past: Iterable[Call], zone: ZoneInfo, *, indigent: bool
) -> Free | None:
    """Free as one of a resident's first calls or minutes in a period; the most that any count gives.

    `past` are the resident's calls, of which those count that were answered in the period and not free by a rule.
    """
    if call.resident is None:
        return None
    counts: list[tuple[str, Counted]] = [("first_free", each) for each in settings.first_free]
    if indigent and settings.indigent:
        counts.append(("indigent", settings.indigent))
    counted = [
        each for each in past if each.id != call.id and each.talked > 0 and by_rule(settings, each, zone) is None
    ]
    found = [Free(code, _left(settings, count, call, counted, zone)) for code, count in counts]
    whole = next((each for each in found if each.seconds is None), None)
    longest = max(found, key=lambda each: each.seconds or 0, default=None)
    if whole is not None:
        return whole
    return longest if longest is not None and (longest.seconds or 0) >= LEAST else None


def _left(settings: BillingSettings, count: Counted, call: Call, past: Iterable[Call], zone: ZoneInfo) -> int | None:
    """Seconds of the call that are free; None for all."""
    if count.medium not in (None, medium_of(call)):
        return 0
    start, end = period(count.per, call.answered or call.at, zone, settings.week_starts)
    those = [
        each for each in past if start <= (each.answered or each.at) < end and count.medium in (None, medium_of(each))
    ]
    if count.calls is not None:
        return None if len(those) < count.calls else 0
    return max(0, (count.minutes or 0) * 60 - sum(each.talked for each in those))
