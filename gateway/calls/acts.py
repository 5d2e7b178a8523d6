"""What officers do to live calls: warn, withhold, pause, speak, end. Each is in the audit chain before it is done.

All but the end, which waits for nothing: it is done first, and written down with the call's own record.
"""

from collections.abc import Mapping
from typing import Any

from parloir.calls.acts_speech import INSIDE, NotNow, Speaker, Speeches, Spoken
from parloir.calls.call import Event, Hold, State
from parloir.calls.facilities import Facilities
from parloir.calls.live import LiveCall
from parloir.calls.permission import permit
from parloir.calls.reason import OfficerEnded
from parloir.calls.timeline import Timelines
from parloir.config import prompts
from parloir.errors import ParloirError
from parloir.policy.values import Action
from parloir.relay import commands
from parloir.relay.bodies import Withheld
from parloir.rtp.description import Kind
from parloir.rtp.flow import Leg
from parloir.store import audit
from parloir.store.errors import NoSuchCall
from parloir.store.staff import Staff
from parloir.webrtc.signalling import Warn

Stream = tuple[Leg, Kind]
NAMES = {Leg.PHONE: "inside", Leg.BROWSER: "visitor"}
"""What officers call the parties."""
STREAMS: Mapping[tuple[str, str], Stream] = {(NAMES[leg], kind.value): (leg, kind) for leg in Leg for kind in Kind}
"""What of a party can be withheld, by the names of party and kind."""


class UnknownWarning(ParloirError):
    """There is no such warning; config/prompts/prompts.csv lists those whose names begin with `warning`."""

    field = "prompt"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no warning {name!r}")
        self.name = name


class Acts:
    """Officers' acts on the live calls (by id). All methods raise NoSuchCall, and MayNotAct unless said otherwise."""

    def __init__(self, timelines: Timelines, facilities: Facilities, live: Mapping[str, LiveCall]) -> None:
        self._timelines = timelines
        self._facilities = facilities
        self._live = live
        self._withheld: dict[str, frozenset[Stream]] = {}
        self.speeches = Speeches(live)

    def withheld(self, call: str) -> frozenset[Stream]:
        """What an officer keeps from crossing."""
        return self._withheld.get(call, frozenset())

    def speaker(self, call: str) -> Speaker | None:
        """Who speaks to a call now."""
        return self.speeches.of(call)

    async def warn(self, who: Staff, call: str, *, prompt: str = "", text: str = "", why: str = "") -> None:
        """Play a warning to both, or show the visitor a text, or both. Raises NotNow, UnknownWarning."""
        live = self._talking(call)
        if prompt and prompt not in prompts.WARNINGS:
            raise UnknownWarning(prompt)
        facts = {"prompt": prompt, "text": text, "why": why}
        await self._permitted(live, Action.WARN, who, why, "call.warned", facts)
        live.note("officer_warned", by=who.user, **facts)
        said = text or prompts.text(prompt, live.terms.language)
        live.page.say(Warn(text=said))
        if prompt:
            live.go(live.bridge.play(prompt, "both"))

    async def withhold(self, who: Staff, call: str, stream: Stream, on: bool, why: str = "") -> None:
        """Mute a party, or take its picture away (`on`), or give it back."""
        live = self._connected(call)
        party, kind = stream
        facts = {"party": NAMES[party], "kind": kind.value, "on": on, "why": why}
        await self._permitted(live, Action.MUTE, who, why, "call.withheld", facts)
        before = self.withheld(call)
        after = before | {stream} if on else before - {stream}
        await live.bridge.do(commands.Withhold, streams=Withheld(streams=tuple(sorted(after))))
        self._withheld[call] = after
        live.note("officer_withheld", by=who.user, **facts)

    async def pause(self, who: Staff, call: str, why: str = "") -> None:
        """Part the parties until an officer lets them go on."""
        live = self._connected(call)
        await self._permitted(live, Action.PAUSE, who, why, "call.paused", {"why": why})
        live.note("officer_paused", by=who.user, why=why)
        if Hold.OFFICER not in live.call.holds:
            live.feed(Event.HELD, hold=Hold.OFFICER)

    async def resume(self, who: Staff, call: str, why: str = "") -> None:
        """Let the parties go on."""
        live = self._connected(call)
        await self._permitted(live, Action.PAUSE, who, why, "call.resumed", {"why": why})
        live.note("officer_resumed", by=who.user, why=why)
        if Hold.OFFICER in live.call.holds:
            live.feed(Event.RESUMED, hold=Hold.OFFICER)

    async def speak(self, who: Staff, call: str, offer: str, to: frozenset[Leg], why: str) -> Spoken:
        """Let someone speak; the answer to their browser. Raises NotNow, OfferRefused, SomebodySpeaks."""
        live = self._talking(call)
        prepared = self.speeches.prepare(who, call, offer, to, self._timelines.clock.wall())
        action = Action.WHISPER if to == INSIDE else Action.BARGE
        facts = {"speaker": prepared.speaker.id, "to": [NAMES[leg] for leg in sorted(to)], "why": why}
        await self._permitted(live, action, who, why, "call.spoken_to", facts)
        spoken = await self.speeches.begin(live, prepared)
        live.note("speaking_begun", by=who.user, **facts)
        return spoken

    async def hush(self, call: str, speaker: str) -> None:
        """Someone speaks no more; harmless when they have gone."""
        await self.speeches.end(call, speaker)

    async def end(self, who: str, call: str, why: str) -> None:
        """End a call, privileged or not, with a reason; one that has ended meanwhile stays as it is."""
        live = self._live.get(call)
        if live is None or not live.live:
            return
        live.end(OfficerEnded(who, why))
        facts = {"facility": live.visit.facility, "station": live.visit.station, "why": why}
        await self._timelines.database.run(
            lambda connection: audit.append(connection, who, "call.ended", f"call {call}", facts)
        )

    def call_over(self, call: str) -> None:
        """Nothing is left to do to a call that is over."""
        self._withheld.pop(call, None)
        self.speeches.call_over(call)

    def _connected(self, call: str) -> LiveCall:
        live = self._live.get(call)
        if live is None or not live.live:
            raise NoSuchCall(call)
        return live

    def _talking(self, call: str) -> LiveCall:
        live = self._connected(call)
        if live.state is not State.ACTIVE:
            raise NotNow(call)
        return live

    async def _permitted(
        self, live: LiveCall, action: Action, who: Staff, why: str, act: str, facts: Mapping[str, Any]
    ) -> None:
        """Ask whether it may be done, and write down that it will be."""
        await permit(self._facilities, live, action, who, why)
        told = {"facility": live.visit.facility, "station": live.visit.station, **facts}
        await self._timelines.database.run(
            lambda connection: audit.append(connection, who.user, act, f"call {live.id}", told)
        )
        if not live.live:
            raise NoSuchCall(live.id)
