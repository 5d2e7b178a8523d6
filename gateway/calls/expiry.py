"""The end of recordings: when their time is over and nothing holds them, their keys are destroyed, which is proven."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection
from twisted.internet.threads import deferToThreadPool

from parloir.calls.facilities import Facilities
from parloir.calls.premises import Premises
from parloir.calls.recording import CannotRecord, Place
from parloir.calls.stations import Stations
from parloir.calls.timeline import Timelines
from parloir.errors import ParloirError
from parloir.policy import answers, values
from parloir.policy.facility import ErasedRecording
from parloir.policy.values import Medium
from parloir.store import audit, recording_holds, recordings
from parloir.store.errors import KeyGone
from parloir.store.recordings import Recording, Wanted
from parloir.store.vault import Destroyed

T = TypeVar("T")
MOST = 100_000


class Held(ParloirError):
    """The recording is under legal hold and is not erased; lift the hold first."""

    def __init__(self, recording: str) -> None:
        super().__init__(f"recording {recording} is under legal hold")
        self.recording = recording


class Expiry:
    """Erases recordings; `erased` is called with the id of each before its files are said to be gone."""

    def __init__(
        self,
        reactor: Any,
        timelines: Timelines,
        facilities: Facilities,
        stations: Stations,
        place: Place | None,
        erased: Callable[[str], None],
    ) -> None:
        self._reactor = reactor
        self._timelines = timelines
        self._database = timelines.database
        self._facilities = facilities
        self._stations = stations
        self._place = place
        self._erased = erased

    async def expire(self, facility: str, by: str) -> tuple[ErasedRecording, ...]:
        """Erase a facility's recordings whose time is over and that nothing holds; proof of each."""
        policies, now = self._facilities.get(facility).policies, self._timelines.clock.wall()
        wanted, erased = Wanted(facility=facility, limit=MOST), list[ErasedRecording]()
        for each in await self._database.run(lambda c: recordings.search(c, wanted)):
            if not each.can_be_played or not self._is_here(each.id):
                continue
            kept = await policies.retain_recording(self._shown(each))
            if kept.legal_hold or kept.days is None or each.begun + timedelta(days=kept.days) > now:
                continue
            try:
                erased.append(await self.erase(each, by, f"kept for {kept.days} days"))
            except Held:
                continue
            except (KeyGone, OSError) as error:
                self._timelines.log("recording.not_erased", recording=each.id, error=str(error))
        return tuple(erased)

    async def erase(self, recording: Recording, by: str, why: str) -> ErasedRecording:
        """Destroy a recording's key, its journal and all that was made of it. Raises Held, KeyGone and OSError."""
        place, id = self._place, recording.id
        if place is None:
            raise CannotRecord

        def intend(connection: Connection) -> None:
            if recording_holds.in_force(connection, [id]):
                raise Held(id)
            _audit(connection, by, "recording.erasing", id, why=why)

        await self._database.run(intend)
        proof = await self._in_thread(lambda: _destroy(place, id))
        self._erased(id)
        erased = ErasedRecording(id, recording.call, proof.master, proof.sha256, recording.hash)
        at = self._timelines.clock.wall()

        def done(connection: Connection) -> None:
            recordings.erase(connection, id, at)
            facts = {"master": proof.master, "key_sha256": proof.sha256, "hash": recording.hash, "why": why}
            _audit(connection, by, "recording.erased", id, **facts)

        await self._database.run(done)
        await self._in_thread(lambda: place.vault.forget_proof(id))
        return erased

    def _is_here(self, id: str) -> bool:
        """Whether this gateway has the key, or had begun to destroy it; each gateway erases what it has."""
        return self._place is not None and (self._place.vault.has(id) or self._place.vault.is_destroying(id))

    def _shown(self, recording: Recording) -> values.Recording:
        """A recording as policies are shown it."""
        facility = self._facilities.get(recording.facility)
        premises = Premises(facility.id, facility.timezone, facility.tier, facility.language, self._stations)
        seconds = int((recording.ended - recording.begun).total_seconds()) if recording.ended else 0
        return values.Recording(
            id=recording.id,
            call=recording.call,
            facility=recording.facility,
            call_class=answers.CallClass(recording.call_class),
            media=premises.media(recording.station) or (Medium.AUDIO,),
            made=recording.begun,
            seconds=max(0, seconds),
        )

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await deferToThreadPool(self._reactor, self._reactor.getThreadPool(), work)


def _destroy(place: Place, id: str) -> Destroyed:
    """The key first: when it is gone, nothing else needs to be."""
    proof = place.vault.destroy(id)
    place.journal(id).unlink(missing_ok=True)
    shutil.rmtree(place.folder / "made" / id, ignore_errors=True)
    left = [path for path in (place.journal(id), place.folder / "made" / id) if path.exists()]
    if left:
        raise OSError(f"{left[0]} is still there")
    return proof


def _audit(connection: Connection, by: str, act: str, id: str, /, **facts: Any) -> None:
    audit.append(connection, by, act, f"recording {id}", facts)
