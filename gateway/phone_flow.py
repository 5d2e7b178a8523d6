"""RTP and RTCP of one stream of a simulated phone, on its own two ports."""

import random
import socket
import time

from parloir.phone_report import Watch
from parloir.rtp import rtcp
from parloir.rtp.agreement import Agreed
from parloir.rtp.description import Address
from parloir.rtp.direction import hears, stated
from parloir.rtp.packet import Packet
from parloir.rtp.statistics import middle, ntp_time, round_trip

_TRIES = 200


class Ports:
    """An even RTP port and the RTCP port after it, bound on one address."""

    def __init__(self, host: str) -> None:
        self.rtp, self.rtcp = _bound_pair(host)
        self.number: int = self.rtp.getsockname()[1]

    def close(self) -> None:
        """Give the ports back."""
        self.rtp.close()
        self.rtcp.close()


def _bound_pair(host: str) -> tuple[socket.socket, socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(_TRIES):
        rtp, control = (socket.socket(family, socket.SOCK_DGRAM) for _ in range(2))
        try:
            rtp.bind((host, 0))
            number = rtp.getsockname()[1]
            if number % 2 == 0 and number < 65535:
                control.bind((host, number + 1))
                rtp.setblocking(False)
                control.setblocking(False)
                return rtp, control
        except OSError:
            pass
        rtp.close()
        control.close()
    raise OSError("no even UDP port with a free one after it")


class Flow:
    """The RTP and RTCP of one stream: numbers going out, counters coming in."""

    def __init__(self, agreed: Agreed, ports: Ports, cname: str) -> None:
        self.agreed = agreed
        self.ports = ports
        self.ssrc = random.getrandbits(32)
        self.watch = Watch(agreed.phone.codec.clock)
        self.sent = self.octets = self.asked = 0
        self.round_trip: float | None = None
        self._cname = cname
        self._sequence = random.getrandbits(15)
        self._base = random.getrandbits(32)
        self._last_report = (0, 0.0)
        self._fir = 0
        self._timestamp = self._base
        self._sent_at = 0.0

    def send(self, payload: bytes, ticks: int, marker: bool, now: float, payload_type: int | None = None) -> None:
        """One packet, `ticks` after the beginning on the media's clock; nothing while the other side hears nothing."""
        if not hears(stated(self.agreed.media)):
            return
        kind = self.agreed.phone.payload_type if payload_type is None else payload_type
        self._timestamp, self._sent_at = self._base + ticks & 0xFFFFFFFF, now
        data = Packet(kind, self._sequence, self._timestamp, self.ssrc, payload, marker).build()
        self._sequence = self._sequence + 1 & 0xFFFF
        self.sent += 1
        self.octets += len(payload)
        self._out(self.ports.rtp, data, self.agreed.address)

    def receive(self, data: bytes, now: float) -> tuple[Packet, bool] | None:
        """A packet of a type that was agreed, and whether others before it are missing."""
        packet = Packet.parse(data)
        event = self.agreed.event
        if packet.payload_type not in (self.agreed.receive_type, event.payload_type if event else None):
            self.watch.seen.strays += 1
            return None
        return packet, self.watch.saw(packet, len(data), now)

    def control(self, data: bytes, now: float) -> bool:
        """Take RTCP; whether it asks for a keyframe."""
        wanted = False
        for packet in rtcp.parse(data):
            match packet:
                case rtcp.SenderReport(_, ntp, _, _, _, blocks):
                    self._last_report = middle(ntp), now
                    self._measure(blocks)
                case rtcp.ReceiverReport(_, blocks):
                    self._measure(blocks)
                case rtcp.PictureLoss():
                    wanted = True
                case rtcp.FullIntra(_, requests):
                    fresh = [number for ssrc, number in requests if ssrc == self.ssrc and number != self._fir]
                    self._fir, wanted = (fresh[-1], True) if fresh else (self._fir, wanted)
        self.asked += wanted
        return wanted

    def _measure(self, blocks: tuple[rtcp.Block, ...]) -> None:
        for block in blocks:
            if block.ssrc == self.ssrc:
                self.round_trip = round_trip(block, ntp_time(time.time()))

    def report_out(self, now: float, picture_lost: bool) -> None:
        """Send a report with our CNAME, and PLI where a picture is wanted."""
        reception = self.watch.reception
        last, came = self._last_report
        blocks = (reception.block(last, now - came if last else 0),) if reception else ()
        first: rtcp.SenderReport | rtcp.ReceiverReport = rtcp.ReceiverReport(self.ssrc, blocks)
        if self.sent:
            elapsed = round((now - self._sent_at) * self.agreed.phone.codec.clock)
            stamp = self._timestamp + elapsed & 0xFFFFFFFF
            first = rtcp.SenderReport(self.ssrc, ntp_time(time.time()), stamp, self.sent, self.octets, blocks)
        packets: list[rtcp.Rtcp] = [first, rtcp.SourceDescription(self.ssrc, self._cname)]
        if picture_lost:
            packets.append(rtcp.PictureLoss(self.ssrc, reception.ssrc if reception else 0))
        self._control_out(rtcp.build(*packets))

    def goodbye(self) -> None:
        """Send BYE."""
        self._control_out(rtcp.build(rtcp.ReceiverReport(self.ssrc), rtcp.Bye((self.ssrc,))))

    def _control_out(self, data: bytes) -> None:
        media = self.agreed.media
        rtp = self.agreed.address
        self._out(self.ports.rtcp, data, media.rtcp or Address(rtp.host, min(65535, rtp.port + 1)))

    @staticmethod
    def _out(sock: socket.socket, data: bytes, to: Address) -> None:
        try:
            sock.sendto(data, (to.host, to.port))
        except OSError:
            return  # the network says no: to a receiver that is loss like any other
