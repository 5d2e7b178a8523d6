"""What the words between the gateway and a relay carry: values of many fields, which travel as JSON."""
# Twisted types its own arguments loosely.
# mypy: disable-error-code="no-untyped-call"

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from twisted.protocols import amp

from parloir.rtp.description import Address, Kind
from parloir.rtp.flow import Leg


class Value(BaseModel):
    """Base of everything that crosses: frozen, and no unknown field."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, ser_json_bytes="base64", val_json_bytes="base64"
    )


class Json(amp.Argument):
    """An AMP argument holding one pydantic model as JSON (at most 65,535 bytes, AMP's own bound)."""

    def __init__(self, model: type[BaseModel]) -> None:
        super().__init__()
        self.model = model

    def toString(self, value: Any) -> bytes:  # noqa: N802
        return bytes(value.model_dump_json().encode())

    def fromString(self, value: bytes) -> Any:  # noqa: N802
        return self.model.model_validate_json(value)


class RelaySettings(Value):
    """What a relay is told once, before anything else. Ports inclusive; seconds."""

    rtp_host: str
    rtp_first: int
    rtp_last: int
    port_rest: float = 30.0
    webrtc_host: str
    webrtc_port: int
    public_addresses: tuple[str, ...]
    prompts: str
    media_timeout: float = 10.0
    quality_interval: float = 10.0


class Secrets(Value):
    """How a phone's stream is encrypted (SRTP): the profile, and master key with master salt for each direction.

    `identifier` is the length of the MKI that the phone puts on its packets; we put none on ours.
    """

    profile: str
    receive: bytes = Field(repr=False)
    send: bytes = Field(repr=False)
    identifier: int = 0


class PhoneStream(Value):
    """One stream to and from a phone. Types are RTP payload types; clock in Hz; bitrate in bits a second.

    `events` are the payload type and clock of each telephone-event. Its packets come from `remote` and nowhere else;
    but where `latch` names hosts, the first good packet from one of them tells the address. `secrets` None is plain.
    """

    kind: Kind
    remote: Address
    rtcp: Address | None = None
    codec: str
    clock: int
    channels: int = 1
    ptime: int = 20
    send_type: int
    receive_type: int
    events: tuple[tuple[int, int], ...] = ()
    packetization_mode: int | None = None
    parameter_sets: tuple[bytes, ...] = ()
    bitrate: int | None = None
    feedback: frozenset[str] = frozenset()
    multiplexed: bool = False
    latch: tuple[str, ...] = ()
    secrets: Secrets | None = None


class PhoneSide(Value):
    """All that the phone agreed to; absent video means an audio call. Sent again after a re-INVITE."""

    streams: tuple[PhoneStream, ...]


class BrowserStream(Value):
    """One stream to and from the browser: its payload type serves both directions."""

    kind: Kind
    codec: str
    clock: int
    channels: int = 1
    ptime: int = 20
    payload_type: int
    ssrcs: tuple[int, ...] = ()
    abs_send_time: int | None = None
    bitrate: int | None = None


class BrowserSide(Value):
    """What the browser's offer and our answer settled, and the fingerprints its certificate must match."""

    fingerprints: tuple[tuple[str, str], ...]
    streams: tuple[BrowserStream, ...]


class Candidate(Value):
    """An address the browser may reach this relay at (one UDP port each)."""

    address: str
    port: int
    priority: int
    type: str = "host"


class BrowserTerms(Value):
    """What the answer to the browser must say of our side."""

    ufrag: str
    password: str
    fingerprint: tuple[str, str]
    candidates: tuple[Candidate, ...]
    cname: str
    ssrcs: dict[Kind, int]


class PhonePorts(Value):
    """The local RTP port of each stream; RTCP is at the next one."""

    audio: int
    video: int | None = None


class StreamReport(Value):
    """One stream of one leg since the call began; loss is of what the party sent us; milliseconds."""

    kind: Kind
    received: int = 0
    sent: int = 0
    lost: int = 0
    jitter: float = 0.0
    round_trip: float | None = None
    remote_lost: int | None = None
    mos: float | None = None
    bytes_received: int = 0
    bytes_sent: int = 0


class Report(Value):
    """A bridge's counters. `flowing` is the time media has flowed both ways, in ms (see rtp.flow).

    `since_join` tells whether media was ever let cross; `dropped` counts packets that went no further, by reason.
    `cpu` is the bridge's share of the relay's processor time, in ms (see relay.effort).
    """

    phone: tuple[StreamReport, ...] = ()
    browser: tuple[StreamReport, ...] = ()
    flowing: int = 0
    dropped: dict[str, int] = Field(default_factory=dict)
    since_join: bool = False
    cpu: int = 0


class RecordingTerms(Value):
    """A recording to be made: its id, the journal's file, which must not be there yet, and its own key of 32 octets."""

    recording: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    path: str
    key: bytes = Field(repr=False, min_length=32, max_length=32)


class ListenerStream(Value):
    """One party's stream as a listener takes it: under its own payload type, if it is of that codec."""

    party: Leg
    kind: Kind
    codec: str
    clock: int
    payload_type: int


class ListenerSide(Value):
    """What a listener's offer and our answer settled, and the fingerprints its certificate must match.

    With `sparse`, pictures are thumbnails: now and then a keyframe, and nothing between. `who` is whose browser it is:
    nobody who speaks listens to themselves.
    """

    fingerprints: tuple[tuple[str, str], ...]
    streams: tuple[ListenerStream, ...]
    sparse: bool = False
    who: str = ""


class ListenerTerms(Value):
    """What the answer to a listener must say of our side; `ssrcs` as (party, kind, SSRC)."""

    ufrag: str
    password: str
    fingerprint: tuple[str, str]
    candidates: tuple[Candidate, ...]
    ssrcs: tuple[tuple[Leg, Kind, int], ...]


class SpeakerSide(Value):
    """What a speaker's offer and our answer settled, its certificate's fingerprints, and who is to hear it.

    `who` is whose browser it is, as in ListenerSide.
    """

    fingerprints: tuple[tuple[str, str], ...]
    codec: str
    clock: int
    payload_type: int
    to: tuple[Leg, ...]
    who: str = ""


class Withheld(Value):
    """What of the parties does not cross, as (party, kind)."""

    streams: tuple[tuple[Leg, Kind], ...] = ()
