"""What a plugin may have the gateway do, each act in the audit chain before it is done."""

from asyncio import wrap_future
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection

from parloir.calls.journal import Run
from parloir.calls.premises import Premises
from parloir.calls.reason import PolicyEnded, Reason
from parloir.policy.answers import Words
from parloir.policy.facility import ErasedRecording
from parloir.policy.gateway_store import on_reactor
from parloir.policy.values import Route
from parloir.store import audit, call_notes, calls, engagements, participants, visits
from parloir.store.errors import NoSuchCall, NoSuchVisit, StationTaken, VisitOver
from parloir.store.text import can_be_kept
from parloir.store.visits import Visit

T = TypeVar("T")
MINUTE = 60


class Hand(Protocol):
    """Who carries it out; called on the reactor."""

    def live_calls(self, facility: str, unit: str | None) -> Sequence[tuple[str, Route]]:
        """The calls in progress of a unit, or of the facility (None), by id."""

    def end(self, id: str, reason: Reason) -> None:
        """End a call; one that has ended meanwhile stays as it is."""

    async def cancel_visit(self, id: str, reason: Reason) -> None:
        """Cancel a visit, and its call if there is one; raises NoSuchVisit, VisitOver."""

    async def expire_recordings(self, facility: str, by: str) -> tuple[ErasedRecording, ...]:
        """Erase a facility's recordings whose time is over."""

    def moved(self, visit: Visit, said: str) -> None:
        """A visit has another time or station now; its page is told so."""


@dataclass(frozen=True)
class FacilityActions:
    """What one plugin may do in one facility (policy.facility.Actions); called on the plugin's own loop."""

    plugin: str
    premises: Premises
    reactor: Any
    run: Run
    hand: Hand

    async def end_calls(self, *, unit: str | None, code: str, words: Words, by: str) -> tuple[str, ...]:
        """End the live calls of a unit, or of the facility, but those that are never denied; answers the ids."""
        return await self._there(lambda: self._end_calls(unit, self._reason(code, words, by)))

    async def release_visit(self, visit: str, *, code: str, words: Words, by: str) -> None:
        """Cancel a visit; one that is over stays as it is. Raises NoSuchVisit for one of another facility."""
        await self._there(lambda: self._release(visit, self._reason(code, words, by)))

    async def move_visit(
        self, visit: str, *, station: str, start: datetime, end: datetime, code: str, words: Words, by: str
    ) -> bool:
        """Move a visit; False if the place was taken, or the visit has begun or is over.

        Raises UnknownStation, NoSuchVisit for a visit of another facility, and ValueError for less than a minute.
        """
        minutes = round((end - start).total_seconds()) // MINUTE
        if minutes < 1:
            raise ValueError("a visit lasts a minute at least")
        self.premises.stations.get(self.premises.facility, station)
        to = (station, start.astimezone(UTC), minutes)
        return await self._there(lambda: self._move(visit, to, self._reason(code, words, by)))

    async def expire_recordings(self, *, by: str) -> tuple[ErasedRecording, ...]:
        """Erase the facility's recordings whose time is over, and that nothing holds; proof of each."""
        actor = f"plugin:{self.plugin} {by}"[:200]
        return await self._there(lambda: self.hand.expire_recordings(self.premises.facility, actor))

    async def note_call(self, call: str, text: str, *, by: str) -> bool:
        """Keep what staff wrote about a call; False where the facility has no such call. Raises ValueError."""
        if not call_notes.is_fit(text) or not can_be_kept(by):
            raise ValueError(f"a note is text of 1 to {call_notes.LONGEST} characters without NUL")
        return await self._there(lambda: self._note(call, text, by[:200]))

    async def _there(self, work: Callable[[], Awaitable[T]]) -> T:
        return await wrap_future(on_reactor(self.reactor, work))

    def _reason(self, code: str, words: Words, by: str) -> PolicyEnded:
        return PolicyEnded(self.plugin, code, by[:200], said=words.pick(self.premises.language))

    async def _end_calls(self, unit: str | None, reason: PolicyEnded) -> tuple[str, ...]:
        live = self.hand.live_calls(self.premises.facility, unit)
        ids = tuple(id for id, route in live if route is Route.VISIT)

        def write(connection: Connection) -> None:
            for id in ids:
                self._audit(connection, "call.ended", f"call {id}", reason)

        if ids:
            await self.run(write)
        for id in ids:
            self.hand.end(id, reason)
        return ids

    async def _release(self, id: str, reason: PolicyEnded) -> None:
        def write(connection: Connection) -> bool:
            is_open = self._theirs(connection, id).is_open
            if is_open:
                self._audit(connection, "visit.released", f"visit {id}", reason)
            return is_open

        if await self.run(write):
            try:
                await self.hand.cancel_visit(id, reason)
            except VisitOver:
                return

    async def _move(self, id: str, to: tuple[str, datetime, int], reason: PolicyEnded) -> bool:
        station, start, minutes = to

        def move(connection: Connection) -> Visit:
            before = self._theirs(connection, id)
            visitors = frozenset(participants.of_visits(connection, [id])[id])
            engagements.hold(connection, engagements.party(connection, before.resident, visitors, datetime.now(UTC)))
            visit = visits.move(connection, id, station, start, minutes)
            facts = {"station": station, "start": start.isoformat(), "minutes": minutes}
            self._audit(connection, "visit.moved", f"visit {id}", reason, **facts)
            return visit

        try:
            visit = await self.run(move)
        except (StationTaken, VisitOver):
            return False
        self.hand.moved(visit, reason.said)
        return True

    async def _note(self, id: str, text: str, by: str) -> bool:
        facility, at = self.premises.facility, datetime.now(UTC)

        def write(connection: Connection) -> bool:
            try:
                if calls.get(connection, id).facility != facility:
                    return False
            except NoSuchCall:
                return False
            facts = {"facility": facility, "by": by, "text": text}
            audit.append(connection, f"plugin:{self.plugin}", "call.noted", f"call {id}", facts)
            call_notes.add(connection, id, text, at, by)
            return True

        return await self.run(write)

    def _theirs(self, connection: Connection, id: str) -> Visit:
        visit = visits.get(connection, id)
        if visit.facility != self.premises.facility:
            raise NoSuchVisit(id)
        return visit

    def _audit(self, connection: Connection, act: str, subject: str, reason: PolicyEnded, **facts: object) -> None:
        told = {"facility": self.premises.facility, "code": reason.code, "by": reason.by, "said": reason.said}
        audit.append(connection, f"plugin:{self.plugin}", act, subject, told | facts)
