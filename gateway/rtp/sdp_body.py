"""Session descriptions written out: the counterpart of rtp.sdp.parse (RFC 4566)."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv6Address, ip_address

from parloir.rtp.description import Description, Direction, Format, Media
from parloir.rtp.sdp import format_attributes


def serialize(description: Description, address: str) -> str:
    """The SDP body of a description; `address` is the IP literal of its sender, and of media that name no other.

    `parse` gives the same description back. Raises nothing: what is in a description is taken to be fit to be said.
    """
    directed = any(name in Direction._value2member_map_ for name, _ in description.attributes)
    where = _where(address)
    lines = [
        "v=0",
        f"o=- {description.session_id} {description.version} {where}",
        "s=-",
        f"c={where}",
        "t=0 0",
        *(_attribute(*pair) for pair in description.attributes),
    ]
    for media in description.media:
        lines += _media(media, address, directed)
    return "".join(f"{line}\r\n" for line in lines)


def _where(host: str) -> str:
    return f"IN IP{6 if isinstance(ip_address(host), IPv6Address) else 4} {host}"


def _attribute(name: str, value: str = "") -> str:
    return f"a={name}:{value}" if value else f"a={name}"


def _media(media: Media, address: str, directed: bool) -> Iterator[str]:
    """One m-line and what belongs to it; of a refused one only what differs from silence."""
    port, listed = media.rtp.port if media.rtp else 0, [str(form.payload_type) for form in media.formats]
    yield f"m={media.kind} {port} {media.protocol} {' '.join((*listed, *media.others)) or '0'}"
    if media.rtp and media.rtp.host != address:
        yield f"c={_where(media.rtp.host)}"
    if media.bandwidth:
        yield f"b=AS:{-(-media.bandwidth // 1000)}"
        yield f"b=TIAS:{media.bandwidth}"
    if media.mid is not None:
        yield f"a=mid:{media.mid}"
    yield from (f"a=crypto:{key}" for key in media.keys)
    yield from (f"a={text}" for text in _formats(media.formats))
    if media.ptime:
        yield f"a=ptime:{media.ptime}"
    if media.maxptime:
        yield f"a=maxptime:{media.maxptime}"
    if media.rtcp:
        yield f"a=rtcp:{media.rtcp.port} {_where(media.rtcp.host)}"
    if media.rtcp_mux:
        yield "a=rtcp-mux"
    yield from (f"a=extmap:{number} {uri}" for number, uri in media.extensions)
    yield from (f"a=ssrc:{ssrc}" for ssrc in media.ssrcs)
    yield from (_attribute(*pair) for pair in media.attributes)
    if media.rtp or directed or media.direction is not Direction.SENDRECV:
        yield f"a={media.direction}"


def _formats(formats: tuple[Format, ...]) -> Iterator[str]:
    """What describes the formats; feedback that all of them have is said once for all (RFC 4585 section 4.2)."""
    common = frozenset.intersection(*(form.feedback for form in formats)) if formats else frozenset()
    for form in formats:
        yield from format_attributes(replace(form, feedback=form.feedback - common))
    yield from (f"rtcp-fb:* {what}" for what in sorted(common))
