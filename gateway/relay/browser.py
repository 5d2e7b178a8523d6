"""The browser's leg: SRTP at the address that ICE has nominated, under the keys of its DTLS session."""

import secrets
from collections.abc import Callable
from typing import Any

from parloir.relay.association import Association
from parloir.relay.bandwidth import Uplink
from parloir.relay.bodies import BrowserSide, BrowserStream
from parloir.relay.commands import Refused
from parloir.relay.entries import Drop, RawAddress
from parloir.relay.leg import Leg, Stream
from parloir.relay.party_clock import OwnClock
from parloir.relay.switch import Switch
from parloir.rtp import rtcp
from parloir.rtp.description import Kind
from parloir.rtp.flow import Leg as Party
from parloir.webrtc.dtls import Certificate

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
        later: Callable[..., Any],
    ) -> None:
        super().__init__(Party.BROWSER, switch, ntp, cname, later)
        self.name = name
        self._association = Association(switch, fd, certificate, lambda: up(self), lambda why: down(self, why))
        self.peer = self._association.peer
        self.ssrcs = {kind: secrets.randbits(32) for kind in Kind}
        self.uplink: Uplink | None = None
        self._started = False

    @property
    def secured(self) -> bool:
        """Whether the browser's keys are there."""
        return self._association.secured

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
        self._association.start(side.fingerprints)

    def move(self, address: RawAddress) -> None:
        """ICE says that the browser is at this address now."""
        self._association.move(address)

    @property
    def placed(self) -> bool:
        """Whether the browser's address is known."""
        return self._association.placed

    def handshake(self, datagram: bytes) -> None:
        """Take a DTLS datagram of this browser's."""
        self._association.handshake(datagram)

    def estimate(self) -> None:
        """Bring the bandwidth estimate up to date, and tell the browser at once if it has fallen."""
        video = self.streams.get(Kind.VIDEO)
        if video is not None and self.uplink is not None:
            self.uplink.feed(self.switch.table.take_frames(video.source))
            if self.uplink.fell():
                self.tell_bitrate()

    def limit(self, most: int | None) -> None:
        """Let the browser send no more video than this, and than the phone's description allows; bits a second."""
        video = self.streams.get(Kind.VIDEO)
        if video is not None and self.uplink is not None:
            stated = video.bitrate or DEFAULT_BITRATE
            self.uplink.most = stated if most is None else min(stated, most)

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
        self._association.close()
        for stream in self.streams.values():
            self.switch.table.remove_source(stream.source)
        self.streams.clear()
        self.sessions.clear()

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
