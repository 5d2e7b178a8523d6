"""The prompts of one bridge: who is hearing one, who is next, and how each ends."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred, FirstError, gatherResults

from parloir.relay.coding import PLAIN, coding
from parloir.relay.commands import Interrupted, Refused
from parloir.relay.errors import BadPrompt
from parloir.relay.feeds import Feeds
from parloir.relay.leg import Leg, Stream
from parloir.relay.player import Playing
from parloir.relay.prompt import FRAME, Encoded
from parloir.relay.services import Services
from parloir.relay.utterance import Utterance
from parloir.rtp.description import Kind
from parloir.rtp.flow import Leg as Party

MOST = 8
"""Prompts that may play or wait in one bridge."""


@dataclass(eq=False)
class Place:
    """One prompt's place in the queue. `turn` fires when nothing before it is in its way; `playing` is then filled.

    So is `utterance`, where it is said over what its parties hear and not in place of that.
    """

    parties: frozenset[Party]
    endless: bool
    turn: "Deferred[None]" = field(default_factory=Deferred)
    playing: dict[Party, Playing] = field(default_factory=dict)
    utterance: Utterance | None = None
    cut: str = ""

    def finish(self) -> None:
        """End it well."""
        for each in self.playing.values():
            each.finish()

    def interrupt(self, why: str) -> None:
        """Cut it short, or let it not even begin."""
        self.cut = self.cut or why
        if not self.turn.called:
            self.turn.errback(Interrupted(why))
        for each in self.playing.values():
            each.interrupt(why)


class Prompting:
    """At most one prompt a party; those that come meanwhile wait for their turn, in the order in which they came.

    An endless prompt gives way to whatever comes, and one that `interrupt`s silences what its parties hear and were
    to hear. `changed` is called whenever someone begins or ceases to hear one.
    """

    def __init__(
        self, services: Services, feeds: Feeds, legs: Callable[[], dict[Party, Leg]], changed: Callable[[], None]
    ) -> None:
        self._services = services
        self._feeds = feeds
        self._legs = legs
        self._changed = changed
        self._queue: list[Place] = []

    def prompted(self) -> frozenset[Party]:
        """Who is hearing a prompt in place of anything else."""
        return frozenset(party for place, party in self._heard() if place.utterance is None)

    def utterances(self) -> dict[Party, Utterance]:
        """Who is hearing a prompt over whatever else they hear."""
        return {party: place.utterance for place, party in self._heard() if place.utterance is not None}

    async def play(
        self, name: str, parties: Iterable[Party], times: int, interrupt: bool = False, over: bool = False
    ) -> int:
        """Play a prompt, or several in a row (one a line), to these parties at once; 0 `times` is without end.

        With `over` it is said once, over what they hear: those who mix for them go by `utterances`.

        Its milliseconds when it has ended for all of them. Raises Interrupted when it was cut short for one of them,
        Refused when it cannot be played.
        """
        place = self._take_place(frozenset(parties), endless=not times, interrupt=interrupt)
        try:
            encoded = {party: await self._encoded(name, party, over) for party in sorted(place.parties)}
            await place.turn
            if place.cut:
                raise Interrupted(place.cut)
            streams = {party: self._stream(party) for party in encoded}
            if over:
                self._utter(place, streams, encoded)
            else:
                place.playing = {party: self._begin(streams[party], encoded[party], times) for party in encoded}
            self._changed()
            return max(await gatherResults([each.done for each in place.playing.values()], consumeErrors=True))
        except FirstError as error:
            place.interrupt("it was cut short for the other party")
            raise Interrupted(error.subFailure.getErrorMessage()) from error
        finally:
            self._leave_place(place)

    def stop(self, endless_only: bool = False) -> None:
        """Silence the prompts and forget those that wait, or only those that would go on for ever: these end well."""
        for place in list(self._queue):
            if place.endless and place.playing:
                place.finish()
            elif place.endless or not endless_only:
                place.interrupt("it was stopped")

    def leave(self, party: Party) -> None:
        """That party's leg has gone, or has become another: its prompt cannot be heard out."""
        for place in list(self._queue):
            if party in place.playing:
                place.playing[party].interrupt(f"the {party} that heard it went away")

    def _heard(self) -> Iterator[tuple[Place, Party]]:
        for place in self._queue:
            yield from ((place, party) for party, each in place.playing.items() if not each.done.called)

    def _take_place(self, parties: frozenset[Party], endless: bool, interrupt: bool) -> Place:
        before = [place for place in self._queue if place.parties & parties]
        for place in before:
            if place.endless and place.playing:
                place.finish()
            elif place.endless or interrupt:
                place.interrupt("another prompt took its place")
        if len(self._queue) >= MOST:
            raise Refused(f"{MOST} prompts play or wait already")
        place = Place(parties, endless)
        self._queue.append(place)
        self._advance()
        return place

    def _leave_place(self, place: Place) -> None:
        if not place.turn.called:
            place.turn.callback(None)
        place.turn.addErrback(lambda failure: None)
        self._queue.remove(place)
        self._changed()
        self._advance()

    def _advance(self) -> None:
        """Let those begin before whom nobody plays or waits."""
        taken: frozenset[Party] = frozenset()
        for place in list(self._queue):
            if not taken & place.parties and not place.turn.called:
                place.turn.callback(None)
            taken |= place.parties

    async def _encoded(self, name: str, party: Party, over: bool) -> Encoded:
        codec = self._stream(party).codec
        try:
            coding(codec)
            found = [await self._services.prompts.get(each, PLAIN if over else codec) for each in name.splitlines()]
        except BadPrompt as error:
            raise Refused(str(error)) from error
        if not found:
            raise Refused("no prompt is named")
        return Encoded(tuple(payload for each in found for payload in each.payloads), found[0].step)

    def _begin(self, stream: Stream, encoded: Encoded, times: int) -> Playing:
        return self._services.player.play(encoded, stream.send_type, times, stream.sink, self._feeds.next_epoch())

    def _utter(self, place: Place, streams: dict[Party, Stream], encoded: dict[Party, Encoded]) -> None:
        place.utterance = said = Utterance(next(iter(encoded.values())).payloads, FRAME)
        player = self._services.player
        place.playing = {party: player.feed(said, stream.sink, 0, endless=False) for party, stream in streams.items()}

    def _stream(self, party: Party) -> Stream:
        leg = self._legs().get(party)
        stream = leg.streams.get(Kind.AUDIO) if leg else None
        if stream is None:
            raise Interrupted(f"there is no {party} to hear it")
        return stream
