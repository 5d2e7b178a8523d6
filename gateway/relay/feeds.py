"""What feeds each outgoing stream of a bridge: the other party, a prompt, or nothing."""

from parloir.relay.entries import Verb
from parloir.relay.leg import Leg, Stream
from parloir.relay.table import Table
from parloir.rtp.description import Kind
from parloir.rtp.flow import Leg as Party

OTHER = {Party.PHONE: Party.BROWSER, Party.BROWSER: Party.PHONE}

_Target = tuple[Verb, int, int, tuple[bytes, ...]]
"""What is done with a stream: FORWARD or MIX, at which sink, under which payload type, after which parameter sets."""


class Feeds:
    """Keeps the switch's routes in step with what the bridge wants; each change of source is a new epoch."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._epoch = 0
        self._targets: dict[int, _Target] = {}

    def next_epoch(self) -> int:
        """A number higher than all before, for a prompt that is about to take a stream over."""
        self._epoch += 1
        return self._epoch

    def go_on_from(self, epoch: int) -> None:
        """Number what comes from now on higher than what a stream has had before it came here."""
        self._epoch = max(self._epoch, epoch)

    def crosses(self, stream: Stream) -> bool:
        """Whether what comes on this stream is forwarded now, as it is."""
        return stream.route in self._targets and self._targets[stream.route][0] is Verb.FORWARD

    def arrange(
        self,
        legs: dict[Party, Leg],
        joined: bool,
        prompted: frozenset[Party],
        withheld: frozenset[tuple[Party, Kind]] = frozenset(),
        mixed: frozenset[Party] = frozenset(),
    ) -> set[tuple[Party, Kind]]:
        """Let exactly this cross; the streams of which party and kind have just begun to.

        While a prompt is played to a party (`prompted`), it does not hear the other; video goes on. What is `withheld`
        of a party nobody gets. A party for whom is `mixed` hears the other in that.
        """
        begun: set[tuple[Party, Kind]] = set()
        routes: dict[int, _Target] = {}
        for party, leg in legs.items():
            other = legs.get(OTHER[party])
            for kind, stream in leg.streams.items():
                sink = other.streams.get(kind) if other and joined else None
                unheard = kind is Kind.AUDIO and OTHER[party] in prompted
                if sink is None or unheard or (party, kind) in withheld:
                    self._stop(stream)
                    continue
                verb = Verb.MIX if kind is Kind.AUDIO and OTHER[party] in mixed else Verb.FORWARD
                target = (verb, sink.sink, sink.send_type, stream.prelude)
                if self._targets.get(stream.route) != target:
                    self._start(stream, target)
                    begun.add((party, kind))
                routes[stream.route] = target
        self._targets = routes
        return begun

    def _start(self, stream: Stream, target: _Target) -> None:
        epoch = self.next_epoch()
        verb, sink, out_type, prelude = target
        self._table.swap_route(stream.route, verb, epoch, sink, out_type, prelude)
        for route in stream.events:
            self._table.swap_route(route, Verb.PUNT, epoch, sink)

    def _stop(self, stream: Stream) -> None:
        self._table.swap_route(stream.route, Verb.DROP)
        for route in stream.events:
            self._table.swap_route(route, Verb.PUNT)
