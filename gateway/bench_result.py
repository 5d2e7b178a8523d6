"""What `parloir bench` finds out, worked out from what was counted. Pure."""

from dataclasses import dataclass

from parloir.errors import ParloirError

PACKETS = 320
"""Forwarded packets a second and call: sound 50 and pictures 110, each way."""


class BenchFailed(ParloirError):
    """The measurement could not be made; the message says which part failed."""


@dataclass(frozen=True)
class Taps:
    """What is there beside the parties: whether each call is recorded, and how many listeners it has."""

    record: bool = False
    listeners: int = 0

    def __bool__(self) -> bool:
        return self.record or self.listeners > 0


@dataclass(frozen=True)
class Moment:
    """The relay at one time: CPU seconds used, packets forwarded so far, monotonic seconds."""

    cpu: float
    forwarded: int
    at: float


@dataclass(frozen=True)
class Result:
    """CPU is that of the relay process alone; the units are in the names."""

    calls: int
    seconds: float
    forwarded: int
    cpu_us_per_packet: float
    cpu_percent: float
    lost: int
    latency_p50_ms: float
    latency_p99_ms: float
    memory_per_call_kib: float
    calls_per_core: int
    heard: int = 0
    added_us_per_packet: float | None = None


def result(calls: int, first: Moment, last: Moment, lost: int, delays: list[int], memory: float) -> Result:
    """From two moments, the packets lost, the sorted delays in ns and the memory all calls took in KiB.

    Raises BenchFailed when nothing was forwarded.
    """
    forwarded, seconds = last.forwarded - first.forwarded, last.at - first.at
    if forwarded <= 0 or not delays:
        raise BenchFailed("the relay forwarded nothing; see the lines above")
    each = (last.cpu - first.cpu) / forwarded
    return Result(
        calls=calls,
        seconds=round(seconds, 2),
        forwarded=forwarded,
        cpu_us_per_packet=round(each * 1e6, 2),
        cpu_percent=round(100 * (last.cpu - first.cpu) / seconds, 1),
        lost=lost,
        latency_p50_ms=round(delays[len(delays) // 2] / 1e6, 3),
        latency_p99_ms=round(delays[len(delays) * 99 // 100] / 1e6, 3),
        memory_per_call_kib=round(memory / calls, 1),
        calls_per_core=int(1 / (each * PACKETS)) if each else 0,
    )
