"""STUN binding requests as ICE sends them (RFC 8489, RFC 8445 section 7): read strictly, answered briefly."""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from aioice import stun as wire

from parloir.webrtc.addresses import Address

LONGEST: Final = 548
"""No check is longer: the size that RFC 8489 section 6.1 allows where the path's MTU is unknown."""

_HEADER: Final = struct.Struct("!HHI12s")
_ATTRIBUTE: Final = struct.Struct("!HH")
_COOKIE: Final = 0x2112A442
_BINDING_REQUEST: Final = 0x0001
_USERNAME: Final = 0x0006
_MOST_ATTRIBUTES: Final = 24
_LONGEST_UFRAG: Final = 256


class Refusal(IntEnum):
    """The error codes an ICE-lite agent answers with."""

    BAD_REQUEST = 400
    UNAUTHENTICATED = 401
    ROLE_CONFLICT = 487


@dataclass(frozen=True)
class Check:
    """A connectivity check whose integrity was proven. `priority` is the peer-reflexive one (RFC 8445 7.1.1)."""

    transaction: bytes
    priority: int
    nominates: bool
    controlled: bool


def receiver(datagram: bytes) -> str | None:
    """The ufrag a binding request is addressed to, read without any cryptography; None for anything else.

    Only the shape is looked at: header, cookie, lengths within bounds, the first USERNAME.
    """
    if not 20 <= len(datagram) <= LONGEST:
        return None
    kind, length, cookie, _ = _HEADER.unpack_from(datagram)
    if kind != _BINDING_REQUEST or cookie != _COOKIE or length != len(datagram) - 20 or length % 4:
        return None
    position = 20
    for _ in range(_MOST_ATTRIBUTES):
        if position + 4 > len(datagram):
            return None
        attribute, size = _ATTRIBUTE.unpack_from(datagram, position)
        if position + 4 + size > len(datagram):
            return None
        if attribute == _USERNAME:
            ufrag, separator, _ = datagram[position + 4 : position + 4 + size].partition(b":")
            return ufrag.decode("ascii", "replace") if separator and len(ufrag) <= _LONGEST_UFRAG else None
        position += 4 + size + -size % 4
    return None


def authenticate(datagram: bytes, ufrag: str, password: str) -> Check | Refusal:
    """Parse a request that `receiver` gave to `ufrag` and prove it with the password. Never raises."""
    try:
        message = wire.parse_message(datagram)
    except (ValueError, struct.error, LookupError, TypeError, OverflowError):
        return Refusal.BAD_REQUEST
    attributes = message.attributes
    if "MESSAGE-INTEGRITY" not in attributes or not attributes.get("USERNAME", "").startswith(f"{ufrag}:"):
        return Refusal.BAD_REQUEST
    if not message.check_message_integrity(password.encode()):
        return Refusal.UNAUTHENTICATED
    if "PRIORITY" not in attributes:
        return Refusal.BAD_REQUEST
    return Check(
        message.transaction_id, attributes["PRIORITY"], "USE-CANDIDATE" in attributes, "ICE-CONTROLLED" in attributes
    )


def success(transaction: bytes, source: Address, password: str) -> bytes:
    """The binding response that tells the browser which address it was seen from."""
    return _signed(wire.Class.RESPONSE, transaction, {"XOR-MAPPED-ADDRESS": source}, password)


def role_conflict(transaction: bytes, password: str) -> bytes:
    """The answer to a browser that claims the controlled role, which a lite agent always has (RFC 8445 7.3.1.1)."""
    code = Refusal.ROLE_CONFLICT
    return _signed(wire.Class.ERROR, transaction, {"ERROR-CODE": (code.value, "Role Conflict")}, password)


def refusal(datagram: bytes, code: Refusal) -> bytes | None:
    """An unsigned error response; None where it would be longer than the request, so that nothing is amplified."""
    message = wire.Message(wire.Method.BINDING, wire.Class.ERROR, datagram[8:20], {"ERROR-CODE": (code.value, "")})
    message.add_fingerprint()
    answer = bytes(message)
    return answer if len(answer) <= len(datagram) else None


def _signed(kind: wire.Class, transaction: bytes, attributes: dict[str, object], password: str) -> bytes:
    message = wire.Message(wire.Method.BINDING, kind, transaction, attributes)
    message.add_message_integrity(password.encode())
    return bytes(message)
