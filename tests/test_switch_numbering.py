"""Whatever feeds an outgoing stream, its numbers are one run: a state machine tries every mixture of sources."""

from collections.abc import Iterator
from typing import Any, cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from parloir.relay.entries import Verb
from parloir.relay.forwarder import Forwarder
from parloir.relay.srtp import Workbench
from parloir.relay.table import Table
from parloir.rtp.packet import Packet, sequence_delta, timestamp_delta

AUDIO, EVENT, OUT = 0, 101, 8
FD = 9
TICK = 20_000_000


class Recorder:
    """Stands in for a socket: keeps what is sent."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []

    def send(self, packet: bytes) -> None:
        self.packets.append(Packet.parse(bytes(packet)))


class Numbering(RuleBasedStateMachine):
    """A phone that loses, repeats, delays and restarts, interrupted by prompts and holds."""

    latest: Packet

    @initialize(sequence=st.integers(0, 0xFFFF), timestamp=st.integers(0, 0xFFFFFFFF), first=st.integers(0, 0x7FFF))
    def begin(self, sequence: int, timestamp: int, first: int) -> None:
        self.recorder = Recorder()
        self.bench = Workbench()
        self.forwarder = Forwarder(self.bench, cast(Any, {FD: self.recorder}))
        self.table = Table()
        self.peer = self.table.add_peer(FD)
        other = self.table.add_peer(FD)
        self.source = self.table.add_source(8000)
        self.sink = self.table.add_sink(other.id, 0xABCD, 8000, 160, first, timestamp)
        self.route = self.table.add_route(self.peer.id, AUDIO, self.source)
        self.events = self.table.add_route(self.peer.id, EVENT, self.source)
        self.first = first
        self.sequence, self.timestamp, self.ssrc = sequence, timestamp, 1
        self.now = 1
        self.epoch = 0
        self.prompt: Iterator[bytes] | None = None
        self.kept: Packet | None = None
        self.seen: set[int] = set()
        self.extended = 0
        self.checked = 0
        self.lost = 0
        self.join()
        self.speak(3)

    def _arrive(self, packet: Packet) -> None:
        data = packet.build()
        self.bench.buffer[: len(data)] = data
        self.forwarder.media(self.peer, len(data), self.now)

    def _next(self, type_: int = AUDIO) -> Packet:
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.timestamp = (self.timestamp + 160) & 0xFFFFFFFF
        self.now += TICK
        return Packet(type_, self.sequence, self.timestamp, self.ssrc, b"sound")

    @rule(count=st.integers(1, 5))
    def speak(self, count: int) -> None:
        for _ in range(count):
            self._arrive(self._next())

    @rule(count=st.integers(1, 50))
    def lose(self, count: int) -> None:
        for _ in range(count):
            self._next()
        self.lost += count

    @rule()
    def delay_one(self) -> None:
        late = self._next()
        self.lost += 1
        self._arrive(self._next())
        self._arrive(late)

    @rule()
    def keep_for_later(self) -> None:
        self.kept = self._next()
        self.lost += 1

    @rule()
    def send_what_was_kept(self) -> None:
        if self.kept is not None:
            self._arrive(self.kept)
            self.kept = None

    @rule()
    def repeat(self) -> None:
        packet = self._next()
        self._arrive(packet)
        self._arrive(packet)

    @rule(count=st.integers(1, 4), type_=st.sampled_from([EVENT, 13]))
    def press_or_send_noise(self, count: int, type_: int) -> None:
        for _ in range(count):
            self._arrive(self._next(type_))

    @rule(before=st.booleans())
    def delay_one_around_a_key(self, before: bool) -> None:
        """What comes late around a packet that was swallowed: it must not take the number of another."""
        first, second = self._next(AUDIO if before else EVENT), self._next(EVENT if before else AUDIO)
        self.lost += 1
        self._arrive(second)
        self._arrive(self._next())
        self._arrive(first)

    @rule(sequence=st.integers(0, 0xFFFF))
    def restart(self, sequence: int) -> None:
        self.now += 10**9
        self.ssrc += 1
        self.sequence = sequence
        for _ in range(3):
            self._arrive(self._next())

    @rule()
    def join(self) -> None:
        self.epoch += 1
        self.prompt = None
        self.table.swap_route(self.route, Verb.FORWARD, self.epoch, self.sink, OUT)
        self.table.swap_route(self.events, Verb.PUNT, self.epoch, self.sink)

    @rule(milliseconds=st.integers(0, 3000))
    def part(self, milliseconds: int) -> None:
        self.prompt = None
        self.table.swap_route(self.route, Verb.DROP)
        self.table.swap_route(self.events, Verb.PUNT)
        self.now += milliseconds * 1_000_000

    @rule(count=st.integers(1, 5))
    def play(self, count: int) -> None:
        if self.prompt is None:
            self.part(0)
            self.epoch += 1
            self.prompt = (Packet(OUT, n & 0xFFFF, n * 160, 0, b"prompt").build() for n in range(10**6))
        for _ in range(count):
            self.now += TICK
            self.forwarder.inject(self.table.sinks[self.sink], self.epoch, next(self.prompt), self.now)

    @invariant()
    def numbers_are_one_run(self) -> None:
        for packet in self.recorder.packets[self.checked :] if hasattr(self, "recorder") else ():
            if not self.seen:
                assert packet.sequence == self.first
                self.extended = packet.sequence
            else:
                ahead = sequence_delta(packet.sequence, self.extended & 0xFFFF)
                self.lost -= max(0, ahead - 1)
                assert self.lost >= 0
                if ahead > 0:
                    assert timestamp_delta(packet.timestamp, self.latest.timestamp) > 0
                number = self.extended + ahead
                assert number not in self.seen
                self.extended = max(self.extended, number)
            if packet.sequence == self.extended & 0xFFFF:
                self.latest = packet
            self.seen.add(self.extended + sequence_delta(packet.sequence, self.extended & 0xFFFF))
            assert packet.ssrc == 0xABCD
        self.checked = len(self.recorder.packets) if hasattr(self, "recorder") else 0


Numbering.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestNumbering = Numbering.TestCase
