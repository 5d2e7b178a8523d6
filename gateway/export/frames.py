"""RTP payloads put together again to what a decoder takes: access units of H.264, packets of sound. Pure."""

from dataclasses import dataclass
from typing import NamedTuple

from parloir.rtp.h264 import FU_A, IDR, PPS, SPS, STAP_A, aggregated

_FNRI, _TYPE, _START, _END = 0xE0, 0x1F, 0x80, 0x40


class Frame(NamedTuple):
    """What is decoded at once. `time` and `duration` in seconds; `data` as the container wants it."""

    time: float
    data: bytes
    key: bool
    duration: float


class Payload(NamedTuple):
    """One RTP payload in the order of its stream's numbers."""

    time: float
    run: int
    sequence: int
    timestamp: int
    marker: bool
    data: bytes


@dataclass
class ParameterSets:
    """The first SPS and PPS of each id that were seen, in band or in signalling."""

    sps: bytes | None = None
    pps: bytes | None = None

    def see(self, unit: bytes) -> None:
        """Look at a NAL unit."""
        if unit and unit[0] & _TYPE == SPS and self.sps is None:
            self.sps = unit
        elif unit and unit[0] & _TYPE == PPS and self.pps is None:
            self.pps = unit


class AccessUnits:
    """Builds access units from payloads in order (RFC 6184). A NAL unit of which a fragment was lost is left out."""

    def __init__(self) -> None:
        self.sets = ParameterSets()
        self.damaged = 0
        self._units: list[bytes] = []
        self._fragment: bytearray | None = None
        self._at: Payload | None = None

    def take(self, payload: Payload) -> Frame | None:
        """Take the next payload; the access unit before it, if this one begins another."""
        before = self._at
        done = None
        if before is not None and (before.run, before.timestamp) != (payload.run, payload.timestamp):
            done = self.finish()
        if before is not None and (before.run, before.sequence + 1) != (payload.run, payload.sequence):
            self._spoil()
        self._at = payload
        self._unpack(payload.data)
        return done

    def finish(self) -> Frame | None:
        """The access unit that has been begun; None where nothing of it is whole."""
        self._spoil()
        units, self._units = self._units, []
        if not units or self._at is None:
            return None
        for unit in units:
            self.sets.see(unit)
        data = b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)
        return Frame(self._at.time, data, any(unit[0] & _TYPE == IDR for unit in units), 0.0)

    def _unpack(self, data: bytes) -> None:
        kind = data[0] & _TYPE if data else 0
        if kind == STAP_A:
            self._units += aggregated(data)
        elif kind == FU_A and len(data) > 2:
            self._unpack_fragment(data)
        elif 1 <= kind <= 23:
            self._units.append(data)

    def _unpack_fragment(self, data: bytes) -> None:
        if data[1] & _START:
            self._spoil()
            self._fragment = bytearray([data[0] & _FNRI | data[1] & _TYPE])
        if self._fragment is None:
            return
        self._fragment += data[2:]
        if data[1] & _END:
            self._units.append(bytes(self._fragment))
            self._fragment = None

    def _spoil(self) -> None:
        if self._fragment is not None:
            self.damaged += 1
            self._fragment = None


def sound(codec: str, payload: Payload) -> Frame:
    """A packet of sound is a frame as it is."""
    return Frame(payload.time, payload.data, True, duration(codec, payload.data))


def duration(codec: str, data: bytes) -> float:
    """How long a packet of sound lasts, in seconds: G.711 and G.722 have 8,000 octets a second, Opus says it."""
    if codec != "opus":
        return len(data) / 8000
    return _opus_duration(data) if data else 0.0


def _opus_duration(data: bytes) -> float:
    """RFC 6716 section 3.1: the frame's size by its configuration, times how many there are."""
    configuration, code = data[0] >> 3, data[0] & 3
    if configuration < 12:
        size = (0.01, 0.02, 0.04, 0.06)[configuration & 3]
    elif configuration < 16:
        size = (0.01, 0.02)[configuration & 1]
    else:
        size = (0.0025, 0.005, 0.01, 0.02)[configuration & 3]
    count = {0: 1, 1: 2, 2: 2}.get(code, data[1] & 0x3F if len(data) > 1 else 0)
    return size * count
