"""The prompts of one bridge: who is hearing one, and how it ends."""

from collections.abc import Callable, Iterable

from twisted.internet.defer import FirstError, gatherResults

from parloir.relay.commands import Interrupted, Refused
from parloir.relay.errors import BadPrompt
from parloir.relay.feeds import Feeds
from parloir.relay.leg import Leg, Stream
from parloir.relay.player import Playing
from parloir.relay.prompt import Encoded
from parloir.relay.services import Services
from parloir.rtp.description import Kind
from parloir.rtp.flow import Leg as Party


class Prompting:
    """At most one prompt a party. `changed` is called whenever someone begins or ceases to hear one."""

    def __init__(
        self, services: Services, feeds: Feeds, legs: Callable[[], dict[Party, Leg]], changed: Callable[[], None]
    ) -> None:
        self._services = services
        self._feeds = feeds
        self._legs = legs
        self._changed = changed
        self._playing: dict[Party, Playing] = {}

    def prompted(self) -> frozenset[Party]:
        """Who is hearing a prompt."""
        return frozenset(self._playing)

    async def play(self, name: str, parties: Iterable[Party], times: int) -> int:
        """Play a prompt to these parties at once; its milliseconds when it has ended for all of them.

        Raises Interrupted when it was cut short for one of them, Refused when it cannot be played.
        """
        encoded: dict[Party, Encoded] = {}
        for party in parties:
            try:
                encoded[party] = await self._services.prompts.get(name, self._stream(party).codec)
            except BadPrompt as error:
                raise Refused(str(error)) from error
        streams = {party: self._stream(party) for party in encoded}
        playing = {party: self._begin(party, streams[party], encoded[party], times) for party in encoded}
        self._changed()
        try:
            return max(await gatherResults([each.done for each in playing.values()], consumeErrors=True))
        except FirstError as error:
            for each in playing.values():
                each.interrupt("it was cut short for the other party")
            raise Interrupted(error.subFailure.getErrorMessage()) from error
        finally:
            self._playing = {p: each for p, each in self._playing.items() if playing.get(p) is not each}
            self._changed()

    def stop(self, endless_only: bool = False) -> None:
        """Silence the prompts, or only those that would go on for ever: these end well, others are interrupted."""
        for playing in list(self._playing.values()):
            if playing.endless:
                playing.finish()
            elif not endless_only:
                playing.interrupt("it was stopped")

    def leave(self, party: Party) -> None:
        """That party's leg has gone, or has become another: its prompt cannot be heard out."""
        playing = self._playing.get(party)
        if playing is not None:
            playing.interrupt(f"the {party} that heard it went away")

    def _begin(self, party: Party, stream: Stream, encoded: Encoded, times: int) -> Playing:
        before = self._playing.get(party)
        if before is not None and before.endless:
            before.finish()
        elif before is not None:
            before.interrupt("another prompt took its place")
        playing = self._services.player.play(encoded, stream.send_type, times, stream.sink, self._feeds.next_epoch())
        self._playing[party] = playing
        return playing

    def _stream(self, party: Party) -> Stream:
        leg = self._legs().get(party)
        stream = leg.streams.get(Kind.AUDIO) if leg else None
        if stream is None:
            raise Interrupted(f"there is no {party} to hear it")
        return stream
