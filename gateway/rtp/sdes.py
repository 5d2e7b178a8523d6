"""Keys for SRTP in session descriptions (RFC 4568, with the GCM suites of RFC 7714): one a=crypto line as data."""

import base64
import binascii
import re
from dataclasses import dataclass, field
from enum import StrEnum

from parloir.rtp.errors import UnusableKey


class Encryption(StrEnum):
    """Whether a phone's media is encrypted: never, where the phone can, or else there is no call."""

    OFF = "off"
    OPTIONAL = "optional"
    REQUIRED = "required"


class Suite(StrEnum):
    """The crypto suites that we know, in the order in which a phone is offered them."""

    AES_256_GCM = "AEAD_AES_256_GCM"
    AES_128_GCM = "AEAD_AES_128_GCM"
    AES_128_CM_80 = "AES_CM_128_HMAC_SHA1_80"
    AES_128_CM_32 = "AES_CM_128_HMAC_SHA1_32"

    @property
    def octets(self) -> int:
        """The length of master key and master salt together."""
        return _OCTETS[self]


_OCTETS = {Suite.AES_256_GCM: 44, Suite.AES_128_GCM: 28, Suite.AES_128_CM_80: 30, Suite.AES_128_CM_32: 30}
_LINE = re.compile(r"([0-9]{1,9}) +([A-Za-z0-9_]{1,64}) +(\S{1,512})(?: +(\S.*))?")
_LIFETIME = re.compile(r"2\^[0-9]{1,2}|[0-9]{1,15}")
_IDENTIFIER = re.compile(r"([0-9]{1,309}):([0-9]{1,3})")
_LONGEST_LIFE = 1 << 48
_LONGEST_IDENTIFIER = 128


@dataclass(frozen=True)
class Key:
    """One a=crypto line: the key under which its sender encrypts.

    `master` is master key and master salt. `lifetime` counts packets. `identifier` is the MKI that its sender puts on
    each packet, as octets; None for a sender that puts none.
    """

    tag: int
    suite: Suite
    master: bytes = field(repr=False)
    lifetime: int | None = None
    identifier: bytes | None = None

    def __str__(self) -> str:
        """The attribute's value. It holds the key in clear: it belongs into a description and nowhere else."""
        parts = [base64.b64encode(self.master).decode()]
        if self.lifetime is not None:
            parts.append(str(self.lifetime))
        if self.identifier is not None:
            parts.append(f"{int.from_bytes(self.identifier, 'big')}:{len(self.identifier)}")
        return f"{self.tag} {self.suite} inline:{'|'.join(parts)}"


def parse(value: str) -> Key:
    """Read an a=crypto value. Raises UnusableKey for one that breaks the grammar or that we cannot serve.

    That is: another suite, several keys in one line, a session parameter that weakens the protection or that must be
    understood and is not. WSH, a key derivation rate of 0, the usual order of error correction (of which there is
    none) and parameters marked "-" change nothing for us (section 6.3).
    """
    match = _LINE.fullmatch(value)
    if not match:
        raise UnusableKey("not `a=crypto:tag suite inline:key`")
    tag, name, inline, parameters = match.groups()
    suite = next((each for each in Suite if each == name), None)
    if suite is None:
        raise UnusableKey("a crypto suite that we do not know")
    for parameter in (parameters or "").split():
        if not _harmless(parameter):
            raise UnusableKey(f"the session parameter {parameter.partition('=')[0][:32]}")
    method, _, text = inline.partition(":")
    if method.lower() != "inline" or ";" in text:
        raise UnusableKey("not one inline key")
    encoded, *rest = text.split("|")
    lifetime, identifier = _limits(rest)
    return Key(int(tag), suite, _master(suite, encoded), lifetime, identifier)


def _harmless(parameter: str) -> bool:
    return parameter.startswith(("-", "WSH=")) or parameter in ("KDR=0", "FEC_ORDER=FEC_SRTP")


def _master(suite: Suite, encoded: str) -> bytes:
    """The key and salt; padding that is left out is forgiven."""
    try:
        master = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise UnusableKey("its key is not base64") from None
    if len(master) != suite.octets:
        raise UnusableKey(f"its key has {len(master)} octets and not {suite.octets}")
    return master


def _limits(rest: list[str]) -> tuple[int | None, bytes | None]:
    """Lifetime and MKI, each of which may be absent."""
    lifetime, identifier = None, None
    for number, text in enumerate(rest):
        if number == 0 and _LIFETIME.fullmatch(text):
            lifetime = 1 << int(text[2:]) if text.startswith("2^") else int(text)
            if not 0 < lifetime <= _LONGEST_LIFE:
                raise UnusableKey("a lifetime beyond 2^48 packets, or of none")
        elif number == len(rest) - 1:
            identifier = _identifier(text)
        else:
            raise UnusableKey("more than key, lifetime and MKI")
    return lifetime, identifier


def _identifier(text: str) -> bytes:
    match = _IDENTIFIER.fullmatch(text)
    if not match or not 0 < int(match[2]) <= _LONGEST_IDENTIFIER:
        raise UnusableKey("not an MKI")
    try:
        return int(match[1]).to_bytes(int(match[2]), "big")
    except OverflowError:
        raise UnusableKey("an MKI longer than it says") from None
