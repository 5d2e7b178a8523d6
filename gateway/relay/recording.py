"""The recording of one bridge: what crosses it, and what a reader must know to understand that."""

import base64
from collections.abc import Callable
from pathlib import Path

from parloir.relay.bodies import RecordingTerms, SpeakerSide
from parloir.relay.entries import Kept
from parloir.relay.journal import Record, RecordKind, fact
from parloir.relay.leg import Leg, Stream
from parloir.relay.recorder import Outcome, Writing
from parloir.relay.services import Services
from parloir.rtp.description import Kind
from parloir.rtp.flow import Leg as Party

RING = 8 << 20
"""Octets that may come between two beats of a bridge: 8 MiB is a hundred times what two videos bring."""

STREAMS = {
    (Party.PHONE, Kind.AUDIO): 1,
    (Party.PHONE, Kind.VIDEO): 2,
    (Party.BROWSER, Kind.AUDIO): 3,
    (Party.BROWSER, Kind.VIDEO): 4,
}
"""The numbers of a recording's streams; RTCP is under the number of its party's sound."""
OFFICER = 5
"""The number of what officers say."""


class Recording:
    """Gathers what is recorded of one bridge and hands it, a few times a second, to the relay's recorder."""

    def __init__(self, terms: RecordingTerms, services: Services, unix: float, over: Callable[[Outcome], None]) -> None:
        self.recording = terms.recording
        self._services = services
        self._table = services.switch.table
        self._ring = self._table.add_ring(RING)
        self._records: list[Record] = []
        self._codecs: dict[int, tuple[object, ...]] = {}
        self._spoken_to: frozenset[Party] = frozenset()
        now = services.clock()
        self._records.append(fact(now, 0, "began", recording=terms.recording, unix=unix))
        self._writing: Writing = services.recorder.begin(terms.recording, Path(terms.path), terms.key, over)

    def copy(self, party: Party, stream: Stream) -> None:
        """Let what is forwarded of a party's stream be copied to the journal; say its codec if it is news."""
        number = STREAMS[party, stream.kind]
        self._table.copy_to_ring(stream.route, self._ring, number)
        self._say_codec(number, stream.codec, stream.clock, stream.prelude)

    def copy_officer(self, route: int, side: SpeakerSide, to: frozenset[Party]) -> None:
        """Let what an officer says on a route be copied too; `to` whom, who is nobody before the officer is heard."""
        self._table.copy_to_ring(route, self._ring, OFFICER)
        self._say_codec(OFFICER, side.codec, side.clock, ())
        self.spoken(to)

    def spoken(self, to: frozenset[Party]) -> None:
        """Write down to whom an officer speaks from now on, if that is news; to nobody, when they have finished."""
        if to != self._spoken_to:
            self._spoken_to = to
            self.note("officer", to=sorted(to))

    def note(self, what: str, stream: int = 0, **facts: object) -> None:
        """Write down something that happened, such as a hold or a prompt."""
        self._take_ring()
        self._records.append(fact(self._services.clock(), stream, what, **facts))

    def heard(self, party: Party, leg: Leg, data: bytes, arrival: int) -> None:
        """Keep a party's RTCP: its sender reports tell which sound belongs to which picture."""
        if leg.streams:
            self._records.append(Record(RecordKind.RTCP, STREAMS[party, Kind.AUDIO], 0, arrival, data))

    def flush(self) -> None:
        """Hand over what has come since the last time."""
        self._take_ring()
        if self._records:
            records, self._records = self._records, []
            self._services.recorder.append(self._writing, records)

    def close(self, why: str) -> None:
        """End the journal in good order."""
        self.note("ended", why=why)
        self._table.remove_ring(self._ring)
        self._services.recorder.close(self._writing, self._records)

    @property
    def failed(self) -> bool:
        """Whether nothing more can be written."""
        return self._writing.stopped

    def abandon(self) -> None:
        """Copy nothing any more: it has failed, and the gateway knows."""
        self._table.remove_ring(self._ring)

    def _say_codec(self, number: int, codec: str, clock: int, prelude: tuple[bytes, ...]) -> None:
        if self._codecs.get(number) != (codec, clock, prelude):
            self._codecs[number] = codec, clock, prelude
            sets = [base64.b64encode(each).decode() for each in prelude]
            self.note("codec", number, codec=codec, clock=clock, parameter_sets=sets)

    def _take_ring(self) -> None:
        kept, lost = self._table.take_ring(self._ring)
        self._records += map(_record, kept)
        if lost:
            self._services.recorder.fail(self._writing, f"{lost} packets came faster than they could be kept")


def _record(kept: Kept) -> Record:
    return Record(RecordKind.RTP, kept.stream, kept.epoch, kept.arrival, kept.packet)
