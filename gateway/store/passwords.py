"""Passwords and PINs as they are kept: Argon2id (RFC 9106), slow on purpose. Never call these on the reactor thread."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from parloir.store.errors import WeakPassword, WeakPin

SHORTEST = 12
LONGEST = 1024
PIN_LENGTH = range(4, 13)
COMMON_PINS = 2
"""A PIN of fewer different digits than this is refused."""

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$+/3/W6CJeGs1KfnKRXhAyA$5GE0n/2zkahP8/mlPns3EvsUCkrq4rPdOInKG1MP90E"
"""What a login of someone unknown is compared with, so that it takes as long as one of someone known."""


def hash_password(password: str, user: str) -> str:
    """The hash of a password that staff may have; raises WeakPassword."""
    if not SHORTEST <= len(password) <= LONGEST or password.casefold() == user.casefold():
        raise WeakPassword(SHORTEST)
    return _hasher.hash(password)


def hash_pin(pin: str) -> str:
    """The hash of a resident's PIN, 4 to 12 digits; raises WeakPin."""
    if not (pin.isascii() and pin.isdigit() and len(pin) in PIN_LENGTH and len(set(pin)) >= COMMON_PINS):
        raise WeakPin(PIN_LENGTH[0], PIN_LENGTH[-1])
    return _hasher.hash(pin)


def matches(hash: str | None, given: str) -> bool:
    """Whether `given` is what was hashed; takes as long where there is no hash."""
    try:
        return _hasher.verify(hash or NOBODY, given[: LONGEST + 1]) and hash is not None
    except (VerificationError, InvalidHashError):
        return False
