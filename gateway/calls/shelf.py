"""Recordings as staff have them: found, played, marked, held and handed on, with an audit record before each."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection
from twisted.internet.defer import ensureDeferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure

from parloir.calls import history
from parloir.calls.facilities import Facilities
from parloir.calls.premises import Premises
from parloir.calls.recording import CannotRecord, Place
from parloir.calls.stations import Stations
from parloir.calls.timeline import Timelines
from parloir.calls.workshop import Workshop
from parloir.errors import ParloirError
from parloir.export.job import MP4, Job
from parloir.policy import values
from parloir.policy.values import Action, Actor
from parloir.store import audit, call_notes, calls, recording_holds, recording_marks, recordings
from parloir.store.call_notes import Note
from parloir.store.recording_holds import Hold
from parloir.store.recording_marks import Mark
from parloir.store.recordings import Recording, Wanted
from parloir.store.staff import Staff

T = TypeVar("T")
KEPT = timedelta(hours=1)
"""How long what was made of a recording is kept after it was last wanted."""
SWEEP = 300.0
MOST = 100_000


class MayNotPlay(ParloirError):
    """The facility's policies do not let this member of staff do that with the recording."""

    def __init__(self, recording: str, why: str) -> None:
        super().__init__(f"recording {recording}: {why}")
        self.recording = recording
        self.why = why


class NotPlayable(ParloirError):
    """There is nothing to play: the recording is still being made, was erased, or never held anything."""

    def __init__(self, recording: Recording) -> None:
        super().__init__(f"recording {recording.id} cannot be played: it is {recording.state}")
        self.recording = recording.id


@dataclass
class Making:
    """A file that is being made, or was: how far (0 to 1), and why it failed if it did. `asked`: who may have it."""

    path: Path
    progress: float = 0.0
    done: bool = False
    error: str = ""
    wanted: datetime | None = None
    asked: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Detail:
    """A recording with all that is known of it; `notes` are those on its call."""

    recording: Recording
    marks: Sequence[Mark]
    notes: Sequence[Note]
    holds: Sequence[Hold]


class Shelf:
    """All recordings of this gateway's store; those whose files are elsewhere can be found but not played."""

    def __init__(
        self, reactor: Any, timelines: Timelines, facilities: Facilities, stations: Stations, place: Place | None
    ) -> None:
        self._reactor = reactor
        self._timelines = timelines
        self._database = timelines.database
        self._facilities = facilities
        self._stations = stations
        self._place = place
        self._workshop = Workshop(reactor)
        self._making: dict[tuple[str, str], Making] = {}

    def start(self) -> None:
        """Remove what an earlier run has made, and go on removing what nobody wants any more."""
        if self._place is not None:
            self._clear()

    async def search(self, wanted: Wanted) -> list[Recording]:
        """Recordings, the newest first."""
        return await self._database.run(lambda connection: recordings.search(connection, wanted))

    async def get(self, id: str) -> Detail:
        """One recording; raises NoSuchRecording."""

        def read(connection: Connection) -> Detail:
            found = recordings.get(connection, id)
            notes = call_notes.list(connection, found.call)
            return Detail(found, recording_marks.list(connection, id), notes, recording_holds.list(connection, id))

        return await self._database.run(read)

    async def custody(self, id: str) -> list[audit.Record]:
        """Every act on a recording, from the audit chain."""
        return await self._database.run(lambda c: audit.list(c, subject=f"recording {id}", limit=MOST))

    def forget(self, id: str) -> None:
        """A recording was erased: nothing made of it is there any more."""
        self._making = {key: making for key, making in self._making.items() if key[0] != id}

    # Each of these is in the audit chain before it is done.

    async def play(self, who: Staff, id: str, why: str) -> Making:
        """Begin to make a recording playable. Raises NoSuchRecording, MayNotPlay, NotPlayable and KeyGone."""
        return await self._make(who, id, why, Action.PLAY, "playback")

    async def export(self, who: Staff, id: str, why: str) -> Making:
        """Begin to make a signed bundle. Raises NoSuchRecording, MayNotPlay, NotPlayable and KeyGone."""
        return await self._make(who, id, why, Action.EXPORT, "bundle")

    def making(self, who: Staff, id: str, what: str) -> Making | None:
        """What is being made, or was, for someone who asked for it; None where they did not, or too long ago."""
        found = self._making.get((id, what))
        if found is None or who.user not in found.asked:
            return None
        found.wanted = self._timelines.clock.wall()
        return found

    async def mark(self, who: Staff, id: str, at: int | None, text: str) -> Mark:
        """Add a bookmark (`at` in ms) or a note. Raises NoSuchRecording."""
        made = self._timelines.clock.wall()

        def write(connection: Connection) -> Mark:
            recordings.get(connection, id)
            self._audit(connection, who.user, "recording.marked", id, at=at, text=text)
            return recording_marks.add(connection, id, at, text, made, who.user)

        return await self._database.run(write)

    async def unmark(self, who: Staff, id: str, mark: int) -> None:
        """Take a bookmark or note away; raises NoSuch."""

        def write(connection: Connection) -> None:
            gone = recording_marks.remove(connection, id, mark)
            self._audit(connection, who.user, "recording.unmarked", id, at=gone.at, text=gone.text)

        await self._database.run(write)

    async def hold(self, who: Staff, id: str, reason: str) -> Hold:
        """Place a legal hold. Raises NoSuchRecording."""
        at = self._timelines.clock.wall()

        def write(connection: Connection) -> Hold:
            recordings.get(connection, id)
            self._audit(connection, who.user, "recording.held", id, reason=reason)
            return recording_holds.place(connection, id, reason, at, who.user)

        return await self._database.run(write)

    async def release(self, who: Staff, id: str, reason: str) -> list[Hold]:
        """Lift all holds. Raises NoSuchRecording."""
        at = self._timelines.clock.wall()

        def write(connection: Connection) -> list[Hold]:
            recordings.get(connection, id)
            self._audit(connection, who.user, "recording.released", id, reason=reason)
            return recording_holds.lift(connection, id, at, who.user)

        return await self._database.run(write)

    async def _make(self, who: Staff, id: str, why: str, action: Action, what: str) -> Making:
        place = self._placed()
        recording = (await self.get(id)).recording
        if not recording.can_be_played:
            raise NotPlayable(recording)
        await self._permit(who, recording, action, why)
        key = await self._in_thread(lambda: place.vault.key(id))
        facts = {"why": why, "call": recording.call}
        await self._database.run(lambda c: self._audit(c, who.user, f"recording.{_DONE[action]}", id, **facts))
        folder = place.folder / "made" / id
        known = self._making.get((id, what))
        asked = (known.asked if known else frozenset()) | {who.user}
        fresh = known is None or known.error or what == "bundle"
        making = Making(folder / (MP4 if what == "playback" else f"{id}.parloir")) if fresh or known is None else known
        making.asked, making.wanted = asked, self._timelines.clock.wall()
        self._making[id, what] = making
        if fresh:
            job = await self._job(place, recording, what, key, making.path)
            ensureDeferred(self._workshop.do(job, lambda share: _note(making, share))).addCallbacks(
                lambda _: _finish(making), lambda failure: _fail(making, failure)
            )
        return making

    async def _job(self, place: Place, recording: Recording, what: str, key: bytes, to: Path) -> Job:
        custody = [record.plain() for record in await self.custody(recording.id)] if what == "bundle" else []
        facts = {
            "id": recording.id,
            "call": recording.call,
            "facility": recording.facility,
            "station": recording.station,
            "visitor": recording.visitor,
            "state": recording.state.value,
        }
        return Job(
            what="bundle" if what == "bundle" else "playback",
            journal=place.journal(recording.id),
            folder=to.parent if what == "playback" else to.parent / "bundle",
            key=key,
            signing=place.vault.masters.signing if what == "bundle" else b"",
            to=to,
            facts=facts,
            end={"chunks": recording.chunks, "octets": recording.octets, "hash": recording.hash},
            custody=custody,
        )

    async def _permit(self, who: Staff, recording: Recording, action: Action, why: str) -> None:
        facility = self._facilities.get(recording.facility)
        premises = Premises(facility.id, facility.timezone, facility.tier, facility.language, self._stations)
        now = self._timelines.clock.wall()

        def read(connection: Connection) -> values.Call:
            return history.read(connection, premises, [calls.get(connection, recording.call)], now)[0]

        call = await self._database.run(read)
        actor = Actor(user=who.user, roles=tuple(sorted(who.roles)), why=why)
        ruling = await facility.policies.may_act(call, action, actor)
        if not ruling.allowed:
            raise MayNotPlay(recording.id, (ruling.denial and ruling.denial.staff) or "the policies do not permit it")

    def _placed(self) -> Place:
        if self._place is None:
            raise CannotRecord
        return self._place

    def _clear(self) -> None:
        """Forget what was not wanted for a while, and remove the files of all that is forgotten."""
        now = self._timelines.clock.wall()
        for key, making in list(self._making.items()):
            if making.wanted is not None and now - making.wanted > KEPT and (making.done or making.error):
                del self._making[key]
        made, wanted = self._placed().folder / "made", {id for id, _ in self._making}
        removed = ensureDeferred(self._in_thread(lambda: _remove(made, wanted)))
        removed.addBoth(lambda _: self._reactor.callLater(SWEEP, self._clear))

    def _audit(self, connection: Connection, by: str, act: str, id: str, /, **facts: Any) -> None:
        audit.append(connection, by, act, f"recording {id}", facts)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await deferToThreadPool(self._reactor, self._reactor.getThreadPool(), work)


_DONE: Mapping[Action, str] = {Action.PLAY: "played", Action.EXPORT: "exported"}


def _remove(made: Path, wanted: set[str]) -> None:
    for folder in made.iterdir() if made.is_dir() else ():
        if folder.name not in wanted:
            shutil.rmtree(folder, ignore_errors=True)


def _note(making: Making, share: float) -> None:
    making.progress = max(making.progress, min(share, 0.99))


def _finish(making: Making) -> None:
    making.progress, making.done = 1.0, True


def _fail(making: Making, failure: Failure) -> None:
    making.error = failure.getErrorMessage()[:500] or "it could not be made"
