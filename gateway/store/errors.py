"""What can go wrong with the store, each with what the operator can do about it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from parloir.errors import ParloirError

if TYPE_CHECKING:
    from parloir.store.visits import Visit


class StoreError(ParloirError):
    """The store refused, or could not be opened."""


class UnknownDatabase(StoreError):
    """The database's URL names a kind this version cannot keep whole; use postgresql, or leave gateway.database out."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"a {kind} database is not supported: give gateway.database a postgresql+psycopg:// URL, "
            "or leave it out to use sqlite in data_dir"
        )
        self.kind = kind


class BadDatabaseUrl(StoreError):
    """gateway.database is not a URL; write postgresql+psycopg://USER:PASSWORD@HOST/NAME."""

    def __init__(self) -> None:
        super().__init__("gateway.database is not a URL: write postgresql+psycopg://USER:PASSWORD@HOST/NAME")


class MissingDriver(StoreError):
    """PostgreSQL's driver is not installed; install Parloir with its extra `postgresql`."""

    def __init__(self) -> None:
        super().__init__("PostgreSQL's driver is not installed: pip install 'parloir[postgresql]'")


class Unreachable(StoreError):
    """The database does not answer; see that it runs, that gateway.database is right and lets this machine in."""

    def __init__(self, database: str, answer: str) -> None:
        super().__init__(f"the database {database} cannot be opened: {answer.strip()}")
        self.database = database
        self.answer = answer


class Unreadable(StoreError):
    """The database's file is damaged; keep a copy of it as evidence, then restore a backup."""

    def __init__(self, database: str, answer: str) -> None:
        super().__init__(f"the database {database} is damaged: {answer.strip()}: keep a copy, then `parloir restore`")
        self.database = database
        self.answer = answer


class BadAnchor(StoreError):
    """The audit chain's anchor cannot be read; restore it from a backup, or move it away and verify the chain."""

    def __init__(self, file: Path) -> None:
        super().__init__(f"{file} is not an audit anchor: restore it from a backup, then run `parloir audit verify`")
        self.file = file


class NoTool(StoreError):
    """A PostgreSQL program is not on PATH; install its client programs (Debian: postgresql-client)."""

    def __init__(self, tool: str) -> None:
        super().__init__(f"{tool} is not on PATH: install PostgreSQL's client programs (Debian: postgresql-client)")
        self.tool = tool


class SnapshotFailed(StoreError):
    """The database could not be copied out or back in; the message has what the database or its program said."""

    def __init__(self, what: str, answer: str) -> None:
        super().__init__(f"{what}: {answer.strip()}")
        self.what = what
        self.answer = answer


class OldSchema(StoreError):
    """The database was made by an earlier version; run `parloir db upgrade`."""

    def __init__(self, database: str, found: str, wanted: str) -> None:
        super().__init__(
            f"{database} has schema {found} and this version needs {wanted}: stop the gateway, run `parloir db upgrade`"
        )
        self.database = database
        self.found = found
        self.wanted = wanted


class NewSchema(StoreError):
    """The database was made by a later version; run that version, or restore a backup of this one."""

    def __init__(self, database: str, found: str) -> None:
        super().__init__(
            f"{database} has schema {found}, which this version does not know: "
            "install the version that made it, or restore the backup that its upgrade took"
        )
        self.database = database
        self.found = found


class InUse(StoreError):
    """A database cannot be replaced while a program has it open; stop the gateway first."""

    def __init__(self, database: str) -> None:
        super().__init__(f"{database} is in use: stop the gateway first")
        self.database = database


class StationTaken(StoreError):
    """The station already has a visit at that time; choose another time or cancel the other visit."""

    def __init__(self, visit: "Visit") -> None:
        super().__init__(
            f"station {visit.station} of {visit.facility} already has visit {visit.id} "
            f"from {visit.start:%Y-%m-%d %H:%M} to {visit.end:%H:%M} UTC: choose another time or cancel it"
        )
        self.visit = visit


class NoSuchVisit(StoreError):
    """No visit has that id; list the visits to see which there are."""

    def __init__(self, id: str) -> None:
        super().__init__(f"there is no visit {id}")
        self.id = id


class VisitOver(StoreError):
    """A visit that is done, missed or cancelled cannot change any more; add a new one."""

    def __init__(self, visit: "Visit") -> None:
        super().__init__(f"visit {visit.id} is {visit.state} and cannot change any more")
        self.visit = visit


class NoSuchCall(StoreError):
    """No call has that id; list the calls to see which there are."""

    def __init__(self, id: str) -> None:
        super().__init__(f"there is no call {id}")
        self.id = id


class NoSuchNode(StoreError):
    """No gateway of that name has anything in the database; `parloir nodes list` prints those that have."""

    def __init__(self, node: str) -> None:
        super().__init__(f"nothing is in the name of a node {node}: see `parloir nodes list`")
        self.node = node


class NodeRuns(StoreError):
    """A node that told something of its calls just now is not lost; stop it, or wait until it has been quiet."""

    def __init__(self, node: str, ago: timedelta, quiet: timedelta) -> None:
        super().__init__(
            f"node {node} told something of a call {max(0, round(ago.total_seconds()))} s ago, so it runs: stop it, "
            f"and release it when it has been quiet for {quiet.total_seconds():.0f} s"
        )
        self.node = node
        self.ago = ago


class CarriedElsewhere(StoreError):
    """Another gateway on this database carries the call; ask that one."""

    def __init__(self, call: str, node: str) -> None:
        super().__init__(f"call {call} is carried by the gateway {node}: ask that one")
        self.call = call
        self.node = node


class NoSuchRecording(StoreError):
    """No recording has that id; list the recordings to see which there are."""

    def __init__(self, id: str) -> None:
        super().__init__(f"there is no recording {id}")
        self.id = id


class KeyGone(StoreError):
    """A recording cannot be decrypted: it was erased, or the key file is not the one it was made under."""

    def __init__(self, recording: str, why: str) -> None:
        super().__init__(f"recording {recording} cannot be opened: {why}")
        self.recording = recording
        self.why = why


class BadKeyFile(StoreError):
    """The key file of recordings cannot be used; nothing is recorded or played until it can."""

    def __init__(self, file: Path, why: str) -> None:
        super().__init__(f"{file}: {why}")
        self.file = file
        self.why = why


class ClassFixed(StoreError):
    """The class of a call is set once, before its media; a call that was taken for another has to be made anew."""

    def __init__(self, call: str, call_class: str) -> None:
        super().__init__(f"call {call} is {call_class} for good")
        self.call = call
        self.call_class = call_class


class NoSuch(StoreError):
    """Nothing of that kind has that id; list them to see which there are."""

    def __init__(self, kind: str, id: str) -> None:
        super().__init__(f"there is no {kind} {id}")
        self.kind = kind
        self.id = id


class Taken(StoreError):
    """What has to be the only one of its kind is there already; change that one, or take another."""

    def __init__(self, kind: str, value: str) -> None:
        super().__init__(f"the {kind} {value!r} is already there")
        self.kind = kind
        self.value = value


class NoBarId(StoreError):
    """An attorney is approved only with a bar id; ask for it and write it down first."""

    def __init__(self, relationship: str) -> None:
        super().__init__(f"relationship {relationship} has no bar id: an attorney is approved only with one")
        self.relationship = relationship


class WeakPassword(StoreError):
    """A password that is too easily guessed; choose a longer one that is not the login name."""

    def __init__(self, shortest: int) -> None:
        super().__init__(f"this password is too weak: take at least {shortest} characters, not the login name")
        self.shortest = shortest


class WeakPin(StoreError):
    """A PIN that cannot be dialled or is guessed at once; choose digits that are not all the same."""

    def __init__(self, shortest: int, longest: int) -> None:
        super().__init__(f"this is no PIN: take {shortest} to {longest} digits that are not all the same")
        self.shortest = shortest
        self.longest = longest


class LoginRefused(StoreError):
    """A login that is not right: the name, the password or PIN, or the account is disabled. It does not say which."""

    def __init__(self) -> None:
        super().__init__("the name or the password is wrong")


class LockedOut(StoreError):
    """Too many logins failed; wait until `until` (UTC), or have an administrator set a new password."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"too many logins failed: try again after {until:%H:%M:%S} UTC")
        self.until = until


class TooManyLogins(StoreError):
    """More logins wait at once than are let wait; someone may be guessing. Try again in a minute."""

    def __init__(self) -> None:
        super().__init__("too many logins at once: try again in a minute")


class Forbidden(StoreError):
    """Someone lacks the role for what they want to do; an administrator gives it with `parloir staff`."""

    def __init__(self, user: str, roles: Iterable[str], facility: str | None) -> None:
        where = f" at {facility}" if facility else ""
        super().__init__(f"{user} may not do this{where}: it takes the role {' or '.join(sorted(roles))}")
        self.user = user
        self.roles = tuple(roles)
        self.facility = facility


class ForeignTable(StoreError):
    """A plugin's table is not named after it, is another's, or points at another's; its vendor has to rename it."""

    def __init__(self, plugin: str, table: str, prefix: str) -> None:
        super().__init__(
            f"plugin {plugin} may not use the table {table}: its own are named {prefix}*, 63 characters at most"
        )
        self.plugin = plugin
        self.table = table


class TablesChanged(StoreError):
    """A plugin defines its tables in a way that its data cannot follow; install the version that made them."""

    def __init__(self, plugin: str, changes: Iterable[str]) -> None:
        self.plugin = plugin
        self.changes = tuple(changes)
        super().__init__(
            f"plugin {plugin} changed its tables in a way that could lose data: {'; '.join(self.changes)}: "
            "install the version that made them"
        )
