"""The grammar of session descriptions (RFC 4566), read strictly and within bounds: text in, Description out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address, ip_address
from itertools import islice

from parloir.rtp import sdes
from parloir.rtp.codecs import STATIC_TYPES, canonical
from parloir.rtp.description import Address, Codec, Description, Direction, Format, Media
from parloir.rtp.errors import SdpError, UnusableKey

MOST_CHARACTERS = 32_000
MOST_MEDIA = 32
MOST_FORMATS = 64
MOST_LINES = 2_000
MOST_BANDWIDTH = 4_000_000_000
DISCARD_PORT = 9

_INHERITED = ("ice-ufrag", "ice-pwd", "ice-options", "fingerprint", "setup")
_READ = {
    *("rtpmap", "fmtp", "rtcp-fb", "ptime", "maxptime", "rtcp", "rtcp-mux", "mid", "ssrc", "extmap", "crypto"),
    *Direction,
}
_LINE = re.compile(r"[a-z]=[^\x00-\x08\x0a-\x1f\x7f]*")
_ORIGIN = re.compile(r"\S+ (\d{1,20}) (\d{1,20}) IN IP[46] \S+")
_MEDIA = re.compile(r"([A-Za-z0-9._+-]{1,32}) (\d{1,5})(?:/\d{1,3})? ([A-Za-z0-9/._-]{1,32}) (\S.*)")
_RTPMAP = re.compile(r"(\d{1,3}) ([^\s/]{1,64})/(\d{1,6})(?:/(\d{1,2}))?")
_RTCP = re.compile(r"(\d{1,5})(?: IN IP[46] (\S+))?")
_EXTMAP = re.compile(r"(\d{1,5})(?:/[a-z]+)? (\S+)(?: .*)?")
_TOKEN = re.compile(r"[!-~]{1,64}")
_CODEC_CONTROL = {"fir", "tmmbr", "tstr", "vbcm"}
_MOST_KEYS = 16
_MOST_WORDS = 8


@dataclass(frozen=True)
class _Line:
    number: int
    kind: str
    value: str

    def attribute(self) -> tuple[str, str]:
        name, _, value = self.value.partition(":")
        return name, value


@dataclass
class _Section:
    """The session's own lines, or those of one m-line."""

    media: _Line | None = None
    connection: str | None = None
    bandwidths: dict[str, int] = field(default_factory=dict)
    attributes: list[_Line] = field(default_factory=list)

    def values(self, name: str) -> Iterator[tuple[_Line, str]]:
        for line in self.attributes:
            own, value = line.attribute()
            if own == name:
                yield line, value

    def direction(self) -> Direction | None:
        for line in self.attributes:
            if line.value in Direction._value2member_map_:
                return Direction(line.value)
        return None

    def bandwidth(self) -> int | None:
        """Bits a second: TIAS where given (RFC 3890), else AS, which is in kilobits; a zero says nothing."""
        stated = self.bandwidths.get("TIAS") or self.bandwidths.get("AS", 0) * 1000
        return min(stated, MOST_BANDWIDTH) or None


def parse(text: str) -> Description:
    """Read an SDP body.

    A line is refused (`rtp` None) when its port is 0, unless it is `bundle-only` (RFC 8843). Media that names no
    RTCP address has `rtcp` None: it is at the RTP port plus one, or multiplexed. Session-level direction, bandwidth
    and ICE, DTLS attributes are given to each line that has none of its own; the attributes that no field of Media
    holds are kept in `attributes`. a=crypto lines that we cannot use are left out. Raises SdpError.
    """
    session = _Section()
    sections: list[_Section] = []
    origin: tuple[str, int] | None = None
    for line in _lines(text):
        if line.kind == "m":
            sections.append(_Section(media=line))
            if len(sections) > MOST_MEDIA:
                raise SdpError(line.number, f"more than {MOST_MEDIA} m-lines")
        elif line.kind == "o":
            origin = _origin(line)
        else:
            _collect(sections[-1] if sections else session, line)
    if origin is None:
        raise SdpError(0, "it has no o= line")
    own = tuple(line.attribute() for line in session.attributes)
    return Description(tuple(_media(s, session) for s in sections), origin[0], origin[1], own)


def format_attributes(form: Format) -> tuple[str, ...]:
    """The attribute lines that describe a format, without `a=`: rtpmap, fmtp if any, rtcp-fb sorted."""
    codec, number = form.codec, form.payload_type
    channels = f"/{codec.channels}" if codec.channels > 1 else ""
    lines = [f"rtpmap:{number} {codec.name}/{codec.clock}{channels}"]
    if codec.parameters:
        pairs = ";".join(f"{key}={value}" if value else key for key, value in codec.parameters)
        lines.append(f"fmtp:{number} {pairs}")
    lines += [f"rtcp-fb:{number} {kind}" for kind in sorted(form.feedback)]
    return tuple(lines)


def _lines(text: str) -> Iterator[_Line]:
    if len(text) > MOST_CHARACTERS:
        raise SdpError(0, f"it is longer than {MOST_CHARACTERS} characters")
    raw = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    if len(raw) > MOST_LINES:
        raise SdpError(0, f"it has more than {MOST_LINES} lines")
    if raw[0] != "v=0":
        raise SdpError(1, "it does not begin with v=0")
    for number, line in enumerate(raw, 1):
        if not _LINE.fullmatch(line):
            raise SdpError(number, "not a letter, an equals sign and text")
        yield _Line(number, line[0], line[2:].strip(" \t"))


def _origin(line: _Line) -> tuple[str, int]:
    match = _ORIGIN.fullmatch(line.value)
    if not match:
        raise SdpError(line.number, "not `o=user session version IN IP4 address`")
    return match[1], int(match[2])


def _collect(section: _Section, line: _Line) -> None:
    if line.kind == "c":
        section.connection = _connection(line)
    elif line.kind == "b":
        name, _, number = line.value.partition(":")
        if name in ("AS", "TIAS"):
            section.bandwidths[name] = _integer(line, number, 0, MOST_BANDWIDTH)
    elif line.kind == "a":
        section.attributes.append(line)


def _connection(line: _Line) -> str:
    parts = line.value.split(" ")
    if len(parts) != 3 or parts[0] != "IN" or parts[1] not in ("IP4", "IP6"):
        raise SdpError(line.number, "not `c=IN IP4 address`")
    return _host(line, parts[2])


def _host(line: _Line, text: str) -> str:
    """A unicast IP literal; one that maps IPv4 into IPv6 becomes the IPv4 it means."""
    try:
        address = ip_address(text)
    except ValueError:
        raise SdpError(line.number, "the address is not a unicast IP literal") from None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_multicast or (isinstance(address, IPv6Address) and address.scope_id):
        raise SdpError(line.number, "the address is multicast or has a zone")
    return str(address)


def _integer(line: _Line, text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and least <= int(text) <= most):
        raise SdpError(line.number, f"expected a number from {least} to {most}")
    return int(text)


def _media(section: _Section, session: _Section) -> Media:
    line = section.media
    assert line is not None
    match = _MEDIA.fullmatch(line.value)
    if not match:
        raise SdpError(line.number, "not `m=kind port protocol formats`")
    kind, port, protocol, listed = match[1], _integer(line, match[2], 0, 65535), match[3], match[4]
    if port == 0 and any(section.values("bundle-only")):
        port = DISCARD_PORT
    host = section.connection or session.connection
    if port and host is None:
        raise SdpError(line.number, "no c= line says where its packets go")
    formats, others = _formats(section, line, listed, "RTP/" in protocol)
    return Media(
        kind=kind,
        formats=formats,
        direction=section.direction() or session.direction() or Direction.SENDRECV,
        protocol=protocol,
        rtp=Address(host, port) if port and host else None,
        rtcp=_rtcp(section, host) if port else None,
        rtcp_mux=any(section.values("rtcp-mux")),
        bandwidth=section.bandwidth() or session.bandwidth(),
        ptime=_packet_time(section, "ptime"),
        maxptime=_packet_time(section, "maxptime"),
        mid=_mid(section),
        ssrcs=_ssrcs(section),
        extensions=_extensions(section),
        others=others,
        keys=_keys(section),
        attributes=_kept(section, session),
    )


def _formats(section: _Section, line: _Line, listed: str, rtp: bool) -> tuple[tuple[Format, ...], tuple[str, ...]]:
    """What the m-line lists: the formats whose codec is named, and the rest as it stands there."""
    texts = listed.split()
    if len(texts) > MOST_FORMATS:
        raise SdpError(line.number, f"more than {MOST_FORMATS} formats")
    if not rtp:
        return (), tuple(texts)
    types = dict.fromkeys(_integer(line, text, 0, 127) for text in texts)
    codecs = _codecs(section)
    feedback: dict[str, set[str]] = {}
    for _, value in section.values("rtcp-fb"):
        target, _, what = value.partition(" ")
        feedback.setdefault(target, set()).update(_feedback(what))
    found = tuple(
        Format(number, codecs[number], frozenset(feedback.get("*", set()) | feedback.get(str(number), set())))
        for number in types
        if number in codecs
    )
    return found, tuple(str(number) for number in types if number not in codecs)


def _feedback(what: str) -> tuple[str, ...]:
    """One kind of feedback; some phones write several of RFC 5104's in one line, as `ccm fir tmmbr`."""
    first, *words = what.split()[:_MOST_WORDS] or [""]
    if first == "ccm" and words and set(words) <= _CODEC_CONTROL:
        return tuple(f"ccm {word}" for word in words)
    return (" ".join((first, *words)),)


def _codecs(section: _Section) -> dict[int, Codec]:
    """The codec of each payload type that has one, with its fmtp."""
    codecs = STATIC_TYPES | dict(_rtpmap(at, value) for at, value in section.values("rtpmap"))
    parameters = dict(_fmtp(at, value) for at, value in section.values("fmtp"))
    return {number: replace(codec, parameters=parameters.get(number, ())) for number, codec in codecs.items()}


def _rtpmap(line: _Line, value: str) -> tuple[int, Codec]:
    match = _RTPMAP.fullmatch(value)
    if not match:
        raise SdpError(line.number, "not `a=rtpmap:type name/clock`")
    clock, channels = _integer(line, match[3], 1, 999_999), _integer(line, match[4] or "1", 1, 8)
    return _integer(line, match[1], 0, 127), Codec(canonical(match[2]), clock, channels)


def _fmtp(line: _Line, value: str) -> tuple[int, tuple[tuple[str, str], ...]]:
    number, _, text = value.partition(" ")
    pairs = (item.strip().partition("=") for item in text.split(";") if item.strip())
    return _integer(line, number, 0, 127), tuple((key.strip().lower(), given.strip()) for key, _, given in pairs)


def _rtcp(section: _Section, host: str | None) -> Address | None:
    for line, value in section.values("rtcp"):
        match = _RTCP.fullmatch(value)
        if not match:
            raise SdpError(line.number, "not `a=rtcp:port`")
        where = _host(line, match[2]) if match[2] else host
        return Address(where, _integer(line, match[1], 1, 65535)) if where else None
    return None


def _packet_time(section: _Section, name: str) -> int | None:
    """Whole milliseconds; a fraction, which some phones send, is cut off."""
    for line, value in section.values(name):
        return _integer(line, value.partition(".")[0], 1, 1000)
    return None


def _keys(section: _Section) -> tuple[sdes.Key, ...]:
    """The keys we can use, the first of each tag; more than anyone needs are not looked at."""
    found: dict[int, sdes.Key] = {}
    for _, value in islice(section.values("crypto"), _MOST_KEYS):
        try:
            key = sdes.parse(value)
        except UnusableKey:
            continue
        found.setdefault(key.tag, key)
    return tuple(found.values())


def _mid(section: _Section) -> str | None:
    for line, value in section.values("mid"):
        if not _TOKEN.fullmatch(value):
            raise SdpError(line.number, "the mid is not a token")
        return value
    return None


def _ssrcs(section: _Section) -> tuple[int, ...]:
    found = (_integer(line, value.partition(" ")[0], 0, 0xFFFFFFFF) for line, value in section.values("ssrc"))
    return tuple(dict.fromkeys(found))[:MOST_FORMATS]


def _extensions(section: _Section) -> tuple[tuple[int, str], ...]:
    found = []
    for line, value in section.values("extmap"):
        match = _EXTMAP.fullmatch(value)
        if not match:
            raise SdpError(line.number, "not `a=extmap:number uri`")
        found.append((int(match[1]), match[2]))
    return tuple(found)


def _kept(section: _Section, session: _Section) -> tuple[tuple[str, str], ...]:
    own = [line.attribute() for line in section.attributes]
    names = {name for name, _ in own}
    inherited = [
        line.attribute()
        for line in session.attributes
        if line.attribute()[0] in _INHERITED and line.attribute()[0] not in names
    ]
    return tuple(pair for pair in (*own, *inherited) if pair[0] not in _READ)
