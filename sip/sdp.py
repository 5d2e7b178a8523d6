"""The SDP a phone is shown: offers and answers written from what the call agreed to (RFC 4566, RFC 3264)."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv6Address, ip_address

from parloir.rtp import direction as directions_of
from parloir.rtp.agreement import VIDEO_BITRATE, Agreed, Agreement
from parloir.rtp.codecs import profile_level_id, video_terms
from parloir.rtp.description import Codec, Description, Direction, Format, Kind, Media
from parloir.rtp.sdp import format_attributes

_FEEDBACK = ("nack pli", "ccm fir")


def offer(
    media: tuple[Media, ...], *, address: str, audio_port: int, video_port: int | None, session_id: str, version: int
) -> str:
    """An offer of these lines (see rtp.agreement.offer_for_phone), in their order.

    `address` is the IP literal phones send to; RTCP is at the next port. A kind without a port is left out.
    """
    ports = {Kind.AUDIO: audio_port, Kind.VIDEO: video_port}
    lines = _session(address, session_id, version)
    for line in media:
        port = ports[Kind(line.kind)]
        if port:
            lines += _line(line, port)
    return _body(lines)


def answer(
    offer: Description,
    agreement: Agreement,
    *,
    address: str,
    audio_port: int,
    video_port: int | None,
    session_id: str,
    version: int,
    directions: Mapping[Kind, Direction] | None = None,
) -> str:
    """The answer to a phone's offer: its lines in its order, what is not used refused by port 0.

    Holds are mirrored; `directions` narrows a kind further to what we ourselves want to do.
    """
    used = _used(agreement, audio_port, video_port)
    lines = _session(address, session_id, version)
    for index, theirs in enumerate(offer.media):
        if index in used:
            agreed, port = used[index]
            wanted = (directions or {}).get(agreed.kind, Direction.SENDRECV)
            mirror = directions_of.mirrored(directions_of.stated(theirs))
            lines += _line(_answered(theirs, agreed, directions_of.common(mirror, wanted)), port)
        else:
            lines.append(_refused(theirs))
    return _body(lines)


def restate(
    phone: Description,
    agreement: Agreement,
    *,
    address: str,
    audio_port: int,
    video_port: int | None,
    session_id: str,
    version: int,
) -> str:
    """An offer in mid-call of just what is in use, for a re-INVITE that brings none.

    `phone` is the phone's latest description: the number and order of lines must stay (RFC 3264 section 8).
    """
    used = _used(agreement, audio_port, video_port)
    lines = _session(address, session_id, version)
    for index, theirs in enumerate(phone.media):
        if index in used:
            agreed, port = used[index]
            lines += _line(_answered(theirs, agreed, Direction.SENDRECV), port)
        else:
            lines.append(_refused(theirs))
    return _body(lines)


def hold_state(description: Description) -> Direction:
    """What the phone says its audio does; it is on hold when that is sendonly or inactive.

    An address of 0.0.0.0 counts as hearing nothing; a phone without audio is inactive.
    """
    line = description.first(Kind.AUDIO)
    return directions_of.stated(line) if line else Direction.INACTIVE


def _session(address: str, session_id: str, version: int) -> list[str]:
    where = f"IN IP{6 if isinstance(ip_address(address), IPv6Address) else 4} {address}"
    return ["v=0", f"o=- {session_id} {version} {where}", "s=-", f"c={where}", "t=0 0"]


def _body(lines: list[str]) -> str:
    return "".join(f"{line}\r\n" for line in lines)


def _used(agreement: Agreement, audio_port: int, video_port: int | None) -> dict[int, tuple[Agreed, int]]:
    ports = {Kind.AUDIO: audio_port, Kind.VIDEO: video_port}
    return {s.line: (s, port) for s in agreement.streams if (port := ports[s.kind])}


def _line(media: Media, port: int) -> list[str]:
    return [
        f"m={media.kind} {port} {media.protocol} {' '.join(str(f.payload_type) for f in media.formats)}",
        *_bandwidth(media),
        *(f"a={text}" for f in media.formats for text in format_attributes(replace(f, feedback=frozenset()))),
        *(f"a=rtcp-fb:* {what}" for what in _FEEDBACK if media.kind == Kind.VIDEO),
        *([f"a=ptime:{media.ptime}"] if media.ptime else []),
        f"a={media.direction}",
    ]


def _bandwidth(media: Media) -> Iterator[str]:
    if media.bandwidth:
        yield f"b=AS:{-(-media.bandwidth // 1000)}"
        yield f"b=TIAS:{media.bandwidth}"


def _answered(theirs: Media, agreed: Agreed, direction: Direction) -> Media:
    """The one format in use, and DTMF, under the types that the phone is to put on its packets."""
    form = Format(agreed.receive_type, _answered_codec(agreed))
    events = (agreed.event,) if agreed.event else ()
    video = agreed.kind is Kind.VIDEO
    return Media(
        agreed.kind,
        (form, *events),
        direction,
        theirs.protocol,
        bandwidth=(theirs.bandwidth or VIDEO_BITRATE) if video else None,
        ptime=None if video else agreed.ptime,
    )


def _answered_codec(agreed: Agreed) -> Codec:
    """H.264 with the phone's own profile and mode, and the level the browser decodes where levels may differ."""
    codec = agreed.phone.codec
    if agreed.kind is Kind.AUDIO:
        return replace(codec, parameters=(("useinbandfec", "1"),)) if codec.name == "opus" else codec
    theirs, browser = video_terms(codec), video_terms(agreed.browser.codec)
    level = browser.level if theirs.asymmetric else min(theirs.level, browser.level)
    given = dict(codec.parameters).get("profile-level-id", "42000a")
    pairs = [("profile-level-id", profile_level_id(given, level)), ("packetization-mode", str(theirs.mode))]
    if theirs.asymmetric:
        pairs.append(("level-asymmetry-allowed", "1"))
    return replace(codec, parameters=tuple(pairs))


def _refused(theirs: Media) -> str:
    formats = " ".join(str(f.payload_type) for f in theirs.formats) or ("0" if "RTP/" in theirs.protocol else "*")
    return f"m={theirs.kind} 0 {theirs.protocol} {formats}"
