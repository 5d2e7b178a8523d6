"""RTP's wrapping numbers of one recorded stream, straightened into runs within which they simply count. Pure."""

from dataclasses import dataclass
from typing import NamedTuple

from parloir.rtp.packet import sequence_delta, timestamp_delta

JUMP = 1.0
"""Seconds by which a stream's own clock and the arrivals may part from one packet to the next within a run."""


class Placed(NamedTuple):
    """A packet's place: the number of its run, its sequence number and its timestamp, both without wraps."""

    run: int
    sequence: int
    timestamp: int


@dataclass
class _Run:
    number: int
    ssrc: int
    epoch: int
    sequence: int
    timestamp: int
    arrival: int


class Runs:
    """Counts the runs of one stream; `clock` in Hz. A new SSRC, a new epoch or a jump of the clock begins another."""

    def __init__(self, clock: int) -> None:
        self._clock = clock
        self._run: _Run | None = None
        self._before: dict[tuple[int, int], _Run] = {}
        self._count = 0

    def place(self, ssrc: int, epoch: int, sequence: int, timestamp: int, arrival: int) -> Placed:
        """Where a packet belongs; packets in the order of their arrival (ns)."""
        run = self._before.get((ssrc, epoch))
        if run is None or self._jumped(run, timestamp, arrival):
            self._count += 1
            run = _Run(self._count, ssrc, epoch, sequence, timestamp, arrival)
            self._before[ssrc, epoch] = run
            return Placed(run.number, run.sequence, run.timestamp)
        found_sequence = run.sequence + sequence_delta(sequence, run.sequence & 0xFFFF)
        found_timestamp = run.timestamp + timestamp_delta(timestamp, run.timestamp & 0xFFFFFFFF)
        if found_sequence > run.sequence:
            run.sequence, run.timestamp, run.arrival = found_sequence, found_timestamp, arrival
        return Placed(run.number, found_sequence, found_timestamp)

    def _jumped(self, run: _Run, timestamp: int, arrival: int) -> bool:
        media = timestamp_delta(timestamp, run.timestamp & 0xFFFFFFFF) / self._clock
        return abs(media - (arrival - run.arrival) / 1e9) > JUMP
