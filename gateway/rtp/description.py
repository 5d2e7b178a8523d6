"""A media session as both sides describe it, free of SDP's syntax (RFC 4566, RFC 3264)."""

from dataclasses import dataclass, field
from enum import StrEnum

from parloir.rtp.sdes import Key


class Kind(StrEnum):
    """The media that a call can carry."""

    AUDIO = "audio"
    VIDEO = "video"


class Direction(StrEnum):
    """Which way one party says its media flows (RFC 3264 section 5.1)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"


@dataclass(frozen=True)
class Codec:
    """One way to encode media: canonical name ("PCMU", "opus", "H264"), RTP clock in Hz, channels, fmtp pairs."""

    name: str
    clock: int
    channels: int = 1
    parameters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Format:
    """A codec under the payload type that one description gives it (0 to 127)."""

    payload_type: int
    codec: Codec
    feedback: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Address:
    """Where packets go: host as an IP literal, port 1 to 65535."""

    host: str
    port: int


@dataclass(frozen=True)
class Media:
    """One m-line. `rtp` is None when the line is refused (port 0); bandwidth in bits a second; ptime, maxptime in ms.

    `others` is what the line lists that is no Format: payload types without a codec, or what is not RTP.
    `keys` are the a=crypto lines that we can use (RFC 4568).
    """

    kind: str
    formats: tuple[Format, ...] = ()
    direction: Direction = Direction.SENDRECV
    protocol: str = "RTP/AVP"
    rtp: Address | None = None
    rtcp: Address | None = None
    rtcp_mux: bool = False
    bandwidth: int | None = None
    ptime: int | None = None
    maxptime: int | None = None
    mid: str | None = None
    ssrcs: tuple[int, ...] = ()
    extensions: tuple[tuple[int, str], ...] = ()
    others: tuple[str, ...] = ()
    keys: tuple[Key, ...] = field(default=(), repr=False)
    attributes: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Description:
    """A whole SDP body as data: its m-lines in order, the session's own version of it, its session attributes."""

    media: tuple[Media, ...]
    session_id: str = "0"
    version: int = 0
    attributes: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def first(self, kind: Kind) -> Media | None:
        """The first line of that kind that is not refused."""
        return next((m for m in self.media if m.kind == kind and m.rtp is not None), None)
