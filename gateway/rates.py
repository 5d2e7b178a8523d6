"""`parloir rates`: prints the legal caps on what a minute may cost, as this version holds every charge to them."""

import argparse
from datetime import date

from parloir.config import caps
from parloir.config.caps import Row
from parloir.errors import ParloirError
from parloir.policy.spoken import price

HEAD = ("tier", "medium", "cap", "base", "additive", "from", "until", "as of", "confirmed", "source")


class UnknownTier(ParloirError):
    """The tables of caps have no such tier; take one of those they have."""

    def __init__(self, tier: str) -> None:
        super().__init__(f"no tier {tier!r}: there are {', '.join(caps.shipped().tiers)}")
        self.tier = tier


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `parloir rates` takes."""
    parser.add_argument("--date", type=date.fromisoformat, metavar="DATE", help="like 2030-01-31; default: today")
    parser.add_argument("--tier", help="only this one's, as facilities.NAME.rates.tier names it")


def main(options: argparse.Namespace) -> int:
    """Print the caps in force that day, dollars a minute before tax; raises UnknownTier."""
    known = caps.shipped()
    if options.tier is not None and options.tier not in known.tiers:
        raise UnknownTier(options.tier)
    day = options.date or date.today()
    rows = known.in_force(day, options.tier)
    lines = [HEAD, *map(_cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    for line in lines if rows else ():
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    missing = [medium for medium in caps.MEDIA if not known.in_force(day, options.tier, medium)]
    for medium in missing:
        print(f"{medium}: {caps.NO_ROW}")
    if any(not row.confirmed for row in rows):
        print("Caps without a name under 'confirmed' were not checked against the law by anyone who signed for it.")
    return 0


def _cells(row: Row) -> tuple[str, ...]:
    until = row.until.isoformat() if row.until else "-"
    amounts = (price(row.per_minute), price(row.base), price(row.additive))
    dates = (row.effective.isoformat(), until, row.as_of.isoformat())
    return (row.tier, row.medium, *amounts, *dates, row.confirmed or "no", row.source)
