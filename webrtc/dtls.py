"""DTLS-SRTP with a browser (RFC 5764, RFC 8827 section 6.5): aiortc does the handshake, the keys are handed out.

All that is private to aiortc is used in this file only.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, cast

from aiortc import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport, RTCIceTransport
from aiortc import rtcdtlstransport as aiortc_dtls
from OpenSSL import SSL

from parloir.webrtc.errors import WebRtcError
from parloir.webrtc.hashes import HASHES

_LABEL: Final = b"EXTRACTOR-dtls_srtp"
_LONGEST: Final = 2048
_MOST_WAITING: Final = 32
_LARGEST_FLIGHT: Final = 1500

Certificate = RTCCertificate


class Profile(StrEnum):
    """SRTP protection profiles, named as in SRTP's own registries (RFC 4568, RFC 7714), in our order of preference."""

    AES_128_GCM = "AEAD_AES_128_GCM"
    AES_128_CM = "AES_CM_128_HMAC_SHA1_80"
    AES_256_GCM = "AEAD_AES_256_GCM"


_PROFILES: Final = {
    Profile.AES_128_GCM: aiortc_dtls.SRTP_AEAD_AES_128_GCM,
    Profile.AES_128_CM: aiortc_dtls.SRTP_AES128_CM_SHA1_80,
    Profile.AES_256_GCM: aiortc_dtls.SRTP_AEAD_AES_256_GCM,
}


@dataclass(frozen=True)
class Keys:
    """The SRTP master keys and salts of one session; `receive` is what the browser protects with. Bytes."""

    profile: Profile
    receive_key: bytes = field(repr=False)
    receive_salt: bytes = field(repr=False)
    send_key: bytes = field(repr=False)
    send_salt: bytes = field(repr=False)


class DtlsMisuse(WebRtcError):
    """A DTLS session was started twice, or after it had stopped: a fault of the caller, not of the browser."""


def new_certificate() -> Certificate:
    """A fresh self-signed P-256 certificate; one serves every session of a process."""
    return RTCCertificate.generateCertificate()


def fingerprint(certificate: Certificate) -> tuple[str, str]:
    """The certificate's hash for `a=fingerprint`: ("sha-256", "AB:CD:...")."""
    return next((f.algorithm, f.value) for f in certificate.getFingerprints() if f.algorithm == "sha-256")


class DtlsSession:
    """One DTLS association as its passive side. Must be made and used on the thread of a running asyncio loop.

    `send` gets every datagram for the browser, and may lose it (OSError); `up` is called once, with the keys, when
    the handshake is done and the browser's certificate matched; `down` is called at most once, with the reason, when
    that failed or the browser closed it, and never after `stop`. Nothing here limits how long a handshake may take:
    the caller does.
    """

    def __init__(
        self,
        certificate: Certificate,
        send: Callable[[bytes], None],
        up: Callable[[Keys], None],
        down: Callable[[str], None],
    ) -> None:
        self._pipe = _Pipe(send)
        self._association = _Association(self._pipe, certificate)
        self._up = up
        self._down = down
        self._handshake: asyncio.Task[None] | None = None

    def start(self, fingerprints: tuple[tuple[str, str], ...]) -> None:
        """Begin to answer, accepting only a certificate with these hashes as (algorithm, value); DtlsMisuse if twice.

        Datagrams received before are not lost. Fingerprints of no hash in HASHES end it at once, by `down`.
        """
        if self._handshake is not None or self._pipe.closed:
            raise DtlsMisuse("this DTLS session was started before or is over")
        self._association.on("statechange", self._moved)
        parameters = RTCDtlsParameters([RTCDtlsFingerprint(hash_, value) for hash_, value in fingerprints])
        self._handshake = asyncio.ensure_future(self._association.shake_hands(parameters))

    def receive(self, datagram: bytes) -> None:
        """Take a datagram from the browser; what is no DTLS record, or too much of it, is dropped."""
        if 13 <= len(datagram) <= _LONGEST and 20 <= datagram[0] <= 63:
            self._pipe.put(datagram)

    def stop(self) -> None:
        """Tell the browser that it is over and let go of everything; harmless when repeated."""
        if self._pipe.closed:
            return
        self._association.remove_all_listeners()
        self._association.say_goodbye()
        self._pipe.close()

    def _moved(self) -> None:
        keys = self._association.keys
        if self._association.state == "connected" and keys is not None:
            self._association.keys = None
            self._up(keys)
        elif self._association.state in ("failed", "closed"):
            self._association.remove_all_listeners()
            self._pipe.close()
            self._down(self._association.reason)


class _Pipe:
    """What aiortc takes for its ICE transport: a bounded queue in, a function out."""

    role = "controlled"
    state = "completed"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.send = send
        self.closed = False
        self._waiting: deque[bytes] = deque()
        self._wanted: asyncio.Future[None] | None = None

    def put(self, datagram: bytes) -> None:
        if self.closed or len(self._waiting) >= _MOST_WAITING:
            return
        self._waiting.append(datagram)
        self._wake()

    def close(self) -> None:
        self.closed = True
        self._waiting.clear()
        self._wake()

    def _wake(self) -> None:
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_result(None)

    async def _recv(self) -> bytes:
        while not self._waiting:
            if self.closed:
                raise ConnectionError("the DTLS session was stopped")
            self._wanted = asyncio.get_running_loop().create_future()
            await self._wanted
        return self._waiting.popleft()

    async def _send(self, data: bytes) -> None:
        if not self.closed:
            with suppress(OSError):
                self.send(data)


class _Association(RTCDtlsTransport):
    """aiortc's transport, but for the keys: they are read out and forgotten, and no SRTP session is made of them."""

    def __init__(self, pipe: _Pipe, certificate: Certificate) -> None:
        super().__init__(cast(RTCIceTransport, pipe), [certificate])
        self._pipe = pipe
        self._srtp_profiles = [each for each in _PROFILES.values() if each in aiortc_dtls.SRTP_PROFILES]
        self._set_role("server")
        self.keys: Keys | None = None
        self.reason = "the DTLS handshake failed"

    async def shake_hands(self, remote: RTCDtlsParameters) -> None:
        if not any(each.algorithm.lower() in HASHES for each in remote.fingerprints):
            self._fail("fingerprint of no hash that can be verified")
            return
        try:
            await self.start(remote)
        except SSL.Error:
            self._fail("the browser stopped answering the DTLS handshake")

    def say_goodbye(self) -> None:
        """Send close_notify if there is anything to close."""
        if self._ssl is not None and self.state in ("connecting", "connected"):
            with suppress(SSL.Error):
                self._ssl.shutdown()
            with suppress(SSL.Error, OSError):
                self._pipe.send(self._ssl.bio_read(_LARGEST_FLIGHT))

    def _validate_peer_identity(self, remoteParameters: RTCDtlsParameters) -> None:  # noqa: N803
        self.reason = "fingerprint of the browser's certificate is not the one it signalled"
        super()._validate_peer_identity(remoteParameters)

    def _setup_srtp(self) -> None:
        assert self._ssl is not None
        name = self._ssl.get_selected_srtp_profile()
        profile = next((each for each, terms in _PROFILES.items() if terms.openssl_profile == name), None)
        if profile is None:
            self._fail("the browser offered no SRTP profile that is known")
            return
        terms = _PROFILES[profile]
        key, salt = terms.key_length, terms.salt_length
        material = self._ssl.export_keying_material(_LABEL, 2 * (key + salt))
        browser, ours = terms.get_key_and_salt(material, 0), terms.get_key_and_salt(material, 1)
        self.keys = Keys(profile, browser[:key], browser[key:], ours[:key], ours[key:])
        self.reason = "closed by the browser"

    def _fail(self, reason: str) -> None:
        self.reason = reason
        self._set_state(aiortc_dtls.State.FAILED)
