"""The phone's leg: RTP or SRTP on ports of its own, from the address that signalling named."""

import secrets
from collections.abc import Callable
from typing import Any

from parloir.relay.bodies import PhonePorts, PhoneSide, PhoneStream
from parloir.relay.commands import Refused
from parloir.relay.door import Door, heard_under
from parloir.relay.entries import Drop
from parloir.relay.leg import Leg, Stream
from parloir.relay.party_clock import OwnClock
from parloir.relay.ports import Ports
from parloir.relay.switch import Switch
from parloir.rtp import rtcp
from parloir.rtp.description import Kind
from parloir.rtp.dtmf import DigitReader
from parloir.rtp.errors import MalformedPacket
from parloir.rtp.flow import Leg as Party
from parloir.rtp.packet import Packet

KEYFRAME_FEEDBACK = frozenset({"nack pli", "ccm fir"})
STRAYS = 10
"""Packets of an unknown type in a second that are more than comfort noise."""


class PhoneLeg(Leg):
    """Opened with its ports before the phone is known; told what the phone agreed to, once or again.

    `ask` has the phone asked for a keyframe by signalling, where it said of no RTCP message that it would heed it.
    """

    def __init__(
        self,
        switch: Switch,
        ntp: OwnClock,
        cname: str,
        ports: Ports,
        host: str,
        ask: Callable[[], None],
        later: Callable[..., Any],
    ) -> None:
        super().__init__(Party.PHONE, switch, ntp, cname, later)
        self.ask_by_signalling = ask
        self._ports = ports
        self._host = host
        self._doors: dict[Kind, Door] = {}
        self._digits: DigitReader | None = None
        self._asked_bitrate: int | None = None
        self._heeded: tuple[int, int, int] | None = None
        self._unknown = 0
        self._strayed = False

    @property
    def codec(self) -> str | None:
        """What the phone's sound is encoded in; None before it is set."""
        audio = self.streams.get(Kind.AUDIO)
        return audio.codec if audio else None

    def open(self, video: bool, now: float) -> PhonePorts:
        """Bind the ports. Raises NoPorts, having left nothing open."""
        kinds = (Kind.AUDIO, Kind.VIDEO) if video else (Kind.AUDIO,)
        self._ports.need(len(kinds), now)
        try:
            for kind in kinds:
                self._doors[kind] = Door(self.switch, self._ports, self._host, now)
        except Exception:
            self.close(now)
            raise
        found = self._doors.get(Kind.VIDEO)
        return PhonePorts(audio=self._doors[Kind.AUDIO].port, video=found.port if found else None)

    def set(self, side: PhoneSide) -> None:
        """Hear and speak to what the phone agreed to. Raises Refused when it cannot be so."""
        wanted = {stream.kind: stream for stream in side.streams}
        if Kind.AUDIO not in wanted or len(wanted) != len(side.streams) or not self._doors.keys() >= wanted.keys():
            raise Refused("a phone has audio, and each kind once, on ports that were opened")
        for kind in [kind for kind in self.streams if kind not in wanted]:
            self._drop_stream(kind)
        for kind, stream in wanted.items():
            self._set_stream(self._doors[kind], stream)
        self._strayed = False

    def strays(self) -> bool:
        """Whether it sends what was not agreed, to be asked once a second; told once for each time that it is set."""
        dropped = (self.switch.table.dropped(door.rtp) for door in self._doors.values())
        unknown = sum(each.get(Drop.UNKNOWN_TYPE, 0) for each in dropped)
        came, self._unknown = unknown - self._unknown, unknown
        strays = came >= STRAYS and not self._strayed
        self._strayed = self._strayed or strays
        return strays

    def digit(self, packet: bytes) -> str | None:
        """The key a telephone-event packet is the first sign of."""
        try:
            parsed = Packet.parse(packet)
        except MalformedPacket:
            return None
        return self._digits.read(parsed.timestamp, parsed.payload) if self._digits else None

    @property
    def asks_for_keyframes(self) -> bool:
        """Whether it said that it can ask for a keyframe by RTCP, and so that it heeds being asked."""
        video = self.streams.get(Kind.VIDEO)
        return video is not None and not video.feedback.isdisjoint(KEYFRAME_FEEDBACK)

    def heed_bitrate(self) -> int | None:
        """What the phone says it wants to be sent at most (TMMBR), bits a second; it is told that this is heeded."""
        video, session = self.streams.get(Kind.VIDEO), self.session(Kind.VIDEO)
        limit = session.reporter.limit if session else None
        if video is None or session is None or limit is None:
            return None
        if limit != self._heeded:
            self._heeded = limit
            notice = rtcp.BitrateNotice(video.ssrc, (limit,))
            self._tell(session.peer, video.ssrc, notice)
        return limit[1]

    def _tell(self, peer: int, ssrc: int, word: rtcp.Rtcp) -> None:
        report = rtcp.ReceiverReport(ssrc)
        self.switch.send_control(peer, rtcp.build(report, rtcp.SourceDescription(ssrc, self.cname), word))

    def _request_keyframe(self) -> None:
        super()._request_keyframe()
        if not self.asks_for_keyframes:
            self.ask_by_signalling()

    @property
    def obeys_bitrate(self) -> bool:
        """Whether it said that it can be told to send less (TMMBR)."""
        video = self.streams.get(Kind.VIDEO)
        return video is not None and "ccm tmmbr" in video.feedback

    def ask_bitrate(self, bitrate: int) -> None:
        """Tell the phone what the browser can take, where it listens to that (TMMBR) and it is news to it."""
        stream, session = self.streams.get(Kind.VIDEO), self.session(Kind.VIDEO)
        if stream is None or session is None or not self.obeys_bitrate:
            return
        wanted = min(bitrate, stream.bitrate or bitrate)
        theirs = self.switch.table.source(stream.source).ssrc
        if theirs < 0 or (self._asked_bitrate and 0.9 < wanted / self._asked_bitrate < 1.1):
            return
        self._asked_bitrate = wanted
        self._tell(session.peer, stream.ssrc, rtcp.BitrateRequest(stream.ssrc, ((theirs, wanted, 40),)))

    def dropped(self) -> dict[Drop, int]:
        """What of this leg's went no further, by reason."""
        total: dict[Drop, int] = {}
        for door in self._doors.values():
            for why, count in door.dropped().items():
                total[why] = total.get(why, 0) + count
        return total

    def close(self, now: float) -> None:
        """Close the sockets; their ports rest."""
        for kind in list(self.streams):
            self._drop_stream(kind)
        for door in self._doors.values():
            door.close(now)
        self._doors.clear()
        self.sessions.clear()

    def _set_stream(self, door: Door, wanted: PhoneStream) -> None:
        before, known = door.named, self.streams.get(wanted.kind)
        moved = door.open_to(wanted)
        if known is None:
            known = self._new_stream(door, wanted)
        elif moved or before is None or _types(before) != _types(wanted):
            self._reroute(door, known, wanted)
        known.codec, known.send_type, known.bitrate = wanted.codec, wanted.send_type, wanted.bitrate
        known.feedback = wanted.feedback
        known.prelude = wanted.parameter_sets
        self._control(door, wanted)

    def _control(self, door: Door, wanted: PhoneStream) -> None:
        """Speak RTCP at the port of its own, or beside RTP where that was agreed (RFC 5761)."""
        session = self.session(wanted.kind)
        if session is not None:
            session.peer = door.rtp if wanted.multiplexed else door.rtcp

    def _new_stream(self, door: Door, wanted: PhoneStream) -> Stream:
        table, ssrc = self.switch.table, secrets.randbits(32)
        source = table.add_source(wanted.clock)
        sink = table.add_sink(
            door.rtp,
            ssrc,
            wanted.clock,
            _step(wanted.kind, wanted.clock),
            secrets.randbits(15),
            secrets.randbits(32),
            resend="nack" in wanted.feedback,
        )
        stream = Stream(wanted.kind, wanted.codec, wanted.clock, wanted.send_type, source, sink, 0, ssrc)
        self.streams[wanted.kind] = stream
        self.add_session(door.rtcp, wanted.kind)
        self._route(door, stream, wanted)
        return stream

    def _reroute(self, door: Door, stream: Stream, wanted: PhoneStream) -> None:
        """The phone moved or changed its codec: its stream begins anew, ours goes on."""
        table = self.switch.table
        self._unroute(stream)
        table.restart_source(stream.source, wanted.clock)
        table.set_clock(stream.sink, wanted.clock, _step(wanted.kind, wanted.clock))
        stream.clock = wanted.clock
        self._route(door, stream, wanted)

    def _route(self, door: Door, stream: Stream, wanted: PhoneStream) -> None:
        table = self.switch.table
        stream.route = table.add_route(door.rtp, wanted.receive_type, stream.source)
        stream.events = tuple(table.add_route(door.rtp, kind, stream.source) for kind, _ in wanted.events)
        if wanted.kind is Kind.AUDIO:
            self._digits = DigitReader(wanted.events[0][1]) if wanted.events else None

    def _unroute(self, stream: Stream) -> None:
        self.switch.table.remove_route(stream.route)
        for route in stream.events:
            self.switch.table.remove_route(route)
        stream.route, stream.events = 0, ()

    def _drop_stream(self, kind: Kind) -> None:
        stream = self.streams.pop(kind)
        self._unroute(stream)
        self.switch.table.remove_sink(stream.sink)
        self.switch.table.remove_source(stream.source)
        self._doors[kind].named = None
        self.sessions = [session for session in self.sessions if kind not in session.kinds]


def _types(stream: PhoneStream) -> tuple[object, ...]:
    key = heard_under(stream.secrets) if stream.secrets else None
    return stream.codec, stream.clock, stream.receive_type, stream.events, key


def _step(kind: Kind, clock: int) -> int:
    """The least advance of a timestamp from one source to the next: 20 ms of sound, a picture's time at 30 a second."""
    return clock // 30 if kind is Kind.VIDEO else clock // 50
