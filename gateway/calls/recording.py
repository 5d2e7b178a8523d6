"""Recordings as they are made: keys before media, an audit record before and after, and the rule for a failure."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.threads import deferToThreadPool

from parloir.calls import alarms, words
from parloir.calls import reason as reasons
from parloir.calls.call import Recorded
from parloir.calls.live import LiveCall
from parloir.calls.timeline import Timelines
from parloir.config import prompts
from parloir.errors import ParloirError
from parloir.policy.answers import CallClass
from parloir.policy.values import Alert, Severity
from parloir.relay import commands
from parloir.relay.bodies import RecordingTerms
from parloir.relay.journal import End
from parloir.relay.journal_reader import scan
from parloir.store import audit, recordings
from parloir.store.recordings import Ending, State
from parloir.store.vault import Vault

T = TypeVar("T")
ACTOR = "parloir"
CUT = "cut off: the relay or the gateway ended before the recording did"


class CannotRecord(ParloirError):
    """Nothing can be recorded: the configuration names no recording.key_file."""

    def __init__(self) -> None:
        super().__init__("there are no keys for recordings: set recording.key_file")


class Rule(Protocol):
    """What a facility wants when a recording fails: True to end the call, False to let it go on unrecorded."""

    def __call__(self, facility: str) -> bool: ...


@dataclass(frozen=True)
class Place:
    """Where recordings lie: the folder of their journals and keys, and the keys."""

    folder: Path
    vault: Vault

    def journal(self, recording: str) -> Path:
        """A recording's journal."""
        return self.folder / f"{recording}.journal"


@dataclass
class Going:
    """A recording that is being made of a call, on which relay; `over` fires when its end is stored."""

    call: LiveCall
    relay: int
    over: "Deferred[None]"


class Recordings:
    """All recordings that this gateway is making; `place` is None where none can be made."""

    def __init__(self, reactor: Any, timelines: Timelines, place: Place | None, ends_call: Rule) -> None:
        self._reactor = reactor
        self._timelines = timelines
        self._database = timelines.database
        self._place = place
        self._ends_call = ends_call
        self._going: dict[str, Going] = {}

    async def start(self, node: str) -> None:
        """Close the books on recordings that an earlier run of this node left open, as far as their files are here."""
        if self._place is None:
            return
        wanted = recordings.Wanted(state=State.RECORDING, left_by=node, limit=100_000)
        for each in await self._database.run(lambda connection: recordings.search(connection, wanted)):
            if self._place.vault.has(each.id):
                await self._recover(each.id)

    async def record(self, call: LiveCall) -> None:
        """Begin to record a call whose policies and notice said so, once; what hinders it is the facility's rule."""
        decision = call.decision
        if decision is None or not decision.record or decision.call_class is not CallClass.ORDINARY:
            return
        if any(going.call is call for going in self._going.values()):
            return
        try:
            await self._begin(call)
        except (ParloirError, OSError, commands.Refused, commands.NotAnnounced) as error:
            self._failed(call, str(error))

    async def _begin(self, call: LiveCall) -> None:
        place, facility = self._place, call.visit.facility
        relay = call.bridge.relay
        if place is None or relay is None:
            raise CannotRecord
        id, begun = secrets.token_hex(8), self._timelines.clock.wall()
        key = await self._in_thread(lambda: place.vault.make(id))
        facts = {"call": call.id, "facility": facility, "master": place.vault.masters.current}

        def write(connection: Any) -> None:
            recordings.add(connection, id, call.id, facility, begun)
            audit.append(connection, ACTOR, "recording.begun", f"recording {id}", facts)

        await self._database.run(write)
        self._going[id] = Going(call, relay.index, Deferred())
        try:
            terms = RecordingTerms(recording=id, path=str(place.journal(id)), key=key)
            await call.bridge.do(commands.StartRecording, terms=terms)
        except Exception as error:
            await self._end(id, Ending(State.FAILED, 0, 0, "", f"{type(error).__name__}: {error}"))
            raise
        call.recorded = Recorded.YES
        call.note("recording_begun", recording=id)

    def over(self, recording: str, end: End, failure: str) -> None:
        """The relay has closed a journal, or given it up."""
        going = self._going.get(recording)
        if going is None:
            return
        state = State.FAILED if failure else State.WHOLE
        ensureDeferred(self._end(recording, Ending(state, *end, failure))).addErrback(self._fault, recording)
        if failure:
            self._failed(going.call, failure)

    def relay_lost(self, index: int) -> None:
        """A relay has ended: what its recordings have on the disk is what they are."""
        for id in [id for id, going in self._going.items() if going.relay == index]:
            ensureDeferred(self._recover(id)).addErrback(self._fault, id)

    async def finished(self, call: LiveCall) -> None:
        """Wait until the end of a call's recording is stored."""
        for going in [going for going in self._going.values() if going.call is call]:
            await going.over

    async def _recover(self, id: str) -> None:
        assert self._place is not None
        journal = self._place.journal(id)
        try:
            found = await self._in_thread(lambda: scan(journal))
        except OSError as error:
            await self._end(id, Ending(State.FAILED, 0, 0, "", f"{error.strerror}: {CUT}"))
            return
        why = "; ".join([CUT, *map(str, found.faults)])
        await self._end(id, Ending(State.RECOVERED, *found.end, why[:500]))

    async def _end(self, id: str, ending: Ending) -> None:
        """Write down how a recording ended, its last hash in the audit chain too."""
        ended = self._timelines.clock.wall()
        facts = {"chunks": ending.chunks, "octets": ending.octets, "hash": ending.hash, "failure": ending.failure}

        def write(connection: Any) -> bool:
            first = recordings.end(connection, id, ended, ending)
            if first:
                audit.append(connection, ACTOR, f"recording.{ending.state}", f"recording {id}", facts)
            return first

        first = await self._database.run(write)
        going = self._going.pop(id, None)
        if going is not None:
            if first:
                going.call.note("recording_ended", recording=id, state=ending.state.value, failure=ending.failure)
            going.over.callback(None)

    def _failed(self, call: LiveCall, why: str) -> None:
        """A call is not recorded though it should be: tell staff and both parties, and do as the facility rules."""
        facility = call.visit.facility
        call.recorded = Recorded.FAILED
        ends = self._ends_call(facility)
        call.note("recording_failed", why=why, ends_call=ends)
        text = f"call {call.id} is not recorded: {why}"[:500]
        alert = Alert(severity=Severity.URGENT, code="recording_failed", text=text, subject=call.id)
        at = self._timelines.clock.wall()
        ensureDeferred(self._database.run(lambda connection: alarms.put(connection, facility, alert, at))).addErrback(
            self._fault, call.id
        )
        if not call.live:
            return
        if ends:
            reason = reasons.RecordingFailed()
            call.end_announced(reason, words.ending(reason, call.terms.language), prompts.CANNOT_RECORD)
        else:
            call.page.tell_unrecorded()

    def _fault(self, failure: Any, subject: str) -> None:
        self._timelines.log("store.failed", subject=subject, error=failure.getErrorMessage())

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await deferToThreadPool(self._reactor, self._reactor.getThreadPool(), work)
