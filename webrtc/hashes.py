"""The hashes by which a browser's certificate may be named (RFC 8122)."""

from typing import Final

HASHES: Final = frozenset({"sha-256", "sha-384", "sha-512"})
"""Those that can be verified, as SDP names them; SHA-1 and older are not trusted."""
