"""Recordings as they are remembered: whose call, from when to when, where the journal ends, and what became of it."""

import builtins
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, exists, insert, or_, select, update

from parloir.store.errors import NoSuchRecording
from parloir.store.people_tables import visit_visitors
from parloir.store.recording_tables import recording_marks, recordings
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
    """One recording. `hash` is the journal's last (hex), which the audit chain knows too; times in UTC."""

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
    """What is searched for; None and "" leave it open. `text` is looked for in notes and in the visitor's name."""

    facility: str | None = None
    station: str | None = None
    call: str | None = None
    resident: str | None = None
    visitor: str | None = None
    after: datetime | None = None
    before: datetime | None = None
    state: State | None = None
    text: str = ""
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
        (visits.c.resident, wanted.resident),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.visitor is not None:
        theirs = select(visit_visitors.c.visit).where(visit_visitors.c.visitor == wanted.visitor)
        query = query.where(calls.c.visit.in_(theirs))
    if wanted.after is not None:
        query = query.where(recordings.c.begun >= wanted.after)
    if wanted.before is not None:
        query = query.where(recordings.c.begun < wanted.before)
    if wanted.text:
        noted = exists().where(
            recording_marks.c.recording == recordings.c.id,
            recording_marks.c.text.icontains(wanted.text, autoescape=True),
        )
        query = query.where(or_(noted, visits.c.visitor.icontains(wanted.text, autoescape=True)))
    return [_recording(row) for row in connection.execute(query).mappings()]


def _joined() -> Select[*tuple[Any, ...]]:
    joined = recordings.join(calls, recordings.c.call == calls.c.id).outerjoin(visits, calls.c.visit == visits.c.id)
    return select(recordings, calls.c.station, visits.c.visitor).select_from(joined)


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
    )
