"""Residents: the people inside, by their facility and the number they have there."""

import builtins
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy import Connection, RowMapping, insert, select, update
from sqlalchemy.exc import IntegrityError

from parloir.store import happenings, lockout
from parloir.store.errors import NoSuch, Taken
from parloir.store.happenings import Hook, News
from parloir.store.people_tables import residents
from parloir.store.text import can_be_kept


class ResidentStatus(StrEnum):
    """Where someone is: in the facility, out of it for now (court, hospital), or gone."""

    ACTIVE = "active"
    AWAY = "away"
    RELEASED = "released"


@dataclass(frozen=True)
class Resident:
    """One person inside. `accommodations` are words like `deaf`; `language` a tag like `es` (RFC 5646), if known."""

    id: str
    facility: str
    number: str
    name: str
    unit: str = ""
    status: ResidentStatus = ResidentStatus.ACTIVE
    language: str | None = None
    accommodations: tuple[str, ...] = ()


def add(
    connection: Connection,
    *,
    facility: str,
    number: str,
    name: str,
    unit: str = "",
    status: ResidentStatus = ResidentStatus.ACTIVE,
    language: str | None = None,
    accommodations: tuple[str, ...] = (),
) -> Resident:
    """Write down someone new; raises Taken for a number that the facility has already given."""
    resident = Resident(secrets.token_hex(8), facility, number, name, unit, status, language, accommodations)
    try:
        with connection.begin_nested():
            put(connection, [resident])
    except IntegrityError:
        raise Taken("resident's number", resident.number) from None
    return resident


def put(connection: Connection, those: Iterable[Resident]) -> None:
    """Write down many at once, all of them new, under ids of the caller's."""
    if rows := [*those]:
        connection.execute(insert(residents), [_columns(resident) for resident in rows])
        _tell(connection, "came", rows)


def change(connection: Connection, resident: Resident) -> None:
    """Write someone down as they are now; their facility and number stay. Raises NoSuch."""
    before = get(connection, resident.id)
    columns = {name: value for name, value in _columns(resident).items() if name not in ("id", "facility", "number")}
    connection.execute(update(residents).where(residents.c.id == resident.id).values(columns))
    if before != resident:
        _tell(connection, _way(before, resident), [replace(resident, facility=before.facility)])


def get(connection: Connection, id: str) -> Resident:
    """The one of that id; raises NoSuch."""
    row = connection.execute(select(residents).where(residents.c.id == id)).mappings().first()
    if row is None:
        raise NoSuch("resident", id)
    return _resident(row)


def several(connection: Connection, ids: Iterable[str]) -> dict[str, Resident]:
    """Those of these ids that there are."""
    rows = connection.execute(select(residents).where(residents.c.id.in_(tuple(ids)))).mappings()
    return {row["id"]: _resident(row) for row in rows}


def by_number(connection: Connection, facility: str, number: str) -> Resident | None:
    """The one whom the facility knows by that number."""
    if not can_be_kept(number):
        return None
    query = select(residents).where(residents.c.facility == facility, residents.c.number == number)
    row = connection.execute(query).mappings().first()
    return None if row is None else _resident(row)


def list(
    connection: Connection,
    facility: str,
    *,
    unit: str | None = None,
    status: ResidentStatus | None = None,
    limit: int | None = 200,
) -> builtins.list[Resident]:
    """A facility's residents by name."""
    query = select(residents).where(residents.c.facility == facility).order_by(residents.c.name, residents.c.id)
    if unit is not None:
        query = query.where(residents.c.unit == unit)
    if status is not None:
        query = query.where(residents.c.status == status)
    return [_resident(row) for row in connection.execute(query.limit(limit)).mappings()]


def set_pin(connection: Connection, id: str, hash: str | None) -> None:
    """Give a resident another PIN (passwords.hash_pin), or none, and unlock them. Raises NoSuch."""
    if connection.execute(update(residents).where(residents.c.id == id).values(pin_hash=hash)).rowcount == 0:
        raise NoSuch("resident", id)
    lockout.clear(connection, residents, id)


def pin_hash(connection: Connection, id: str) -> str | None:
    """What their PIN is compared with; None for one without."""
    hash: str | None = connection.execute(select(residents.c.pin_hash).where(residents.c.id == id)).scalar_one()
    return hash


def pin_hashes(connection: Connection, facility: str) -> dict[str, str]:
    """What the PINs of a facility's residents are compared with, by their numbers; those without one are left out."""
    has_pin = (residents.c.facility == facility) & residents.c.pin_hash.is_not(None)
    return {row.number: row.pin_hash for row in connection.execute(select(residents).where(has_pin))}


def _way(before: Resident, after: Resident) -> str:
    """What a change amounts to, in a word."""
    if before.status != after.status:
        return "came" if after.status is ResidentStatus.ACTIVE else "left"
    return "moved" if before.unit != after.unit else "changed"


def _tell(connection: Connection, kind: str, those: Iterable[Resident]) -> None:
    facts = ((each, {"unit": each.unit, "status": each.status}) for each in those)
    news = (News(each.facility, each.id, kind, data) for each, data in facts)
    happenings.append_all(connection, Hook.PERSON, news)


def _columns(resident: Resident) -> dict[str, object]:
    return {
        "id": resident.id,
        "facility": resident.facility,
        "number": resident.number,
        "name": resident.name,
        "unit": resident.unit,
        "status": resident.status,
        "language": resident.language,
        "accommodations": [*resident.accommodations],
    }


def _resident(row: RowMapping) -> Resident:
    return Resident(
        id=row["id"],
        facility=row["facility"],
        number=row["number"],
        name=row["name"],
        unit=row["unit"],
        status=ResidentStatus(row["status"]),
        language=row["language"],
        accommodations=tuple(row["accommodations"]),
    )
