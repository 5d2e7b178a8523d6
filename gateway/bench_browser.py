"""A browser reduced to its transport, for measuring: one STUN check that nominates, DTLS as the client, SRTP.

It uses OpenSSL itself and not the gateway's own handshake, so that the relay is measured against a stranger.
"""

import datetime
import socket
from dataclasses import dataclass
from typing import Final

from aioice import stun
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from parloir.relay.bodies import BrowserTerms, ListenerTerms
from parloir.relay.srtp import Workbench

PROFILE: Final = "AEAD_AES_128_GCM"
_SRTP: Final = b"SRTP_AEAD_AES_128_GCM"
_KEY, _SALT = 16, 12
_LABEL = b"EXTRACTOR-dtls_srtp"
_FLIGHT = 1500


@dataclass(frozen=True)
class Identity:
    """A self-signed certificate with its key, and its fingerprint as SDP states it."""

    context: SSL.Context
    fingerprint: tuple[str, str]

    @classmethod
    def new(cls) -> "Identity":
        """One that is good for a day."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bench")])
        today, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), today - day, today + day)
        ).sign(key, hashes.SHA256())
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        context.use_certificate(certificate)
        context.use_privatekey(key)
        context.set_tlsext_use_srtp(_SRTP)
        return cls(context, ("sha-256", certificate.fingerprint(hashes.SHA256()).hex(":").upper()))


class BrowserTransport:
    """One UDP socket toward a relay; nothing here waits. Its SRTP contexts are kept in the workbench given."""

    def __init__(self, identity: Identity, bench: Workbench, host: str = "127.0.0.1") -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.setblocking(False)
        self.keyed = False
        self.sends = self.receives = 0
        self._identity = identity
        self._bench = bench
        self._terms: BrowserTerms | ListenerTerms | None = None
        self._dtls: SSL.Connection | None = None

    def call(self, terms: BrowserTerms | ListenerTerms) -> None:
        """Turn to the relay that gave these terms."""
        self._terms = terms
        self.socket.connect((terms.candidates[0].address, terms.candidates[0].port))
        self.check()

    def check(self) -> None:
        """Send a check that nominates; a browser repeats it every few seconds for consent."""
        terms = self._terms
        if terms is None:
            return
        request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        request.attributes["USERNAME"] = f"{terms.ufrag}:bench"
        request.attributes["PRIORITY"] = 1 << 24
        request.attributes["ICE-CONTROLLING"] = 1
        request.attributes["USE-CANDIDATE"] = None
        request.add_message_integrity(terms.password.encode())
        self.socket.send(bytes(request))

    def nudge(self) -> None:
        """Repeat what may have been lost, as long as there are no keys; to be called about once a second."""
        if self._dtls is None:
            self.check()
        elif not self.keyed:
            self._dtls.DTLSv1_handle_timeout()
            self._flush(self._dtls)

    def receive(self, datagram: bytes) -> bytes | None:
        """Take a datagram; media and RTCP are handed back as they came."""
        if datagram[0] <= 3:
            if self._dtls is None:
                self._dtls = SSL.Connection(self._identity.context)
                self._dtls.set_connect_state()
                self._shake_hands()
            return None
        if 20 <= datagram[0] <= 63:
            if self._dtls is not None and not self.keyed:
                self._dtls.bio_write(datagram)
                self._shake_hands()
            return None
        return datagram

    def media(self, packet: bytes | bytearray) -> bytes:
        """An RTP packet as SRTP."""
        self._bench.buffer[: len(packet)] = packet
        return bytes(self._bench.buffer[: self._bench.seal(self.sends, 0, len(packet))])

    def plain(self, packet: bytes) -> bytes | None:
        """An SRTP packet as RTP; None if it is not genuine."""
        self._bench.buffer[: len(packet)] = packet
        size = self._bench.open(self.receives, len(packet))
        return bytes(self._bench.buffer[:size]) if size else None

    def say_goodbye(self) -> None:
        """End the DTLS session as a closed page does."""
        if self._dtls is not None:
            self._dtls.shutdown()
            self._flush(self._dtls)

    def close(self) -> None:
        """Close the socket, saying nothing."""
        self.socket.close()

    def _shake_hands(self) -> None:
        dtls = self._dtls
        assert dtls is not None
        try:
            dtls.do_handshake()
        except SSL.WantReadError:
            self._flush(dtls)
            return
        self._flush(dtls)
        keys = dtls.export_keying_material(_LABEL, 2 * (_KEY + _SALT))
        ours, theirs = keys[:_KEY], keys[_KEY : 2 * _KEY]
        our_salt, their_salt = keys[2 * _KEY : 2 * _KEY + _SALT], keys[2 * _KEY + _SALT :]
        self.sends = self._bench.add(PROFILE, ours, our_salt, "send")
        self.receives = self._bench.add(PROFILE, theirs, their_salt, "receive")
        self.keyed = True

    def _flush(self, dtls: SSL.Connection) -> None:
        try:
            while True:
                self.socket.send(dtls.bio_read(_FLIGHT))
        except SSL.WantReadError:
            return
