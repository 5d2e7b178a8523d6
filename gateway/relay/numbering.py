"""How an outgoing RTP stream stays one run of numbers whatever feeds it (RFC 3550 section 5.1)."""

from parloir.relay.entries import HISTORY, Sink, SinkCounters


def begin(sink: Sink, epoch: int, sequence: int, timestamp: int, now: int) -> None:
    """Let a source of another run of numbers continue this stream, its next packet being the one given.

    The sequence goes on by one; the timestamp by the wall time since the last packet, but at least by a step, so that
    the receiver's clock neither halts nor runs ahead. `now` in monotonic nanoseconds.
    """
    if sink.sent_at >= 0:
        elapsed = (now - sink.sent_at) * sink.clock // 1_000_000_000
        next_sequence = sink.sequence + 1
        next_timestamp = sink.timestamp + max(sink.step, elapsed)
    else:
        next_sequence, next_timestamp = sink.sequence, sink.timestamp
    sink.offset = next_sequence - sequence
    sink.shift = next_timestamp - timestamp
    sink.room = 0
    sink.epoch = epoch


def swallow(sink: Sink) -> None:
    """Close the gap of a packet that is not forwarded; those before it would now regress, so they count as late."""
    sink.offset -= 1
    sink.room = 0


def make_room(sink: Sink, packets: int) -> None:
    """Leave place for packets of our own before the source's next one."""
    sink.offset += packets
    sink.room = 0


def remember(sink: Sink, sequence: int, packet: bytes | bytearray) -> None:
    """Keep a packet as it went out, for retransmission."""
    if sink.history is not None:
        sink.history[sequence % HISTORY] = (sequence, packet)


def recall(sink: Sink, sequence: int) -> bytes | bytearray | None:
    """The very bytes that went out under that number, if they are still kept."""
    kept = sink.history[sequence % HISTORY] if sink.history is not None else None
    return kept[1] if kept is not None and kept[0] == sequence else None


def snapshot(sink: Sink) -> SinkCounters:
    """The stream's figures now."""
    return SinkCounters(
        sink.ssrc, sink.packets, sink.octets, sink.sequence, sink.timestamp, sink.sent_at, sink.epoch, sink.shift
    )
