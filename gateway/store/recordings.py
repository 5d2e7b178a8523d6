"""Recordings as they are remembered: whose call, from when to when, where the journal ends, and what became of it."""

import builtins
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, exists, insert, or_, select, update

from parloir.store import call_notes, nodes
from parloir.store.calls import CallClass
from parloir.store.errors import NoSuchRecording
from parloir.store.people_tables import residents, visit_visitors, visitors
from parloir.store.recording_tables import recording_holds, recording_marks, recordings
from parloir.store.tables import calls, visits
from parloir.store.text import can_be_kept


class State(StrEnum):
    """What a recording is: being made, whole, given up for a failure, cut off by a crash, or erased."""

    RECORDING = "recording"
    WHOLE = "whole"
    FAILED = "failed"
    RECOVERED = "recovered"
    ERASED = "erased"


@dataclass(frozen=True)
class Recording:
    """One recording, and of its call what it is found by; `visitor` and `resident` are names.

    `hash` is the journal's last (hex), which the audit chain knows too; `held`: a legal hold is in force. Times in UTC.
    """

    id: str
    call: str
    facility: str
    station: str
    visitor: str
    begun: datetime
    state: State
    ended: datetime | None = None
    chunks: int = 0
    octets: int = 0
    hash: str = ""
    failure: str = ""
    erased: datetime | None = None
    resident: str = ""
    call_class: CallClass = CallClass.ORDINARY
    held: bool = False

    @property
    def can_be_played(self) -> bool:
        """Whether there is something to play: it is over, and not erased."""
        return self.state in (State.WHOLE, State.FAILED, State.RECOVERED) and self.chunks > 0


@dataclass(frozen=True)
class Ending:
    """How a recording ended: its journal's chunks, octets and last hash, and why it failed if it did."""

    state: State
    chunks: int
    octets: int
    hash: str
    failure: str = ""


@dataclass(frozen=True)
class Wanted:
    """What is searched for; None and "" leave it open. `person` is part of a resident's or visitor's name, or all of
    their number; `note` is part of what was noted of it or its call; `resident` and `visitor` are ids;
    `within` these facilities.

    `left_by` is a node that starts: it wants what it was making itself, and what a node made that was given up.
    """

    facility: str | None = None
    station: str | None = None
    call: str | None = None
    resident: str | None = None
    visitor: str | None = None
    after: datetime | None = None
    before: datetime | None = None
    state: State | None = None
    left_by: str | None = None
    call_class: CallClass | None = None
    person: str = ""
    note: str = ""
    within: frozenset[str] = frozenset()
    limit: int = 200


def add(connection: Connection, id: str, call: str, facility: str, begun: datetime) -> None:
    """Remember a recording that begins."""
    values = {"id": id, "call": call, "facility": facility, "begun": begun, "state": State.RECORDING}
    connection.execute(insert(recordings).values(values))


def end(connection: Connection, id: str, ended: datetime, ending: Ending) -> bool:
    """Write down how a recording ended; False for one that had ended already, which stays as it is."""
    going = (recordings.c.id == id) & (recordings.c.state == State.RECORDING)
    values = {
        "ended": ended,
        "state": ending.state,
        "chunks": ending.chunks,
        "octets": ending.octets,
        "hash": ending.hash,
        "failure": ending.failure[:500],
    }
    return connection.execute(update(recordings).where(going).values(values)).rowcount > 0


def erase(connection: Connection, id: str, at: datetime) -> None:
    """Write down that a recording is no more; what it was of is still known. Raises NoSuchRecording."""
    values = {"state": State.ERASED, "erased": at}
    if connection.execute(update(recordings).where(recordings.c.id == id).values(values)).rowcount == 0:
        raise NoSuchRecording(id)


def get(connection: Connection, id: str) -> Recording:
    """The recording of that id; raises NoSuchRecording."""
    row = connection.execute(_joined().where(recordings.c.id == id)).mappings().first() if can_be_kept(id) else None
    if row is None:
        raise NoSuchRecording(id)
    return _recording(row)


def search(connection: Connection, wanted: Wanted) -> builtins.list[Recording]:
    """Recordings, the newest first."""
    query = _joined().order_by(recordings.c.begun.desc(), recordings.c.id).limit(wanted.limit)
    for column, value in (
        (recordings.c.facility, wanted.facility),
        (recordings.c.call, wanted.call),
        (recordings.c.state, wanted.state),
        (calls.c.station, wanted.station),
        (calls.c["class"], wanted.call_class),
        (visits.c.resident, wanted.resident),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.visitor is not None:
        theirs = select(visit_visitors.c.visit).where(visit_visitors.c.visitor == wanted.visitor)
        query = query.where(calls.c.visit.in_(theirs))
    if wanted.left_by is not None:
        given_up = calls.c.reason == nodes.REASON
        query = query.where(given_up | nodes.own(connection, calls.c.node, wanted.left_by))
    if wanted.within:
        query = query.where(recordings.c.facility.in_(wanted.within))
    if wanted.after is not None:
        query = query.where(recordings.c.begun >= wanted.after)
    if wanted.before is not None:
        query = query.where(recordings.c.begun < wanted.before)
    if not (can_be_kept(wanted.person) and can_be_kept(wanted.note)):
        return []
    if wanted.person:
        query = query.where(_of(wanted.person))
    if wanted.note:
        query = query.where(_noted(wanted.note))
    return [_recording(row) for row in connection.execute(query).mappings()]


def _of(person: str) -> ColumnElement[bool]:
    """Whether somebody of that name, or with that number, was in the visit."""
    known = or_(visitors.c.name.icontains(person, autoescape=True), visitors.c.reference == person)
    theirs = select(visit_visitors.c.visit).join(visitors, visit_visitors.c.visitor == visitors.c.id).where(known)
    return or_(
        visits.c.visitor.icontains(person, autoescape=True),
        residents.c.name.icontains(person, autoescape=True),
        residents.c.number == person,
        calls.c.visit.in_(theirs),
    )


def _noted(text: str) -> ColumnElement[bool]:
    """Whether a note or bookmark says that, or a note on its call."""
    said = recording_marks.c.text.icontains(text, autoescape=True)
    marked = exists().where(recording_marks.c.recording == recordings.c.id, said)
    return or_(marked, call_notes.saying(text, recordings.c.call))


def _joined() -> Select[*tuple[Any, ...]]:
    joined = (
        recordings.join(calls, recordings.c.call == calls.c.id)
        .outerjoin(visits, calls.c.visit == visits.c.id)
        .outerjoin(residents, visits.c.resident == residents.c.id)
    )
    in_force = exists().where(recording_holds.c.recording == recordings.c.id, recording_holds.c.lifted.is_(None))
    return select(
        recordings,
        calls.c.station,
        calls.c["class"].label("call_class"),
        visits.c.visitor,
        residents.c.name.label("resident"),
        in_force.label("held"),
    ).select_from(joined)


def _recording(row: RowMapping) -> Recording:
    return Recording(
        id=row["id"],
        call=row["call"],
        facility=row["facility"],
        station=row["station"],
        visitor=row["visitor"] or "",
        begun=row["begun"],
        state=State(row["state"]),
        ended=row["ended"],
        chunks=row["chunks"],
        octets=row["octets"],
        hash=row["hash"],
        failure=row["failure"],
        erased=row["erased"],
        resident=row["resident"] or "",
        call_class=CallClass(row["call_class"]),
        held=bool(row["held"]),
    )
