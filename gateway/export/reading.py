"""A journal's records, understood: which track a packet is of, and where it is among the track's numbers."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from parloir.export.runs import Placed, Runs
from parloir.export.timetable import Stream
from parloir.relay.journal import Record, RecordKind
from parloir.relay.journal_reader import Fault, Journal, Scan, facts
from parloir.rtp import rtcp
from parloir.rtp.errors import MalformedPacket
from parloir.rtp.packet import HEADER, payload_span


class Media(NamedTuple):
    """One recorded RTP packet. Arrival in seconds on the relay's clock; `place` among the packets of its stream."""

    stream: Stream
    place: Placed
    ssrc: int
    arrival: float
    marker: bool
    payload: bytes


class Said(NamedTuple):
    """A sender report of one party."""

    party: str
    report: rtcp.SenderReport
    arrival: float


class Noted(NamedTuple):
    """Something that happened, such as a hold or a prompt."""

    arrival: float
    stream: int
    facts: dict[str, object]


@dataclass
class Reading:
    """Reads a journal from its beginning, as often as is wanted; what is wrong with it is in `faults` afterwards.

    `sets` are the parameter sets that signalling gave, by stream. Raises OSError.
    """

    path: Path
    key: bytes = field(repr=False)
    faults: list[Fault] = field(default_factory=list)
    sets: dict[int, tuple[bytes, ...]] = field(default_factory=dict)

    def scan(self) -> Scan:
        """The journal without its key."""
        with Journal(self.path) as journal:
            return journal.scan()

    def items(self) -> Iterator[Media | Said | Noted]:
        """All that was recorded and can be read."""
        streams: dict[int, Stream] = {}
        runs: dict[Stream, Runs] = {}
        with Journal(self.path) as journal:
            found = journal.scan()
            self.faults = list(found.faults)
            for record in journal.records(found, self.key):
                if isinstance(record, Fault):
                    self._blame(record)
                elif record.kind is RecordKind.FACT:
                    noted = Noted(record.arrival / 1e9, record.stream, facts(record))
                    self._learn(noted, streams)
                    yield noted
                elif record.kind is RecordKind.RTCP:
                    yield from _reports(record)
                elif record.stream in streams:
                    stream = streams[record.stream]
                    media = _media(record, stream, runs.setdefault(stream, Runs(stream.clock)))
                    if media is not None:
                        yield media

    def _blame(self, fault: Fault) -> None:
        """Note a fault, unless it was seen without the key already."""
        if not any(each.start == fault.start for each in self.faults):
            self.faults.append(fault)

    def _learn(self, noted: Noted, streams: dict[int, Stream]) -> None:
        said = noted.facts
        if said.get("fact") == "codec":
            streams[noted.stream] = Stream(noted.stream, str(said["codec"]), int(str(said["clock"])))
            given = said.get("parameter_sets")
            if isinstance(given, list) and given:
                self.sets[noted.stream] = tuple(base64.b64decode(each) for each in given)


def _media(record: Record, stream: Stream, runs: Runs) -> Media | None:
    try:
        start, stop = payload_span(record.data)
    except MalformedPacket:
        return None
    _, second, sequence, timestamp, ssrc = HEADER.unpack_from(record.data)
    place = runs.place(ssrc, record.epoch, sequence, timestamp, record.arrival)
    return Media(stream, place, ssrc, record.arrival / 1e9, bool(second & 0x80), record.data[start:stop])


def _reports(record: Record) -> Iterator[Said]:
    try:
        packets = rtcp.parse(record.data)
    except MalformedPacket:
        return
    for packet in packets:
        if isinstance(packet, rtcp.SenderReport):
            yield Said("inside" if record.stream == 1 else "visitor", packet, record.arrival / 1e9)
