"""The media of a simulated phone's call: a thread that sends, receives and decodes."""

import os
import selectors
import socket
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

from parloir.phone_flow import Flow, Ports
from parloir.phone_report import StreamReport
from parloir.phone_streams import Picture, Show, Sound
from parloir.rtp.agreement import Agreement
from parloir.rtp.description import Kind
from parloir.rtp.errors import RtpError

_REPORTS = 1.0
_MOST_READS = 64
_MOST_BYTES = 2048

Stream = Sound | Picture


class PhoneMedia:
    """A call's media, from its start to `stop`. Reports come into `reports` once a second."""

    def __init__(self, agreement: Agreement, audio: Ports, video: Ports | None, show: Show) -> None:
        cname = os.urandom(6).hex()
        self.reports: SimpleQueue[dict[Kind, StreamReport]] = SimpleQueue()
        self._sound = Sound(Flow(agreement.audio, audio, cname), show)
        self._picture: Picture | None = None
        if agreement.video and video:
            self._picture = Picture(Flow(agreement.video, video, cname), show)
        self.streams: list[Stream] = [s for s in (self._sound, self._picture) if s]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="media", daemon=True)
        self._thread.start()

    def dial(self, digit: str) -> None:
        """Press a key: sent as RFC 4733 where the other side knows it."""
        self._sound.dial(digit)

    def update(self, agreement: Agreement) -> None:
        """Take new addresses and directions (a re-INVITE); the codecs must be the same."""
        for stream in self.streams:
            agreed = next((a for a in agreement.streams if a.kind == stream.flow.agreed.kind), None)
            if agreed:
                stream.flow.agreed = agreed

    def stop(self) -> None:
        """Say BYE in RTCP and end the thread; the ports stay bound."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            for stream in self.streams:
                selector.register(stream.flow.ports.rtp, selectors.EVENT_READ, (stream, _take_media))
                selector.register(stream.flow.ports.rtcp, selectors.EVENT_READ, (stream, _take_control))
            report_at = time.monotonic() + _REPORTS
            while not self._stopping.is_set():
                due = min(report_at, *(stream.due() for stream in self.streams))
                for key, _ in selector.select(max(0.0, due - time.monotonic())):
                    stream, read = key.data
                    assert isinstance(key.fileobj, socket.socket)
                    _drain(key.fileobj, stream, read)
                now = time.monotonic()
                for stream in self.streams:
                    if stream.due() <= now:
                        stream.send(now)
                if report_at <= now:
                    report_at += _REPORTS
                    self._report(now)
            for stream in self.streams:
                stream.flow.goodbye()

    def _report(self, now: float) -> None:
        for stream in self.streams:
            lost = isinstance(stream, Picture) and stream.lost(now)
            stream.flow.report_out(now, picture_lost=lost)
        self.reports.put({stream.flow.agreed.kind: stream.report() for stream in self.streams})


def _drain(sock: socket.socket, stream: Stream, read: Callable[[Stream, bytes, float], None]) -> None:
    """Read what waits on a socket, in bounded bursts; what is malformed is a stray."""
    for _ in range(_MOST_READS):
        try:
            data = sock.recv(_MOST_BYTES)
        except OSError:
            return
        try:
            read(stream, data, time.monotonic())
        except RtpError:
            stream.flow.watch.seen.strays += 1


def _take_media(stream: Stream, data: bytes, now: float) -> None:
    found = stream.flow.receive(data, now)
    if found:
        stream.take(*found, now)


def _take_control(stream: Stream, data: bytes, now: float) -> None:
    if stream.flow.control(data, now):
        stream.keyframe_asked()
