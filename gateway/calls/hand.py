"""What plugins may have done, carried out at the desk."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from parloir.calls import words
from parloir.calls.desk import Desk
from parloir.calls.reason import Reason
from parloir.policy.facility import ErasedRecording
from parloir.policy.values import Route
from parloir.store.visits import Visit
from parloir.webrtc.signalling import Warn


@dataclass(frozen=True)
class DeskHand:
    """Implements calls.actions.Hand; `desk` gives the desk once there is one."""

    desk: Callable[[], Desk]

    def live_calls(self, facility: str, unit: str | None) -> Sequence[tuple[str, Route]]:
        """The calls in progress of a unit, or of the facility (None), by id."""
        desk = self.desk()
        return [
            (id, Route.VISIT)
            for id, call in desk.live.items()
            if call.visit.facility == facility
            and (unit is None or desk.stations.get(facility, call.visit.station).unit == unit)
        ]

    def end(self, id: str, reason: Reason) -> None:
        """End a call, saying so to both sides first."""
        if call := self.desk().live.get(id):
            call.end_announced(reason, words.ending(reason, call.terms.language))

    async def cancel_visit(self, id: str, reason: Reason) -> None:
        """Cancel a visit, and its call if there is one; raises NoSuchVisit, VisitOver."""
        await self.desk().cancelled(id, reason)

    async def expire_recordings(self, facility: str, by: str) -> tuple[ErasedRecording, ...]:
        """Erase a facility's recordings whose time is over."""
        return await self.desk().expiry.expire(facility, by)

    def moved(self, visit: Visit, said: str) -> None:
        """A visit has another time or station now; its page is told so."""
        desk = self.desk()
        if room := desk.rooms.get(visit.id):
            room.visit = visit
            room.say(Warn(text=said))
            room.moved()
