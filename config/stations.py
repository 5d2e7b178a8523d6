"""A facility's stations as a CSV file: one line each, under a header that names the columns."""

import csv
import io
from dataclasses import dataclass
from difflib import get_close_matches

COLUMNS = ("id", "unit", "kind", "address", "trust", "trunk", "number", "login", "password_file", "srtp")
_KEYS = ("unit", "kind", "address", "trust", "trunk", "number", "srtp")


@dataclass(frozen=True)
class StationRow:
    """One station: its line in the file from 1, the keys it gives, and the SIP user that registers, if any."""

    line: int
    station: str
    keys: tuple[tuple[str, str], ...]
    user: str | None = None
    password_file: str | None = None


@dataclass(frozen=True)
class Fault:
    """A line that cannot be a station, or a header that names no column we know."""

    line: int
    station: str | None
    message: str
    remedy: str


@dataclass(frozen=True)
class StationsFile:
    """The stations of one file in its order, and what is wrong with the rest."""

    rows: tuple[StationRow, ...]
    faults: tuple[Fault, ...]


def read_stations(text: str) -> StationsFile:
    """Read CSV text (RFC 4180) whose first line names columns of COLUMNS; an empty cell is a key not given."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[StationRow] = []
    faults: list[Fault] = []
    header: list[str] = []
    lines: dict[str, int] = {}
    line = 1
    try:
        for cells in reader:
            if not header and cells:
                header = [cell.strip() for cell in cells]
                faults.extend(_header_faults(header, line))
                if "id" not in header:
                    break
            elif any(cell.strip() for cell in cells):
                read = _row(header, [cell.strip() for cell in cells], line, lines)
                rows.append(read) if isinstance(read, StationRow) else faults.append(read)
            line = reader.line_num + 1
    except csv.Error as error:
        faults.append(Fault(reader.line_num, None, f"not CSV: {error}", "mend the quotes on this line"))
    if not header:
        faults.append(Fault(1, None, "the file is empty", f"begin it with the line {','.join(COLUMNS)}"))
    return StationsFile(tuple(rows), tuple(faults))


def _header_faults(header: list[str], line: int) -> list[Fault]:
    faults = []
    for position, name in enumerate(header):
        if name not in COLUMNS:
            near = get_close_matches(name, COLUMNS, 1)
            remedy = f"did you mean '{near[0]}'?" if near else f"the columns are {', '.join(COLUMNS)}"
            faults.append(Fault(line, None, f"unknown column '{name}'", remedy))
        elif name in header[:position]:
            faults.append(Fault(line, None, f"column '{name}' is there twice", "keep one of the two"))
    if "id" not in header:
        faults.append(Fault(line, None, "no column 'id'", f"begin the file with the line {','.join(COLUMNS)}"))
    return faults


def _row(header: list[str], cells: list[str], line: int, lines: dict[str, int]) -> StationRow | Fault:
    if len(cells) > len(header):
        return Fault(line, None, f"{len(cells)} cells under {len(header)} columns", "put text with commas in quotes")
    given = {name: cell for name, cell in zip(header, cells, strict=False) if cell}
    station = given.get("id")
    if station is None:
        return Fault(line, None, "a station without id", "fill the column 'id'")
    if station in lines:
        return Fault(line, station, f"duplicate station, first given on line {lines[station]}", "keep one of the two")
    lines[station] = line
    keys = tuple((name, given[name]) for name in _KEYS if name in given)
    return StationRow(line, station, keys, given.get("login"), given.get("password_file"))
