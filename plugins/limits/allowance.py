"""What is left of a resident's time at a moment. Pure.

A call counts whole in the day, week and month in which it was answered.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import floor
from zoneinfo import ZoneInfo

from parloir.api import Call, CallClass, Cap, CapKind, DenialKind, Deny, Extend, Resident

from ..period import period
from .settings import Gap, LimitsSettings, Quota, medium_of
from .talk import Talk
from .words import EACH, WORDS

LONGEST = 86_400


@dataclass(frozen=True)
class Allowance:
    """What is left of a quota: seconds as a call that is not stretched counts them, and calls. None: without end."""

    quota: Quota
    seconds: int | None
    calls: int | None
    anew: datetime


def factor(accommodations: Mapping[str, float], resident: Resident | None) -> tuple[float, str]:
    """How many times as long a resident's time is, and for which need; 1 where for none."""
    needs = resident.accommodations if resident else ()
    known = [(accommodations[need], need) for need in needs if need in accommodations]
    return max(known, default=(1.0, ""))


def left(settings: LimitsSettings, quota: Quota, talks: Iterable[Talk], call: Call, zone: ZoneInfo) -> Allowance:
    """What a resident who has talked so much has left of a quota. Never below 0.

    Seconds are given so that, stretched for the resident's need, they and those used make the stretched quota.
    """
    start, anew = period(quota.per, call.answered or call.at, zone, settings.week_starts)
    counted = [
        talk
        for talk in talks
        if talk.call != call.id and start <= talk.began < anew and quota.counts(talk.medium, talk.way_in)
    ]
    times, _ = factor(settings.accommodations, call.resident)
    used = sum(talk.seconds for talk in counted)
    made = sum(talk.seconds >= settings.least for talk in counted)
    seconds = None if quota.minutes is None else max(0, floor(quota.minutes * 60 - used / times))
    return Allowance(quota, seconds, None if quota.calls is None else max(0, quota.calls - made), anew)


def objection(settings: LimitsSettings, talks: tuple[Talk, ...], call: Call, zone: ZoneInfo) -> Deny | None:
    """Why the resident may not call now: no time, no call left, or too soon. Never for a privileged call."""
    if call.call_class is CallClass.PRIVILEGED or call.resident is None:
        return None
    for quota in settings.quotas:
        if quota.fits(call) and (denial := _used_up(left(settings, quota, talks, call, zone), settings.least, zone)):
            return denial
    for gap in settings.gaps:
        if gap.counts(medium_of(call), call.way_in) and (until := _resting(settings, gap, talks, call)):
            return _denied("too_soon_after_last", f"the next call is possible at {local(until, zone)}")
    return None


def lengths(settings: LimitsSettings, talks: tuple[Talk, ...], call: Call, zone: ZoneInfo) -> tuple[Cap | Extend, ...]:
    """How long the call may last: its duration, what is left of each quota, and the resident's own stretch."""
    found: list[Cap | Extend] = []
    if rule := next((each for each in settings.durations if each.fits(call)), None):
        found.append(Cap(rule.minutes * 60, CapKind.POLICY, "duration", settings.warnings))
    if call.call_class is not CallClass.PRIVILEGED and call.resident is not None:
        for quota in settings.quotas:
            seconds = left(settings, quota, talks, call, zone).seconds if quota.fits(call) else None
            if seconds is not None:
                code = f"{EACH[quota.per]}_minutes"
                found.append(Cap(min(seconds, LONGEST), CapKind.POLICY, code, settings.warnings))
    times, need = factor(settings.accommodations, call.resident)
    return (*found, Extend(times, need)) if times > 1 else tuple(found)


def local(at: datetime, zone: ZoneInfo) -> str:
    """A moment by the facility's clock, as staff read it; the zone's letters tell a doubled hour's halves apart."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def _used_up(allowance: Allowance, least: int, zone: ZoneInfo) -> Deny | None:
    quota = allowance.quota
    anew = f"the count begins anew at {local(allowance.anew, zone)}"
    if allowance.seconds is not None and allowance.seconds < least:
        return _denied(f"{EACH[quota.per]}_minutes", f"{allowance.seconds} s are left of {quota.minutes} min; {anew}")
    if allowance.calls == 0:
        return _denied(f"{EACH[quota.per]}_calls", f"{quota.calls} calls were made; {anew}")
    return None


def _denied(code: str, staff: str) -> Deny:
    return Deny(DenialKind.QUOTA, code, WORDS.get(code), staff)


def _resting(settings: LimitsSettings, gap: Gap, talks: tuple[Talk, ...], call: Call) -> datetime | None:
    ends = [
        talk.ended
        for talk in talks
        if talk.call != call.id and talk.seconds >= settings.least and gap.counts(talk.medium, talk.way_in)
    ]
    until = max(ends, default=call.at) + timedelta(minutes=gap.minutes)
    return until if ends and call.at < until else None
