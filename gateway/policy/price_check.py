"""What is doubtful about a facility's prices: that the law allows less, or that nobody is sure what it allows. Pure."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from parloir.config.caps import Caps, LegalCap
from parloir.config.errors import Key
from parloir.config.schema import Facility
from parloir.policy.spoken import price

YEAR = timedelta(days=365)


def doubts(
    path: Key, facility: Facility, plugin: str, settings: object, caps: Caps, today: date
) -> Iterator[tuple[Key, str, str]]:
    """Where, what and the remedy, for a plugin that rates calls; `path` is the facility's.

    Its settings may have `dearest`: the most that a minute may cost by each medium, in micro-dollars.
    """
    tier = facility.rates.tier
    if tier is None:
        yield (
            (*path, "rates"),
            f"no tier although {plugin} rates calls: the lowest cap of any tier holds",
            "set rates: {tier: NAME} to the tier of the facility's average daily population, see 'parloir rates'",
        )
    dearest = getattr(settings, "dearest", None)
    used = dearest if isinstance(dearest, Mapping) else {}
    for medium, most in used.items():
        cap = caps.cap(today, tier, str(medium))
        if isinstance(most, int) and most > cap.per_minute:
            yield (*path, "plugins", plugin), _over(str(medium), most, cap), "lower the rate"
    rows = caps.in_force(today, tier)
    if any(not row.confirmed for row in rows):
        message = "the legal caps that hold here were not confirmed by a person"
        yield (*path, "rates"), message, "check those that 'parloir rates' prints against the law"
    if rows and min(row.as_of for row in rows) < today - YEAR:
        message = f"the legal caps that hold here were looked up on {min(row.as_of for row in rows)}"
        yield (*path, "rates"), message, "look for a newer version of Parloir, and check them against the law"


def _over(medium: str, most: int, cap: LegalCap) -> str:
    if cap.per_minute == 0:
        return f"{price(most)} a minute of {medium}, for which {cap.source}"
    return f"{price(most)} a minute of {medium} is over the legal cap of {price(cap.per_minute)}, which is charged"
