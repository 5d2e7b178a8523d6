"""The second way through a journal: its packets as frames, in order and at their times, into one Matroska file."""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from parloir.export.frames import AccessUnits, Frame, Payload, sound
from parloir.export.matroska import Matroska
from parloir.export.reading import Media, Reading
from parloir.export.survey import Survey, survey
from parloir.export.timetable import Stream

REORDER = 1.0
"""Seconds that a packet waits for one that was sent before it."""
INTERLEAVE = 4.0
"""Seconds of frames that wait for others of earlier times."""

Progress = Callable[[float], None]


@dataclass
class _Queue:
    """The packets of one stream that wait for earlier ones, by run and number."""

    stream: Stream
    units: AccessUnits = field(default_factory=AccessUnits)
    waiting: list[tuple[int, int, float, Media]] = field(default_factory=list)
    seen: set[tuple[int, int]] = field(default_factory=set)

    def put(self, media: Media) -> None:
        """Add a packet, unless it is here already."""
        place = media.place.run, media.place.sequence
        if place not in self.seen:
            self.seen.add(place)
            heapq.heappush(self.waiting, (*place, media.arrival, media))

    def ripe(self, now: float) -> Iterator[Media]:
        """The packets that have waited long enough."""
        while self.waiting and now - self.waiting[0][2] >= REORDER:
            media = heapq.heappop(self.waiting)[3]
            self.seen.discard((media.place.run, media.place.sequence))
            yield media


class Writer:
    """Writes the frames of a surveyed recording, the earliest first; `progress` is told the share done, 0 to 1."""

    def __init__(self, found: Survey, matroska: Matroska, progress: Progress) -> None:
        self._survey = found
        self._matroska = matroska
        self._progress = progress
        self._queues = {stream: _Queue(stream) for stream in found.tracks}
        self._frames: list[tuple[float, int, Stream, Frame]] = []
        self._order = count()
        self._last: dict[Stream, float] = {}

    def take(self, media: Media) -> None:
        """Take the next packet of the journal."""
        queue = self._queues.get(media.stream)
        if queue is not None:
            queue.put(media)
        for each in self._queues.values():
            for ripe in each.ripe(media.arrival):
                self._decode(each, ripe)
        self._write_until(media.arrival - self._survey.origin - REORDER - INTERLEAVE)

    def finish(self) -> None:
        """Nothing more comes."""
        for queue in self._queues.values():
            for ripe in queue.ripe(float("inf")):
                self._decode(queue, ripe)
            last = queue.units.finish() if queue.stream.video else None
            if last is not None:
                self._keep(queue.stream, last)
        self._write_until(float("inf"))
        self._progress(1.0)

    def _decode(self, queue: _Queue, media: Media) -> None:
        stream, place = media.stream, media.place
        at = self._survey.timetable.at(stream, place.run, place.timestamp, media.arrival) - self._survey.origin
        payload = Payload(at, place.run, place.sequence, place.timestamp, media.marker, media.payload)
        if stream.video:
            frame = queue.units.take(payload)
            if frame is not None:
                self._keep(stream, frame)
        elif media.payload:
            self._keep(stream, sound(stream.codec, payload))

    def _keep(self, stream: Stream, frame: Frame) -> None:
        heapq.heappush(self._frames, (frame.time, next(self._order), stream, frame))

    def _write_until(self, seconds: float) -> None:
        while self._frames and self._frames[0][0] <= seconds:
            _, _, stream, frame = heapq.heappop(self._frames)
            at = max(frame.time, self._last.get(stream, -1.0) + 0.001, 0.0)
            self._last[stream] = at
            track = self._survey.tracks[stream].number
            self._matroska.write(track, at, frame.data, frame.key, frame.duration)
            self._progress(min(1.0, at / self._survey.seconds) if self._survey.seconds else 1.0)


def make(journal: Path, key: bytes, to: Path, progress: Progress = lambda share: None) -> Survey:
    """Make a Matroska file of a journal, re-encoding nothing; what is in it. Raises NothingRecorded and OSError."""
    reading = Reading(journal, key)
    found = survey(reading)
    tracks = found.tracks.values()
    with to.open("wb") as file:
        matroska = Matroska(file, tracks, found.begun, f"recording {found.recording}")
        writer = Writer(found, matroska, progress)
        for item in reading.items():
            if isinstance(item, Media):
                writer.take(item)
        writer.finish()
        matroska.close()
    return found
