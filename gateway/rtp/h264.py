"""What an RTP payload of H.264 holds, seen from outside (RFC 6184): no bit of the picture is decoded."""

from collections.abc import Sequence

SLICE, IDR, SEI, SPS, PPS = 1, 5, 6, 7, 8
STAP_A, FU_A = 24, 28
_START, _TYPE = 0x80, 0x1F


def nal_type(payload: bytes | memoryview) -> int | None:
    """The type of the payload's first NAL unit: inside an aggregate the first of it, of a fragment the whole's.

    None for a payload too short to tell.
    """
    if not payload:
        return None
    kind = payload[0] & _TYPE
    if kind == STAP_A:
        return payload[3] & _TYPE if len(payload) > 3 else None
    if kind == FU_A:
        return payload[1] & _TYPE if len(payload) > 1 else None
    return kind


def starts(payload: bytes | memoryview) -> frozenset[int]:
    """The types of all NAL units that begin in this payload; a later fragment begins none."""
    if not payload:
        return frozenset()
    kind = payload[0] & _TYPE
    if kind == STAP_A:
        return frozenset(unit[0] & _TYPE for unit in aggregated(bytes(payload)))
    if kind == FU_A:
        return frozenset({payload[1] & _TYPE}) if len(payload) > 1 and payload[1] & _START else frozenset()
    return frozenset({kind})


def is_keyframe_start(payload: bytes | memoryview) -> bool:
    """Whether a decoder can begin here, or with parameter sets that it has: an SPS or an IDR begins."""
    return not starts(payload).isdisjoint((SPS, IDR))


def begins_idr(payload: bytes | memoryview) -> bool:
    """Whether an IDR slice begins here; it needs an SPS before it or in it."""
    return IDR in starts(payload)


def has_parameter_sets(payload: bytes | memoryview) -> bool:
    """Whether an SPS begins here."""
    return SPS in starts(payload)


def aggregated(payload: bytes) -> tuple[bytes, ...]:
    """The NAL units in a STAP-A payload, up to the first that is broken."""
    units, at = [], 1
    while at + 2 < len(payload):
        size = int.from_bytes(payload[at : at + 2], "big")
        unit = payload[at + 2 : at + 2 + size]
        if not size or len(unit) < size:
            break
        units.append(unit)
        at += 2 + size
    return tuple(units)


def stap_a(units: Sequence[bytes]) -> bytes:
    """One payload of several NAL units, such as SPS and PPS; only where packetization mode 1 was agreed."""
    importance = max(unit[0] & 0x60 for unit in units)
    return bytes([importance | STAP_A]) + b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)
