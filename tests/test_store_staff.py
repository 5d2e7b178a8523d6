"""Staff: roles, passwords, lockout and sessions, on both kinds of database."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_twisted import async_yield_fixture, ensureDeferred
from sqlalchemy import Connection
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList

from parloir.store import audit, logins, passwords, residents, sessions, staff
from parloir.store.database import Database
from parloir.store.errors import (
    Forbidden,
    LockedOut,
    LoginRefused,
    NoSuch,
    Taken,
    TooManyLogins,
    WeakPassword,
    WeakPin,
)
from parloir.store.lockout import Terms
from parloir.store.logins import Logins
from parloir.store.residents import ResidentStatus
from parloir.store.staff import Role, Staff
from tests import hashes

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PASSWORD = "correct horse battery"
HASH = passwords.hash_password(PASSWORD, "ann")
PIN_HASH = passwords.hash_pin("4711")


@async_yield_fixture
async def database(where: str) -> AsyncIterator[Database]:
    database = Database.open(where)
    yield database
    await database.close()


@async_yield_fixture
async def door(database: Database) -> AsyncIterator[Logins]:
    door = Logins(database, reactor)
    yield door
    await door.close()


def hire(connection: Connection, user: str = "Ann", *roles: Role, **more: list[str]) -> Staff:
    chosen = roles or (Role.OFFICER,)
    return staff.add(connection, user=user, name="Ann Doe", roles=chosen, password_hash=HASH, by="cli", **more)


def test_a_role_implies_no_other_and_holds_where_it_was_given(connection: Connection) -> None:
    ann = hire(connection, "ann", Role.ADMINISTRATOR, Role.SCHEDULER, facilities=["north"])
    assert ann.may(Role.SCHEDULER, Role.OFFICER, facility="north")
    assert not ann.may(Role.SCHEDULER, facility="south")
    assert not ann.may(Role.OFFICER)
    with pytest.raises(Forbidden, match="ann may not do this at north: it takes the role auditor or officer"):
        ann.require(Role.OFFICER, Role.AUDITOR, facility="north")
    staff.set_disabled(connection, ann.id, True, by="cli")
    assert not staff.get(connection, ann.id).may(Role.SCHEDULER)
    assert hire(connection, "bob").may(Role.OFFICER, facility="anywhere")


def test_a_login_name_is_unique_whatever_its_case(connection: Connection) -> None:
    ann = hire(connection)
    assert staff.by_user(connection, "ANN") == ann
    with pytest.raises(Taken, match="ann"):
        hire(connection, "aNN")
    with pytest.raises(NoSuch):
        staff.get(connection, "x")
    assert [person.user for person in staff.list(connection)] == ["ann"]


def test_what_is_done_to_staff_goes_into_the_audit_chain(connection: Connection) -> None:
    ann = hire(connection)
    staff.set_roles(connection, ann.id, [Role.AUDITOR], ["north"], by="boss")
    staff.set_password(connection, ann.id, HASH, by="boss")
    staff.set_disabled(connection, ann.id, True, by="boss")
    staff.set_disabled(connection, ann.id, False, by="boss")
    records = audit.list(connection, subject="staff ann")
    assert [record.action for record in records] == [
        "staff.added",
        "staff.roles",
        "staff.password",
        "staff.disabled",
        "staff.enabled",
    ]
    assert records[1].facts == {
        "roles": ["auditor"],
        "facilities": ["north"],
        "before": {"roles": ["officer"], "facilities": []},
    }
    assert HASH not in str(records)


@pytest.mark.parametrize("password", ["short", "x" * 1025, "Administrator"])
def test_a_weak_password_is_refused(password: str) -> None:
    with pytest.raises(WeakPassword):
        passwords.hash_password(password, "administrator")


@pytest.mark.parametrize("pin", ["123", "1" * 6, "12a4", "", "1234567890123", "١٢٣٤"])
def test_what_is_no_pin_is_refused(pin: str) -> None:
    with pytest.raises(WeakPin):
        passwords.hash_pin(pin)


def test_only_the_right_password_matches_and_never_one_of_nobody() -> None:
    assert passwords.matches(HASH, PASSWORD)
    assert not passwords.matches(HASH, PASSWORD + " ")
    assert not passwords.matches("no hash", PASSWORD)
    assert not passwords.matches(None, "nobody's password")


def test_a_lock_grows_with_each_failure_up_to_its_limit() -> None:
    terms = Terms(free=2, first=MINUTE, longest=10 * MINUTE)
    locks = [terms.locked_until(failures, NOW) for failures in (0, 2, 3, 4, 5, 6, 7, 8, 10_000)]
    minutes = [None if lock is None else (lock - NOW) // MINUTE for lock in locks]
    assert minutes == [None, None, 1, 2, 4, 8, 10, 10, 10]


def test_a_session_is_found_by_its_token_until_it_is_over(connection: Connection) -> None:
    ann = hire(connection)
    token = sessions.open(connection, ann.id, "127.0.0.1", NOW, lifetime=40 * MINUTE)
    found = sessions.find(connection, token, NOW + 20 * MINUTE)
    assert found is not None
    assert (found.staff, found.ip, found.opened) == (ann.id, "127.0.0.1", NOW)
    assert sessions.find(connection, token[:-1], NOW) is None
    assert sessions.find(connection, "\udcff", NOW) is None
    assert sessions.find(connection, token, NOW + 39 * MINUTE) is not None
    assert sessions.find(connection, token, NOW + 40 * MINUTE) is None
    assert sessions.find(connection, token, NOW) is None


def test_a_session_that_lies_idle_ends(connection: Connection) -> None:
    ann = hire(connection)
    idle, busy = (sessions.open(connection, ann.id, "::1", NOW) for _ in range(2))
    for minutes in (10, 20, 29):
        sessions.find(connection, busy, NOW + minutes * MINUTE)
    assert sessions.sweep(connection, NOW + 29 * MINUTE) == 0
    assert sessions.find(connection, idle, NOW + 30 * MINUTE) is None
    assert sessions.find(connection, busy, NOW + 30 * MINUTE) is not None
    assert sessions.sweep(connection, NOW + 90 * MINUTE) == 1


@pytest.mark.parametrize(
    "end",
    [
        lambda connection, ann, token: sessions.close(connection, token),
        lambda connection, ann, token: staff.set_password(connection, ann.id, HASH, by="cli"),
        lambda connection, ann, token: staff.set_disabled(connection, ann.id, True, by="cli"),
    ],
    ids=["logout", "password", "disabled"],
)
def test_a_session_ends_at_once(connection: Connection, end: Callable[[Connection, Staff, str], None]) -> None:
    ann = hire(connection)
    token = sessions.open(connection, ann.id, "::1", NOW)
    end(connection, ann, token)
    assert sessions.find(connection, token, NOW) is None


@ensureDeferred
async def test_the_right_password_opens_a_session_and_both_are_audited(database: Database, door: Logins) -> None:
    ann = await database.run(hire)
    with pytest.raises(LoginRefused):
        await door.staff("ann", "wrong", "127.0.0.1", NOW)
    person, token = await door.staff("ANN", PASSWORD, "127.0.0.1", NOW)
    assert person == ann
    session = await database.run(lambda c: sessions.find(c, token, NOW))
    assert session is not None
    assert session.staff == ann.id
    records = await database.run(audit.list)
    assert [(record.actor, record.action) for record in records] == [
        ("cli", "staff.added"),
        ("ann", "login.refused"),
        ("ann", "login"),
    ]
    assert token not in str(records)


@ensureDeferred
async def test_nobody_unknown_or_disabled_gets_in_or_into_the_audit(database: Database, door: Logins) -> None:
    ann = await database.run(hire)
    await database.run(lambda c: staff.set_disabled(c, ann.id, True, by="cli"))
    for user in ("ann", "nobody", "\x00", "\udcff"):
        with pytest.raises(LoginRefused):
            await door.staff(user, PASSWORD, "127.0.0.1", NOW)
    assert (await database.run(audit.head)).count == 2


@ensureDeferred
async def test_failures_lock_until_a_time_and_a_success_forgets_them(database: Database, door: Logins) -> None:
    await database.run(hire)
    for _ in range(4):
        with pytest.raises(LoginRefused):
            await door.staff("ann", "wrong", "::1", NOW)
    await door.staff("ann", PASSWORD, "::1", NOW)
    for _ in range(5):
        with pytest.raises(LoginRefused):
            await door.staff("ann", "wrong", "::1", NOW)
    with pytest.raises(LockedOut) as locked:
        await door.staff("ann", PASSWORD, "::1", NOW)
    assert locked.value.until == NOW + MINUTE
    await door.staff("ann", PASSWORD, "::1", NOW + MINUTE)


@ensureDeferred
async def test_guesses_made_at_once_win_nothing(database: Database, door: Logins) -> None:
    await database.run(hire)
    guesses: list[Deferred[Any]] = [
        Deferred.fromCoroutine(door.staff("ann", f"wrong {number}", "::1", NOW)) for number in range(12)
    ]
    results = await DeferredList(guesses, consumeErrors=True)
    kinds = [failure.type for _, failure in results]
    assert (kinds.count(LoginRefused), kinds.count(LockedOut)) == (5, 7)


@ensureDeferred
async def test_a_flood_of_logins_is_turned_away(
    database: Database, door: Logins, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins, "WAITING", 3)
    guesses: list[Deferred[Any]] = [Deferred.fromCoroutine(door.staff("nobody", "wrong", "::1", NOW)) for _ in range(5)]
    results = await DeferredList(guesses, consumeErrors=True)
    assert [failure.type for _, failure in results] == [LoginRefused] * 3 + [TooManyLogins] * 2


@ensureDeferred
async def test_a_resident_gets_in_with_number_and_pin_while_inside(database: Database, door: Logins) -> None:
    bob = await database.run(lambda c: residents.add(c, facility="north", number="12", name="Bob"))
    for _ in range(4):
        with pytest.raises(LoginRefused):
            await door.resident("north", "12", "4711", NOW)
    await database.run(lambda c: residents.set_pin(c, bob.id, PIN_HASH))
    assert await door.resident("north", "12", "4711", NOW) == bob
    for facility, number, pin in (("south", "12", "4711"), ("north", "13", "4711"), ("north", "12", "4712")):
        with pytest.raises(LoginRefused):
            await door.resident(facility, number, pin, NOW)
    gone = residents.Resident(bob.id, "north", "12", "Bob", status=ResidentStatus.RELEASED)
    await database.run(lambda c: residents.change(c, gone))
    with pytest.raises(LoginRefused):
        await door.resident("north", "12", "4711", NOW)


@ensureDeferred
async def test_wrong_pins_lock(database: Database, door: Logins) -> None:
    bob = await database.run(lambda c: residents.add(c, facility="north", number="12", name="Bob"))
    await database.run(lambda c: residents.set_pin(c, bob.id, PIN_HASH))
    for _ in range(5):
        with pytest.raises(LoginRefused):
            await door.resident("north", "12", "0000", NOW)
    with pytest.raises(LockedOut):
        await door.resident("north", "12", "4711", NOW)
    await database.run(lambda c: residents.set_pin(c, bob.id, PIN_HASH))
    assert await door.resident("north", "12", "4711", NOW) == bob


def test_someone_unknown_takes_as_long_as_someone_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_hasher", hashes.SHIPPED)
    known = passwords.hash_password("correct horse battery", "ann")
    assert passwords.NOBODY.rsplit("$", 2)[0] == known.rsplit("$", 2)[0]
    assert passwords.matches(passwords.NOBODY, "nobody's password")
    assert not passwords.matches(None, "nobody's password")
