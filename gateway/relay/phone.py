"""The phone's leg: plain RTP on ports of its own, from the address that signalling named."""

import secrets
from dataclasses import dataclass

from parloir.relay.commands import PhonePorts, PhoneSide, PhoneStream, Refused
from parloir.relay.entries import Drop
from parloir.relay.leg import Leg, Stream
from parloir.relay.party_clock import OwnClock
from parloir.relay.ports import Ports, bind_pair
from parloir.relay.switch import Switch
from parloir.rtp import rtcp
from parloir.rtp.description import Address, Kind
from parloir.rtp.dtmf import DigitReader
from parloir.rtp.errors import MalformedPacket
from parloir.rtp.flow import Leg as Party
from parloir.rtp.packet import Packet

NOWHERE = ("0.0.0.0", "::")
"""The address by which old phones ask to be sent nothing (RFC 3264 section 8.4)."""


@dataclass
class Door:
    """The two sockets of one kind of media, and who is named at them."""

    port: int
    rtp: int
    rtcp: int
    rtp_peer: int
    rtcp_peer: int
    named: PhoneStream | None = None


class PhoneLeg(Leg):
    """Opened with its ports before the phone is known; told what the phone agreed to, once or again."""

    def __init__(self, switch: Switch, ntp: OwnClock, cname: str, ports: Ports, host: str) -> None:
        super().__init__(Party.PHONE, switch, ntp, cname)
        self._ports = ports
        self._host = host
        self._doors: dict[Kind, Door] = {}
        self._digits: DigitReader | None = None
        self._asked_bitrate: int | None = None

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
                self._doors[kind] = self._bind(now)
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

    def digit(self, packet: bytes) -> str | None:
        """The key a telephone-event packet is the first sign of."""
        try:
            parsed = Packet.parse(packet)
        except MalformedPacket:
            return None
        return self._digits.read(parsed.timestamp, parsed.payload) if self._digits else None

    def ask_bitrate(self, bitrate: int) -> None:
        """Tell the phone what the browser can take, where it listens to that (TMMBR) and it is news to it."""
        stream, session = self.streams.get(Kind.VIDEO), self.session(Kind.VIDEO)
        if stream is None or session is None or "ccm tmmbr" not in stream.feedback:
            return
        wanted = min(bitrate, stream.bitrate or bitrate)
        theirs = self.switch.table.source(stream.source).ssrc
        if theirs < 0 or (self._asked_bitrate and 0.9 < wanted / self._asked_bitrate < 1.1):
            return
        self._asked_bitrate = wanted
        request = rtcp.BitrateRequest(stream.ssrc, ((theirs, wanted, 40),))
        report = rtcp.ReceiverReport(stream.ssrc)
        self.switch.send_control(
            session.peer, rtcp.build(report, rtcp.SourceDescription(stream.ssrc, self.cname), request)
        )

    def dropped(self) -> dict[Drop, int]:
        """What of this leg's went no further, by reason."""
        total: dict[Drop, int] = {}
        for door in self._doors.values():
            for peer in (door.rtp_peer, door.rtcp_peer):
                for why, count in self.switch.table.dropped(peer).items():
                    total[why] = total.get(why, 0) + count
        return total

    def close(self, now: float) -> None:
        """Close the sockets; their ports rest."""
        for kind in list(self.streams):
            self._drop_stream(kind)
        for door in self._doors.values():
            self.switch.remove_socket(door.rtp)
            self.switch.remove_socket(door.rtcp)
            self._ports.give_back(door.port, now)
        self._doors.clear()
        self.sessions.clear()

    def _bind(self, now: float) -> Door:
        port, rtp, control = bind_pair(self._ports, self._host, now)
        self.switch.add_socket(rtp)
        self.switch.add_socket(control, control=True)
        return Door(port, rtp, control, self.switch.add_peer(rtp), self.switch.add_peer(control))

    def _set_stream(self, door: Door, wanted: PhoneStream) -> None:
        before, known = door.named, self.streams.get(wanted.kind)
        moved = before is None or (before.remote, before.rtcp, before.symmetric) != (
            wanted.remote,
            wanted.rtcp,
            wanted.symmetric,
        )
        if moved and wanted.remote.host not in NOWHERE:
            self._name(door, wanted)
        if known is None:
            known = self._new_stream(door, wanted)
        elif moved or before is None or _types(before) != _types(wanted):
            self._reroute(door, known, wanted)
        known.codec, known.send_type, known.bitrate = wanted.codec, wanted.send_type, wanted.bitrate
        known.feedback = wanted.feedback
        known.prelude = wanted.parameter_sets
        door.named = wanted

    def _name(self, door: Door, wanted: PhoneStream) -> None:
        control = wanted.rtcp or Address(wanted.remote.host, wanted.remote.port + 1)
        try:
            self.switch.move_peer(door.rtp_peer, self._raw(wanted.remote), learn=wanted.symmetric)
            self.switch.move_peer(door.rtcp_peer, self._raw(control), learn=wanted.symmetric)
        except (OSError, OverflowError) as error:
            raise Refused(f"the phone's {wanted.kind} address {wanted.remote.host}: {error}") from error

    def _raw(self, address: Address) -> tuple[str, int] | tuple[str, int, int, int]:
        """The address as a socket of our family spells it."""
        if ":" not in self._host:
            return address.host, address.port
        return address.host if ":" in address.host else f"::ffff:{address.host}", address.port, 0, 0

    def _new_stream(self, door: Door, wanted: PhoneStream) -> Stream:
        table, ssrc = self.switch.table, secrets.randbits(32)
        source = table.add_source(wanted.clock)
        sink = table.add_sink(
            door.rtp_peer,
            ssrc,
            wanted.clock,
            _step(wanted.kind, wanted.clock),
            secrets.randbits(15),
            secrets.randbits(32),
            resend="nack" in wanted.feedback,
        )
        stream = Stream(wanted.kind, wanted.codec, wanted.clock, wanted.send_type, source, sink, 0, ssrc)
        self.streams[wanted.kind] = stream
        self.add_session(door.rtcp_peer, wanted.kind)
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
        stream.route = table.add_route(door.rtp_peer, wanted.receive_type, stream.source)
        if wanted.event_type is not None:
            stream.events = table.add_route(door.rtp_peer, wanted.event_type, stream.source)
        if wanted.kind is Kind.AUDIO:
            self._digits = DigitReader(wanted.clock) if wanted.event_type is not None else None

    def _unroute(self, stream: Stream) -> None:
        self.switch.table.remove_route(stream.route)
        if stream.events:
            self.switch.table.remove_route(stream.events)
        stream.route = stream.events = 0

    def _drop_stream(self, kind: Kind) -> None:
        stream = self.streams.pop(kind)
        self._unroute(stream)
        self.switch.table.remove_sink(stream.sink)
        self.switch.table.remove_source(stream.source)
        self._doors[kind].named = None
        self.sessions = [session for session in self.sessions if kind not in session.kinds]


def _types(stream: PhoneStream) -> tuple[object, ...]:
    return stream.codec, stream.clock, stream.receive_type, stream.event_type


def _step(kind: Kind, clock: int) -> int:
    """The least advance of a timestamp from one source to the next: 20 ms of sound, a picture's time at 30 a second."""
    return clock // 30 if kind is Kind.VIDEO else clock // 50
