"""Officers who speak to calls: one at a time to each, by a browser of their own."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from parloir.calls.live import LiveCall
from parloir.errors import ParloirError
from parloir.relay import commands
from parloir.relay.bodies import BrowserTerms, SpeakerSide
from parloir.relay.coding import CODINGS
from parloir.rtp.description import Direction, Format, Kind
from parloir.rtp.flow import Leg
from parloir.store.staff import Staff
from parloir.webrtc import sdp
from parloir.webrtc.sdp import BrowserOffer, Chosen, OfferRefused

INSIDE, BOTH = frozenset({Leg.PHONE}), frozenset(Leg)
"""To whom an officer may speak."""


class SomebodySpeaks(ParloirError):
    """Another officer speaks to this call: wait until they have finished."""

    def __init__(self, call: str, by: str) -> None:
        super().__init__(f"call {call}: {by} speaks to it now")
        self.call = call
        self.by = by


class NotNow(ParloirError):
    """The parties do not talk yet, or not any more: this can only be done while they do."""

    def __init__(self, call: str) -> None:
        super().__init__(f"call {call}: the parties do not talk now")
        self.call = call


@dataclass(frozen=True)
class Speaker:
    """Someone who speaks to a call: by which login, to whom, and since when (UTC); `heard` once it reaches them."""

    id: str
    call: str
    user: str
    name: str
    to: frozenset[Leg]
    since: datetime
    heard: bool = False


@dataclass(frozen=True)
class Spoken:
    """A speaker who was let in, and the answer (SDP) to the browser's offer."""

    speaker: Speaker
    sdp: str


@dataclass(frozen=True)
class Prepared:
    """A speech that could begin: the offer was read, and holds this format."""

    speaker: Speaker
    offer: BrowserOffer
    format: Format


class Speeches:
    """Who speaks to the live calls (by id), and that it is in their timelines."""

    def __init__(self, live: Mapping[str, LiveCall]) -> None:
        self._live = live
        self._speakers: dict[str, Speaker] = {}

    def of(self, call: str) -> Speaker | None:
        """Who speaks to a call now."""
        return self._speakers.get(call)

    def prepare(self, who: Staff, call: str, offer: str, to: frozenset[Leg], at: datetime) -> Prepared:
        """Read what a browser offers. Raises SomebodySpeaks, OfferRefused."""
        self._must_be_free(call)
        read = sdp.read(offer)
        speaker = Speaker(secrets.token_hex(8), call, who.user, who.name, to, at)
        return Prepared(speaker, read, _format(read))

    async def begin(self, live: LiveCall, prepared: Prepared) -> Spoken:
        """Let them speak. Raises SomebodySpeaks, NotNow."""
        self._must_be_free(live.id)
        speaker, codec = prepared.speaker, prepared.format.codec
        self._speakers[live.id] = speaker
        side = SpeakerSide(
            fingerprints=prepared.offer.fingerprints,
            codec=codec.name,
            clock=codec.clock,
            payload_type=prepared.format.payload_type,
            to=tuple(sorted(speaker.to)),
            who=speaker.user,
        )
        try:
            terms: BrowserTerms = await live.bridge.do(commands.OpenSpeaker, speaker=speaker.id)
            await live.bridge.do(commands.SetSpeaker, speaker=speaker.id, side=side)
        except (commands.Refused, commands.NotAnnounced, commands.NoSuchBridge) as error:
            self._speakers.pop(live.id, None)
            raise NotNow(live.id) from error
        return Spoken(speaker, sdp.answer(prepared.offer, Chosen(prepared.format), None, terms))

    async def end(self, call: str, speaker: str) -> None:
        """Someone speaks no more."""
        live = self._live.get(call)
        if self._forget(call, speaker, "finished") and live is not None and live.live:
            await live.bridge.do(commands.CloseSpeaker, speaker=speaker)

    def speaker_up(self, call: str, speaker: str) -> None:
        """A speaker is heard."""
        found, live = self._speakers.get(call), self._live.get(call)
        if found is not None and found.id == speaker:
            self._speakers[call] = replace(found, heard=True)
            if live is not None:
                live.note("speaking", speaker=speaker)

    def speaker_gone(self, call: str, speaker: str, why: str) -> None:
        """A speaker's browser has gone."""
        self._forget(call, speaker, why)

    def call_over(self, call: str) -> None:
        """Nobody speaks to a call that is over."""
        if found := self._speakers.get(call):
            self._forget(call, found.id, "the call ended")

    def _must_be_free(self, call: str) -> None:
        if found := self._speakers.get(call):
            raise SomebodySpeaks(call, found.user)

    def _forget(self, call: str, speaker: str, why: str) -> bool:
        found = self._speakers.get(call)
        if found is None or found.id != speaker:
            return False
        del self._speakers[call]
        if (live := self._live.get(call)) is not None:
            live.note("speaking_ended", speaker=speaker, by=found.user, why=why)
        return True


def _format(offer: BrowserOffer) -> Format:
    """What of an offer we can hear. Raises OfferRefused."""
    line = offer.description.first(Kind.AUDIO)
    if line is None or line.direction not in (Direction.SENDONLY, Direction.SENDRECV):
        raise OfferRefused("it has no line that sends sound")
    for form in line.formats:
        if form.codec.name in CODINGS:
            return form
    raise OfferRefused("it sends no sound in a codec that the relay decodes")
