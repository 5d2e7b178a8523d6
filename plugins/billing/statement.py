"""A month of one account: what came, what was charged for which call, what is left. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from parloir.api import Account, LedgerEntry, Medium

from ..period import midnight
from .traffic import Traffic

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True)
class Month:
    """A month by the calendar."""

    year: int
    number: int

    @classmethod
    def read(cls, text: str) -> "Month":
        """From text like 2026-03; raises ValueError."""
        found = _MONTH.fullmatch(text)
        if found is None or not 1970 <= int(found[1]) <= 9998:
            raise ValueError("write the month like 2026-03")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def of(cls, at: datetime, zone: ZoneInfo) -> "Month":
        """The month that it is at a moment, by a facility's clock."""
        local = at.astimezone(zone)
        return cls(local.year, local.month)

    def span(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Its first moment and the first after it, both UTC."""
        after = date(self.year + self.number // 12, self.number % 12 + 1, 1)
        return midnight(date(self.year, self.number, 1), zone), midnight(after, zone)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"


@dataclass(frozen=True)
class Line:
    """One thing that moved the account: `amount` with its taxes in it, and what the account came to after it.

    `seconds` and `medium` are the call's, where they are known.
    """

    at: datetime
    kind: str
    amount: int
    balance: int
    taxes: tuple[tuple[str, int], ...] = ()
    call: str | None = None
    seconds: int | None = None
    medium: Medium | None = None
    reason: str = ""


@dataclass(frozen=True)
class Statement:
    """What the account came to before the month, the month's lines in order, and what it came to after it.

    Held money is still the holder's: it is in these balances until its call is settled.
    """

    facility: str
    account: Account
    month: Month
    zone: ZoneInfo
    opening: int
    lines: tuple[Line, ...]

    @property
    def closing(self) -> int:
        """The balance at the month's end."""
        return self.lines[-1].balance if self.lines else self.opening

    def sum(self, *kinds: str) -> int:
        """What the lines of some kinds come to."""
        return sum(line.amount for line in self.lines if line.kind in kinds)


def statement(
    facility: str,
    account: Account,
    month: Month,
    zone: ZoneInfo,
    entries: Iterable[LedgerEntry],
    calls: Mapping[str, Traffic],
) -> Statement:
    """Made of all of the account's entries up to the month's end; `calls` is what is known of them, by id."""
    start, end = month.span(zone)
    opening = balance = 0
    lines: list[Line] = []
    for entry in entries:
        if entry.at >= end or entry.amount == 0:
            continue
        balance += entry.amount
        if entry.at < start:
            opening = balance
            continue
        call = calls.get(entry.call or "")
        lines.append(
            Line(
                at=entry.at,
                kind=entry.kind,
                amount=entry.amount,
                balance=balance,
                taxes=entry.taxes,
                call=entry.call,
                seconds=call.seconds if call and entry.kind == "charge" else None,
                medium=call.medium if call else None,
                reason=entry.reason,
            )
        )
    return Statement(facility, account, month, zone, opening, tuple(lines))
