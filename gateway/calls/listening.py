"""Listening to live calls: who may, who does, and that it is in the audit chain before anybody hears anything."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from parloir.calls.call import Event, Hold, State
from parloir.calls.facilities import Facilities
from parloir.calls.live import LiveCall
from parloir.calls.timeline import Timelines
from parloir.errors import ParloirError
from parloir.policy.answers import CallClass
from parloir.policy.notices import MONITOR, told
from parloir.policy.values import Action, Actor, Alert, Severity
from parloir.relay import commands
from parloir.relay.bodies import ListenerSide, ListenerStream, ListenerTerms
from parloir.rtp.description import Codec, Kind
from parloir.store import audit
from parloir.store.errors import NoSuchCall
from parloir.store.staff import Staff
from parloir.webrtc import listening, sdp


class MayNotListen(ParloirError):
    """The call cannot be listened to: it is privileged, its notice did not say so, or the policies forbid it."""

    def __init__(self, call: str, code: str, why: str) -> None:
        super().__init__(f"call {call} cannot be listened to: {why}")
        self.call = call
        self.code = code
        self.why = why


@dataclass(frozen=True)
class Listener:
    """Someone who listens to a call: by which login, and since when (UTC); `hears` once media reaches the browser.

    A `sparse` one looks at thumbnails, and hears nothing.
    """

    id: str
    call: str
    user: str
    name: str
    since: datetime
    hears: bool = False
    sparse: bool = False


@dataclass(frozen=True)
class Admitted:
    """A listener who was let in, and the answer (SDP) to the browser's offer."""

    listener: Listener
    sdp: str


class Listening:
    """The listeners of all live calls (`live`, by id)."""

    def __init__(self, timelines: Timelines, facilities: Facilities, live: Mapping[str, LiveCall]) -> None:
        self._timelines = timelines
        self._facilities = facilities
        self._live = live
        self._listeners: dict[str, Listener] = {}

    def of(self, call: str) -> tuple[Listener, ...]:
        """Who listens to a call now."""
        return tuple(each for each in self._listeners.values() if each.call == call)

    async def begin(self, who: Staff, call: str, offer: str, why: str = "", sparse: bool = False) -> Admitted:
        """Let someone listen, or see thumbnails (`sparse`), once that is in the audit chain.

        Raises NoSuchCall, MayNotListen and OfferRefused.
        """
        live = self._live.get(call)
        if live is None or not live.live:
            raise NoSuchCall(call)
        await self._permit(live, Action.WATCH if sparse else Action.LISTEN, who, why)
        read = sdp.read(offer)
        codecs = _codecs(live)
        wanted = {kind: codec for kind, codec in codecs.items() if kind is Kind.VIDEO or not sparse}
        heard = listening.choose(read, wanted, Kind.VIDEO if sparse else Kind.AUDIO)
        id = secrets.token_hex(8)
        facts = {"facility": live.visit.facility, "station": live.visit.station, "listener": id, "why": why}
        act = "call.watched" if sparse else "call.listened"
        await self._timelines.database.run(
            lambda connection: audit.append(connection, who.user, act, f"call {call}", facts)
        )
        streams = tuple(_stream(each) for each in heard)
        try:
            terms: ListenerTerms = await live.bridge.do(commands.OpenListener, listener=id)
            side = ListenerSide(fingerprints=read.fingerprints, streams=streams, sparse=sparse, who=who.user)
            await live.bridge.do(commands.SetListener, listener=id, side=side)
        except (commands.Refused, commands.NotAnnounced) as error:
            raise MayNotListen(call, "refused", str(error)) from error
        listener = Listener(id, call, who.user, who.name, self._timelines.clock.wall(), sparse=sparse)
        self._listeners[id] = listener
        live.note("listening_begun", listener=id, by=who.user, sparse=sparse)
        return Admitted(listener, listening.answer(read, heard, terms))

    async def end(self, call: str, listener: str) -> None:
        """Someone listens no more; harmless when they have gone."""
        found = self._forget(call, listener, "left")
        live = self._live.get(call)
        if found and live is not None and live.live:
            await live.bridge.do(commands.CloseListener, listener=listener)

    def listener_up(self, call: str, listener: str) -> None:
        """Media reaches a listener's browser."""
        found = self._listeners.get(listener)
        if found is not None and found.call == call:
            self._listeners[listener] = replace(found, hears=True)
            self._note(call, "listening", listener=listener)
            self._look_after(call)

    def listener_gone(self, call: str, listener: str, why: str) -> None:
        """A listener's browser has gone."""
        self._forget(call, listener, why)

    def call_over(self, call: str) -> None:
        """Nobody listens to a call that is over."""
        for each in self.of(call):
            self._forget(call, each.id, "the call ended")

    def keep_attended(self, live: LiveCall) -> None:
        """Let the parties of a call that must be attended talk only while somebody hears them."""
        if live.decision is None or not live.decision.attended or not live.live:
            return
        present = any(each.hears and not each.sparse for each in self.of(live.id))
        held = Hold.MONITOR in live.call.holds
        if present and held:
            live.feed(Event.RESUMED, hold=Hold.MONITOR)
        elif not present and not held and live.state in (State.ANNOUNCING, State.ACTIVE):
            live.feed(Event.HELD, hold=Hold.MONITOR)
            text = f"The call of station {live.visit.station} waits for somebody who listens to it."
            alert = Alert(severity=Severity.WARNING, code="monitor_wanted", text=text, subject=live.id)
            self._timelines.alarm(live.visit.facility, live.id, alert)

    def _look_after(self, call: str) -> None:
        if (live := self._live.get(call)) is not None:
            self.keep_attended(live)

    async def _permit(self, live: LiveCall, action: Action, who: Staff, why: str) -> None:
        decision, call = live.decision, live.id
        if decision is None or decision.call_class is not CallClass.ORDINARY or live.bridge.privileged:
            raise MayNotListen(call, "privileged", "it is privileged, or its class is not known")
        if not decision.monitor or MONITOR not in told(decision.announcements):
            raise MayNotListen(call, "not_announced", "its notice does not say that it may be monitored")
        if live.shown is None:
            raise NoSuchCall(call)
        shown = replace(live.shown, call_class=decision.call_class)
        actor = Actor(user=who.user, roles=tuple(sorted(who.roles)), why=why)
        policies = self._facilities.get(live.visit.facility).policies
        ruling = await policies.may_act(shown, action, actor)
        if not ruling.allowed:
            staff = ruling.denial.staff if ruling.denial else ""
            raise MayNotListen(call, "not_permitted", staff or "the facility's policies do not permit it")

    def _forget(self, call: str, listener: str, why: str) -> bool:
        found = self._listeners.get(listener)
        if found is None or found.call != call:
            return False
        del self._listeners[listener]
        self._note(call, "listening_ended", listener=listener, by=found.user, why=why)
        self._look_after(call)
        return True

    def _note(self, call: str, kind: str, **facts: Any) -> None:
        live = self._live.get(call)
        if live is not None:
            live.note(kind, **facts)


def _codecs(live: LiveCall) -> dict[Kind, Codec]:
    """What the parties send each other; nothing before they have agreed."""
    agreement = live.bridge.agreement
    return {stream.kind: stream.browser.codec for stream in agreement.streams} if agreement else {}


def _stream(heard: listening.Heard) -> ListenerStream:
    codec = heard.format.codec
    return ListenerStream(
        party=heard.party,
        kind=heard.kind,
        codec=codec.name,
        clock=codec.clock,
        payload_type=heard.format.payload_type,
    )
