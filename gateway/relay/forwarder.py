"""What the switch does with one RTP packet: judge it, renumber it, encrypt it, send it on."""

import socket
from collections import deque

from parloir.relay import numbering, tap
from parloir.relay.entries import Drop, Kept, Peer, Punt, PuntKind, Route, Sink, ToRing, ToSink, Verb
from parloir.relay.reception import advance, note_arrival, note_frame
from parloir.relay.send_time import abs_send_time
from parloir.relay.srtp import Workbench
from parloir.rtp.errors import MalformedPacket
from parloir.rtp.h264 import IDR, SPS, starts
from parloir.rtp.packet import HEADER, payload_span

PUNTS = 4096
"""The punt queue's bound; what comes beyond is dropped and counted."""

_BARE = 12
_PLAIN = 0x80
_OWN = Workbench.OWN


class Forwarder:
    """Takes packets from the workbench's buffer to where the table says.

    `sockets` are those of the switch, by descriptor. Times are monotonic nanoseconds.
    """

    def __init__(self, bench: Workbench, sockets: dict[int, socket.socket]) -> None:
        self.punts: deque[Punt] = deque()
        self._bench = bench
        self._buffer = bench.buffer
        self._inbox = bench.inbox
        self._sockets = sockets

    def media(self, peer: Peer, size: int, now: int) -> bool:
        """Deal with the plain RTP packet at the buffer's start; whether it belongs to a stream of the peer's."""
        first, second, sequence, timestamp, ssrc = HEADER.unpack_from(self._buffer)
        route = peer.routes.get(second & 0x7F)
        if route is None:
            return self._stray(peer, ssrc, sequence, now)
        start, end = _BARE, size
        if first != _PLAIN:
            start, end = self._span(peer, size)
            if not start:
                return False
        source = route.source
        step = advance(source, ssrc, sequence, now)
        if not isinstance(step, int):
            self._refuse(peer, ssrc, step)
            return False
        note_arrival(source, timestamp, size, now)
        if source.received == 1:
            self.punt(Punt(PuntKind.STARTED, source.id, now), peer)
        if route.extension and first & 0x10:
            note_frame(source, timestamp, abs_send_time(self._inbox, first, start, route.extension), size, now)
        sink = route.sink
        if (route.verb is Verb.COPY or route.verb is Verb.MIX) and start != end:
            self._lay_beneath(route, size, (start, end), step, now)
            return True
        if route.verb is not Verb.FORWARD or sink is None or start == end:
            self._keep(peer, route, size, step, now)
            return True
        if not self._has_place(peer, route, sink, step, sequence, timestamp, now):
            return True
        preceded = bool(route.prelude) and step > 0 and self._precede(route, sink, sequence, timestamp, start, end)
        if route.copies:
            self._copy(route, bytes(self._inbox[:size]), (start, end), step, preceded, now)
        number, stamp = (sequence + sink.offset) & 0xFFFF, (timestamp + sink.shift) & 0xFFFFFFFF
        if step > 0:
            sink.sequence, sink.timestamp, sink.sent_at = number, stamp, now
        start -= _BARE
        HEADER.pack_into(self._buffer, start, _PLAIN, second & 0x80 | route.out_type, number, stamp, sink.ssrc)
        self._emit(sink, start, end - start, number)
        return True

    def inject(self, sink: Sink, epoch: int, packet: bytes, now: int) -> bool:
        """Send an RTP packet of our own making, numbered within its epoch; False once a higher epoch has begun."""
        if epoch < sink.epoch:
            return False
        _, second, sequence, timestamp, _ = HEADER.unpack_from(packet)
        if epoch > sink.epoch:
            numbering.begin(sink, epoch, sequence, timestamp, now)
            self.punt(Punt(PuntKind.EPOCH, sink.id, now), sink.peer)
        number = (sequence + sink.offset) & 0xFFFF
        sink.sequence, sink.timestamp, sink.sent_at = number, (timestamp + sink.shift) & 0xFFFFFFFF, now
        self._emit_own(sink, second, number, sink.timestamp, packet[_BARE:])
        return True

    def resend(self, sink: Sink, sequence: int) -> bool:
        """Send the very bytes again that went out under that number; False if they are no longer kept."""
        packet = numbering.recall(sink, sequence)
        return packet is not None and self.transmit(sink.peer, packet)

    def transmit(self, peer: Peer, packet: bytes | bytearray) -> bool:
        """Put a finished datagram on the wire; whether the kernel took it."""
        try:
            if peer.address is None:
                self._sockets[peer.fd].send(packet)
            else:
                self._sockets[peer.fd].sendto(packet, peer.address)
        except OSError:
            peer.drop(Drop.UNSENT)
            return False
        return True

    def punt(self, punt: Punt, peer: Peer) -> None:
        """Hand something up, unless too much waits there already."""
        if len(self.punts) < PUNTS:
            self.punts.append(punt)
        else:
            peer.drop(Drop.FLOOD)

    def _span(self, peer: Peer, size: int) -> tuple[int, int]:
        """Where the payload of a packet with more than the bare header lies; nowhere (0, 0) if it is malformed."""
        try:
            return payload_span(self._inbox[:size])
        except MalformedPacket:
            peer.drop(Drop.MALFORMED)
            return 0, 0

    def _has_place(
        self, peer: Peer, route: Route, sink: Sink, step: int, sequence: int, timestamp: int, now: int
    ) -> bool:
        """Whether the packet has a place in the outgoing stream; the first of a new epoch makes it one."""
        if route.source.resumed or route.epoch != sink.epoch:
            if route.epoch < sink.epoch or step < 0:
                peer.drop(Drop.OLD_EPOCH)
                return False
            numbering.begin(sink, route.epoch, sequence, timestamp, now)
            route.source.resumed = False
            self.punt(Punt(PuntKind.EPOCH, sink.id, now), peer)
        elif step > 0:
            sink.room += step
        elif -step > sink.room:
            peer.drop(Drop.LATE)
            return False
        return True

    def _stray(self, peer: Peer, ssrc: int, sequence: int, now: int) -> bool:
        """A payload type that nobody agreed to; if it shares a stream's numbers, that stream must not show a gap."""
        peer.drop(Drop.UNKNOWN_TYPE)
        for route in peer.routes.values():
            if route.source.ssrc == ssrc:
                step = advance(route.source, ssrc, sequence, now)
                if isinstance(step, int):
                    route.source.received += 1
                    self._close_gap(route, step)
                break
        return False

    def _keep(self, peer: Peer, route: Route, size: int, step: int, now: int) -> None:
        if route.verb is Verb.PUNT:
            self.punt(Punt(PuntKind.EVENT, route.source.id, now, bytes(self._buffer[:size])), peer)
        elif route.verb is Verb.DROP:
            peer.drop(Drop.NOT_JOINED)
        self._close_gap(route, step)

    def _lay_beneath(self, route: Route, size: int, span: tuple[int, int], step: int, now: int) -> None:
        """Give a packet that is not sent on itself to what is mixed in its place, and to all who have a copy."""
        packet = bytes(self._buffer[:size])
        if route.sink is not None:
            route.sink.beneath.append(packet)
        self._copy(route, packet, span, step, False, now)

    def _copy(self, route: Route, packet: bytes, span: tuple[int, int], step: int, preceded: bool, now: int) -> None:
        """Give the packet, as it came in, to all who have a copy of what this route forwards."""
        for copy in route.copies:
            if isinstance(copy, ToRing):
                tap.keep(copy, Kept(now, copy.stream, route.epoch, packet))
            else:
                self._copy_on(route, copy, packet, span, step, preceded, now)

    def _copy_on(
        self, route: Route, copy: ToSink, packet: bytes, span: tuple[int, int], step: int, preceded: bool, now: int
    ) -> None:
        sink, begun = copy.sink, not tap.carries(copy, route)
        _, second, sequence, timestamp, _ = HEADER.unpack_from(packet)
        if copy.sparse and not tap.shows(copy, packet[slice(*span)], timestamp):
            if step > 0 and not begun:
                numbering.swallow(sink)
            return
        if not tap.place(copy, route, packet, step, now):
            return
        if begun:
            self.punt(Punt(PuntKind.EPOCH, sink.id, now), sink.peer)
        if preceded:
            self._send_prelude(route, sink, copy.out_type, sequence, timestamp)
        number = (sequence + sink.offset) & 0xFFFF
        stamp = (timestamp + sink.shift) & 0xFFFFFFFF
        if step > 0:
            sink.sequence, sink.timestamp, sink.sent_at = number, stamp, now
        start, end = span
        self._emit_own(sink, second & 0x80 | copy.out_type, number, stamp, packet[start:end])

    def _close_gap(self, route: Route, step: int) -> None:
        for copy in route.copies:
            if isinstance(copy, ToSink) and step > 0 and tap.carries(copy, route):
                numbering.swallow(copy.sink)
        sink = route.sink
        if sink is not None and route.epoch == sink.epoch and step > 0 and not route.source.resumed:
            numbering.swallow(sink)

    def _refuse(self, peer: Peer, ssrc: int, why: Drop) -> None:
        peer.drop(why)
        if why is Drop.FOREIGN_SSRC and peer.receive:
            self._bench.forget_stream(peer.receive, ssrc)

    def _precede(self, route: Route, sink: Sink, sequence: int, timestamp: int, start: int, end: int) -> bool:
        """Whether this is a keyframe without its parameter sets: those that signalling gave are then sent before it."""
        begun = starts(self._inbox[start:end])
        if timestamp == route.prelude_timestamp or not begun & {IDR, SPS}:
            return False
        route.prelude_timestamp = timestamp
        if SPS in begun:
            return False
        self._send_prelude(route, sink, route.out_type, sequence, timestamp)
        return True

    def _send_prelude(self, route: Route, sink: Sink, out_type: int, sequence: int, timestamp: int) -> None:
        stamp = (timestamp + sink.shift) & 0xFFFFFFFF
        for payload in route.prelude:
            self._emit_own(sink, out_type, (sequence + sink.offset) & 0xFFFF, stamp, payload)
            numbering.make_room(sink, 1)

    def _emit_own(self, sink: Sink, second: int, number: int, stamp: int, payload: bytes) -> None:
        size = _BARE + len(payload)
        HEADER.pack_into(self._buffer, _OWN, _PLAIN, second, number, stamp, sink.ssrc)
        self._buffer[_OWN + _BARE : _OWN + size] = payload
        self._emit(sink, _OWN, size, number)

    def _emit(self, sink: Sink, at: int, size: int, number: int) -> None:
        """Encrypt the packet in place, keep it for retransmission if the stream does, and send it."""
        peer, bench = sink.peer, self._bench
        if peer.secure:
            sealed = bench.seal(peer.send, at, size)
            if not sealed:
                peer.drop(Drop.UNSENT)
                return
        else:
            sealed = size
        packet = self._buffer[at : at + sealed]
        if sink.history is not None:
            numbering.remember(sink, number, packet)
        if self.transmit(peer, packet):
            sink.packets += 1
            sink.octets += size - _BARE
