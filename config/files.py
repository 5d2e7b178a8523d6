"""What is wrong with the files that a configuration names, found by looking at them."""

import ssl
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from parloir.config.checks import Finding, Sections
from parloir.config.errors import Key
from parloir.config.schema import Gateway


def check(sections: Sections, secret_files: Mapping[Key, Path]) -> Iterator[Finding]:
    """Findings about certificate, token, and the files that secrets were read from."""
    for path, file in secret_files.items():
        if _open_to_others(file):
            yield _unguarded(path, file)
    if sections.gateway:
        yield from _certificate(sections.gateway)
        yield from _token(sections.gateway)


def _certificate(gateway: Gateway) -> Iterator[Finding]:
    if gateway.tls is None:
        return
    readable = True
    for name, file in (("certificate", gateway.tls.certificate), ("key", gateway.tls.key)):
        path = ("gateway", "tls", name)
        try:
            file.open("rb").close()
        except OSError as error:
            readable = False
            message = f"{file} cannot be read: {(error.strerror or 'error').lower()}"
            yield Finding(path, message, "correct its name or let the gateway's user read it")
    if not readable:
        return
    if _open_to_others(gateway.tls.key):
        yield _unguarded(("gateway", "tls", "key"), gateway.tls.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(gateway.tls.certificate, gateway.tls.key, password=lambda: b"")
    except (ssl.SSLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or "not PEM"
        message = f"certificate and key do not work together: {str(reason).replace('_', ' ').lower()}"
        yield Finding(("gateway", "tls"), message, "name a PEM certificate chain and its own unencrypted key")


def _token(gateway: Gateway) -> Iterator[Finding]:
    path, file = ("gateway", "token_file"), gateway.token_file
    if not file.exists():
        message = f"{file} does not exist: the API will let nobody in"
        yield Finding(path, message, "write a long random word into it, mode 0600", warning=True)
    elif _open_to_others(file):
        yield _unguarded(path, file)


def _unguarded(path: Key, file: Path) -> Finding:
    return Finding(path, f"{file} can be read by others", f"run: chmod 600 {file}", warning=True)


def _open_to_others(file: Path) -> bool:
    try:
        return bool(file.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False
