"""Staff: who may log in to this gateway, with which roles, at which facilities."""

import builtins
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, RowMapping, insert, select, update
from sqlalchemy.exc import IntegrityError

from parloir.store import audit, lockout, sessions
from parloir.store.errors import Forbidden, NoSuch, Taken
from parloir.store.staff_tables import staff
from parloir.store.text import can_be_kept


class Role(StrEnum):
    """What someone may do. None implies another: whoever administers does not thereby listen."""

    TECHNICIAN = "technician"
    OFFICER = "officer"
    SCHEDULER = "scheduler"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True)
class Staff:
    """One person: `user` is the login name, in small letters. No facilities named means all of them."""

    id: str
    user: str
    name: str
    roles: frozenset[Role]
    facilities: frozenset[str] = frozenset()
    disabled: bool = False

    def may(self, *roles: Role, facility: str | None = None) -> bool:
        """Whether they have one of the roles, and at that facility if one is named."""
        here = facility is None or not self.facilities or facility in self.facilities
        return here and not self.disabled and not self.roles.isdisjoint(roles)

    def require(self, *roles: Role, facility: str | None = None) -> None:
        """Raise Forbidden unless they may."""
        if not self.may(*roles, facility=facility):
            raise Forbidden(self.user, roles, facility)


def add(
    connection: Connection,
    *,
    user: str,
    name: str,
    roles: Iterable[Role],
    password_hash: str,
    by: str,
    facilities: Iterable[str] = (),
) -> Staff:
    """Let someone in from now on; raises Taken for a login name that is in use. Goes into the audit chain."""
    person = Staff(secrets.token_hex(8), user.lower(), name, frozenset(roles), frozenset(facilities))
    row = {
        "id": person.id,
        "user": person.user,
        "name": name,
        "roles": sorted(person.roles),
        "facilities": sorted(person.facilities),
        "password_hash": password_hash,
        "disabled": False,
    }
    try:
        with connection.begin_nested():
            connection.execute(insert(staff).values(row))
    except IntegrityError:
        raise Taken("login name", person.user) from None
    facts = {"roles": sorted(person.roles), "facilities": sorted(person.facilities)}
    audit.append(connection, by, "staff.added", f"staff {person.user}", facts)
    return person


def get(connection: Connection, id: str) -> Staff:
    """The one of that id; raises NoSuch."""
    row = connection.execute(select(staff).where(staff.c.id == id)).mappings().first()
    if row is None:
        raise NoSuch("staff", id)
    return _staff(row)


def by_user(connection: Connection, user: str) -> Staff | None:
    """The one who logs in by that name."""
    if not can_be_kept(user):
        return None
    row = connection.execute(select(staff).where(staff.c.user == user.lower())).mappings().first()
    return None if row is None else _staff(row)


def password_hash(connection: Connection, id: str) -> str:
    """What their password is compared with."""
    return str(connection.execute(select(staff.c.password_hash).where(staff.c.id == id)).scalar_one())


def list(connection: Connection) -> builtins.list[Staff]:
    """All, by login name, disabled ones too."""
    return [_staff(row) for row in connection.execute(select(staff).order_by(staff.c.user)).mappings()]


def set_password(connection: Connection, id: str, hash: str, *, by: str) -> None:
    """Give them another password, unlock them and end their sessions. Goes into the audit chain."""
    person = get(connection, id)
    connection.execute(update(staff).where(staff.c.id == id).values(password_hash=hash))
    lockout.clear(connection, staff, id)
    sessions.close_all(connection, id)
    audit.append(connection, by, "staff.password", f"staff {person.user}")


def set_roles(connection: Connection, id: str, roles: Iterable[Role], facilities: Iterable[str], *, by: str) -> Staff:
    """Change what they may do; it holds for their open sessions at once. Goes into the audit chain."""
    before = get(connection, id)
    changed = {"roles": sorted(set(roles)), "facilities": sorted(set(facilities))}
    connection.execute(update(staff).where(staff.c.id == id).values(changed))
    facts = {**changed, "before": {"roles": sorted(before.roles), "facilities": sorted(before.facilities)}}
    audit.append(connection, by, "staff.roles", f"staff {before.user}", facts)
    return get(connection, id)


def set_disabled(connection: Connection, id: str, disabled: bool, *, by: str) -> None:
    """Keep someone out, ending their sessions, or let them in again. Goes into the audit chain."""
    person = get(connection, id)
    connection.execute(update(staff).where(staff.c.id == id).values(disabled=disabled))
    sessions.close_all(connection, id)
    audit.append(connection, by, "staff.disabled" if disabled else "staff.enabled", f"staff {person.user}")


def _staff(row: RowMapping) -> Staff:
    return Staff(
        id=row["id"],
        user=row["user"],
        name=row["name"],
        roles=frozenset(Role(role) for role in row["roles"]),
        facilities=frozenset(row["facilities"]),
        disabled=row["disabled"],
    )
