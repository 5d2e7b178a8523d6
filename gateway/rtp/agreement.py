"""What a phone and a browser can send one another without transcoding, settled from their two descriptions."""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from parloir.rtp.codecs import (
    AUDIO,
    H264,
    TELEPHONE_EVENT,
    VideoTerms,
    is_event,
    profile_level_id,
    same_audio,
    video_terms,
)
from parloir.rtp.description import Address, Codec, Description, Format, Kind, Media
from parloir.rtp.errors import NothingInCommon
from parloir.rtp.sdes import Encryption, Key

VIDEO_BITRATE = 1_024_000
"""What a phone is offered, and held to where it names no bound of its own; bits a second."""

PTIME = 20
FEEDBACK = frozenset({"nack", "nack pli", "ccm fir", "ccm tmmbr"})
"""What we understand of a phone about the pictures it is sent (RFC 4585, RFC 5104)."""

_EVENT_TYPES = {8000: 101, 48000: 103}
_OPUS_TYPE = 96
_VIDEO_TYPES = {1: 97, 0: 98}
_PLAIN = ("RTP/AVP", "RTP/AVPF")
_SECURE = ("RTP/SAVP", "RTP/SAVPF")
_MOST_PARAMETER_SETS = 8


class NoVideo(StrEnum):
    """Why a call has no video."""

    PHONE_HAS_NONE = "phone_has_none"
    BROWSER_HAS_NONE = "browser_has_none"
    NO_COMMON_CODEC = "no_common_codec"
    REFUSED = "refused"
    NOT_ENCRYPTED = "not_encrypted"


@dataclass(frozen=True)
class Agreed:
    """One stream that both sides can carry.

    `phone` is the phone's format (send to the phone under its payload type), `browser` the browser's (its payload
    type serves both ways), `receive_type` the payload type the phone puts on its packets, `line` the m-line's index
    in the phone's description. `events` are telephone-event under the payload types the phone *sends* it with, the
    one of the audio's own clock first. `key` is what the phone encrypts with, None for plain RTP. `ptime` in ms;
    `bitrate` the most the phone takes, bits a second; `size` (width, height) and `frame_rate` the most its decoder
    takes. `parameter_sets` are the phone's out-of-band SPS and PPS (RFC 6184 sprop-parameter-sets).
    """

    kind: Kind
    line: int
    media: Media
    phone: Format
    browser: Format
    receive_type: int
    events: tuple[Format, ...] = ()
    key: Key | None = field(default=None, repr=False)
    ptime: int = PTIME
    bitrate: int | None = None
    parameter_sets: tuple[bytes, ...] = ()
    size: tuple[int, int] | None = None
    frame_rate: float | None = None

    @property
    def event(self) -> Format | None:
        """telephone-event as we would send it; None for a phone that has it not."""
        return next(iter(self.events), None)

    @property
    def address(self) -> Address:
        """Where the phone wants its packets."""
        assert self.media.rtp is not None
        return self.media.rtp

    @property
    def packetization_mode(self) -> int | None:
        """RFC 6184's mode, None for audio."""
        return video_terms(self.phone.codec).mode if self.kind is Kind.VIDEO else None


@dataclass(frozen=True)
class Agreement:
    """What a call will carry; exactly one of `video` and `why_no_video` is there."""

    audio: Agreed
    video: Agreed | None = None
    why_no_video: NoVideo | None = None

    @property
    def streams(self) -> tuple[Agreed, ...]:
        """Audio, then video if there is any."""
        return (self.audio, self.video) if self.video else (self.audio,)


def offer_for_phone(browser: Description, video: bool) -> tuple[Media, ...]:
    """The lines to offer a phone: what this browser could understand, in the phone's terms, without addresses.

    Raises NothingInCommon when the browser offers no audio that we know.
    """
    audio = tuple(_offered_audio(browser))
    if not audio:
        raise NothingInCommon("the browser offers no audio codec that a phone could know")
    lines = [Media(Kind.AUDIO, audio, ptime=PTIME)]
    pictures = tuple(_offered_video(browser)) if video else ()
    if pictures:
        lines.append(Media(Kind.VIDEO, pictures, bandwidth=VIDEO_BITRATE))
    return tuple(lines)


def has_picture(browser: Description) -> bool:
    """Whether the browser offers video that a phone could know."""
    return any(True for _ in _offered_video(browser))


def agree(
    phone: Description,
    browser: Description,
    ours: Description | None,
    encryption: Encryption = Encryption.OFF,
) -> Agreement:
    """Settle a call from the phone's description and the browser's offer.

    `ours` is our offer where `phone` answers it, and None where the phone's is itself the offer (our answer then
    uses the phone's payload types). Of media that the phone has both encrypted and plain, the encrypted is taken
    unless `encryption` is off. Raises NothingInCommon when there is no audio.
    """
    audio = _agree_audio(phone, browser, ours, encryption)
    video = _agree_video(phone, browser, ours, encryption)
    return Agreement(audio, None, video) if isinstance(video, NoVideo) else Agreement(audio, video)


def _offered_audio(browser: Description) -> Iterator[Format]:
    line = browser.first(Kind.AUDIO)
    known = [c for c in AUDIO if line and any(same_audio(f.codec, c) for f in line.formats)]
    static = {"PCMU": 0, "PCMA": 8, "G722": 9}
    for codec in known:
        yield Format(static.get(codec.name, _OPUS_TYPE), _with_fec(codec))
    for clock in sorted({c.clock for c in known}):
        yield Format(_EVENT_TYPES[clock], Codec(TELEPHONE_EVENT, clock, parameters=(("0-15", ""),)))


def _with_fec(codec: Codec) -> Codec:
    return replace(codec, parameters=(("useinbandfec", "1"),)) if codec.name == "opus" else codec


def _offered_video(browser: Description) -> Iterator[Format]:
    """One H.264 format for each packetization mode the browser has: constrained baseline at the browser's level."""
    found = [f for f in _h264(browser.first(Kind.VIDEO)) if _as_offered(f)]
    for mode, number in _VIDEO_TYPES.items():
        terms = [t for f in found if (t := video_terms(f.codec)).mode == mode]
        if terms:
            level = profile_level_id("42e01f", max(t.level for t in terms))
            yield Format(number, _h264_codec(level, mode), FEEDBACK)


def _h264_codec(level_id: str, mode: int) -> Codec:
    given = (("profile-level-id", level_id), ("packetization-mode", str(mode)), ("level-asymmetry-allowed", "1"))
    return replace(H264, parameters=given)


def _as_offered(form: Format) -> bool:
    """Whether a browser's format can hold the constrained baseline that phones are offered."""
    terms = video_terms(form.codec)
    return terms.accepts(video_terms(_h264_codec("42e01f", terms.mode)))


def _h264(line: Media | None) -> tuple[Format, ...]:
    return tuple(f for f in line.formats if f.codec.name == "H264") if line else ()


@dataclass(frozen=True)
class _Candidate:
    """A line of the phone's that could be used: its index, and the key it is encrypted with."""

    index: int
    line: Media
    key: Key | None = field(repr=False)


def _usable(phone: Description, kind: Kind, own: Media | None, encryption: Encryption) -> list[_Candidate]:
    """The phone's lines of that kind that are not refused and are encrypted as they should be, the encrypted first."""
    found = []
    for index, line in enumerate(phone.media):
        if line.kind == kind and line.rtp and line.protocol in _PLAIN + _SECURE:
            key = _key(line, own, encryption)
            if key or (line.protocol in _PLAIN and encryption is not Encryption.REQUIRED):
                found.append(_Candidate(index, line, key))
    return sorted(found, key=lambda candidate: candidate.key is None)


def _key(line: Media, own: Media | None, encryption: Encryption) -> Key | None:
    """The key that stands: of an offer the first we can use, of an answer the one for a line of ours (RFC 4568 5.1).

    A key counts under RTP/AVP too: phones whose encryption is optional say it so.
    """
    if encryption is Encryption.OFF:
        return None
    if own is None:
        return next(iter(line.keys), None)
    offered = {(key.tag, key.suite) for key in own.keys}
    return next((key for key in line.keys if (key.tag, key.suite) in offered), None)


def _agree_audio(phone: Description, browser: Description, ours: Description | None, encryption: Encryption) -> Agreed:
    theirs, own = browser.first(Kind.AUDIO), ours.first(Kind.AUDIO) if ours else None
    offered = theirs.formats if theirs else ()
    for usable in _usable(phone, Kind.AUDIO, own, encryption):
        line = usable.line
        for form in line.formats:
            match = next((b for b in offered if same_audio(b.codec, form.codec)), None)
            if match and any(same_audio(form.codec, known) for known in AUDIO):
                return Agreed(
                    Kind.AUDIO,
                    usable.index,
                    line,
                    form,
                    match,
                    _receive_type(form, own),
                    _events(line, own, form.codec.clock),
                    usable.key,
                    min(line.ptime or PTIME, line.maxptime or 1000),
                    line.bandwidth,
                )
    raise NothingInCommon(_why_no_audio(phone, encryption))


def _why_no_audio(phone: Description, encryption: Encryption) -> str:
    lines = [m for m in phone.media if m.kind == Kind.AUDIO and m.rtp]
    if not lines:
        return "the phone has no audio line"
    known = [m for m in lines if m.protocol in _PLAIN + _SECURE]
    if not known:
        return f"the phone speaks only {lines[0].protocol}, this gateway RTP/AVP or RTP/SAVP towards phones"
    if encryption is Encryption.OFF and not any(m.protocol in _PLAIN for m in known):
        return "the phone wants its media encrypted, and srtp is off here"
    if encryption is Encryption.REQUIRED and not any(m.keys for m in known):
        return "srtp is required, and the phone offers no key that can be used"
    if not any(m.keys or m.protocol in _PLAIN for m in known):
        return "the phone wants its media encrypted and offers no key that can be used"
    names = sorted({f.codec.name for m in lines for f in m.formats if not is_event(f)})
    return f"phone and browser share no audio codec; the phone has {', '.join(names) or 'none we know'}"


def _events(line: Media, own: Media | None, clock: int) -> tuple[Format, ...]:
    """The telephone-events a phone may send; one that has them only at another clock than its audio is believed.

    Of an offer we take one, at the audio's own clock if it is there; a phone that answers may send any it kept.
    """
    events = sorted((f for f in line.formats if is_event(f)), key=lambda f: f.codec.clock != clock)
    kept = events[:1] if own is None else events
    return tuple(replace(form, payload_type=_receive_type(form, own)) for form in kept)


def _receive_type(form: Format, own: Media | None) -> int:
    """What the phone puts on its packets: the type in *our* description, if it answered one (RFC 3264 section 5.1)."""
    if own is None:
        return form.payload_type
    alike = [f for f in own.formats if f.codec.name == form.codec.name and f.codec.clock == form.codec.clock]
    if any(f.payload_type == form.payload_type for f in alike):
        return form.payload_type
    if form.codec.name == "H264":
        mode = video_terms(form.codec).mode
        alike = [f for f in alike if video_terms(f.codec).mode == mode] or alike
    return alike[0].payload_type if alike else form.payload_type


def _agree_video(
    phone: Description, browser: Description, ours: Description | None, encryption: Encryption
) -> Agreed | NoVideo:
    theirs = browser.first(Kind.VIDEO)
    if theirs is None:
        return NoVideo.BROWSER_HAS_NONE
    if not _h264(theirs):
        return NoVideo.NO_COMMON_CODEC
    own = ours.first(Kind.VIDEO) if ours else None
    lines = [m for m in phone.media if m.kind == Kind.VIDEO]
    usable = _usable(phone, Kind.VIDEO, own, encryption)
    if not usable:
        if encryption is not Encryption.OFF and any(m.rtp for m in lines):
            return NoVideo.NOT_ENCRYPTED
        return NoVideo.REFUSED if own and lines else NoVideo.PHONE_HAS_NONE
    for candidate in usable:
        pair = _pair(candidate.line, theirs)
        if pair:
            return _agreed_video(candidate, *pair, own)
    return NoVideo.NO_COMMON_CODEC


def _pair(line: Media, theirs: Media) -> tuple[Format, Format] | None:
    """The phone's format and the browser's: exact profiles before merely compatible ones, mode 1 before mode 0."""
    best: tuple[tuple[int, bool], Format, Format] | None = None
    for form in _h264(line):
        terms = video_terms(form.codec)
        for other in _h264(theirs):
            candidate = video_terms(other.codec)
            rank = (terms.mode, terms.exactly(candidate))
            if terms.mode <= 1 and terms.accepts(candidate) and (best is None or rank > best[0]):
                best = rank, form, other
    return best[1:] if best else None


def _agreed_video(candidate: _Candidate, form: Format, browser: Format, own: Media | None) -> Agreed:
    line, terms = candidate.line, video_terms(form.codec)
    return Agreed(
        Kind.VIDEO,
        candidate.index,
        line,
        form,
        browser,
        _receive_type(form, own),
        key=candidate.key,
        bitrate=min(line.bandwidth or VIDEO_BITRATE, terms.bitrate),
        parameter_sets=_parameter_sets(form.codec),
        size=terms.largest(),
        frame_rate=_frame_rate(line, terms),
    )


def _frame_rate(line: Media, terms: VideoTerms) -> float:
    """The level's rate, or the phone's `a=framerate` where that is lower."""
    for name, value in line.attributes:
        if name == "framerate":
            try:
                return max(1.0, min(terms.frame_rate(), float(value)))
            except ValueError:
                break
    return terms.frame_rate()


def _parameter_sets(codec: Codec) -> tuple[bytes, ...]:
    """The NAL units of sprop-parameter-sets; none at all if any of them is broken."""
    text = dict(codec.parameters).get("sprop-parameter-sets", "")
    try:
        found = [base64.b64decode(item, validate=True) for item in text.split(",") if item]
    except binascii.Error:
        return ()
    return tuple(found) if len(found) <= _MOST_PARAMETER_SETS and all(found) else ()
