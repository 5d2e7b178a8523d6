"""The far ends of a relay's calls: phones and browsers that are sockets of the test's own."""

import asyncio
import socket
from typing import Any

from parloir.bench_browser import BrowserTransport, Identity
from parloir.relay.bodies import BrowserSide, BrowserStream, BrowserTerms, PhonePorts, PhoneSide, PhoneStream
from parloir.relay.srtp import Workbench
from parloir.rtp.description import Address, Kind
from parloir.rtp.packet import Packet, is_rtcp
from parloir.rtp.rtcp import Rtcp, build, parse

AUDIO_TYPE, VIDEO_TYPE, EVENT_TYPE, BROWSER_VIDEO_TYPE, SEND_TIME = 0, 97, 101, 108, 3
FEEDBACK = frozenset({"nack pli", "ccm fir"})
TYPES = {Kind.AUDIO: AUDIO_TYPE, Kind.VIDEO: VIDEO_TYPE}
BROWSER_TYPES = {Kind.AUDIO: AUDIO_TYPE, Kind.VIDEO: BROWSER_VIDEO_TYPE}
CLOCKS = {Kind.AUDIO: 8000, Kind.VIDEO: 90_000}
CODECS = {Kind.AUDIO: "PCMU", Kind.VIDEO: "H264"}


class Wire:
    """A socket of the test's and what it has received, split into RTP and RTCP."""

    def __init__(self, bound: socket.socket | None = None) -> None:
        self.socket = bound or socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        if bound is None:
            self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.rtp: list[Packet] = []
        self.rtcp: list[Rtcp] = []
        asyncio.get_event_loop().add_reader(self.socket, self._read)

    @property
    def address(self) -> Address:
        """Where the socket is bound."""
        return Address(*self.socket.getsockname())

    def close(self) -> None:
        """Close the socket."""
        asyncio.get_event_loop().remove_reader(self.socket)
        self.socket.close()

    def take(self, datagram: bytes) -> None:
        """Sort a datagram."""
        if is_rtcp(datagram):
            self.rtcp += parse(datagram)
        else:
            self.rtp.append(Packet.parse(datagram))

    def _read(self) -> None:
        try:
            while True:
                self.take(self.socket.recv(4096))
        except BlockingIOError:
            return
        except ConnectionError:
            return


class Phone:
    """A phone: a socket for each stream's RTP and RTCP."""

    def __init__(self, video: bool = True) -> None:
        self.kinds = (Kind.AUDIO, Kind.VIDEO) if video else (Kind.AUDIO,)
        self.rtp = {kind: Wire() for kind in self.kinds}
        self.rtcp = {kind: Wire() for kind in self.kinds}
        self.ports: dict[Kind, int] = {}

    def side(self, **more: Any) -> PhoneSide:
        """What this phone agreed to; `more` changes every stream."""
        return PhoneSide(streams=tuple(self.stream(kind, **more) for kind in self.kinds))

    def stream(self, kind: Kind, **more: Any) -> PhoneStream:
        """One stream of it."""
        terms: dict[str, Any] = {
            "kind": kind,
            "remote": self.rtp[kind].address,
            "rtcp": self.rtcp[kind].address,
            "codec": CODECS[kind],
            "clock": CLOCKS[kind],
            "send_type": TYPES[kind],
            "receive_type": TYPES[kind],
            "events": ((EVENT_TYPE, 8000),) if kind is Kind.AUDIO else (),
            "feedback": FEEDBACK if kind is Kind.VIDEO else frozenset(),
        }
        return PhoneStream(**terms | more)

    def opened(self, ports: PhonePorts) -> None:
        """The relay's ports, as the phone learns them from SDP."""
        self.ports[Kind.AUDIO] = ports.audio
        if ports.video is not None:
            self.ports[Kind.VIDEO] = ports.video

    def send(self, packet: Packet, kind: Kind = Kind.AUDIO) -> None:
        """Send RTP."""
        self.rtp[kind].socket.sendto(packet.build(), ("127.0.0.1", self.ports[kind]))

    def tell(self, *packets: Rtcp, kind: Kind = Kind.VIDEO) -> None:
        """Send RTCP."""
        self.rtcp[kind].socket.sendto(build(*packets), ("127.0.0.1", self.ports[kind] + 1))

    def close(self) -> None:
        """Close the sockets."""
        for wire in (*self.rtp.values(), *self.rtcp.values()):
            wire.close()


IDENTITY = Identity.new()


class Browser(Wire):
    """A browser's transport with its media; it checks once when it calls and then only on `check`."""

    def __init__(self, video: bool = True) -> None:
        self.bench = Workbench()
        self.transport = BrowserTransport(IDENTITY, self.bench)
        self.kinds = (Kind.AUDIO, Kind.VIDEO) if video else (Kind.AUDIO,)
        self.terms: BrowserTerms | None = None
        self.datagrams: list[bytes] = []
        super().__init__(self.transport.socket)

    def side(self, **more: Any) -> BrowserSide:
        """What this browser agreed to."""
        streams = tuple(
            BrowserStream(
                kind=kind,
                codec=CODECS[kind],
                clock=CLOCKS[kind],
                payload_type=BROWSER_TYPES[kind],
                abs_send_time=SEND_TIME if kind is Kind.VIDEO else None,
                **more,
            )
            for kind in self.kinds
        )
        return BrowserSide(fingerprints=(IDENTITY.fingerprint,), streams=streams)

    def call(self, terms: BrowserTerms) -> None:
        """Connect to the relay."""
        self.terms = terms
        self.transport.call(terms)

    def send(self, packet: Packet) -> None:
        """Send SRTP."""
        self.socket.send(self.transport.media(packet.build()))

    def tell(self, *packets: Rtcp) -> None:
        """Send SRTCP."""
        sealed = self.bench.control(self.transport.sends, build(*packets), "send")
        assert sealed is not None
        self.socket.send(sealed)

    def take(self, datagram: bytes) -> None:
        media = self.transport.receive(datagram)
        if media is None:
            return
        self.datagrams.append(media)
        if is_rtcp(media):
            plain = self.bench.control(self.transport.receives, media, "receive")
        else:
            plain = self.transport.plain(media)
        if plain is not None:
            super().take(plain)
