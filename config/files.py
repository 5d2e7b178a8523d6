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
        if tls := sections.gateway.tls:
            yield from _certificate(("gateway", "tls"), tls.certificate, tls.key)
        yield from _token(sections.gateway)
    if sections.sip and (shown := sections.sip.tls):
        yield from _certificate(("sip", "tls"), shown.certificate, shown.key)
        yield from _authorities(("sip", "tls", "ca"), shown.ca)


def _certificate(key: Key, certificate: Path, private: Path) -> Iterator[Finding]:
    readable = True
    for name, file in (("certificate", certificate), ("key", private)):
        path = (*key, name)
        try:
            file.open("rb").close()
        except OSError as error:
            readable = False
            message = f"{file} cannot be read: {(error.strerror or 'error').lower()}"
            yield Finding(path, message, "correct its name or let the gateway's user read it")
    if not readable:
        return
    if _open_to_others(private):
        yield _unguarded((*key, "key"), private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, private, password=lambda: b"")
    except (ssl.SSLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or "not PEM"
        message = f"certificate and key do not work together: {str(reason).replace('_', ' ').lower()}"
        yield Finding(key, message, "name a PEM certificate chain and its own unencrypted key")


def _authorities(path: Key, file: Path | None) -> Iterator[Finding]:
    if file is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(file)
    except (ssl.SSLError, OSError):
        yield Finding(path, f"{file} holds no certificate", "name a PEM file of authorities")


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
