"""The browser's leg: SRTP at the address that ICE has nominated, under the keys of its DTLS session."""

import secrets
from collections.abc import Callable

from parloir.relay.bandwidth import Uplink
from parloir.relay.commands import BrowserSide, BrowserStream, Refused
from parloir.relay.entries import Drop, RawAddress
from parloir.relay.errors import BadKey
from parloir.relay.leg import Leg, Stream
from parloir.relay.party_clock import OwnClock
from parloir.relay.switch import Switch
from parloir.rtp import rtcp
from parloir.rtp.description import Kind
from parloir.rtp.flow import Leg as Party
from parloir.webrtc.dtls import Certificate, DtlsSession, Keys

DEFAULT_BITRATE = 1_000_000
"""What a browser is told to send at most where the phone named no limit, in bits a second."""


class BrowserLeg(Leg):
    """One association with a browser. `up` is called when its keys are there, `down` with the reason when it failed."""

    def __init__(
        self,
        name: str,
        switch: Switch,
        ntp: OwnClock,
        cname: str,
        fd: int,
        certificate: Certificate,
        up: Callable[["BrowserLeg"], None],
        down: Callable[["BrowserLeg", str], None],
    ) -> None:
        super().__init__(Party.BROWSER, switch, ntp, cname)
        self.name = name
        self.peer = switch.add_peer(fd)
        self.ssrcs = {kind: secrets.randbits(32) for kind in Kind}
        self.secured = False
        self.uplink: Uplink | None = None
        self._fd = fd
        self._address: RawAddress | None = None
        self._contexts: tuple[int, ...] = ()
        self._report_up = up
        self._report_down = down
        self._dtls = DtlsSession(certificate, self._send, self._up, self._down)
        self._started = False

    def set(self, side: BrowserSide) -> None:
        """Begin the handshake with the browser that has these fingerprints. Raises Refused the second time."""
        if self._started:
            raise Refused("this browser leg was set before; open another")
        if len({stream.kind for stream in side.streams}) != len(side.streams):
            raise Refused("a browser has each kind of media once")
        self._started = True
        for wanted in side.streams:
            self._new_stream(wanted)
        self.add_session(self.peer, *(wanted.kind for wanted in side.streams))
        self._dtls.start(side.fingerprints)

    def move(self, address: RawAddress) -> None:
        """ICE says that the browser is at this address now."""
        self._address = address
        self.switch.move_peer(self.peer, address)

    @property
    def placed(self) -> bool:
        """Whether the browser's address is known."""
        return self._address is not None

    def handshake(self, datagram: bytes) -> None:
        """Take a DTLS datagram of this browser's."""
        self._dtls.receive(datagram)

    def estimate(self) -> None:
        """Bring the bandwidth estimate up to date, and tell the browser at once if it has fallen."""
        video = self.streams.get(Kind.VIDEO)
        if video is not None and self.uplink is not None:
            self.uplink.feed(self.switch.table.take_frames(video.source))
            if self.uplink.fell():
                self.tell_bitrate()

    def tell_bitrate(self) -> None:
        """Tell the browser how much video it may send (REMB)."""
        video = self.streams.get(Kind.VIDEO)
        if video is None or self.uplink is None:
            return
        theirs = self.switch.table.source(video.source).ssrc
        if theirs >= 0:
            report = rtcp.ReceiverReport(video.ssrc)
            estimate = rtcp.Remb(video.ssrc, self.uplink.tell(), (theirs,))
            self.switch.send_control(self.peer, rtcp.build(report, estimate))

    def dropped(self) -> dict[Drop, int]:
        """What of this leg's went no further, by reason."""
        return self.switch.table.dropped(self.peer)

    def close(self) -> None:
        """Say goodbye and forget everything."""
        self._dtls.stop()
        self.switch.remove_peer(self.peer)
        for stream in self.streams.values():
            self.switch.table.remove_source(stream.source)
        for context in self._contexts:
            self.switch.remove_context(context)
        self.streams.clear()
        self.sessions.clear()
        self._contexts = ()

    def _new_stream(self, wanted: BrowserStream) -> None:
        table = self.switch.table
        video = wanted.kind is Kind.VIDEO
        source = table.add_source(wanted.clock, frozenset(wanted.ssrcs))
        ssrc = self.ssrcs[wanted.kind]
        step = wanted.clock // 30 if video else wanted.clock // 50
        sink = table.add_sink(
            self.peer, ssrc, wanted.clock, step, secrets.randbits(15), secrets.randbits(32), resend=video
        )
        route = table.add_route(self.peer, wanted.payload_type, source, wanted.abs_send_time or 0)
        self.streams[wanted.kind] = Stream(
            wanted.kind,
            wanted.codec,
            wanted.clock,
            wanted.payload_type,
            source,
            sink,
            route,
            ssrc,
            bitrate=wanted.bitrate,
        )
        if video:
            self.uplink = Uplink(wanted.bitrate or DEFAULT_BITRATE)

    def _send(self, datagram: bytes) -> None:
        if self._address is not None:
            self.switch.send_datagram(self._fd, self._address, datagram)

    def _up(self, keys: Keys) -> None:
        try:
            receive = self.switch.add_context(keys.profile, keys.receive_key, keys.receive_salt, "receive")
            send = self.switch.add_context(keys.profile, keys.send_key, keys.send_salt, "send")
        except BadKey as error:
            self._down(str(error))
            return
        self._contexts = (receive, send)
        self.switch.table.set_contexts(self.peer, receive, send)
        self.secured = True
        self._report_up(self)

    def _down(self, why: str) -> None:
        self.secured = False
        self._report_down(self, why)
