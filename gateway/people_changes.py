"""What an import of people would change, worked out before anything is written. Pure but for fresh ids."""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypeAlias
from zoneinfo import ZoneInfo

from parloir.config.errors import Problem
from parloir.people_rows import AnyRow, Key, Line, RelationshipRow, ResidentRow, Sheet, VisitorRow
from parloir.store.relationships import Relationship, RelationshipKind, RelationshipState
from parloir.store.residents import Resident, ResidentStatus
from parloir.store.visitors import Visitor, VisitorStatus

Person: TypeAlias = Resident | Visitor | Relationship
People: TypeAlias = Mapping[Key, Person]
"""All of one facility, under the kind of file that names them and their key there: ("residents", number),
("visitors", reference), ("relationships", number, reference, kind)."""

STRENGTH = {RelationshipState.APPROVED: 2, RelationshipState.PENDING: 1}


@dataclass(frozen=True)
class Terms:
    """How to take the files: whose they are, when, by which clock days end, and whether they name all there are."""

    facility: str
    zone: ZoneInfo
    now: datetime
    by: str
    complete: bool = False


@dataclass(frozen=True)
class Change:
    """One person or relationship that becomes different; `line` is 0 for one that a complete file does not name."""

    file: Path
    line: int
    key: Key
    before: Person | None
    after: Person

    @property
    def what(self) -> str:
        """In one word."""
        return "ended" if self.line == 0 else "added" if self.before is None else "changed"

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{where}: {said(self.key)} {self.what}"


@dataclass(frozen=True)
class Plan:
    """What would change and what stands in the way; how many privileged relationships stand now, and those of them
    that would stand no more, or only as pending."""

    changes: tuple[Change, ...]
    problems: tuple[Problem, ...]
    privileged: int
    weakened: tuple[str, ...]


def plan(known: People, sheets: Iterable[Sheet], terms: Terms) -> Plan:
    """Work out what these files change together: relationships last, for they name people of the other files."""
    ordered = sorted(sheets, key=lambda sheet: sheet.kind is not None and sheet.kind.row is RelationshipRow)
    named = frozenset((sheet.kind.name, *key) for sheet in ordered if sheet.kind for key in sheet.keys)
    people, changes, problems = dict(known), list[Change](), list[Problem]()
    for sheet in ordered:
        problems += sheet.problems
        for line in sheet.lines:
            key = (sheet.kind.name if sheet.kind else "", *line.key)
            missing = list(_missing(line, people, named))
            problems += missing
            if missing:
                continue
            people[key] = after = _merge(people.get(key), line.row, people, terms)
            problems += _faults(line, after)
            changes.append(Change(line.file, line.number, key, known.get(key), after))
        if terms.complete and sheet.kind and not sheet.problems:
            ended = list(_ended(people, named, sheet, terms))
            people |= {change.key: change.after for change in ended}
            changes += ended
    real = tuple(change for change in changes if change.before != change.after)
    before, after_all = _privileged(known, terms.now), _privileged(people, terms.now)
    weakened = sorted(said(key) for key, strength in before.items() if after_all[key] < strength)
    problems.sort(key=lambda problem: (str(problem.file), problem.line))
    return Plan(real, tuple(problems), sum(map(bool, before.values())), tuple(weakened))


def said(key: Key) -> str:
    """Someone as staff read it: `resident 0123`."""
    return " ".join((key[0].removesuffix("s"), *key[1:]))


def _missing(line: Line, people: People, named: frozenset[Key]) -> Iterator[Problem]:
    """Whom a relationship names that nobody knows; one on a faulty line of these files was complained of there."""
    if not isinstance(line.row, RelationshipRow):
        return
    for column, kind, value in (
        ("resident", "residents", line.row.resident),
        ("visitor", "visitors", line.row.visitor),
    ):
        if (kind, value) in people:
            continue
        message = f"no {column} {value!r} is known"
        if (kind, value) in named:
            message = f"{column} {value!r} has a fault in its own line"
        yield Problem(column, line.file, line.number, message, f"import {kind} first, or with this file")


def _merge(known: Person | None, row: AnyRow, people: People, terms: Terms) -> Person:
    """Who is known, or someone new, as a row says they are; what it does not say stays."""
    fresh = secrets.token_hex(8)
    match row:
        case ResidentRow():
            resident = known if isinstance(known, Resident) else Resident(fresh, terms.facility, row.number, row.name)
            return replace(resident, **row.model_dump(exclude_none=True, exclude={"number", "pin"}))
        case VisitorRow():
            visitor = known if isinstance(known, Visitor) else Visitor(fresh, terms.facility, row.reference, row.name)
            return replace(visitor, **row.model_dump(exclude_none=True, exclude={"reference"}))
    ends = people["residents", row.resident].id, people["visitors", row.visitor].id
    before = known if isinstance(known, Relationship) else None
    given = row.model_dump(exclude_none=True, include={"state", "bar_id"})
    if (expires := row.expiry(terms.zone)) is not None:
        given["expires"] = expires
    return _decided(before, replace(before or Relationship(fresh, *ends, row.kind), **given), terms)


def _faults(line: Line, after: Person) -> Iterator[Problem]:
    if (
        isinstance(after, Relationship)
        and after.kind is RelationshipKind.ATTORNEY
        and after.state is RelationshipState.APPROVED
        and not after.bar_id
    ):
        yield Problem("bar_id", line.file, line.number, "an attorney is approved only with a bar id", "fill it in")


def _ended(people: People, named: frozenset[Key], sheet: Sheet, terms: Terms) -> Iterator[Change]:
    """Those whom a complete file should name and does not."""
    kind = sheet.kind.name if sheet.kind else ""
    for key in sorted(people):
        if key[0] == kind and key not in named:
            yield Change(sheet.file, 0, key, people[key], _end(people[key], terms))


def _end(person: Person, terms: Terms) -> Person:
    match person:
        case Resident():
            return replace(person, status=ResidentStatus.RELEASED)
        case Visitor():
            return replace(person, status=VisitorStatus.CLOSED)
    if person.state not in STRENGTH:
        return person
    return _decided(person, replace(person, state=RelationshipState.REVOKED), terms)


def _decided(before: Relationship | None, after: Relationship, terms: Terms) -> Relationship:
    """With who decided and when, where the decision is another than before."""
    if after.state is (before.state if before else RelationshipState.PENDING):
        return after
    return replace(after, decided_by=terms.by, decided=terms.now)


def _privileged(people: People, now: datetime) -> dict[Key, int]:
    """How strongly each privileged relationship stands: 2 approved, 1 pending, 0 over, or its visitor kept out."""
    return {
        key: STRENGTH.get(person.state_at(now), 0) * _is_active(people["visitors", key[2]])
        for key, person in people.items()
        if isinstance(person, Relationship) and person.kind.privileged
    }


def _is_active(visitor: Person) -> bool:
    return isinstance(visitor, Visitor) and visitor.status is VisitorStatus.ACTIVE
