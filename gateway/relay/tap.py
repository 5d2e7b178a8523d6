"""What a copy of a packet needs beside the way of the packet itself: a place in a ring, or in a listener's numbers."""

from parloir.relay import numbering
from parloir.relay.entries import Kept, Route, ToRing, ToSink
from parloir.rtp.h264 import is_keyframe_start
from parloir.rtp.packet import HEADER


def keep(copy: ToRing, kept: Kept) -> None:
    """Put a packet into the ring, or count that it did not fit."""
    ring = copy.ring
    if ring.octets + len(kept.packet) > ring.limit:
        ring.lost += 1
        return
    ring.octets += len(kept.packet)
    ring.packets.append(kept)


def place(copy: ToSink, route: Route, packet: bytes, step: int, now: int) -> bool:
    """Bring the listener's numbers up to this packet; whether it has a place among them.

    `step` is how far the packet advances its own stream, as reception.advance says; `now` in monotonic ns.
    """
    sink, source = copy.sink, route.source
    if not carries(copy, route):
        if step < 0:
            return False
        _, _, sequence, timestamp, _ = HEADER.unpack_from(packet)
        numbering.begin(sink, route.epoch, sequence, timestamp, now)
        sink.run = source.run
    elif step > 0:
        sink.room += step
    elif -step > sink.room:
        return False
    return True


def carries(copy: ToSink, route: Route) -> bool:
    """Whether the listener's numbers are those of the route's packets as they come now."""
    return copy.sink.epoch == route.epoch and copy.sink.run == route.source.run


def shows(copy: ToSink, payload: bytes, timestamp: int) -> bool:
    """Whether the copy takes this packet: all, or where it is sparse those of a keyframe."""
    if copy.sparse and copy.frame != timestamp:
        if not is_keyframe_start(payload):
            return False
        copy.frame = timestamp
    return True
