"""Listeners and recordings over HTTP: who may reach them, models in, models out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from parloir.calls.expiry import Expiry
from parloir.calls.listening import Listening as Listeners
from parloir.calls.shelf import Making, Shelf
from parloir.export.job import SUMMARY
from parloir.store.errors import NoSuch, NoSuchCall
from parloir.store.recordings import Recording, Wanted
from parloir.store.staff import Staff
from parloir.web import reach
from parloir.web.desk import Desk
from parloir.web.errors import Refused
from parloir.web.recording_models import (
    ErasedList,
    Expiring,
    HoldBody,
    ListenerBody,
    ListenerList,
    Listening,
    MakingBody,
    MarkBody,
    NewMark,
    Offer,
    Reasoned,
    RecordingBody,
    RecordingDetail,
    RecordingList,
    RecordingQuery,
)

FILES: Mapping[str, tuple[str, str]] = {
    "playback": ("media", "video/mp4"),
    "bundle": ("bundle/file", "application/x-tar"),
}
LARGEST = 2**31 - 1
MOST = 200
"""Recordings that one search shows."""


@dataclass(frozen=True)
class Archive:
    """What lies behind the counter where recordings are asked for, and who may listen to live calls."""

    shelf: Shelf
    expiry: Expiry
    listening: Listeners


class RecordingsApi:
    """The operations, each a method of its name."""

    def __init__(self, desk: Desk, archive: Archive) -> None:
        self._desk = desk
        self._shelf = archive.shelf
        self._expiry = archive.expiry
        self._listening = archive.listening

    async def list_listeners(self, who: Staff, id: str) -> ListenerList:
        await self._reach_call(who, id)
        return ListenerList(listeners=[ListenerBody.of(each) for each in self._listening.of(id)])

    async def begin_listening(self, who: Staff, id: str, taken: Offer) -> Listening:
        await self._reach_call(who, id)
        return Listening.of(await self._listening.begin(who, id, taken.sdp, taken.reason, taken.thumbnails))

    async def end_listening(self, who: Staff, id: str, listener: str) -> None:
        await self._reach_call(who, id)
        found = next((each for each in self._listening.of(id) if each.id == listener), None)
        if found is not None and found.user != who.user:
            raise Refused(403, "not_yours", "another listens there")
        await self._listening.end(id, listener)

    async def list_recordings(self, who: Staff, taken: RecordingQuery) -> RecordingList:
        if taken.facility is not None:
            reach.require(who, taken.facility)
        wanted = Wanted(**dict(taken), within=who.facilities, limit=MOST + 1)
        found = await self._shelf.search(wanted)
        return RecordingList(recordings=list(map(RecordingBody.of, found[:MOST])), more=len(found) > MOST)

    async def get_recording(self, who: Staff, id: str) -> RecordingDetail:
        await self._reach(who, id)
        return RecordingDetail.with_acts(await self._shelf.get(id), await self._shelf.custody(id))

    async def begin_playback(self, who: Staff, id: str, taken: Reasoned) -> MakingBody:
        await self._reach(who, id)
        return _body(id, "playback", await self._shelf.play(who, id, taken.reason))

    async def get_playback(self, who: Staff, id: str) -> MakingBody:
        await self._reach(who, id)
        return _body(id, "playback", self._made(who, id, "playback"))

    async def begin_bundle(self, who: Staff, id: str, taken: Reasoned) -> MakingBody:
        await self._reach(who, id)
        return _body(id, "bundle", await self._shelf.export(who, id, taken.reason))

    async def get_bundle(self, who: Staff, id: str) -> MakingBody:
        await self._reach(who, id)
        return _body(id, "bundle", self._made(who, id, "bundle"))

    async def add_mark(self, who: Staff, id: str, taken: NewMark) -> MarkBody:
        await self._reach(who, id)
        return MarkBody.of(await self._shelf.mark(who, id, taken.at, taken.text))

    async def remove_mark(self, who: Staff, id: str, mark: str) -> None:
        await self._reach(who, id)
        number = int(mark) if mark.isascii() and mark.isdigit() and len(mark) < 11 else LARGEST + 1
        try:
            if number > LARGEST:
                raise NoSuch("mark", mark)
            await self._shelf.unmark(who, id, number)
        except NoSuch as error:
            raise Refused(404, "no_such_mark", "there is no such bookmark or note") from error

    async def add_hold(self, who: Staff, id: str, taken: Reasoned) -> HoldBody:
        await self._reach(who, id)
        return HoldBody.of(await self._shelf.hold(who, id, taken.reason))

    async def lift_holds(self, who: Staff, id: str, taken: Reasoned) -> None:
        await self._reach(who, id)
        await self._shelf.release(who, id, taken.reason)

    async def expire_recordings(self, who: Staff, taken: Expiring) -> ErasedList:
        reach.require(who, taken.facility)
        return ErasedList.of(await self._expiry.expire(taken.facility, who.user))

    async def file(self, who: Staff, id: str, what: str) -> Path:
        """A file that was made for this person; raises Refused (404) for one that was not, or not yet."""
        await self._reach(who, id)
        making = self._made(who, id, what)
        if not making.done:
            raise Refused(404, "not_ready", "it is not made yet")
        return making.path

    async def _reach(self, who: Staff, id: str) -> Recording:
        recording = (await self._shelf.get(id)).recording
        reach.require(who, recording.facility)
        return recording

    async def _reach_call(self, who: Staff, id: str) -> None:
        view = await self._desk.get_call(id)
        reach.require(who, view.call.facility)
        if view.state == "ended":
            raise NoSuchCall(id)

    def _made(self, who: Staff, id: str, what: str) -> Making:
        making = self._shelf.making(who, id, what)
        if making is None:
            raise Refused(404, "not_begun", "ask for it first, with a reason")
        return making


def _body(id: str, what: str, making: Making) -> MakingBody:
    summary = None
    if making.done and what == "playback":
        summary = json.loads((making.path.parent / SUMMARY).read_bytes())
    return MakingBody.of(making, f"/api/v1/recordings/{id}/{FILES[what][0]}", summary)
