"""The SDP of browsers (RFC 8829, RFC 8843): read their offers, answer with exactly what was agreed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Final, Protocol

from parloir.rtp.agreement import Agreed
from parloir.rtp.codecs import profile_level_id, video_terms
from parloir.rtp.description import Codec, Description, Direction, Format, Kind, Media
from parloir.rtp.errors import SdpError
from parloir.rtp.sdp import format_attributes
from parloir.rtp.sdp import parse as parse_sdp
from parloir.webrtc.errors import WebRtcError
from parloir.webrtc.hashes import HASHES

ABS_SEND_TIME: Final = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
FEEDBACK: Final = frozenset({"nack", "nack pli", "ccm fir", "goog-remb"})
"""The RTCP feedback this gateway gives and takes on video (RFC 4585, RFC 5104)."""

_PROTOCOLS: Final = ("UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "RTP/SAVPF")
_OPUS_PARAMETERS: Final = ("minptime", "useinbandfec", "usedtx", "stereo", "maxplaybackrate", "maxaveragebitrate")
_FIXED_RATE: Final = ("PCMU", "PCMA", "G722")
_MIRRORED: Final = {Direction.SENDONLY: Direction.RECVONLY, Direction.RECVONLY: Direction.SENDONLY}


class OfferRefused(WebRtcError):
    """A browser's offer cannot be answered; `why` is for the log. Browsers of the last five years make none such."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the browser's offer: {why}")
        self.why = why


@dataclass(frozen=True)
class BrowserOffer:
    """A browser's offer whose transport we can serve: one bundle, rtcp-mux, DTLS that lets us be passive.

    `ufrag` changes when the browser restarts ICE; `fingerprints` are (hash, value) as DtlsSession takes them.
    """

    description: Description
    ufrag: str
    fingerprints: tuple[tuple[str, str], ...]

    def ssrcs(self, kind: Kind) -> tuple[int, ...]:
        """What the browser announced to send for that kind, without retransmission and other repair streams."""
        line = self.description.first(kind)
        if line is None:
            return ()
        repairs = {ssrc for value in _values(line, "ssrc-group") for ssrc in value.split()[2:]}
        return tuple(ssrc for ssrc in line.ssrcs if str(ssrc) not in repairs)

    def abs_send_time(self, kind: Kind) -> int | None:
        """The header extension's number, where our answer accepts it: on video, if it was offered."""
        line = self.description.first(kind)
        if line is None or kind is not Kind.VIDEO:
            return None
        return next((number for number, uri in line.extensions if uri == ABS_SEND_TIME and 1 <= number <= 14), None)


@dataclass(frozen=True)
class Chosen:
    """One stream to be answered: the browser's format as the answer states it; ptime in ms, bitrate in bits a second.

    A bitrate must fit the codec: Chromium refuses an answer that leaves G.711 less than its 64 kb/s.
    """

    format: Format
    ptime: int | None = None
    bitrate: int | None = None

    @classmethod
    def of(cls, agreed: Agreed) -> "Chosen":
        """The browser's payload type and profile with what the phone said that it can take."""
        codec = agreed.browser.codec
        codec = replace(codec, parameters=tuple(_parameters(codec, agreed.phone.codec)))
        form = Format(agreed.browser.payload_type, codec, agreed.browser.feedback & FEEDBACK)
        bitrate = None if codec.name in _FIXED_RATE else agreed.bitrate
        return cls(form, agreed.ptime if agreed.kind is Kind.AUDIO else None, bitrate)


class Candidate(Protocol):
    """An address of ours that takes UDP."""

    @property
    def address(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def priority(self) -> int: ...
    @property
    def type(self) -> str: ...


class Reach(Protocol):
    """How a browser reaches us; the first candidate is the default."""

    @property
    def ufrag(self) -> str: ...
    @property
    def password(self) -> str: ...
    @property
    def fingerprint(self) -> tuple[str, str]: ...
    @property
    def candidates(self) -> Sequence[Candidate]: ...


class Terms(Reach, Protocol):
    """What the answer says of our side. `ssrcs` are what we send with."""

    @property
    def cname(self) -> str: ...
    @property
    def ssrcs(self) -> Mapping[Kind, int]: ...


def read(text: str) -> BrowserOffer:
    """Read a browser's offer; raises OfferRefused, also for what is no SDP or longer than 32,000 characters."""
    try:
        description = parse_sdp(text)
    except SdpError as error:
        raise OfferRefused(str(error)) from error
    bundled = _bundled(description)
    if description.first(Kind.AUDIO) is None:
        raise OfferRefused("it has no audio")
    for line in (description.first(kind) for kind in Kind):
        if line is not None:
            _require(line, bundled)
    fingerprints = {tuple(_values(line, "fingerprint")) for line in bundled}
    if len(fingerprints) != 1:
        raise OfferRefused("its lines have different certificates")
    hashes = tuple(_fingerprint(value) for value in fingerprints.pop())
    if not any(name in HASHES for name, _ in hashes):
        raise OfferRefused(f"it has no fingerprint of {', '.join(sorted(HASHES))}")
    return BrowserOffer(description, next(_values(bundled[0], "ice-ufrag"), ""), hashes)


def answer(offer: BrowserOffer, audio: Chosen | None, video: Chosen | None, terms: Terms, version: int = 1) -> str:
    """The answer to an offer: one line for each of its lines, in order, those without a choice refused.

    The first offered line of each kind takes the choice. Nothing is offered back that was not chosen: one payload
    type a line, no header extension but abs-send-time. ValueError if `terms` has no candidate.
    """
    if not terms.candidates:
        raise ValueError("an answer needs a candidate")
    taken = [
        (line, chosen)
        for line in offer.description.media
        for kind, chosen in ((Kind.AUDIO, audio), (Kind.VIDEO, video))
        if chosen is not None and line is offer.description.first(kind)
    ]
    lines = [
        "v=0",
        f"o=- {offer.description.session_id} {version} IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=ice-lite",
    ]
    if taken:
        lines.append("a=group:BUNDLE " + " ".join(line.mid or "" for line, _ in taken))
    for line in offer.description.media:
        chosen = next((chosen for each, chosen in taken if each is line), None)
        if chosen is None:
            lines += refused(line)
        else:
            lines += _accepted(offer, line, chosen, terms)
            lines += candidates(terms) if line is taken[0][0] else ()
    return "\r\n".join(lines) + "\r\n"


def _values(line: Media, name: str) -> Iterator[str]:
    return (value for own, value in line.attributes if own == name)


def _bundled(description: Description) -> list[Media]:
    """The lines that share the one transport; raises OfferRefused where there is no such group."""
    group = next((v.split()[1:] for n, v in description.attributes if n == "group" and v.startswith("BUNDLE ")), [])
    lines = [line for line in description.media if line.mid is not None and line.mid in group and line.rtp]
    if not lines or len({line.mid for line in lines}) != len(lines):
        raise OfferRefused("it does not bundle its media (RFC 8843)")
    return lines


def _require(line: Media, bundled: list[Media]) -> None:
    if line not in bundled:
        raise OfferRefused(f"its {line.kind} is outside its BUNDLE group")
    if line.protocol not in _PROTOCOLS:
        raise OfferRefused(f"its {line.kind} is {line.protocol}, not DTLS-SRTP")
    if not line.rtcp_mux:
        raise OfferRefused(f"its {line.kind} has no rtcp-mux")
    if next(_values(line, "setup"), "") not in ("actpass", "active"):
        raise OfferRefused(f"its {line.kind} does not let us be passive in DTLS")
    if not next(_values(line, "ice-ufrag"), "") or not next(_values(line, "ice-pwd"), ""):
        raise OfferRefused(f"its {line.kind} has no ICE credentials")


def _fingerprint(value: str) -> tuple[str, str]:
    name, _, digest = value.partition(" ")
    return name.lower(), digest.strip().upper()


def _parameters(browser: Codec, phone: Codec) -> Iterator[tuple[str, str]]:
    """The fmtp of the answer: what the phone can take, in the profile and mode that the browser offered."""
    if browser.name == "opus":
        yield from ((key, v) for key, v in phone.parameters if key in _OPUS_PARAMETERS and v.isascii() and v.isdigit())
    elif browser.name == "H264":
        stated = any(key == "profile-level-id" for key, _ in phone.parameters)
        for key, value in browser.parameters:
            changed = stated and key == "profile-level-id"
            yield key, profile_level_id(value, video_terms(phone).level) if changed else value


def _accepted(offer: BrowserOffer, line: Media, chosen: Chosen, terms: Terms) -> Iterator[str]:
    first, kind = terms.candidates[0], Kind(line.kind)
    direction = _MIRRORED.get(line.direction, line.direction)
    yield f"m={kind} {first.port} {line.protocol} {chosen.format.payload_type}"
    yield f"c=IN IP{ip_address(first.address).version} {first.address}"
    if chosen.bitrate:
        yield f"b=AS:{max(1, chosen.bitrate // 1000)}"
        yield f"b=TIAS:{chosen.bitrate}"
    yield f"a=mid:{line.mid}"
    yield f"a={direction}"
    yield from (f"a={attribute}" for attribute in format_attributes(chosen.format))
    if chosen.ptime:
        yield f"a=ptime:{chosen.ptime}"
    extension = offer.abs_send_time(kind)
    if extension is not None:
        yield f"a=extmap:{extension} {ABS_SEND_TIME}"
    yield from transport(terms)
    if direction in (Direction.SENDRECV, Direction.SENDONLY):
        ssrc = terms.ssrcs[kind]
        yield f"a=msid:{terms.cname} {kind}"
        yield f"a=ssrc:{ssrc} cname:{terms.cname}"
        yield f"a=ssrc:{ssrc} msid:{terms.cname} {kind}"


def transport(terms: Reach) -> Iterator[str]:
    """The attributes of the one transport that every line shares."""
    yield "a=rtcp-mux"
    yield f"a=ice-ufrag:{terms.ufrag}"
    yield f"a=ice-pwd:{terms.password}"
    yield f"a=fingerprint:{' '.join(terms.fingerprint)}"
    yield "a=setup:passive"


def candidates(terms: Reach) -> Iterator[str]:
    """The attributes that say where we can be reached."""
    for number, each in enumerate(terms.candidates, 1):
        yield f"a=candidate:{number} 1 udp {each.priority} {each.address} {each.port} typ {each.type}"
    yield "a=end-of-candidates"


def refused(line: Media) -> Iterator[str]:
    """The lines by which an offered line is refused."""
    formats = " ".join(str(form.payload_type) for form in line.formats)
    yield f"m={line.kind} 0 {line.protocol} {formats or ('0' if 'RTP/' in line.protocol else 'webrtc-datachannel')}"
    yield "c=IN IP4 0.0.0.0"
    if line.mid is not None:
        yield f"a=mid:{line.mid}"
    yield "a=inactive"
