"""The legal caps on what a minute of a call may cost, as dated data by facility tier and medium; micro-dollars."""

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib.resources import files

from parloir.config.errors import ConfigError

COLUMNS = ("tier", "medium", "effective", "until", "base", "additive", "status", "source", "as_of", "confirmed")
MEDIA = ("audio", "video")
_DOLLARS = re.compile(r"(\d{1,3})(?:\.(\d{1,6}))?")
NO_ROW = "no cap in force is known, so nothing may be charged"


class Status(StrEnum):
    """Whether a cap binds. A SUSPENDED one never took effect; an INTERIM one bound until a later order."""

    IN_FORCE = "in_force"
    INTERIM = "interim"
    SUSPENDED = "suspended"


class BadCaps(ConfigError):
    """A table of caps cannot be read; nothing can be charged by it. Mend the line that is named."""

    def __init__(self, name: str, line: int, message: str) -> None:
        self.name = name
        self.line = line
        super().__init__(f"{name}:{line}: {message}")


@dataclass(frozen=True)
class Row:
    """One cap: from `effective` until the day before `until` (None: for now), so much a minute for a tier and medium.

    `as_of` is the day on which it was looked up in its source, `confirmed` who checked it against the law (or "").
    """

    tier: str
    medium: str
    effective: date
    until: date | None
    base: int
    additive: int
    status: Status
    source: str
    as_of: date
    confirmed: str

    @property
    def per_minute(self) -> int:
        """The cap: the base and what facilities may add."""
        return self.base + self.additive

    def holds(self, day: date) -> bool:
        """Whether it binds on that day."""
        begun = self.status is not Status.SUSPENDED and self.effective <= day
        return begun and (self.until is None or day < self.until)


@dataclass(frozen=True)
class LegalCap:
    """The most that a minute may cost, before tax, for a medium; of which tier, and who says so."""

    per_minute: int
    tier: str | None = None
    medium: str = "audio"
    source: str = ""


@dataclass(frozen=True)
class Caps:
    """All the caps that are known."""

    rows: tuple[Row, ...]

    @property
    def tiers(self) -> tuple[str, ...]:
        """The tiers that have caps, in the order of the table."""
        return tuple(dict.fromkeys(row.tier for row in self.rows))

    def in_force(self, day: date, tier: str | None = None, medium: str | None = None) -> tuple[Row, ...]:
        """The caps that bind on a day, of one tier and medium or of all."""
        return tuple(
            row for row in self.rows if row.holds(day) and tier in (None, row.tier) and medium in (None, row.medium)
        )

    def cap(self, day: date, tier: str | None, medium: str) -> LegalCap:
        """The cap that holds: the lowest of several, or of all tiers where none is given; none known: 0."""
        rows = self.in_force(day, tier, medium)
        if not rows:
            return LegalCap(0, tier, medium, NO_ROW)
        row = min(rows, key=lambda each: each.per_minute)
        return LegalCap(row.per_minute, row.tier, medium, row.source)


@cache
def shipped() -> Caps:
    """The caps that come with this version, in `config/rates`."""
    folder = files("parloir.config").joinpath("rates")
    tables = sorted((each for each in folder.iterdir() if each.name.endswith(".csv")), key=lambda each: each.name)
    return Caps(tuple(row for each in tables for row in read(each.name, each.read_text("utf-8"))))


def read(name: str, text: str) -> tuple[Row, ...]:
    """The rows of one table: CSV whose first line is COLUMNS; lines that begin with # are left out. Raises BadCaps."""
    numbered = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line and not line.startswith("#")]
    reader = csv.reader(io.StringIO("\n".join(line for _, line in numbered)), strict=True)
    rows: list[Row] = []
    for (number, _), cells in zip(numbered, _cells(name, reader), strict=False):
        if not rows and tuple(cells) == COLUMNS:
            continue
        try:
            rows.append(_row(cells))
        except ValueError as error:
            raise BadCaps(name, number, str(error)) from None
    return tuple(rows)


def dollars(text: str) -> int:
    """Decimal text as whole micro-dollars, exactly; raises ValueError for a seventh decimal or anything else."""
    found = _DOLLARS.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not an amount like 0.11")
    whole, part = found[1], found[2] or ""
    return int(whole) * 1_000_000 + int(f"{part:0<6}")


def _cells(name: str, lines: Iterable[list[str]]) -> Iterable[list[str]]:
    try:
        yield from lines
    except csv.Error as error:
        raise BadCaps(name, 0, f"not CSV: {error}") from None


def _row(cells: list[str]) -> Row:
    if len(cells) != len(COLUMNS):
        raise ValueError(f"{len(cells)} cells under {len(COLUMNS)} columns")
    tier, medium, effective, until, base, additive, status, source, as_of, confirmed = (cell.strip() for cell in cells)
    if not tier or not source:
        raise ValueError("a cap without tier or source")
    if medium not in MEDIA:
        raise ValueError(f"{medium!r} is neither audio nor video")
    begins, ends = date.fromisoformat(effective), date.fromisoformat(until) if until else None
    if ends is not None and ends <= begins:
        raise ValueError("it would end before it begins")
    return Row(
        tier,
        medium,
        begins,
        ends,
        dollars(base),
        dollars(additive),
        Status(status),
        source,
        date.fromisoformat(as_of),
        confirmed,
    )
