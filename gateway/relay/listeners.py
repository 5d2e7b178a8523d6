"""Who listens at one bridge: each comes, is made sure of, and goes without the parties' media being touched."""

from collections.abc import Callable, Iterator

from parloir.relay.bodies import ListenerSide, ListenerTerms
from parloir.relay.commands import Refused
from parloir.relay.entries import Punt, PuntKind
from parloir.relay.leg import Stream
from parloir.relay.listener import Heard, ListenerLeg, Origin
from parloir.relay.seat import HANDSHAKE
from parloir.relay.services import Services
from parloir.rtp.description import Kind
from parloir.rtp.flow import Leg as Party

MOST = 16
"""Listeners at one bridge at most."""


class Listeners:
    """The listeners of one bridge, by the gateway's names for them.

    `changed` is called when someone begins to hear or has gone, `up` and `gone` tell the gateway of it.
    """

    def __init__(
        self,
        bridge: str,
        services: Services,
        changed: Callable[[], None],
        up: Callable[[str], None],
        gone: Callable[[str, str], None],
    ) -> None:
        self._bridge = bridge
        self._services = services
        self._changed = changed
        self._up = up
        self._gone = gone
        self._legs: dict[str, ListenerLeg] = {}
        self._due: dict[str, float] = {}

    @property
    def sparse(self) -> bool:
        """Whether anybody looks at thumbnails."""
        return any(leg.sparse for leg in self._legs.values())

    def open(self, name: str) -> ListenerTerms:
        """Make ready for a listener. Raises Refused for a name that is taken, or where too many listen."""
        if name in self._legs or len(self._legs) >= MOST:
            raise Refused(f"there is a listener {name!r} already, or {MOST} of them")
        browsers = self._services.browsers
        leg = ListenerLeg(
            f"{self._bridge}#listener-{name}",
            self._services.switch,
            self._services.ntp,
            browsers.fd,
            browsers.certificate,
            lambda: self._came(name),
            lambda why: self._lose(name, why),
        )
        self._legs[name] = leg
        terms = browsers.open(leg)
        return ListenerTerms(
            ufrag=terms.ufrag,
            password=terms.password,
            fingerprint=terms.fingerprint,
            candidates=terms.candidates,
            ssrcs=tuple((party, kind, ssrc) for (party, kind), ssrc in leg.offered.items()),
        )

    def set(self, name: str, side: ListenerSide, now: float) -> None:
        """Let a listener that was made ready for shake hands; `now` in monotonic seconds. Raises Refused."""
        if name not in self._legs:
            raise Refused(f"there is no listener {name!r}")
        self._legs[name].set(side)
        self._due[name] = now + HANDSHAKE
        self._changed()

    def close(self, name: str) -> None:
        """Send a listener away; harmless when it has gone."""
        leg = self._legs.pop(name, None)
        self._due.pop(name, None)
        if leg is not None:
            self._services.browsers.close(leg)
            self._changed()

    def close_all(self) -> None:
        """Send everyone away."""
        for name in list(self._legs):
            self.close(name)

    def copy(self, party: Party, stream: Stream, but_to: frozenset[str] = frozenset()) -> None:
        """Let what is forwarded of a party's stream be copied to all who can take its codec, but to those named."""
        table = self._services.switch.table
        for name, leg in self._legs.items():
            heard = leg.streams.get((party, stream.kind))
            if name in but_to or heard is None or not _takes(heard, stream):
                continue
            sparse = leg.sparse and stream.kind is Kind.VIDEO
            table.copy_to_sink(stream.route, heard.sink, heard.terms.payload_type, sparse)
            for events in stream.events:
                table.copy_to_sink(events, heard.sink, heard.terms.payload_type)

    def instead(self, party: Party, stream: Stream, who: str) -> dict[str, tuple[int, int]]:
        """By whose streams, and under which payload types, sound like this stream's can come in place of a party's.

        Those of `who`, the login that speaks, are left out: nobody hears themselves.
        """
        found = {}
        for name, leg in self._legs.items():
            heard = leg.streams.get((party, Kind.AUDIO))
            if heard is not None and _takes(heard, stream) and not (who and leg.who == who):
                found[name] = heard.sink, heard.terms.payload_type
        return found

    def numbers(self) -> Iterator[tuple[int, str]]:
        """The numbers by which punts name what is ours, each with its listener."""
        for name, leg in self._legs.items():
            yield leg.peer, name
            for heard in leg.streams.values():
                yield heard.sink, name

    def take(self, punt: Punt, name: str, origin: Callable[[Party, Kind], Origin | None]) -> frozenset[Party]:
        """Deal with what the switch has handed up about a listener; whose keyframe it needs."""
        leg = self._legs.get(name)
        if leg is not None and punt.kind is PuntKind.RTCP:
            return leg.hear(punt.data, punt.arrival)
        if leg is not None and punt.kind is PuntKind.EPOCH:
            leg.report(punt.arrival, origin)
        return frozenset()

    def attend(self, now: float, lost: frozenset[str]) -> None:
        """Notice who has gone, and who never came."""
        for name, leg in list(self._legs.items()):
            if leg.name in lost:
                self._lose(name, "the listener's browser has stopped answering")
            elif now > self._due.get(name, now):
                self._lose(name, "the listener's browser did not finish its DTLS handshake in time")

    def report(self, now: int, origin: Callable[[Party, Kind], Origin | None]) -> None:
        """Send everyone's sender reports."""
        for leg in self._legs.values():
            leg.report(now, origin)

    def _came(self, name: str) -> None:
        self._due.pop(name, None)
        self._up(name)

    def _lose(self, name: str, why: str) -> None:
        if name in self._legs:
            self.close(name)
            self._gone(name, why)


def _takes(heard: Heard, stream: Stream) -> bool:
    return (heard.terms.codec, heard.terms.clock) == (stream.codec, stream.clock)
