"""The SDP a phone is shown: offers and answers made from what the call agreed to (RFC 3264, RFC 4568)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from parloir.rtp import direction as directions_of
from parloir.rtp.agreement import FEEDBACK, VIDEO_BITRATE, Agreed, Agreement
from parloir.rtp.codecs import profile_level_id, video_terms
from parloir.rtp.description import Address, Codec, Description, Direction, Format, Kind, Media
from parloir.rtp.sdes import Key
from parloir.rtp.sdp_body import serialize

Keys = Mapping[Kind, tuple[Key, ...]]
"""The a=crypto lines of each kind of media; a kind that has none is not encrypted."""


@dataclass(frozen=True)
class Place:
    """Where phones send to, as one description says it: an IP literal, a port for each kind (RTCP is at the next).

    `video_port` None means there is no video. `session_id` and `version` make the o= line.
    """

    address: str
    audio_port: int
    video_port: int | None
    session_id: str
    version: int
    keys: Keys = field(default_factory=dict, repr=False)

    def of(self, kind: Kind) -> Address | None:
        """Where media of that kind is to be sent."""
        port = self.audio_port if kind is Kind.AUDIO else self.video_port
        return Address(self.address, port) if port else None


def offer(media: tuple[Media, ...], place: Place) -> str:
    """An offer of these lines (see rtp.agreement.offer_for_phone), in their order; a kind without a port is left out.

    A kind with keys is offered as RTP/SAVP, and nothing else.
    """
    lines = []
    for line in media:
        kind = Kind(line.kind)
        keys = place.keys.get(kind, ())
        protocol = "RTP/SAVP" if keys else line.protocol
        if at := place.of(kind):
            lines.append(replace(line, rtp=at, protocol=protocol, keys=keys))
    return _body(lines, place)


def answer(
    offer: Description,
    agreement: Agreement,
    place: Place,
    directions: Mapping[Kind, Direction] | None = None,
) -> str:
    """The answer to a phone's offer: its lines in its order, what is not used refused by port 0.

    Holds are mirrored; `directions` narrows a kind further to what we ourselves want to do.
    """

    def way(theirs: Media, agreed: Agreed) -> Direction:
        wanted = (directions or {}).get(agreed.kind, Direction.SENDRECV)
        return directions_of.common(directions_of.mirrored(directions_of.stated(theirs)), wanted)

    used = _used(agreement, place)
    lines = [
        _answered(theirs, used[index], place, way(theirs, used[index])) if index in used else _refused(theirs)
        for index, theirs in enumerate(offer.media)
    ]
    return _body(lines, place)


def restate(phone: Description, agreement: Agreement, place: Place) -> str:
    """An offer in mid-call of just what is in use, for a re-INVITE that brings none.

    `phone` is the phone's latest description: the number and order of lines must stay (RFC 3264 section 8).
    """
    used = _used(agreement, place)
    lines = [
        _answered(theirs, used[index], place, Direction.SENDRECV) if index in used else _refused(theirs)
        for index, theirs in enumerate(phone.media)
    ]
    return _body(lines, place)


def hold_state(description: Description) -> Direction:
    """What the phone says its audio does; it is on hold when that is sendonly or inactive.

    An address of 0.0.0.0 counts as hearing nothing; a phone without audio is inactive.
    """
    line = description.first(Kind.AUDIO)
    return directions_of.stated(line) if line else Direction.INACTIVE


def _body(lines: list[Media], place: Place) -> str:
    return serialize(Description(tuple(lines), place.session_id, place.version), place.address)


def _used(agreement: Agreement, place: Place) -> dict[int, Agreed]:
    return {stream.line: stream for stream in agreement.streams if place.of(stream.kind)}


def _answered(theirs: Media, agreed: Agreed, place: Place, direction: Direction) -> Media:
    """The one format in use, and DTMF, under the types that the phone is to put on its packets."""
    video = agreed.kind is Kind.VIDEO
    feedback = agreed.phone.feedback & FEEDBACK if video else frozenset()
    form = Format(agreed.receive_type, _answered_codec(agreed), feedback)
    return Media(
        agreed.kind,
        (form, *(replace(event, feedback=frozenset()) for event in agreed.events)),
        direction,
        theirs.protocol,
        place.of(agreed.kind),
        rtcp_mux=theirs.rtcp_mux,
        bandwidth=(theirs.bandwidth or VIDEO_BITRATE) if video else None,
        ptime=None if video else agreed.ptime,
        keys=place.keys.get(agreed.kind, ()) if agreed.key else (),
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


def _refused(theirs: Media) -> Media:
    """The line with port 0; what it lists is repeated and means nothing (RFC 3264 section 6)."""
    listed = tuple(str(form.payload_type) for form in theirs.formats)
    return Media(theirs.kind, protocol=theirs.protocol, others=(*listed, *theirs.others))
