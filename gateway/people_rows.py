"""People in CSV files: what each kind of file has in a line, read strictly, all faults at once. Pure."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from parloir.config.errors import Problem
from parloir.store.relationships import RelationshipKind, RelationshipState
from parloir.store.residents import ResidentStatus
from parloir.store.visitors import VisitorStatus

BOM = "\ufeff"


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("has a character that cannot be printed")
    return text


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _not_all_the_same(pin: str) -> str:
    if len(set(pin)) < 2:
        raise ValueError("guessed at once")
    return pin


PRINTABLE = BeforeValidator(_printable)
Number: TypeAlias = Annotated[str, PRINTABLE, StringConstraints(max_length=32)]
Word: TypeAlias = Annotated[str, PRINTABLE, StringConstraints(max_length=64)]
Name: TypeAlias = Annotated[str, PRINTABLE, StringConstraints(max_length=200)]
Email: TypeAlias = Annotated[str, PRINTABLE, StringConstraints(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")]
Phone: TypeAlias = Annotated[str, StringConstraints(max_length=32, pattern=r"^[+0-9][-+0-9 ().]*$")]
Language: TypeAlias = Annotated[str, StringConstraints(max_length=16, pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
Accommodation: TypeAlias = Annotated[str, StringConstraints(max_length=64, pattern=r"^[a-z][a-z0-9_]*$")]
Pin: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[0-9]{4,12}$"), AfterValidator(_not_all_the_same)]


class Row(BaseModel):
    """One line. A cell left empty says nothing: what is known stays, and who is new gets the default."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ResidentRow(Row):
    """A resident, by their number in the facility. `accommodations` are words with spaces between."""

    number: Number
    name: Name
    unit: Word | None = None
    status: ResidentStatus | None = None
    language: Language | None = None
    accommodations: Annotated[tuple[Accommodation, ...], BeforeValidator(_words)] | None = None
    pin: Pin | None = Field(default=None, repr=False)


class VisitorRow(Row):
    """A visitor, by the facility's reference for them."""

    reference: Word
    name: Name
    born: date | None = None
    email: Email | None = None
    phone: Phone | None = None
    language: Language | None = None
    status: VisitorStatus | None = None


class RelationshipRow(Row):
    """What a visitor (reference) is to a resident (number); it holds to the end of the day `expires`."""

    resident: Number
    visitor: Word
    kind: RelationshipKind
    state: RelationshipState | None = None
    bar_id: Word | None = None
    expires: date | None = None

    def expiry(self, zone: ZoneInfo) -> datetime | None:
        """The moment (UTC) when the day after `expires` begins by the facility's clock."""
        if self.expires is None:
            return None
        return datetime.combine(self.expires + timedelta(days=1), time(), zone).astimezone(UTC)


AnyRow: TypeAlias = ResidentRow | VisitorRow | RelationshipRow
Key: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    """One kind of file: the rows it has, and the columns that name a row."""

    name: str
    row: type[AnyRow]
    key: Key

    @property
    def columns(self) -> list[str]:
        """Every column there can be."""
        return [*self.row.model_fields]

    @property
    def required(self) -> list[str]:
        """The columns there must be."""
        return [name for name, field in self.row.model_fields.items() if field.is_required()]


KINDS = (
    Kind("residents", ResidentRow, ("number",)),
    Kind("visitors", VisitorRow, ("reference",)),
    Kind("relationships", RelationshipRow, ("resident", "visitor", "kind")),
)
WORDS = {
    "enum": "not one of the choices",
    "missing": "empty",
    "string_too_long": "too long",
    "string_pattern_mismatch": "not of the form this column has",
    "date_from_datetime_parsing": "not a day",
    "date_parsing": "not a day",
    "extra_forbidden": "not a column",
}


@dataclass(frozen=True)
class Line:
    """A row, where it stands, and the key that names it among its kind."""

    file: Path
    number: int
    key: Key
    row: AnyRow


@dataclass(frozen=True)
class Sheet:
    """One file as read: its rows, the keys of all its lines (also of faulty ones), and what is wrong."""

    file: Path
    kind: Kind | None
    lines: tuple[Line, ...]
    keys: frozenset[Key]
    problems: tuple[Problem, ...]


def read(file: Path, content: bytes) -> Sheet:
    """Read one file, UTF-8, whose first line names its columns; the columns tell which kind of file it is."""
    try:
        text = content.decode().removeprefix(BOM)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = Problem("", file, line, "not UTF-8", "save the file as UTF-8 text")
        return Sheet(file, None, (), frozenset(), (problem,))
    cells, problems = _cells(file, text)
    if not cells:
        problems.append(Problem("", file, 1, "the file is empty", "begin it with a line that names the columns"))
        return Sheet(file, None, (), frozenset(), tuple(problems))
    line, header = cells[0]
    kind = _kind(header)
    faults = list(_header_faults(file, line, header, kind))
    if faults:
        return Sheet(file, kind, (), frozenset(), (*problems, *faults))
    return _sheet(file, kind, header, cells[1:], problems)


def _cells(file: Path, text: str) -> tuple[list[tuple[int, list[str]]], list[Problem]]:
    """The cells of each line that is not blank, with its number."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found, line = [], 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                found.append((line, [cell.strip() for cell in cells]))
            line = reader.line_num + 1
    except csv.Error as error:
        return found, [Problem("", file, reader.line_num, f"not CSV: {error}", "mend the quotes on this line")]
    return found, []


def _kind(header: Iterable[str]) -> Kind:
    """The kind whose columns these are most like."""
    named = set(header)
    return max(KINDS, key=lambda kind: (named.issuperset(kind.required), len(named.intersection(kind.columns))))


def _header_faults(file: Path, line: int, header: list[str], kind: Kind) -> Iterator[Problem]:
    for position, name in enumerate(header):
        if name not in kind.columns:
            near = get_close_matches(name, kind.columns, 1)
            remedy = f"did you mean '{near[0]}'?" if near else f"{kind.name} have {', '.join(kind.columns)}"
            yield Problem("", file, line, f"unknown column '{name}'", remedy)
        elif name in header[:position]:
            yield Problem("", file, line, f"column '{name}' is there twice", "keep one of the two")
    for name in kind.required:
        if name not in header:
            yield Problem("", file, line, f"no column '{name}'", f"{kind.name} need {', '.join(kind.required)}")


def _sheet(
    file: Path, kind: Kind, header: list[str], lines: Iterable[tuple[int, list[str]]], problems: list[Problem]
) -> Sheet:
    rows, first = [], dict[Key, int]()
    for number, cells in lines:
        if len(cells) > len(header):
            message = f"{len(cells)} cells under {len(header)} columns"
            problems.append(Problem("", file, number, message, "put text with commas in quotes"))
            continue
        given = {name: cell for name, cell in zip(header, cells, strict=False) if cell}
        key = tuple(given.get(name, "") for name in kind.key)
        if all(key) and key in first:
            message = f"{' '.join(key)} is there already, on line {first[key]}"
            problems.append(Problem("", file, number, message, "keep one of the two"))
            continue
        first.setdefault(key, number)
        try:
            rows.append(Line(file, number, key, kind.row.model_validate(given)))
        except ValidationError as error:
            problems.extend(_faults(file, number, kind, error))
    return Sheet(file, kind, tuple(rows), frozenset(first), tuple(problems))


def _faults(file: Path, line: int, kind: Kind, error: ValidationError) -> Iterator[Problem]:
    for fault in error.errors(include_url=False, include_input=False):
        column = str(fault["loc"][0])
        message = WORDS.get(fault["type"], str(fault.get("ctx", {}).get("error", fault["msg"])))
        yield Problem(column, file, line, message, _remedy(kind, column, fault))


def _remedy(kind: Kind, column: str, fault: Any) -> str:
    match fault["type"]:
        case "enum":
            return f"write {fault['ctx']['expected']}".replace("'", "")
        case "missing":
            return "fill it in"
        case "string_too_long":
            return f"write at most {fault['ctx']['max_length']} characters"
        case "date_from_datetime_parsing" | "date_parsing":
            return "write it like 1980-01-31"
    examples = {
        "pin": "write 4 to 12 digits that are not all the same",
        "language": "write a tag like en or es",
        "email": "write NAME@HOST",
    }
    return examples.get(column, "see docs/operations.md")
