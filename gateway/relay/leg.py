"""One party's side of a bridge: its streams in the switch, and the RTCP that is spoken with it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from parloir.relay.entries import Drop
from parloir.relay.keyframes import KeyframeRequests
from parloir.relay.party_clock import OwnClock, PartyClock
from parloir.relay.reporter import Heard, Reporter, Sent, Wishes
from parloir.relay.switch import Switch
from parloir.rtp import rtcp
from parloir.rtp.description import Kind
from parloir.rtp.errors import MalformedPacket
from parloir.rtp.flow import Leg as Party

MOST_RESENT = 64
"""Packets sent again for one NACK at most."""


@dataclass
class Stream:
    """One kind of media of one leg, by the switch's numbers; clock in Hz, bitrate in bits a second.

    `send_type` is the payload type the party wants to receive; `prelude` the parameter sets it signalled.
    """

    kind: Kind
    codec: str
    clock: int
    send_type: int
    source: int
    sink: int
    route: int
    ssrc: int
    events: tuple[int, ...] = ()
    prelude: tuple[bytes, ...] = ()
    bitrate: int | None = None
    feedback: frozenset[str] = frozenset()


@dataclass
class Session:
    """One RTP session with the party: through which peer its RTCP goes, and which kinds of media it is about."""

    peer: int
    reporter: Reporter
    kinds: tuple[Kind, ...]
    commands: int = 0


@dataclass
class Leg:
    """What phone and browser have in common. `sessions` by the peer whose RTCP they are.

    `later` calls something in so many seconds (reactor.callLater).
    """

    party: Party
    switch: Switch
    ntp: OwnClock
    cname: str
    later: Callable[..., Any]
    streams: dict[Kind, Stream] = field(default_factory=dict)
    sessions: list[Session] = field(default_factory=list)
    clock: PartyClock = field(default_factory=PartyClock)
    keyframes: KeyframeRequests = field(default_factory=KeyframeRequests)
    rtcp_heard: int = -1

    def add_session(self, peer: int, *kinds: Kind) -> None:
        """Speak RTCP about these kinds through a peer."""
        self.sessions.append(Session(peer, Reporter(self.cname, self.clock), kinds))

    def session(self, kind: Kind) -> Session | None:
        """The RTP session which carries that kind."""
        return next((session for session in self.sessions if kind in session.kinds), None)

    def hear(self, peer: int, data: bytes, now: int) -> bool:
        """Take a compound packet of the party's; whether it asks for a keyframe. What is lost is sent again."""
        session = self._session_of(peer)
        if session is None:
            return False
        try:
            packets = rtcp.parse(data)
        except MalformedPacket:
            self.switch.table.peers[peer].drop(Drop.MALFORMED)
            return False
        self.rtcp_heard = now
        streams = {stream.ssrc: stream for stream in self._of(session)}
        wishes = session.reporter.hear(packets, frozenset(streams), self.ntp.ntp(now))
        for ssrc, wish in wishes.items():
            self._resend(streams[ssrc], wish)
        return any(wish.keyframe and streams[ssrc].kind is Kind.VIDEO for ssrc, wish in wishes.items())

    def report(self, now: int, origin: "Callable[[Kind], Leg | None]") -> None:
        """Send the reports that are due; `origin` tells whose stream is forwarded to this leg."""
        for session in self.sessions:
            self._report(session, now, origin)

    def ask_keyframe(self, now: int) -> None:
        """Ask the party for a keyframe; if that was done a moment ago, again as soon as it helps."""
        if Kind.VIDEO in self.streams:
            self.keyframes.want()
            self.keyframe_due(now)
            wait = self.keyframes.remind(now)
            if wait is not None:
                self.later(wait / 1e9, lambda: self.keyframe_due(now + wait))

    def keyframe_due(self, now: int) -> None:
        """Make the request that had to wait: for the last one, or for the picture's first packet."""
        stream = self.streams.get(Kind.VIDEO)
        if stream and self.switch.table.source(stream.source).ssrc >= 0 and self.keyframes.due(now):
            self._request_keyframe()

    def received(self) -> int:
        """How many media packets have come from the party."""
        table = self.switch.table
        return sum(table.source(stream.source).received for stream in self.streams.values())

    def lost(self, kind: Kind) -> int:
        """How many packets of that kind the party sent that never came."""
        counters = self.switch.table.source(self.streams[kind].source)
        return counters.expected - counters.received

    def _session_of(self, peer: int) -> Session | None:
        return next((session for session in self.sessions if session.peer == peer), None)

    def _of(self, session: Session) -> Iterable[Stream]:
        return [self.streams[kind] for kind in session.kinds if kind in self.streams]

    def _resend(self, stream: Stream, wish: Wishes) -> None:
        for sequence in wish.lost[:MOST_RESENT]:
            self.switch.resend(stream.sink, sequence)

    def _report(self, session: Session, now: int, origin: "Callable[[Kind], Leg | None]") -> None:
        table, sent, heard = self.switch.table, [], []
        streams = list(self._of(session))
        for stream in streams:
            whose = origin(stream.kind)
            theirs = whose.streams.get(stream.kind) if whose else None
            if whose is not None and theirs is not None:
                ssrc = table.source(theirs.source).ssrc
                sent.append(Sent(table.sink(stream.sink), stream.clock, whose.clock, ssrc))
            else:
                sent.append(Sent(table.sink(stream.sink), stream.clock))
            heard.append(Heard(table.source(stream.source), stream.clock))
        if streams:
            packet = session.reporter.compound(sent, heard, streams[0].ssrc, now, self.ntp.ntp(now))
            self.switch.send_control(session.peer, packet)

    def _request_keyframe(self) -> None:
        """PLI or FIR, as was agreed, and both where both were: some phones say that they know both and obey only one.

        A party that said of neither that it knows it is sent PLI all the same, which many obey and none is hurt by.
        """
        stream = self.streams[Kind.VIDEO]
        session = self.session(Kind.VIDEO)
        theirs = self.switch.table.source(stream.source).ssrc
        if session is None or theirs < 0:
            return
        packets: list[rtcp.Rtcp] = [rtcp.ReceiverReport(stream.ssrc), rtcp.SourceDescription(stream.ssrc, self.cname)]
        full = "ccm fir" in stream.feedback
        if "nack pli" in stream.feedback or not full:
            packets.append(rtcp.PictureLoss(stream.ssrc, theirs))
        if full:
            session.commands = (session.commands + 1) & 0xFF
            packets.append(rtcp.FullIntra(stream.ssrc, ((theirs, session.commands),)))
        self.switch.send_control(session.peer, rtcp.build(*packets))
