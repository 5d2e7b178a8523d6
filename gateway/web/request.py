"""HTTP requests, made safe to take from anybody: bounded, without secrets in the log, with cautious headers."""

from typing import Any, ClassVar
from urllib.parse import urlsplit

from twisted.web.server import Request, Site

LONGEST_BODY = 64 * 1024


class WebRequest(Request):
    """A request whose body is kept up to LONGEST_BODY; the rest is thrown away and `oversized` says so."""

    cautions: ClassVar[tuple[tuple[str, str], ...]] = ()
    oversized = False
    _taken = 0

    def gotLength(self, length: int | None) -> None:  # noqa: N802
        if length is not None and length > LONGEST_BODY:
            self.oversized = True
        # Twisted parses forms, and spools long bodies to disk: neither is wanted.
        super().gotLength(0)  # type: ignore[no-untyped-call]

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        self._taken += len(data)
        if self._taken > LONGEST_BODY:
            self.oversized = True
        if not self.oversized:
            super().handleContentChunk(data)  # type: ignore[no-untyped-call]

    def process(self) -> None:
        for name, value in self.cautions:
            self.say(name, value)
        super().process()  # type: ignore[no-untyped-call]

    def header(self, name: str) -> str | None:
        """The first value of a header."""
        value: Any = self.getHeader(name)
        return value if value is None or isinstance(value, str) else str(value, "latin-1")

    def headers(self, name: str) -> list[str]:
        """All values of a header, in the order they came."""
        return [str(value) for value in self.requestHeaders.getRawHeaders(name, [])]

    def say(self, name: str, value: str) -> None:
        """Set a header of the answer."""
        self.responseHeaders.setRawHeaders(name, [value])

    def unchanged(self, etag: str) -> bool:
        """Say which version the answer is; whether the client has it already, so that 304 without a body is due."""
        self.setETag(etag.encode())  # type: ignore[no-untyped-call]
        return bool(self.code == 304)

    @property
    def peer(self) -> str:
        """The address at the other end of the connection."""
        return str(getattr(self.client, "host", ""))

    def __repr__(self) -> str:
        # Twisted logs requests by their repr, and ours hold link tokens in path and query.
        return f"<{self.method.decode('latin-1')} request from {self.peer}>"


class WebSite(Site):
    """A site that keeps no access log: the links of visits are secrets."""

    def __init__(self, resource: Any, request: type[WebRequest]) -> None:
        super().__init__(resource, request, parsePOSTFormSubmission=False)  # type: ignore[no-untyped-call]

    def log(self, request: Any) -> None:
        """Write nothing."""


def cautions(public_url: str) -> tuple[tuple[str, str], ...]:
    """The headers of every answer: nothing from elsewhere runs, frames, sniffs, or learns the link."""
    url = urlsplit(public_url)
    sockets = f"{'wss' if url.scheme == 'https' else 'ws'}://{url.netloc}"
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "media-src": "'self' blob:",
        # Older Safari does not count our own WebSocket as 'self'.
        "connect-src": f"'self' {sockets}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    headers = [
        ("Content-Security-Policy", "; ".join(f"{name} {value}" for name, value in policy.items())),
        ("Referrer-Policy", "no-referrer"),
        ("X-Content-Type-Options", "nosniff"),
        ("Permissions-Policy", "camera=(self), microphone=(self), geolocation=(), payment=(), usb=()"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Server", "parloir"),
    ]
    if url.scheme == "https":
        headers.append(("Strict-Transport-Security", "max-age=31536000"))
    return tuple(headers)
