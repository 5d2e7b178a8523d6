"""Hashes of passwords that cost nothing, so that no test waits for them."""

from argon2 import PasswordHasher

from parloir.store import passwords

SHIPPED = passwords._hasher
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def hurry() -> None:
    """From now on passwords and PINs are hashed at once."""
    passwords._hasher = QUICK
