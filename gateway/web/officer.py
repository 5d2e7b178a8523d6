"""The live wall and officers' acts over HTTP: who may reach them, models in, models out."""

from dataclasses import dataclass

from parloir.calls.acts import STREAMS, Acts
from parloir.calls.acts_speech import BOTH, INSIDE
from parloir.calls.wall import Wall
from parloir.config import prompts
from parloir.store.errors import NoSuchCall
from parloir.store.staff import Staff
from parloir.web import reach
from parloir.web.desk import Desk
from parloir.web.errors import Refused
from parloir.web.officer_models import (
    Because,
    Speaking,
    Speech,
    TileBody,
    WallBody,
    Warn,
    WarningBody,
    Withhold,
)


@dataclass(frozen=True)
class Guardroom:
    """What lies behind the officers' page."""

    wall: Wall
    acts: Acts


class OfficerApi:
    """The operations, each a method of its name."""

    def __init__(self, desk: Desk, guardroom: Guardroom) -> None:
        self._desk = desk
        self._wall = guardroom.wall
        self._acts = guardroom.acts

    async def show_wall(self, who: Staff) -> WallBody:
        tiles = [tile for tile in self._wall.tiles() if reach.has(who, tile.facility)]
        warnings = [WarningBody.named(name) for name in prompts.WARNINGS]
        return WallBody(calls=list(map(TileBody.of, tiles)), warnings=warnings)

    async def warn_call(self, who: Staff, id: str, taken: Warn) -> None:
        await self._reach(who, id)
        await self._acts.warn(who, id, prompt=taken.prompt or "", text=taken.text or "", why=taken.reason)

    async def withhold(self, who: Staff, id: str, taken: Withhold) -> None:
        await self._reach(who, id)
        await self._acts.withhold(who, id, STREAMS[taken.party, taken.kind], taken.on, taken.reason)

    async def pause_call(self, who: Staff, id: str, taken: Because) -> None:
        await self._reach(who, id)
        await self._acts.pause(who, id, taken.reason)

    async def resume_call(self, who: Staff, id: str, taken: Because) -> None:
        await self._reach(who, id)
        await self._acts.resume(who, id, taken.reason)

    async def begin_speaking(self, who: Staff, id: str, taken: Speech) -> Speaking:
        await self._reach(who, id)
        to = INSIDE if taken.to == "inside" else BOTH
        return Speaking.of(await self._acts.speak(who, id, taken.sdp, to, taken.reason))

    async def end_speaking(self, who: Staff, id: str, speaker: str) -> None:
        await self._reach(who, id)
        found = self._acts.speaker(id)
        if found is not None and found.id == speaker and found.user != who.user:
            raise Refused(403, "not_yours", "another speaks there")
        await self._acts.hush(id, speaker)

    async def _reach(self, who: Staff, id: str) -> None:
        view = await self._desk.get_call(id)
        reach.require(who, view.call.facility)
        if view.state == "ended":
            raise NoSuchCall(id)
