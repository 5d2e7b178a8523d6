"""How an incoming RTP stream's numbers are judged (RFC 3550 section 6.4.1 and appendix A)."""

from parloir.relay.entries import DROPOUT, MISORDER, Drop, FrameSample, Source, SourceCounters

SILENCE = 500_000_000
"""How long (ns) the locked SSRC must be silent before another may take its place."""
PROBATION = 3
"""How many packets in sequence another SSRC must show for that."""
FRAMES = 256


def advance(source: Source, ssrc: int, sequence: int, now: int) -> int | Drop:
    """Judge one packet: how far it advances the stream (1 or more), or how late it is (negative), or why it is refused.

    Updates the stream's highest number and, for a new SSRC, starts it anew. `now` in monotonic nanoseconds.
    """
    delta = (sequence - source.high) & 0xFFFF
    if ssrc == source.ssrc:
        if 0 < delta < DROPOUT:
            if sequence < source.high:
                source.cycles += 0x10000
            source.high = sequence
            return delta
        if delta == 0:
            return Drop.DUPLICATE
        if delta >= 0x10000 - MISORDER:
            return delta - 0x10000
        if sequence != source.jump:
            source.jump = (sequence + 1) & 0xFFFF
            return Drop.LATE
    elif not _may_replace(source, ssrc, sequence, now):
        return Drop.FOREIGN_SSRC
    _start(source, ssrc, sequence)
    return 1


def _may_replace(source: Source, ssrc: int, sequence: int, now: int) -> bool:
    if source.allowed and ssrc not in source.allowed:
        return False
    if source.ssrc < 0:
        return True
    if now - source.heard < SILENCE:
        return False
    source.rival_run = source.rival_run + 1 if ssrc == source.rival and sequence == source.rival_next else 1
    source.rival, source.rival_next = ssrc, (sequence + 1) & 0xFFFF
    return source.rival_run >= PROBATION


def unlock(source: Source, clock: int) -> None:
    """Forget whose stream this is; what was lost and received before stays on the books."""
    if source.ssrc >= 0:
        source.lost_before += max(0, source.cycles + source.high - source.first + 1 - source.received)
        source.received_before += source.received
    source.ssrc = source.rival = source.jump = -1
    source.first = source.high = source.cycles = source.received = source.transit = 0
    source.jitter = 0.0
    source.clock = clock
    source.resumed = True
    source.run += 1


def _start(source: Source, ssrc: int, sequence: int) -> None:
    """Begin a run of numbers."""
    unlock(source, source.clock)
    source.ssrc = ssrc
    source.first = source.high = sequence


def note_arrival(source: Source, timestamp: int, octets: int, now: int) -> None:
    """Count an accepted packet and bring the interarrival jitter up to date (RFC 3550 appendix A.8)."""
    source.received += 1
    source.octets += octets
    source.heard = now
    source.heard_timestamp = timestamp
    transit = now * source.clock // 1_000_000_000 - timestamp
    change = abs(transit - source.transit)
    if change < source.clock:
        source.jitter += (change - source.jitter) / 16
    source.transit = transit


def note_frame(source: Source, timestamp: int, send_time: int, octets: int, now: int) -> None:
    """Gather the packets of one frame into a sample for the bandwidth estimator."""
    if timestamp != source.frame_timestamp:
        if source.frame_send_time >= 0 and len(source.frames) < FRAMES:
            source.frames.append(
                FrameSample(source.frame_arrival, source.frame_send_time, source.frame_octets, source.ssrc)
            )
        source.frame_timestamp = timestamp
        source.frame_octets = 0
    source.frame_octets += octets
    source.frame_send_time = send_time
    source.frame_arrival = now


def snapshot(source: Source) -> SourceCounters:
    """The stream's figures now."""
    extent = source.cycles + source.high - source.first + 1 if source.ssrc >= 0 else 0
    received = source.received_before + source.received
    return SourceCounters(
        ssrc=source.ssrc,
        expected=source.received_before + source.lost_before + max(extent, source.received),
        received=received,
        octets=source.octets,
        highest=source.cycles + source.high,
        jitter=source.jitter,
        heard=source.heard,
        heard_timestamp=source.heard_timestamp,
    )
