"""The first way through a journal: what there is, of what codec and size, and when it was."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from parloir.export.errors import NothingRecorded
from parloir.export.frames import ParameterSets
from parloir.export.matroska import Track
from parloir.export.reading import Media, Noted, Reading, Said
from parloir.export.sps import size
from parloir.export.timetable import Stream, Timetable
from parloir.relay.journal_reader import Fault
from parloir.rtp.h264 import STAP_A, aggregated

_TYPE = 0x1F
DEFAULT_SIZE = (352, 288)
"""A picture's size where its parameter set is damaged; a player goes by the stream itself."""


@dataclass(frozen=True)
class Happening:
    """Something that a viewer should know of, such as a hold: seconds from the beginning, what, and more about it."""

    at: float
    what: str
    facts: Mapping[str, object]


@dataclass(frozen=True)
class Survey:
    """What a recording holds. `origin` is its beginning on the relay's clock, in seconds; `tracks` by stream."""

    recording: str
    begun: datetime
    origin: float
    seconds: float
    tracks: Mapping[Stream, Track]
    timetable: Timetable
    happenings: tuple[Happening, ...]
    faults: tuple[Fault, ...]
    packets: int


@dataclass
class _Gathered:
    sets: dict[int, ParameterSets] = field(default_factory=dict)
    streams: dict[Stream, int] = field(default_factory=dict)
    noted: list[Noted] = field(default_factory=list)
    last: float = 0.0


def survey(reading: Reading) -> Survey:
    """Go through a journal once. Raises NothingRecorded where there is no media, and OSError."""
    gathered = _Gathered()
    timetable = Timetable()
    for item in reading.items():
        gathered.last = max(gathered.last, item.arrival)
        if isinstance(item, Noted):
            gathered.noted.append(item)
        elif isinstance(item, Said):
            timetable.report(item.party, item.report.ssrc, item.report.ntp, item.report.timestamp, item.arrival)
        else:
            _see(item, gathered, timetable)
    recording = reading.scan().recording
    tracks = _tracks(reading, gathered)
    if not tracks:
        raise NothingRecorded(recording)
    timetable.settle()
    began = next((each for each in gathered.noted if each.facts.get("fact") == "began"), None)
    origin = began.arrival if began else min(each.arrival for each in gathered.noted)
    return Survey(
        recording,
        datetime.fromtimestamp(float(str(began.facts.get("unix", 0))) if began else 0.0, UTC),
        origin,
        gathered.last - origin,
        tracks,
        timetable,
        tuple(_happening(each, origin) for each in gathered.noted),
        tuple(reading.faults),
        sum(gathered.streams.values()),
    )


def _see(media: Media, gathered: _Gathered, timetable: Timetable) -> None:
    stream = media.stream
    gathered.streams[stream] = gathered.streams.get(stream, 0) + 1
    timetable.packet(stream, media.place.run, media.ssrc, media.place.timestamp, media.arrival)
    if stream.video:
        sets = gathered.sets.setdefault(stream.number, ParameterSets())
        if sets.sps is None or sets.pps is None:
            for unit in _units(media.payload):
                sets.see(unit)


def _units(payload: bytes) -> tuple[bytes, ...]:
    """The NAL units of a payload that are whole in it."""
    if payload and payload[0] & _TYPE == STAP_A:
        return aggregated(payload)
    return (payload,) if payload and 1 <= payload[0] & _TYPE <= 23 else ()


def _tracks(reading: Reading, gathered: _Gathered) -> dict[Stream, Track]:
    """A track for each stream that can be decoded: sounds and pictures of the inside party first."""
    tracks: dict[Stream, Track] = {}
    for stream in sorted(gathered.streams):
        name = f"{stream.party} {'video' if stream.video else 'audio'}"
        if not stream.video:
            tracks[stream] = Track(len(tracks) + 1, name, stream.codec)
            continue
        sets = gathered.sets[stream.number]
        for unit in reading.sets.get(stream.number, ()):
            sets.see(unit)
        if sets.sps is not None and sets.pps is not None:
            width, height = _size(sets.sps)
            tracks[stream] = Track(len(tracks) + 1, name, stream.codec, width, height, sets.sps, sets.pps)
    return tracks


def _size(sps: bytes) -> tuple[int, int]:
    try:
        width, height = size(sps)
    except ValueError:
        return DEFAULT_SIZE
    return (width, height) if 0 < width <= 8192 and 0 < height <= 8192 else DEFAULT_SIZE


def _happening(noted: Noted, origin: float) -> Happening:
    facts = {name: value for name, value in noted.facts.items() if name not in ("fact", "unix")}
    return Happening(round(noted.arrival - origin, 3), str(noted.facts.get("fact")), facts)
