"""The words between the gateway and a relay (Twisted AMP); bodies of many fields travel as JSON models."""
# Twisted types its own arguments loosely, and lists where every user of AMP writes tuples.
# mypy: disable-error-code="assignment, no-untyped-call"

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

    With `sparse`, pictures are thumbnails: now and then a keyframe, and nothing between.
    """

    fingerprints: tuple[tuple[str, str], ...]
    streams: tuple[ListenerStream, ...]
    sparse: bool = False


class ListenerTerms(Value):
    """What the answer to a listener must say of our side; `ssrcs` as (party, kind, SSRC)."""

    ufrag: str
    password: str
    fingerprint: tuple[str, str]
    candidates: tuple[Candidate, ...]
    ssrcs: tuple[tuple[Leg, Kind, int], ...]


class SpeakerSide(Value):
    """What a speaker's offer and our answer settled, its certificate's fingerprints, and who is to hear it."""

    fingerprints: tuple[tuple[str, str], ...]
    codec: str
    clock: int
    payload_type: int
    to: tuple[Leg, ...]


class Withheld(Value):
    """What of the parties does not cross, as (party, kind)."""

    streams: tuple[tuple[Leg, Kind], ...] = ()


class NoSuchBridge(Exception):
    """The relay has no bridge of that id: it ended, or the relay was restarted."""


class NoPorts(Exception):
    """Every RTP port of this relay is in use or at rest; widen sip.rtp_ports."""


class NotAnnounced(Exception):
    """Media was to be joined before the notice had been played to both legs (invariant 3)."""


class Interrupted(Exception):
    """The prompt was cut short: its leg went away, or another prompt took its place."""


class Refused(Exception):
    """The relay will not do this to a privileged bridge, or the request contradicts itself."""


ERRORS: dict[type[Exception], bytes] = {
    NoSuchBridge: b"NO_SUCH_BRIDGE",
    NoPorts: b"NO_PORTS",
    NotAnnounced: b"NOT_ANNOUNCED",
    Interrupted: b"INTERRUPTED",
    Refused: b"REFUSED",
}


class Configure(amp.Command):
    """First word to a relay; answered when its sockets are bound."""

    arguments = ((b"settings", Json(RelaySettings)),)
    errors = ERRORS


class OpenBridge(amp.Command):
    """Make a bridge. Its class never changes: a privileged one has no way to attach a tap."""

    arguments = ((b"bridge", amp.Unicode()), (b"privileged", amp.Boolean()))
    errors = ERRORS


class OpenPhone(amp.Command):
    """Bind the phone leg's sockets, before the SDP that names them is sent."""

    arguments = ((b"bridge", amp.Unicode()), (b"video", amp.Boolean()))
    response = ((b"ports", Json(PhonePorts)),)
    errors = ERRORS


class TakePhone(amp.Command):
    """Go on with the phone of another bridge (`source`), one that no browser has ever been on: the attendant's."""

    arguments = ((b"bridge", amp.Unicode()), (b"source", amp.Unicode()))
    errors = ERRORS


class SetPhone(amp.Command):
    """Say what the phone agreed to; nothing is received from any other address."""

    arguments = ((b"bridge", amp.Unicode()), (b"side", Json(PhoneSide)))
    errors = ERRORS


class OpenBrowser(amp.Command):
    """Make fresh ICE credentials and a fresh DTLS transport; an earlier browser leg lives until this one is up."""

    arguments = ((b"bridge", amp.Unicode()),)
    response = ((b"terms", Json(BrowserTerms)),)
    errors = ERRORS


class SetBrowser(amp.Command):
    """Say what the browser agreed to; answers the terms of the last OpenBrowser."""

    arguments = ((b"bridge", amp.Unicode()), (b"side", Json(BrowserSide)))
    errors = ERRORS


class RestartIce(amp.Command):
    """New ICE credentials for the same DTLS session; the old ones stay valid until the new pair is nominated."""

    arguments = ((b"bridge", amp.Unicode()),)
    response = ((b"terms", Json(BrowserTerms)),)
    errors = ERRORS


class Announce(amp.Command):
    """Play the notice that both must hear to both legs; answered when it has ended on both. Only then may Join.

    `told` says what both have been told by then: "record", "monitor", both words or neither. What was not told in
    this very notice is refused for as long as the bridge lives.
    """

    arguments = (
        (b"bridge", amp.Unicode()),
        (b"prompt", amp.Unicode()),
        (b"told", amp.Unicode(optional=True)),
    )
    response = ((b"milliseconds", amp.Integer()),)
    errors = ERRORS


class Play(amp.Command):
    """Play a prompt to "phone", "browser" or "both" over whatever they hear; answered at its end.

    `prompt` may name several to be played in a row, one a line. It waits for what its legs hear and are to hear, or
    silences that at once with `interrupt`. `times` 0 repeats it (a second of silence between) until Stop, Join or
    another Play to that leg.
    """

    arguments = (
        (b"bridge", amp.Unicode()),
        (b"prompt", amp.Unicode()),
        (b"to", amp.Unicode()),
        (b"times", amp.Integer()),
        (b"interrupt", amp.Boolean(optional=True)),
    )
    response = ((b"milliseconds", amp.Integer()),)
    errors = ERRORS


class StopPrompts(amp.Command):
    """Silence whatever prompts this bridge is playing."""

    arguments = ((b"bridge", amp.Unicode()),)
    errors = ERRORS


class Join(amp.Command):
    """Let media cross, or cross again after Part; refused before the notice."""

    arguments = ((b"bridge", amp.Unicode()),)
    errors = ERRORS


class Part(amp.Command):
    """Stop media crossing (hold); both legs stay up."""

    arguments = ((b"bridge", amp.Unicode()),)
    errors = ERRORS


class AskKeyframe(amp.Command):
    """Ask a leg ("phone" or "browser") for a keyframe, throttled."""

    arguments = ((b"bridge", amp.Unicode()), (b"leg", amp.Unicode()))
    errors = ERRORS


class GetReport(amp.Command):
    """The bridge's counters now."""

    arguments = ((b"bridge", amp.Unicode()),)
    response = ((b"report", Json(Report)),)
    errors = ERRORS


class CloseBridge(amp.Command):
    """End the bridge; its ports rest before reuse."""

    arguments = ((b"bridge", amp.Unicode()),)
    response = ((b"report", Json(Report)),)
    errors = ERRORS


class StartRecording(amp.Command):
    """Write what crosses the bridge to a journal; refused on a privileged one, or if the notice did not say so."""

    arguments = ((b"bridge", amp.Unicode()), (b"terms", Json(RecordingTerms)))
    errors = ERRORS


class StopRecording(amp.Command):
    """Close the bridge's journal, if there is one; its end also closes it. RecordingOver follows."""

    arguments = ((b"bridge", amp.Unicode()),)
    errors = ERRORS


class OpenListener(amp.Command):
    """Make ready for a listener's browser. Refused on a privileged bridge, and where the notice did not say so."""

    arguments = ((b"bridge", amp.Unicode()), (b"listener", amp.Unicode()))
    response = ((b"terms", Json(ListenerTerms)),)
    errors = ERRORS


class SetListener(amp.Command):
    """Say what the listener's browser agreed to; it hears and sees the parties as soon as its keys are there."""

    arguments = ((b"bridge", amp.Unicode()), (b"listener", amp.Unicode()), (b"side", Json(ListenerSide)))
    errors = ERRORS


class CloseListener(amp.Command):
    """Send a listener away; harmless when it has gone."""

    arguments = ((b"bridge", amp.Unicode()), (b"listener", amp.Unicode()))
    errors = ERRORS


class Withhold(amp.Command):
    """Let exactly these streams of the parties not cross, though they are joined. Refused on a privileged bridge."""

    arguments = ((b"bridge", amp.Unicode()), (b"streams", Json(Withheld)))
    errors = ERRORS


class OpenSpeaker(amp.Command):
    """Make ready for the browser of an officer who will speak. Refused on a privileged bridge, or if one speaks."""

    arguments = ((b"bridge", amp.Unicode()), (b"speaker", amp.Unicode()))
    response = ((b"terms", Json(BrowserTerms)),)
    errors = ERRORS


class SetSpeaker(amp.Command):
    """Say what the speaker's browser agreed to; the parties named hear it as soon as its keys are there."""

    arguments = ((b"bridge", amp.Unicode()), (b"speaker", amp.Unicode()), (b"side", Json(SpeakerSide)))
    errors = ERRORS


class CloseSpeaker(amp.Command):
    """Send a speaker away; the parties hear each other as before. Harmless when it has gone."""

    arguments = ((b"bridge", amp.Unicode()), (b"speaker", amp.Unicode()))
    errors = ERRORS


class RecordingOver(amp.Command):
    """Relay to gateway: a journal is closed, with so many chunks and octets and this last hash; or it failed."""

    arguments = (
        (b"recording", amp.Unicode()),
        (b"chunks", amp.Integer()),
        (b"octets", amp.Integer()),
        (b"hash", amp.Unicode()),
        (b"failure", amp.Unicode()),
    )


class ListenerUp(amp.Command):
    """Relay to gateway: a listener's keys are there."""

    arguments = ((b"bridge", amp.Unicode()), (b"listener", amp.Unicode()))


class ListenerGone(amp.Command):
    """Relay to gateway: a listener's browser has stopped answering, or never finished its handshake."""

    arguments = ((b"bridge", amp.Unicode()), (b"listener", amp.Unicode()), (b"why", amp.Unicode()))


class SpeakerUp(amp.Command):
    """Relay to gateway: a speaker's keys are there, and it is heard."""

    arguments = ((b"bridge", amp.Unicode()), (b"speaker", amp.Unicode()))


class SpeakerGone(amp.Command):
    """Relay to gateway: a speaker's browser has stopped answering, or never finished its handshake."""

    arguments = ((b"bridge", amp.Unicode()), (b"speaker", amp.Unicode()), (b"why", amp.Unicode()))


class LegUp(amp.Command):
    """Relay to gateway: the browser's DTLS is up ("browser"), first or again; or the first RTP of the phone."""

    arguments = ((b"bridge", amp.Unicode()), (b"leg", amp.Unicode()))


class LegLost(amp.Command):
    """Relay to gateway: the browser's consent checks have stopped, or its DTLS failed or closed."""

    arguments = ((b"bridge", amp.Unicode()), (b"leg", amp.Unicode()), (b"why", amp.Unicode()))


class LegBack(amp.Command):
    """Relay to gateway: a lost browser's checks have come back on the same DTLS session."""

    arguments = ((b"bridge", amp.Unicode()), (b"leg", amp.Unicode()))


class LegSilent(amp.Command):
    """Relay to gateway: no media from this leg for media_timeout seconds (an event, not an end)."""

    arguments = ((b"bridge", amp.Unicode()), (b"leg", amp.Unicode()), (b"silent", amp.Boolean()))


class Digit(amp.Command):
    """Relay to gateway: one key pressed on the phone (RFC 4733)."""

    arguments = ((b"bridge", amp.Unicode()), (b"digit", amp.Unicode()))


class PhoneStrays(amp.Command):
    """Relay to gateway: the phone sends a payload type that is not the one in use; told once for each SetPhone."""

    arguments = ((b"bridge", amp.Unicode()),)


class KeyframeWanted(amp.Command):
    """Relay to gateway: the phone is to make a keyframe, and it said of no RTCP message that it would heed it."""

    arguments = ((b"bridge", amp.Unicode()),)


class PictureRests(amp.Command):
    """Relay to gateway: the phone's picture is withheld from a browser whose way cannot bear it, or shown again."""

    arguments = ((b"bridge", amp.Unicode()), (b"rests", amp.Boolean()))


class Quality(amp.Command):
    """Relay to gateway, every quality_interval seconds: the counters."""

    arguments = ((b"bridge", amp.Unicode()), (b"report", Json(Report)))
