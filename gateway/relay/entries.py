"""The entries of the forwarding table: plain data that says what the switch does with a packet, and what it counted."""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any, NamedTuple

RawAddress = tuple[Any, ...]
"""A socket address as the kernel gives it for the socket's family: (host, port) or (host, port, flow, scope)."""

MISORDER = 100
"""How many packets a late one may be behind the newest (RFC 3550 appendix A.1, MAX_MISORDER)."""
DROPOUT = 3000
"""How far ahead of the newest a packet may be and still be the same run of numbers (RFC 3550, MAX_DROPOUT)."""
BENEATH = 32
"""How many packets wait at a sink to be mixed into what it sends; the oldest give way."""
HISTORY = 256
"""How many sent packets are kept for retransmission; a power of two."""


class Verb(Enum):
    """What a route does with a packet; COPY forwards it to nobody but those who have copies.

    MIX lets it wait at the sink that it would have been forwarded to, for whoever makes what that sink sends meanwhile.
    """

    FORWARD = "forward"
    COPY = "copy"
    MIX = "mix"
    PUNT = "punt"
    DROP = "drop"


class Drop(StrEnum):
    """Why a packet went no further."""

    UNNAMED = "unnamed"
    MALFORMED = "malformed"
    UNAUTHENTIC = "unauthentic"
    UNKNOWN_TYPE = "unknown_type"
    FOREIGN_SSRC = "foreign_ssrc"
    DUPLICATE = "duplicate"
    LATE = "late"
    OLD_EPOCH = "old_epoch"
    NOT_JOINED = "not_joined"
    UNSENT = "unsent"
    FLOOD = "flood"


class PuntKind(Enum):
    """Why a packet, or the news of one, is handed to those above the switch."""

    STUN = "stun"
    DTLS = "dtls"
    RTCP = "rtcp"
    EVENT = "event"
    STARTED = "started"
    EPOCH = "epoch"
    LEARNED = "learned"


class Punt(NamedTuple):
    """One item of the punt queue.

    `subject` is a peer's id (STUN and DTLS: 0 where the address is not yet known), or the source's for STARTED,
    the sink's for EPOCH and the route's for EVENT; `arrival` in monotonic nanoseconds; `data` is decrypted RTCP,
    a whole RTP packet for EVENT, and empty for news.
    """

    kind: PuntKind
    subject: int
    arrival: int
    data: bytes = b""
    fd: int = -1
    address: RawAddress | None = None


class FrameSample(NamedTuple):
    """The packets of one video frame as they came in: last arrival in ns, abs-send-time (24 bits), octets, SSRC."""

    arrival: int
    send_time: int
    octets: int
    ssrc: int


@dataclass(slots=True)
class Source:
    """An RTP stream as it comes in: its locked SSRC and the figures of RFC 3550 section 6.4.1 and appendix A.

    `allowed` holds the SSRCs that signalling named (empty: whichever comes first). `jitter` and `transit` are in
    ticks of the clock, `heard` in monotonic nanoseconds. `resumed` asks the next packet to open a new run of
    numbers; `run` counts those.
    """

    id: int
    clock: int
    allowed: frozenset[int] = frozenset()
    ssrc: int = -1
    first: int = 0
    high: int = 0
    cycles: int = 0
    received: int = 0
    received_before: int = 0
    lost_before: int = 0
    octets: int = 0
    transit: int = 0
    jitter: float = 0.0
    heard: int = 0
    heard_timestamp: int = 0
    resumed: bool = True
    run: int = 0
    rival: int = -1
    rival_next: int = -1
    rival_run: int = 0
    jump: int = -1
    frame_timestamp: int = -1
    frame_octets: int = 0
    frame_send_time: int = -1
    frame_arrival: int = 0
    frames: list[FrameSample] = field(default_factory=list)


@dataclass(slots=True)
class Sink:
    """An RTP stream as it goes out: one SSRC, one run of numbers, whatever feeds it.

    `epoch` numbers the sources in turn: a route or prompt of a higher epoch takes the stream over with its first
    packet, one of a lower is dropped. `offset` and `shift` turn the epoch's sequence numbers and timestamps into
    the stream's own; `room` is how far back a late packet may still fall within the epoch. `step` is the least
    advance of the timestamp between two sources. `history` holds sent packets by sequence, encrypted as they went.
    `run` is, for a stream of copies, which run of its source's numbers it carries. `beneath` are packets that wait to
    be mixed into what is sent here (Verb.MIX).
    """

    id: int
    peer: "Peer"
    ssrc: int
    clock: int
    step: int
    sequence: int
    timestamp: int
    history: list[tuple[int, bytes | bytearray] | None] | None = None
    epoch: int = 0
    run: int = -1
    offset: int = 0
    shift: int = 0
    room: int = 0
    sent_at: int = -1
    packets: int = 0
    octets: int = 0
    beneath: deque[bytes] = field(default_factory=lambda: deque(maxlen=BENEATH))


class Kept(NamedTuple):
    """A packet as it came in, decrypted: arrival in monotonic ns, the recording's number of its stream, its epoch."""

    arrival: int
    stream: int
    epoch: int
    packet: bytes


@dataclass(slots=True)
class Ring:
    """Where a recorder finds copies of packets; emptied several times a second. What does not fit is counted, and lost.

    `limit` and `octets` are bytes of packets.
    """

    id: int
    limit: int
    packets: list[Kept] = field(default_factory=list)
    octets: int = 0
    lost: int = 0


@dataclass(slots=True)
class ToRing:
    """A copy of each forwarded packet, as it came in, to a recorder's ring under this stream number."""

    ring: Ring
    stream: int


@dataclass(slots=True)
class ToSink:
    """A copy of each forwarded packet to a listener's stream, which nothing else feeds.

    A `sparse` one is of H.264 keyframes alone; `frame` is the timestamp of the last that was copied.
    """

    sink: Sink
    out_type: int
    sparse: bool = False
    frame: int = -1


Copy = ToRing | ToSink


@dataclass(slots=True)
class Route:
    """What becomes of the packets of one payload type from one peer.

    `prelude` holds RTP payloads to send before a keyframe that comes without parameter sets; `extension` is the id of
    the abs-send-time header extension to sample, or 0. `copies` of what is forwarded go to others beside the sink.
    """

    id: int
    source: Source
    verb: Verb = Verb.DROP
    sink: Sink | None = None
    out_type: int = 0
    epoch: int = 0
    prelude: tuple[bytes, ...] = ()
    prelude_timestamp: int = -1
    extension: int = 0
    copies: tuple[Copy, ...] = ()


@dataclass(slots=True)
class Peer:
    """One remote address on one of our sockets, its SRTP contexts by id, and its routes by payload type.

    `address` is None where the socket is connected. A secure peer without contexts is neither heard nor sent to.
    """

    id: int
    fd: int
    address: RawAddress | None = None
    secure: bool = False
    receive: int = 0
    send: int = 0
    routes: dict[int, Route] = field(default_factory=dict)
    dropped: dict[Drop, int] = field(default_factory=dict)

    def drop(self, why: Drop, count: int = 1) -> None:
        """Count packets that went no further."""
        self.dropped[why] = self.dropped.get(why, 0) + count


class SourceCounters(NamedTuple):
    """A snapshot of one incoming stream; `expected` and `received` since the first packet of any SSRC."""

    ssrc: int
    expected: int
    received: int
    octets: int
    highest: int
    jitter: float
    heard: int
    heard_timestamp: int


class SinkCounters(NamedTuple):
    """A snapshot of one outgoing stream."""

    ssrc: int
    packets: int
    octets: int
    sequence: int
    timestamp: int
    sent_at: int
    epoch: int
    shift: int
