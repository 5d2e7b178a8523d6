"""What the parties of one bridge hear that is added up: a warning or an officer, the other party lowered beneath.

Nothing decoded leaves the two legs, so this is on privileged bridges too (invariant 1). While something is mixed for a
party, what the other says is not copied: it waits at the one stream by which it would have been forwarded, toward that
party (Verb.MIX). Only the ear that feeds this very stream takes it from there, and what an ear makes goes out by its
stream and no other. A privileged bridge has this class; what lets others hear an ear too is in Overheard alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from parloir.relay.coding import CODINGS
from parloir.relay.feeds import OTHER, Feeds
from parloir.relay.leg import Leg, Stream
from parloir.relay.mixer import Ear, Incoming, Mixer, Voice
from parloir.relay.player import Playing
from parloir.relay.services import Services
from parloir.rtp.description import Kind
from parloir.rtp.flow import Leg as Party


@dataclass
class Hearing:
    """A party for whom is mixed, into a stream of these terms; `source` is what the other's sound comes from."""

    ear: Ear
    playing: Playing
    terms: tuple[int, str, int]
    source: tuple[int, str] | None = None


class Mixing:
    """Decodes and mixes only while somebody is to hear it; before and after, packets pass as they are."""

    def __init__(self, services: Services, feeds: Feeds, legs: Callable[[], dict[Party, Leg]]) -> None:
        self._services = services
        self._feeds = feeds
        self._legs = legs
        self._mixer: Mixer | None = None
        self._hearings: dict[Party, Hearing] = {}

    def can(self, party: Party) -> bool:
        """Whether anything can be mixed for a party: it is there, and its codec is one that we speak."""
        stream = self._stream(party)
        return stream is not None and stream.codec in CODINGS

    def arrange(self, wanted: Mapping[Party, Sequence[Voice]]) -> None:
        """Let exactly these parties hear these voices, each above the other party as far as that crosses."""
        for party, hearing in list(self._hearings.items()):
            if party not in wanted or hearing.playing.done.called or hearing.terms != self._terms(party):
                self._end(party)
        for party, voices in wanted.items():
            if party not in self._hearings:
                self._begin(party)
            self._hearings[party].ear.over = tuple(voices)
            self._lay_beneath(party)
        if not self._hearings:
            self._mixer = None

    def _begin(self, party: Party) -> None:
        services, terms = self._services, self._terms(party)
        if self._mixer is None:
            self._mixer = Mixer(services.clock())
        sink, codec, send_type = terms
        services.switch.table.take_beneath(sink)
        ear = self._mixer.ear(codec, send_type)
        playing = services.player.feed(ear, sink, self._feeds.next_epoch())
        playing.done.addErrback(lambda failure: None)
        self._hearings[party] = Hearing(ear, playing, terms)

    def _end(self, party: Party) -> None:
        hearing = self._hearings.pop(party)
        hearing.playing.finish()
        hearing.ear.mixer.forget(hearing.ear)
        self._services.switch.table.take_beneath(hearing.terms[0])

    def _lay_beneath(self, party: Party) -> None:
        """Let the party hear the other as they are now: another browser, or another codec, is decoded anew."""
        hearing, other = self._hearings[party], self._stream(OTHER[party])
        source = (other.source, other.codec) if other is not None and other.codec in CODINGS else None
        if source == hearing.source:
            return
        sink, table = hearing.terms[0], self._services.switch.table
        hearing.source = source
        hearing.ear.beneath = Incoming(source[1], lambda: table.take_beneath(sink)) if source else None

    def _terms(self, party: Party) -> tuple[int, str, int]:
        stream = self._stream(party)
        return (stream.sink, stream.codec, stream.send_type) if stream else (0, "", 0)

    def _stream(self, party: Party) -> Stream | None:
        leg = self._legs().get(party)
        return leg.streams.get(Kind.AUDIO) if leg else None


class Overheard(Mixing):
    """Of an ordinary bridge: what one party hears may go to listeners as well."""

    def share(self, party: Party, streams: tuple[tuple[int, int], ...]) -> None:
        """Let these streams, each of its payload type, get what a party hears; the other's ear is heard by nobody."""
        for each, hearing in self._hearings.items():
            hearing.playing.also = streams if each is party else ()

    def hears(self, party: Party) -> bool:
        """Whether something is mixed for a party."""
        return party in self._hearings
