"""When each recorded packet was spoken or seen: from sender reports where there are any, else from arrivals. Pure.

A packet that came without delay came just when it was sent, plus the way: so the least of (arrival - own time) within
some seconds is the offset of the sender's clock. One offset for both streams of a party that sends reports keeps its
sound and its picture together as its own clock had them.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

WINDOW = 10.0
"""Seconds within which one packet at least is taken to have come without delay."""
SAME_CLOCK = 0.5
"""Seconds by which the offsets of two streams of one party may differ and still be of one clock."""
NTP = 1 << 32


class Stream(NamedTuple):
    """A stream while it is of one codec: its number in the journal, the codec's name, and its clock in Hz."""

    number: int
    codec: str
    clock: int

    @property
    def party(self) -> str:
        """Whose it is: the phone is inside, the browser is the visitor's, and an officer may have spoken to them."""
        return {1: "inside", 2: "inside", 5: "officer"}.get(self.number, "visitor")

    @property
    def video(self) -> bool:
        """Whether it is a picture."""
        return self.number in (2, 4)


Key = tuple[Stream, int]
Told = tuple[Key, dict[int, float]]


@dataclass
class RunTimes:
    """One run: under which SSRC of which stream, and the least (arrival - own time) of each window, in seconds."""

    stream: Stream
    ssrc: int
    least: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """A sender report: it came at `arrival`, and says what its sender's clock and the stream's timestamp were then.

    Seconds, and `timestamp` as it stands in the report.
    """

    arrival: float
    sender: float
    timestamp: int


class Offsets:
    """The least offset of each window, and between the windows what lies between."""

    def __init__(self, least: dict[int, float]) -> None:
        self._centres = [(window + 0.5) * WINDOW for window in sorted(least)]
        self._values = [least[window] for window in sorted(least)]

    def at(self, seconds: float) -> float:
        """The offset at a time of arrival."""
        place = bisect_left(self._centres, seconds)
        if place == 0:
            return self._values[0]
        if place == len(self._centres):
            return self._values[-1]
        left, right = self._centres[place - 1], self._centres[place]
        share = (seconds - left) / (right - left)
        return self._values[place - 1] * (1 - share) + self._values[place] * share


class Timetable:
    """Learns from all packets and reports of a recording, then answers."""

    def __init__(self) -> None:
        self._runs: dict[Key, RunTimes] = {}
        self._reports: dict[tuple[str, int], list[Report]] = defaultdict(list)
        self._offsets: dict[Key, Offsets] = {}

    def packet(self, stream: Stream, run: int, ssrc: int, timestamp: int, arrival: float) -> None:
        """Learn from a packet of a stream's run; its timestamp without wraps, its arrival in seconds."""
        times = self._runs.get((stream, run))
        if times is None:
            times = self._runs[stream, run] = RunTimes(stream, ssrc)
        window, offset = int(arrival // WINDOW), arrival - timestamp / stream.clock
        if offset < times.least.get(window, offset + 1):
            times.least[window] = offset

    def report(self, party: str, ssrc: int, ntp: int, timestamp: int, arrival: float) -> None:
        """Learn from a sender report; `ntp` in 32.32 fixed point, 0 for a sender without a clock."""
        if ntp:
            self._reports[party, ssrc].append(Report(arrival, ntp / NTP, timestamp))

    def settle(self) -> None:
        """All has been learnt: find each party's clocks."""
        by_party: dict[str, list[Told]] = defaultdict(list)
        for key, times in self._runs.items():
            if self._told(times):
                by_party[times.stream.party].append((key, self._by_sender(times)))
            else:
                self._offsets[key] = Offsets(times.least)
        for runs in by_party.values():
            for together in _clusters(runs):
                shared = Offsets(_least(least for _, least in together))
                for key, _ in together:
                    self._offsets[key] = shared

    def at(self, stream: Stream, run: int, timestamp: int, arrival: float) -> float:
        """When a packet was spoken or seen, in seconds on the clock of the arrivals."""
        times = self._runs[stream, run]
        own = timestamp / stream.clock
        if self._told(times):
            own += self._sender_offset(times, timestamp, arrival)
        return own + self._offsets[stream, run].at(arrival)

    def _told(self, times: RunTimes) -> bool:
        """Whether the run's sender told its clock."""
        return bool(self._reports.get((times.stream.party, times.ssrc)))

    def _by_sender(self, times: RunTimes) -> dict[int, float]:
        """The windows' offsets, told by the sender's clock and not by the stream's own."""
        found = {}
        for window, least in times.least.items():
            arrival = (window + 0.5) * WINDOW
            timestamp = int((arrival - least) * times.stream.clock)
            found[window] = least - self._sender_offset(times, timestamp, arrival)
        return found

    def _sender_offset(self, times: RunTimes, timestamp: int, arrival: float) -> float:
        """The sender's clock less the stream's own, by the report that came nearest to a time of arrival."""
        reports = self._reports[times.stream.party, times.ssrc]
        place = bisect_left(reports, arrival, key=lambda report: report.arrival)
        near = reports[max(0, place - 1) : place + 1]
        report = min(near, key=lambda each: abs(each.arrival - arrival))
        # The report's timestamp has wrapped as often as makes it nearest to the packet's.
        wraps = round((timestamp - report.timestamp) / (1 << 32))
        return report.sender - (report.timestamp + (wraps << 32)) / times.stream.clock


def _clusters(runs: list[Told]) -> list[list[Told]]:
    """Runs whose offsets are of one clock, together: another browser of the same visitor has another clock."""
    clusters: list[list[Told]] = []
    for run in sorted(runs, key=lambda each: min(each[1].values())):
        if clusters and min(run[1].values()) - min(clusters[-1][-1][1].values()) < SAME_CLOCK:
            clusters[-1].append(run)
        else:
            clusters.append([run])
    return clusters


def _least(several: Iterable[dict[int, float]]) -> dict[int, float]:
    least: dict[int, float] = {}
    for windows in several:
        for window, offset in windows.items():
            least[window] = min(offset, least.get(window, offset))
    return least
