"""RTCP as data: compound packets read strictly, and built (RFC 3550 section 6, RFC 4585, RFC 5104, REMB)."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from parloir.rtp.errors import MalformedPacket

MOST_PACKETS = 32
MOST_ITEMS = 64

_HEAD = struct.Struct("!BBH")
_SENDER = struct.Struct("!IQIII")
_BLOCK = struct.Struct("!IIIIII")
_PAIR = struct.Struct("!II")
_LOST = struct.Struct("!HH")
_SR, _RR, _SDES, _BYE, _TRANSPORT, _PAYLOAD = 200, 201, 202, 203, 205, 206
_CNAME = 1


@dataclass(frozen=True)
class Block:
    """One report block. `fraction` of 256; `lost` signed, 24 bits; `jitter` in clock ticks; the last two in 2^-16 s."""

    ssrc: int
    fraction: int = 0
    lost: int = 0
    highest: int = 0
    jitter: int = 0
    last_report: int = 0
    delay: int = 0


@dataclass(frozen=True)
class SenderReport:
    """SR: `ntp` is 32.32 fixed point seconds since 1900, `timestamp` the same instant on the media's clock."""

    ssrc: int
    ntp: int
    timestamp: int
    packets: int
    octets: int
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True)
class ReceiverReport:
    """RR."""

    ssrc: int
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True)
class SourceDescription:
    """SDES, of which only the CNAME is kept."""

    ssrc: int
    cname: str


@dataclass(frozen=True)
class Bye:
    """BYE: these sources are gone."""

    ssrcs: tuple[int, ...]


@dataclass(frozen=True)
class PictureLoss:
    """PLI: a keyframe is wanted (RFC 4585 section 6.3.1)."""

    sender: int
    media: int


@dataclass(frozen=True)
class FullIntra:
    """FIR: keyframes are wanted of these (ssrc, command number) pairs (RFC 5104 section 4.3.1)."""

    sender: int
    requests: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Nack:
    """Generic NACK: these sequence numbers are missing (RFC 4585 section 6.2.1)."""

    sender: int
    media: int
    lost: tuple[int, ...]


@dataclass(frozen=True)
class Remb:
    """Receiver estimated maximum bitrate, bits a second, for all these sources together."""

    sender: int
    bitrate: int
    ssrcs: tuple[int, ...]


@dataclass(frozen=True)
class BitrateRequest:
    """TMMBR: (ssrc, bits a second, overhead bytes) that each source should stay under (RFC 5104 section 4.2.1)."""

    sender: int
    limits: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class BitrateNotice:
    """TMMBN: the limits a source now keeps."""

    sender: int
    limits: tuple[tuple[int, int, int], ...]


Rtcp = (
    SenderReport
    | ReceiverReport
    | SourceDescription
    | Bye
    | PictureLoss
    | FullIntra
    | Nack
    | Remb
    | BitrateRequest
    | BitrateNotice
)


def parse(data: bytes) -> list[Rtcp]:
    """Read a compound packet, reduced-size ones included (RFC 5506); kinds we do not know are passed over.

    Raises MalformedPacket when lengths do not add up or a bound is broken: then nothing of it is to be believed.
    """
    found: list[Rtcp] = []
    at, count = 0, 0
    while at < len(data):
        count += 1
        if count > MOST_PACKETS or len(data) - at < 4:
            raise MalformedPacket("RTCP compound too long or cut off")
        first, kind, words = _HEAD.unpack_from(data, at)
        stop = at + 4 + 4 * words
        if first >> 6 != 2 or stop > len(data):
            raise MalformedPacket("RTCP of another version, or longer than its datagram")
        body = data[at + 4 : stop]
        if first & 0x20:
            body = _unpadded(body, last=stop == len(data))
        reader = _READERS.get(kind)
        if reader:
            found += reader(first & 31, body)
        at = stop
    if not count:
        raise MalformedPacket("empty RTCP")
    return found


def build(*packets: Rtcp) -> bytes:
    """A compound packet of these, in their order; RFC 3550 wants a report first and a CNAME with it."""
    return b"".join(_build(packet) for packet in packets)


def _unpadded(body: bytes, last: bool) -> bytes:
    if not last or not body or not 0 < body[-1] <= len(body) or body[-1] % 4:
        raise MalformedPacket("RTCP padding that is not at the end")
    return body[: -body[-1]]


def _need(body: bytes, size: int) -> None:
    if len(body) < size:
        raise MalformedPacket("RTCP packet cut off")


def _read_blocks(count: int, body: bytes, at: int) -> tuple[Block, ...]:
    _need(body, at + 24 * count)
    found = []
    for number in range(count):
        ssrc, loss, *rest = _BLOCK.unpack_from(body, at + 24 * number)
        lost = loss & 0xFFFFFF
        found.append(Block(ssrc, loss >> 24, lost - 0x1000000 if lost & 0x800000 else lost, *rest))
    return tuple(found)


def _read_sender(count: int, body: bytes) -> list[Rtcp]:
    _need(body, _SENDER.size)
    ssrc, ntp, timestamp, packets, octets = _SENDER.unpack_from(body)
    return [SenderReport(ssrc, ntp, timestamp, packets, octets, _read_blocks(count, body, _SENDER.size))]


def _read_receiver(count: int, body: bytes) -> list[Rtcp]:
    _need(body, 4)
    return [ReceiverReport(int.from_bytes(body[:4], "big"), _read_blocks(count, body, 4))]


def _read_description(count: int, body: bytes) -> list[Rtcp]:
    found: list[Rtcp] = []
    at = 0
    for _ in range(count):
        _need(body, at + 5)
        ssrc = int.from_bytes(body[at : at + 4], "big")
        at += 4
        while True:
            _need(body, at + 1)
            if body[at] == 0:
                at += 4 - at % 4
                break
            _need(body, at + 2)
            stop = at + 2 + body[at + 1]
            _need(body, stop)
            if body[at] == _CNAME:
                found.append(SourceDescription(ssrc, body[at + 2 : stop].decode("utf-8", "replace")))
            at = stop
    return found


def _read_bye(count: int, body: bytes) -> list[Rtcp]:
    _need(body, 4 * count)
    return [Bye(struct.unpack_from(f"!{count}I", body))]


def _read_transport(form: int, body: bytes) -> list[Rtcp]:
    _need(body, 8)
    sender, media = _PAIR.unpack_from(body)
    rest = body[8:]
    if form == 1:
        return [Nack(sender, media, _read_lost(rest))]
    if form in (3, 4):
        kind = BitrateRequest if form == 3 else BitrateNotice
        return [kind(sender, tuple(_read_limit(*pair) for pair in _pairs(rest)))]
    return []


def _pairs(body: bytes) -> list[tuple[int, int]]:
    if len(body) % 8 or len(body) > 8 * MOST_ITEMS:
        raise MalformedPacket("RTCP feedback of odd length")
    return list(_PAIR.iter_unpack(body))


def _read_lost(body: bytes) -> tuple[int, ...]:
    if len(body) % 4 or len(body) > 4 * MOST_ITEMS:
        raise MalformedPacket("NACK of odd length")
    lost: dict[int, None] = {}
    for first, mask in _LOST.iter_unpack(body):
        lost[first] = None
        lost.update(((first + bit + 1) & 0xFFFF, None) for bit in range(16) if mask >> bit & 1)
    return tuple(lost)


def _read_limit(ssrc: int, word: int) -> tuple[int, int, int]:
    return ssrc, (word >> 9 & 0x1FFFF) << (word >> 26), word & 0x1FF


def _read_payload(form: int, body: bytes) -> list[Rtcp]:
    _need(body, 8)
    sender, media = _PAIR.unpack_from(body)
    rest = body[8:]
    if form == 1:
        return [PictureLoss(sender, media)]
    if form == 4:
        return [FullIntra(sender, tuple((ssrc, word >> 24) for ssrc, word in _pairs(rest)))]
    if form == 15 and rest[:4] == b"REMB":
        return [_read_remb(sender, rest)]
    return []


def _read_remb(sender: int, body: bytes) -> Remb:
    _need(body, 8)
    count, word = body[4], int.from_bytes(body[5:8], "big")
    if count > MOST_ITEMS:
        raise MalformedPacket("REMB of too many sources")
    _need(body, 8 + 4 * count)
    return Remb(sender, (word & 0x3FFFF) << (word >> 18), struct.unpack_from(f"!{count}I", body, 8))


_READERS: dict[int, Callable[[int, bytes], list[Rtcp]]] = {
    _SR: _read_sender,
    _RR: _read_receiver,
    _SDES: _read_description,
    _BYE: _read_bye,
    _TRANSPORT: _read_transport,
    _PAYLOAD: _read_payload,
}


def _build(packet: Rtcp) -> bytes:
    match packet:
        case SenderReport(ssrc, ntp, timestamp, packets, octets, blocks):
            head = _SENDER.pack(ssrc, ntp, timestamp & 0xFFFFFFFF, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF)
            return _framed(_SR, len(blocks), head + _built_blocks(blocks))
        case ReceiverReport(ssrc, blocks):
            return _framed(_RR, len(blocks), ssrc.to_bytes(4, "big") + _built_blocks(blocks))
        case SourceDescription(ssrc, cname):
            text = cname.encode()[:255]
            body = ssrc.to_bytes(4, "big") + bytes([_CNAME, len(text)]) + text
            return _framed(_SDES, 1, body + bytes(4 - len(body) % 4))
        case Bye(ssrcs):
            return _framed(_BYE, len(ssrcs), struct.pack(f"!{len(ssrcs)}I", *ssrcs))
        case PictureLoss(sender, media):
            return _framed(_PAYLOAD, 1, _PAIR.pack(sender, media))
        case FullIntra(sender, requests):
            body = b"".join(_PAIR.pack(ssrc, (number & 0xFF) << 24) for ssrc, number in requests)
            return _framed(_PAYLOAD, 4, _PAIR.pack(sender, 0) + body)
        case Nack(sender, media, lost):
            return _framed(_TRANSPORT, 1, _PAIR.pack(sender, media) + _built_lost(lost))
        case Remb(sender, bitrate, ssrcs):
            exponent = max(0, bitrate.bit_length() - 18)
            word = len(ssrcs) << 24 | exponent << 18 | bitrate >> exponent
            body = b"REMB" + word.to_bytes(4, "big") + struct.pack(f"!{len(ssrcs)}I", *ssrcs)
            return _framed(_PAYLOAD, 15, _PAIR.pack(sender, 0) + body)
        case BitrateRequest(sender, limits):
            return _framed(_TRANSPORT, 3, _PAIR.pack(sender, 0) + _built_limits(limits))
        case BitrateNotice(sender, limits):
            return _framed(_TRANSPORT, 4, _PAIR.pack(sender, 0) + _built_limits(limits))


def _framed(kind: int, count: int, body: bytes) -> bytes:
    return _HEAD.pack(0x80 | count, kind, len(body) // 4) + body


def _built_blocks(blocks: Sequence[Block]) -> bytes:
    return b"".join(
        _BLOCK.pack(b.ssrc, b.fraction << 24 | b.lost & 0xFFFFFF, b.highest, b.jitter, b.last_report, b.delay)
        for b in blocks
    )


def _built_lost(lost: Sequence[int]) -> bytes:
    """Each entry names one number and, by a mask, any of the sixteen after it."""
    rest, built = list(lost), b""
    while rest:
        first, mask, later = rest[0], 0, []
        for number in rest[1:]:
            ahead = (number - first) & 0xFFFF
            if 1 <= ahead <= 16:
                mask |= 1 << (ahead - 1)
            else:
                later.append(number)
        built += _LOST.pack(first, mask)
        rest = later
    return built


def _built_limits(limits: Sequence[tuple[int, int, int]]) -> bytes:
    built = b""
    for ssrc, bitrate, overhead in limits:
        exponent = max(0, bitrate.bit_length() - 17)
        built += _PAIR.pack(ssrc, exponent << 26 | (bitrate >> exponent) << 9 | overhead)
    return built
