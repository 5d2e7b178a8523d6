"""Importing people: read the files, work out the changes, and write all of them or none."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from parloir.config.errors import ConfigErrors
from parloir.errors import ParloirError
from parloir.offline import Store
from parloir.people_changes import Change, People, Plan, Terms, plan
from parloir.people_rows import ResidentRow, Sheet, read
from parloir.store import audit, locks, passwords, relationships, residents, visitors
from parloir.store.relationships import Relationship
from parloir.store.residents import Resident
from parloir.store.visitors import Visitor

MAY_SHRINK = 0.05
"""The share of the privileged relationships that an import may weaken without being forced."""


class CannotRead(ParloirError):
    """A file to import cannot be read; see that it is there and may be read."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"{error.filename} cannot be read: {(error.strerror or 'error').lower()}")
        self.file = error.filename


class PrivilegeWouldShrink(ParloirError):
    """An import would weaken many privileged relationships, as a file that was cut short does; nothing was changed.

    See that the files are whole. If they are, say so with --force and --reason.
    """

    def __init__(self, plan: Plan) -> None:
        names = "".join(f"\n  {each}" for each in plan.weakened)
        super().__init__(
            f"this would end or weaken {len(plan.weakened)} of {plan.privileged} privileged relationships, "
            f"more than {MAY_SHRINK:.0%}, so nothing was changed: see that the files are whole, "
            f"or give --force --reason TEXT{names}"
        )
        self.plan = plan


@dataclass(frozen=True)
class Outcome:
    """What was changed, or would be; `pins` are the numbers of the residents whose PIN changes."""

    plan: Plan
    pins: tuple[str, ...]

    @property
    def needs_force(self) -> bool:
        """Whether the guard refuses this."""
        return _shrinks(self.plan)


def run(store: Store, files: Iterable[Path], terms: Terms, *, dry: bool = False, forced: str | None = None) -> Outcome:
    """Import files of one facility in one transaction, which goes into the audit chain; `dry` changes nothing.

    `forced` is the reason for going against the guard. Raises CannotRead, ConfigErrors with all that is wrong, and
    PrivilegeWouldShrink, which is audited too.
    """
    contents = {file: _content(file) for file in files}
    sheets = [read(file, content) for file, content in contents.items()]
    with store.reading() as connection:
        planned = _plan(connection, sheets, terms)
        hashes = residents.pin_hashes(connection, terms.facility)
    pins = _fresh_pins(sheets, hashes)
    if dry:
        return Outcome(planned, tuple(pins))
    with store.transaction() as connection:
        locks.hold(connection, f"import {terms.facility}")
        planned = _plan(connection, sheets, terms)
        facts = _facts(contents, planned, pins, forced)
        if refused := _shrinks(planned) and forced is None:
            audit.append(connection, terms.by, "people.import_refused", terms.facility, facts, at=terms.now)
        elif planned.changes or pins:
            _apply(connection, planned.changes, pins, terms)
            audit.append(connection, terms.by, "people.imported", terms.facility, facts, at=terms.now)
    if refused:
        raise PrivilegeWouldShrink(planned)
    return Outcome(planned, tuple(pins))


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CannotRead(error) from error


def _plan(connection: Connection, sheets: list[Sheet], terms: Terms) -> Plan:
    planned = plan(_known(connection, terms.facility), sheets, terms)
    if planned.problems:
        raise ConfigErrors(planned.problems)
    return planned


def _known(connection: Connection, facility: str) -> People:
    inside = residents.list(connection, facility, limit=None)
    outside = visitors.list(connection, facility, limit=None)
    numbers = {resident.id: resident.number for resident in inside}
    references = {visitor.id: visitor.reference for visitor in outside}
    return {
        **{("residents", resident.number): resident for resident in inside},
        **{("visitors", visitor.reference): visitor for visitor in outside},
        **{
            ("relationships", numbers[each.resident], references[each.visitor], each.kind.value): each
            for each in relationships.list(connection, facility, limit=None)
        },
    }


def _fresh_pins(sheets: Iterable[Sheet], hashes: dict[str, str]) -> dict[str, str]:
    """The hashes of PINs that are not those the residents have already, by number. Slow on purpose."""
    fresh = {}
    for line in (line for sheet in sheets for line in sheet.lines):
        if not isinstance(line.row, ResidentRow) or line.row.pin is None:
            continue
        if not passwords.matches(hashes.get(line.row.number), line.row.pin):
            fresh[line.row.number] = passwords.hash_pin(line.row.pin)
    return fresh


def _shrinks(planned: Plan) -> bool:
    return len(planned.weakened) > MAY_SHRINK * planned.privileged


def _facts(contents: dict[Path, bytes], planned: Plan, pins: dict[str, str], forced: str | None) -> dict[str, Any]:
    whats = [change.what for change in planned.changes]
    return {
        "files": {file.name: sha256(content).hexdigest() for file, content in contents.items()},
        **{what: whats.count(what) for what in ("added", "changed", "ended")},
        "pins": len(pins),
        "privileged": planned.privileged,
        "weakened": [*planned.weakened],
        "forced": forced,
    }


def _apply(connection: Connection, changes: Sequence[Change], pins: dict[str, str], terms: Terms) -> None:
    """Write it down. Those who are new go in together: the gateway's own writes wait meanwhile."""
    fresh = [change.after for change in changes if change.before is None]
    residents.put(connection, (each for each in fresh if isinstance(each, Resident)))
    visitors.put(connection, (each for each in fresh if isinstance(each, Visitor)))
    relationships.put(connection, (each for each in fresh if isinstance(each, Relationship)))
    for change in changes:
        match change.before and change.after:
            case Resident() as resident:
                residents.change(connection, resident)
            case Visitor() as visitor:
                visitors.change(connection, visitor)
            case Relationship() as relationship:
                relationships.change(connection, relationship)
    for number, hash in pins.items():
        if owner := residents.by_number(connection, terms.facility, number):
            residents.set_pin(connection, owner.id, hash)
