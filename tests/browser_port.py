"""A UDP port on loopback that browsers connect to, made of the parts the relay uses, but for its switch."""

import asyncio
import time
from dataclasses import dataclass, field

from pylibsrtp import Error as SrtpError
from pylibsrtp import Policy, Session

from parloir.relay.bodies import BrowserTerms, Candidate
from parloir.rtp.description import Kind
from parloir.webrtc.dtls import DtlsSession, Keys, Profile, fingerprint, new_certificate
from parloir.webrtc.ice_lite import Credentials, IceLite, Nominated
from parloir.webrtc.sdp import BrowserOffer

SSRCS = {Kind.AUDIO: 1111, Kind.VIDEO: 2222}
LIBSRTP = {
    Profile.AES_128_GCM: Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    Profile.AES_128_CM: Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    Profile.AES_256_GCM: Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}


def receiver(keys: Keys) -> Session:
    """What unprotects a browser's packets."""
    key = keys.receive_key + keys.receive_salt
    return Session(Policy(key, Policy.SSRC_ANY_INBOUND, srtp_profile=LIBSRTP[keys.profile]))


def sender(keys: Keys) -> Session:
    """What protects packets for a browser."""
    key = keys.send_key + keys.send_salt
    return Session(Policy(key, Policy.SSRC_ANY_OUTBOUND, srtp_profile=LIBSRTP[keys.profile]))


@dataclass
class Leg:
    """One browser: what came of its transport, and the RTP it sent, decrypted."""

    name: str
    terms: BrowserTerms
    keys: "asyncio.Future[Keys]"
    ended: "asyncio.Future[str]"
    nominations: list[Nominated] = field(default_factory=list)
    received: list[bytes] = field(default_factory=list)
    unreadable: int = 0
    echo: bool = False
    session: DtlsSession = field(init=False)
    srtp: tuple[Session, Session] | None = None
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    def up(self, keys: Keys) -> None:
        self.srtp = receiver(keys), sender(keys)
        self.keys.set_result(keys)


class BrowserPort(asyncio.DatagramProtocol):
    """One socket for every leg, as a relay has it. With `echo`, a leg gets its own RTP back under our SSRCs."""

    transport: asyncio.DatagramTransport

    def __init__(self) -> None:
        self.ice = IceLite()
        self.legs: dict[str, Leg] = {}
        self.certificate = new_certificate()

    @classmethod
    async def bind(cls) -> "BrowserPort":
        """Bind a free port of loopback."""
        port = cls()
        loop = asyncio.get_running_loop()
        port.transport, _ = await loop.create_datagram_endpoint(lambda: port, local_addr=("127.0.0.1", 0))
        return port

    def open(self, name: str) -> Leg:
        """Make a leg and start to answer its checks; DTLS waits for `start`."""
        loop = asyncio.get_running_loop()
        leg = self.legs[name] = Leg(name, self._terms(self.ice.open(name)), loop.create_future(), loop.create_future())
        leg.session = DtlsSession(self.certificate, lambda data: self._send(leg, data), leg.up, leg.ended.set_result)
        return leg

    def start(self, leg: Leg, offer: BrowserOffer) -> None:
        """Let DTLS begin, with the certificate that the offer names."""
        leg.session.start(offer.fingerprints)

    def restart(self, leg: Leg) -> BrowserTerms:
        """Terms with new ICE credentials."""
        leg.terms = self._terms(self.ice.restart(leg.name))
        return leg.terms

    def close(self) -> None:
        """Stop every leg and the socket."""
        for leg in self.legs.values():
            leg.session.stop()
            self.ice.close(leg.name)
        self.transport.close()

    def _terms(self, credentials: Credentials) -> BrowserTerms:
        host, port = self.transport.get_extra_info("sockname")
        return BrowserTerms(
            ufrag=credentials.ufrag,
            password=credentials.password,
            fingerprint=fingerprint(self.certificate),
            candidates=(Candidate(address=host, port=port, priority=2130706431),),
            cname="visit",
            ssrcs=SSRCS,
        )

    def _send(self, leg: Leg, data: bytes) -> None:
        self.transport.sendto(data, self.ice.address(leg.name))

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        if data and data[0] < 4:
            self._checked(data, source)
            return
        leg = self.legs.get(self.ice.leg(source) or "")
        if leg is None or not data:
            return
        if 20 <= data[0] <= 63:
            leg.session.receive(data)
        elif 128 <= data[0] <= 191 and leg.srtp and not 192 <= data[1] <= 223:
            self._media(leg, leg.srtp, data)

    def _checked(self, data: bytes, source: tuple[str, int]) -> None:
        received = self.ice.receive(data, source, time.monotonic())
        if received.reply:
            self.transport.sendto(received.reply, source)
        if isinstance(received.event, Nominated):
            self.legs[received.event.leg].nominations.append(received.event)
            self.legs[received.event.leg].moved.set()

    def _media(self, leg: Leg, srtp: tuple[Session, Session], data: bytes) -> None:
        try:
            packet = srtp[0].unprotect(data)
        except SrtpError:
            leg.unreadable += 1
            return
        leg.received.append(packet)
        leg.heard.set()
        if leg.echo:
            kind = Kind.VIDEO if packet[0] & 0x10 else Kind.AUDIO
            echoed = packet[:8] + SSRCS[kind].to_bytes(4, "big") + packet[12:]
            self._send(leg, srtp[1].protect(echoed))
