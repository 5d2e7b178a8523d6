"""Money paid in at kiosks and counters, as a CSV file lists it. Pure."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass

from parloir.api import Holder

from .money import exact

COLUMNS = ("reference", "holder", "number", "amount", "note")
NEEDED = COLUMNS[:4]
MOST_ROWS = 100_000
MOST = 100_000 * 1_000_000


@dataclass(frozen=True)
class Row:
    """One amount paid in: the kiosk's own `reference` for it, and whose account by the facility's number for them."""

    line: int
    reference: str
    holder: Holder
    number: str
    amount: int
    note: str = ""


@dataclass(frozen=True)
class Fault:
    """What is wrong on a line, from 1."""

    line: int
    what: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.what}"


def read(text: str) -> tuple[list[Row], list[Fault]]:
    """All rows that can be read, and all that is wrong; nothing should be posted while anything is."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    rows: list[Row] = []
    faults: list[Fault] = []
    try:
        head = [name.strip().lower() for name in next(reader, [])]
        if wrong := _head(head):
            return [], [Fault(1, wrong)]
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(rows) + len(faults) >= MOST_ROWS:
                faults.append(Fault(reader.line_num, f"more than {MOST_ROWS} rows: split the file"))
                break
            found = _row(reader.line_num, head, [cell.strip() for cell in cells])
            (rows if isinstance(found, Row) else faults).append(found)  # type: ignore[arg-type]
    except csv.Error as error:
        faults.append(Fault(reader.line_num, f"not CSV: {error}"))
    faults += _twice(rows)
    return rows, sorted(faults, key=lambda fault: fault.line)


def _head(head: list[str]) -> str | None:
    if missing := [name for name in NEEDED if name not in head]:
        return f"the first line must name the columns {', '.join(COLUMNS)}; {', '.join(missing)} is missing"
    if unknown := [name for name in head if name not in COLUMNS]:
        return f"unknown column {unknown[0]!r}: there are {', '.join(COLUMNS)}"
    return "a column is there twice" if len(set(head)) < len(head) else None


def _row(line: int, head: list[str], cells: list[str]) -> Row | Fault:
    if len(cells) != len(head):
        return Fault(line, f"{len(cells)} cells under {len(head)} columns")
    named = dict(zip(head, cells, strict=True))
    wrong = [f"{name} is empty" for name in NEEDED if not named[name]]
    wrong += [f"{name} is over 100 characters" for name, cell in named.items() if len(cell) > 100]
    if named["holder"] and named["holder"].lower() not in (Holder.RESIDENT.value, Holder.VISITOR.value):
        wrong.append("holder is neither resident nor visitor")
    amount, fault = _amount(named)
    wrong += [fault] if fault else []
    if wrong:
        return Fault(line, "; ".join(wrong))
    holder = Holder(named["holder"].lower())
    return Row(line, named["reference"], holder, named["number"], amount, named.get("note", ""))


def _amount(named: Mapping[str, str]) -> tuple[int, str]:
    if not named["amount"]:
        return 0, ""
    try:
        amount = exact(named["amount"], 2)  # in cents
    except ValueError as error:
        return 0, f"amount: {error}"
    amount *= 10_000
    if not 0 < amount <= MOST:
        return 0, "amount is not between 0.01 and 100000.00"
    return amount, ""


def _twice(rows: list[Row]) -> list[Fault]:
    first: dict[str, int] = {}
    faults: list[Fault] = []
    for row in rows:
        if row.reference in first:
            faults.append(Fault(row.line, f"reference {row.reference} is on line {first[row.reference]} already"))
        first.setdefault(row.reference, row.line)
    return faults
