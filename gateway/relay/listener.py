"""A listener's leg: both parties' streams, forwarded to one more browser that sends nothing itself."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from parloir.relay.association import Association
from parloir.relay.bodies import ListenerSide, ListenerStream
from parloir.relay.commands import Refused
from parloir.relay.entries import Drop, RawAddress
from parloir.relay.leg import MOST_RESENT
from parloir.relay.party_clock import OwnClock, PartyClock
from parloir.relay.reporter import Reporter, Sent
from parloir.relay.switch import Switch
from parloir.rtp import rtcp
from parloir.rtp.description import Kind
from parloir.rtp.errors import MalformedPacket
from parloir.rtp.flow import Leg as Party
from parloir.webrtc.dtls import Certificate


@dataclass(frozen=True)
class Heard:
    """One stream of one party, as the listener gets it."""

    terms: ListenerStream
    sink: int
    ssrc: int


@dataclass(frozen=True)
class Origin:
    """Where a copied stream comes from: the party's clock, and the SSRC that it sends under."""

    clock: PartyClock
    ssrc: int


class ListenerLeg:
    """One listener's browser. `up` is called when it can hear, `down` with the reason when it failed."""

    def __init__(
        self,
        name: str,
        switch: Switch,
        ntp: OwnClock,
        fd: int,
        certificate: Certificate,
        up: Callable[[], None],
        down: Callable[[str], None],
    ) -> None:
        self.name = name
        self.cname = secrets.token_hex(8)
        self.ssrcs: dict[Kind, int] = {}
        self.offered = {(party, kind): secrets.randbits(32) for party in Party for kind in Kind}
        self.streams: dict[tuple[Party, Kind], Heard] = {}
        self.sparse = False
        self.who = ""
        self._switch = switch
        self._ntp = ntp
        self._association = Association(switch, fd, certificate, up, down)
        self.peer = self._association.peer
        self._reporters = {party: Reporter(f"{self.cname}-{party}", PartyClock()) for party in Party}
        self._started = False

    @property
    def placed(self) -> bool:
        """Whether the browser's address is known."""
        return self._association.placed

    @property
    def secured(self) -> bool:
        """Whether the browser's keys are there."""
        return self._association.secured

    def set(self, side: ListenerSide) -> None:
        """Make the streams that were agreed, and begin the handshake. Raises Refused the second time."""
        wanted = {(stream.party, stream.kind): stream for stream in side.streams}
        if self._started or len(wanted) != len(side.streams):
            raise Refused("a listener is set once, and hears each stream once")
        self._started, self.sparse, self.who = True, side.sparse, side.who
        for (party, kind), terms in wanted.items():
            self.streams[party, kind] = self._new_stream(terms, self.offered[party, kind])
        self._association.start(side.fingerprints)

    def move(self, address: RawAddress) -> None:
        """ICE says that the browser is at this address now."""
        self._association.move(address)

    def handshake(self, datagram: bytes) -> None:
        """Take a DTLS datagram of this browser's."""
        self._association.handshake(datagram)

    def hear(self, data: bytes, now: int) -> frozenset[Party]:
        """Take the browser's RTCP: send again what it missed; whose picture it needs a keyframe of."""
        try:
            packets = rtcp.parse(data)
        except MalformedPacket:
            self._switch.table.peers[self.peer].drop(Drop.MALFORMED)
            return frozenset()
        wanting: set[Party] = set()
        for party, reporter in self._reporters.items():
            sinks = {heard.ssrc: heard for (whose, _), heard in self.streams.items() if whose is party}
            for ssrc, wish in reporter.hear(packets, frozenset(sinks), self._ntp.ntp(now)).items():
                for sequence in wish.lost[:MOST_RESENT]:
                    self._switch.resend(sinks[ssrc].sink, sequence)
                if wish.keyframe and sinks[ssrc].terms.kind is Kind.VIDEO:
                    wanting.add(party)
        return frozenset(wanting)

    def report(self, now: int, origin: Callable[[Party, Kind], Origin | None]) -> None:
        """Send a sender report for each party's streams, so that its sound and picture stay together."""
        if not self.secured:
            return
        for party, reporter in self._reporters.items():
            streams = [heard for (whose, _), heard in self.streams.items() if whose is party]
            sent = [self._sent(heard, origin(party, heard.terms.kind)) for heard in streams]
            if any(each.counters.sent_at >= 0 for each in sent):
                packet = reporter.compound(sent, [], streams[0].ssrc, now, self._ntp.ntp(now))
                self._switch.send_control(self.peer, packet)

    def close(self) -> None:
        """Say goodbye and forget everything."""
        self._association.close()
        self.streams.clear()

    def _sent(self, heard: Heard, origin: Origin | None) -> Sent:
        counters = self._switch.table.sink(heard.sink)
        if origin is None:
            return Sent(counters, heard.terms.clock)
        return Sent(counters, heard.terms.clock, origin.clock, origin.ssrc)

    def _new_stream(self, terms: ListenerStream, ssrc: int) -> Heard:
        video = terms.kind is Kind.VIDEO
        sink = self._switch.table.add_sink(
            self.peer,
            ssrc,
            terms.clock,
            terms.clock // 30 if video else terms.clock // 50,
            secrets.randbits(15),
            secrets.randbits(32),
            resend=video,
        )
        return Heard(terms, sink, ssrc)
