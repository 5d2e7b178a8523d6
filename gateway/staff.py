"""`parloir staff`: who may log in to the gateway."""

import argparse
import getpass
import sys
from collections.abc import Callable

from parloir.config import loader
from parloir.errors import ParloirError
from parloir.offline import Store, opened
from parloir.store import passwords, staff
from parloir.store.errors import NoSuch, Taken
from parloir.store.staff import Role
from parloir.verbs import take_config, verb


class NotRepeated(ParloirError):
    """The password was typed in two ways; type it again."""

    def __init__(self) -> None:
        super().__init__("the two passwords are not the same: nothing was changed")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `parloir staff` takes."""
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def taking(name: str, do: Callable[[Store, argparse.Namespace], None], what: str) -> argparse.ArgumentParser:
        own = verb(verbs, name, what)
        take_config(own)
        own.set_defaults(do=do)
        return own

    adding = taking("add", _add, "let someone in; asks for their password, or reads it from standard input")
    adding.add_argument("user", metavar="USER", help="the login name")
    adding.add_argument("--name", required=True, help="their own name")
    roles = [role.value for role in Role]
    adding.add_argument("--role", required=True, action="append", choices=roles, help="again for each further role")
    adding.add_argument("--facility", action="append", default=[], help="only there; again for each (default: all)")
    taking("list", _list, "print all of staff")
    leaving = taking("disable", _disable, "keep someone out and end their sessions")
    changing = taking("password", _password, "give someone another password, which also unlocks them and lets them in")
    for each in (leaving, changing):
        each.add_argument("user", metavar="USER", help="the login name, as 'parloir staff list' prints it")


def main(options: argparse.Namespace) -> int:
    """Do what was asked for; 0, or an error is raised."""
    with opened(loader.load(options.config).gateway) as store:
        options.do(store, options)
    return 0


def _add(store: Store, options: argparse.Namespace) -> None:
    with store.reading() as connection:
        if staff.by_user(connection, options.user):
            raise Taken("login name", options.user)
    hash = passwords.hash_password(_ask(), options.user)
    with store.transaction() as connection:
        person = staff.add(
            connection,
            user=options.user,
            name=options.name,
            roles=[Role(role) for role in options.role],
            facilities=options.facility,
            password_hash=hash,
            by=store.actor,
        )
    print(f"{person.user}: may log in")


def _list(store: Store, options: argparse.Namespace) -> None:
    with store.reading() as connection:
        everyone = staff.list(connection)
    for person in everyone:
        where = ", ".join(sorted(person.facilities)) or "everywhere"
        state = "  disabled" if person.disabled else ""
        print(f"{person.user}  {person.name}  {', '.join(sorted(person.roles))}  {where}{state}")


def _disable(store: Store, options: argparse.Namespace) -> None:
    with store.transaction() as connection:
        person = staff.by_user(connection, options.user)
        if person is None:
            raise NoSuch("staff", options.user)
        staff.set_disabled(connection, person.id, True, by=store.actor)
    print(f"{person.user}: is kept out")


def _password(store: Store, options: argparse.Namespace) -> None:
    with store.reading() as connection:
        person = staff.by_user(connection, options.user)
    if person is None:
        raise NoSuch("staff", options.user)
    hash = passwords.hash_password(_ask(), person.user)
    with store.transaction() as connection:
        staff.set_password(connection, person.id, hash, by=store.actor)
        if person.disabled:
            staff.set_disabled(connection, person.id, False, by=store.actor)
    print(f"{person.user}: has another password, and is logged out everywhere")


def _ask() -> str:
    """A password, typed twice at a terminal or else the first line of standard input; never an argument, which
    everyone on the machine could read."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    given = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != given:
        raise NotRepeated
    return given
