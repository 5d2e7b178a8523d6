"""The officer who speaks at one bridge: comes, is mixed into what the parties hear, and goes without a trace."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from parloir.relay.bodies import BrowserTerms, SpeakerSide
from parloir.relay.commands import Refused
from parloir.relay.errors import BadPrompt
from parloir.relay.feeds import OTHER, Feeds
from parloir.relay.leg import Leg, Stream
from parloir.relay.mixer import OFFICER, Ear, Mixer
from parloir.relay.player import Playing
from parloir.relay.seat import HANDSHAKE
from parloir.relay.services import Services
from parloir.relay.speaker import SpeakerLeg
from parloir.rtp.description import Kind
from parloir.rtp.flow import Leg as Party

RING = 1 << 18
"""Octets of sound that may wait between two frames."""
NUMBERS = {Party.PHONE: OFFICER + 1, Party.BROWSER: OFFICER + 2}


@dataclass
class Hearing:
    """A party to whom the mixed sound is played, in this codec and under this payload type."""

    ear: Ear
    playing: Playing
    terms: tuple[int, str, int]


@dataclass
class Speech:
    """One officer's speech: the leg, who hears it, and until when it must be up (monotonic seconds)."""

    name: str
    leg: SpeakerLeg
    ring: int
    mixer: Mixer
    due: float | None = None


class Speaking:
    """At most one officer speaks at a bridge.

    `changed` is called when somebody begins to be heard or has gone, `up` and `gone` tell the gateway of it.
    """

    def __init__(
        self,
        bridge: str,
        services: Services,
        feeds: Feeds,
        legs: Callable[[], dict[Party, Leg]],
        changed: Callable[[], None],
        up: Callable[[str], None],
        gone: Callable[[str, str], None],
    ) -> None:
        self._bridge = bridge
        self._services = services
        self._feeds = feeds
        self._legs = legs
        self._changed = changed
        self._up = up
        self._gone = gone
        self._speech: Speech | None = None
        self._hearings: dict[Party, Hearing] = {}

    @property
    def to(self) -> frozenset[Party]:
        """Who hears the officer now."""
        side = self._speech.leg.side if self._speech is not None and self._speech.leg.secured else None
        return frozenset(side.to) if side is not None else frozenset()

    def open(self, name: str) -> BrowserTerms:
        """Make ready for a speaker. Raises Refused while another speaks."""
        if self._speech is not None:
            raise Refused("somebody speaks to this call already")
        browsers, table = self._services.browsers, self._services.switch.table
        leg = SpeakerLeg(
            f"{self._bridge}#speaker-{name}",
            self._services.switch,
            browsers.fd,
            browsers.certificate,
            lambda: self._came(name),
            lambda why: self._lose(name, why),
        )
        ring = table.add_ring(RING)
        self._speech = Speech(name, leg, ring, Mixer(self._services.clock(), lambda: self._arrived(ring)))
        return browsers.open(leg)

    def set(self, name: str, side: SpeakerSide, now: float) -> None:
        """Let the speaker that was made ready for shake hands. Raises Refused, also for a codec we do not speak."""
        speech = self._named(name)
        if speech is None:
            raise Refused(f"there is no speaker {name!r}")
        try:
            speech.mixer.hear(OFFICER, side.codec)
        except BadPrompt as error:
            raise Refused(str(error)) from error
        speech.leg.set(side, speech.ring)
        speech.due = now + HANDSHAKE

    def close(self, name: str) -> None:
        """Send a speaker away; harmless when it has gone."""
        speech = self._named(name)
        if speech is not None:
            self._speech = None
            self._services.browsers.close(speech.leg)
            self.arrange(frozenset())
            self._services.switch.table.remove_ring(speech.ring)
            self._changed()

    def close_all(self) -> None:
        """Send whoever speaks away."""
        if self._speech is not None:
            self.close(self._speech.name)

    def copy(self, party: Party, stream: Stream) -> None:
        """Let what a party says be mixed for the other, if that one is spoken to."""
        if self._speech is not None and stream.kind is Kind.AUDIO and OTHER[party] in self.to:
            self._services.switch.table.copy_to_ring(stream.route, self._speech.ring, NUMBERS[party])

    def arrange(self, prompted: frozenset[Party]) -> None:
        """Play the mixed sound to exactly those who are to hear it; a prompt goes before."""
        wanted = {party: self._terms(party) for party in self.to - prompted}
        for party, hearing in list(self._hearings.items()):
            if hearing.playing.done.called or wanted.get(party) != hearing.terms:
                hearing.playing.finish()
                hearing.ear.mixer.forget(hearing.ear)
                del self._hearings[party]
        for party, terms in wanted.items():
            if terms is not None and party not in self._hearings:
                self._begin(party, terms)

    def numbers(self) -> Iterator[int]:
        """The numbers by which punts name what is ours."""
        if self._speech is not None:
            yield self._speech.leg.peer
            yield self._speech.leg.source

    def attend(self, now: float, lost: frozenset[str]) -> None:
        """Notice who has gone, or never came."""
        speech = self._speech
        if speech is None:
            return
        if speech.leg.name in lost:
            self._lose(speech.name, "the speaker's browser has stopped answering")
        elif speech.due is not None and now > speech.due:
            self._lose(speech.name, "the speaker's browser did not finish its DTLS handshake in time")

    def _begin(self, party: Party, terms: tuple[int, str, int]) -> None:
        assert self._speech is not None
        sink, codec, send_type = terms
        mixer, other = self._speech.mixer, self._legs().get(OTHER[party])
        try:
            if other is not None and Kind.AUDIO in other.streams:
                mixer.hear(NUMBERS[OTHER[party]], other.streams[Kind.AUDIO].codec)
            ear = mixer.ear(codec, send_type, NUMBERS[OTHER[party]])
        except BadPrompt:
            return
        playing = self._services.player.feed(ear, sink, self._feeds.next_epoch())
        playing.done.addErrback(lambda failure: None)
        self._hearings[party] = Hearing(ear, playing, terms)

    def _terms(self, party: Party) -> tuple[int, str, int] | None:
        leg = self._legs().get(party)
        stream = leg.streams.get(Kind.AUDIO) if leg else None
        return (stream.sink, stream.codec, stream.send_type) if stream else None

    def _arrived(self, ring: int) -> Iterator[tuple[int, bytes]]:
        table = self._services.switch.table
        packets, _ = table.take_ring(ring) if ring in table.rings else ([], 0)
        return ((kept.stream, kept.packet) for kept in packets)

    def _named(self, name: str) -> Speech | None:
        return self._speech if self._speech is not None and self._speech.name == name else None

    def _came(self, name: str) -> None:
        speech = self._named(name)
        if speech is not None:
            speech.due = None
            self._changed()
            self._up(name)

    def _lose(self, name: str, why: str) -> None:
        if self._named(name) is not None:
            self.close(name)
            self._gone(name, why)
