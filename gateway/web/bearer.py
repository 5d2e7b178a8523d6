"""The staff's bearer token (RFC 6750): read from its file, compared in constant time, guesses rationed."""

import hmac
import math
from pathlib import Path

from parloir.web.allowance import Allowances
from parloir.web.errors import BadToken, Refused

SHORTEST = 16
GUESSES = 10
WINDOW = 60.0


class Bearer:
    """Lets in who has the token. The file is read again when it changes, so that a token can be replaced."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stamp: tuple[int, int] | None = None
        self._token = b""
        self._guesses = Allowances(GUESSES, WINDOW)
        self._read()

    def check(self, authorization: str | None, client: str, now: float) -> None:
        """Raise Refused (401, or 429 after too many wrong ones from that address) unless the header has the token."""
        if not self._guesses.left(client, now):
            wait = {"Retry-After": str(math.ceil(WINDOW / GUESSES))}
            raise Refused(429, "too_many_guesses", "too many wrong tokens from your address: wait a while", None, wait)
        scheme, _, given = (authorization or "").partition(" ")
        if scheme.lower() == "bearer":
            self._read()
            if hmac.compare_digest(given.strip().encode(), self._token):
                return
            self._guesses.take(client, now)
        raise Refused(
            401,
            "unauthorized",
            "send the header 'Authorization: Bearer TOKEN' with the token that `parloir init` made",
            None,
            {"WWW-Authenticate": 'Bearer realm="parloir"'},
        )

    def _read(self) -> None:
        try:
            status = self._file.stat()
            stamp = (status.st_mtime_ns, status.st_ino)
            if stamp == self._stamp:
                return
            token = self._file.read_bytes().strip()
        except OSError as error:
            raise BadToken(f"{self._file}: {error.strerror}: make it with `parloir init`") from error
        if len(token) < SHORTEST:
            raise BadToken(f"{self._file}: the token has under {SHORTEST} characters: make one with `parloir init`")
        self._stamp, self._token = stamp, token
