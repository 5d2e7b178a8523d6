"""A real Chromium takes our answer; its media is read, and it sees and hears what is sent back to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from parloir.relay.bodies import BrowserTerms
from parloir.rtp.description import Format, Kind
from parloir.webrtc.dtls import Profile
from parloir.webrtc.sdp import FEEDBACK, BrowserOffer, Chosen, answer, read

from ..browser_port import BrowserPort, Leg
from ..dtls_peer import on_loop
from .browser import Browser, Page
from .picture import BLUE

TONE = 880
JOIN = """async () => {
    const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 240 } });
    window.pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    for (const track of media.getTracks()) pc.addTrack(track, media);
    pc.createDataChannel("unwanted");
    const shown = document.body.appendChild(document.createElement("video"));
    pc.ontrack = ({ streams }) => { shown.srcObject = streams[0]; shown.play(); };
    await pc.setLocalDescription();
    return pc.localDescription.sdp;
}"""
RESTART = "async () => { pc.restartIce(); await pc.setLocalDescription(); return pc.localDescription.sdp; }"
TAKE = "async (sdp) => { await pc.setRemoteDescription({ type: 'answer', sdp }); }"


@dataclass
class Visitor:
    """A page and the leg it is connected to."""

    page: Page
    leg: Leg
    offer: BrowserOffer

    async def do(self, script: str) -> str:
        return str(await asyncio.to_thread(self.page.evaluate, script))

    async def take(self, terms: BrowserTerms, version: int = 1) -> None:
        sdp = answer(self.offer, chosen(self.offer, Kind.AUDIO), chosen(self.offer, Kind.VIDEO), terms, version)
        await self.do(f"({TAKE})({sdp!r})")

    async def connected(self) -> None:
        await asyncio.to_thread(
            self.page.wait_until,
            lambda: self.page.evaluate("pc.connectionState === 'connected' || null"),
            "connection",
            20.0,
        )


def chosen(offer: BrowserOffer, kind: Kind) -> Chosen:
    """PCMU, or H.264 constrained baseline in mode 1."""
    line = offer.description.first(kind)
    assert line is not None
    if kind is Kind.AUDIO:
        return Chosen(next(form for form in line.formats if form.codec.name == "PCMU"), ptime=20)
    wanted = {"profile-level-id": "42e01f", "packetization-mode": "1"}
    form = next(
        f for f in line.formats if f.codec.name == "H264" and wanted.items() <= dict(f.codec.parameters).items()
    )
    return Chosen(Format(form.payload_type, form.codec, form.feedback & FEEDBACK), bitrate=512_000)


@asynccontextmanager
async def visit(home: Path) -> AsyncIterator[tuple[BrowserPort, Visitor]]:
    """A Chromium on a page of nothing, and a port that echoes what it sends."""
    body = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<body>"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    port = await BrowserPort.bind()
    browser = await asyncio.to_thread(lambda: Browser(home, tone=TONE, colour=BLUE))
    try:
        page = await asyncio.to_thread(browser.open, url)
        leg = port.open("visitor")
        leg.echo = True
        offer = read(await asyncio.to_thread(page.evaluate, JOIN))
        port.start(leg, offer)
        visitor = Visitor(page, leg, offer)
        await visitor.take(leg.terms)
        await visitor.connected()
        yield port, visitor
    finally:
        await asyncio.to_thread(browser.stop)
        port.close()
        server.close()
        await server.wait_closed()


@on_loop
async def test_chromium_sees_and_hears_itself_through_our_answer(tmp_path: Path) -> None:
    async with visit(tmp_path) as (_, visitor):
        leg, page = visitor.leg, visitor.page
        assert (await leg.keys).profile is Profile.AES_128_GCM
        await asyncio.to_thread(page.wait_to_see, BLUE, 20.0)
        await asyncio.to_thread(page.wait_to_hear, TONE, 20.0)
        assert leg.unreadable == 0
        video_type = chosen(visitor.offer, Kind.VIDEO).format.payload_type
        announced = {*visitor.offer.ssrcs(Kind.AUDIO), *visitor.offer.ssrcs(Kind.VIDEO)}
        assert {packet[1] & 0x7F for packet in leg.received} == {0, video_type}
        assert {int.from_bytes(packet[8:12], "big") for packet in leg.received} == announced
        assert await visitor.do("pc.getTransceivers().map((t) => t.currentDirection).join()") == "sendrecv,sendrecv"


@on_loop
async def test_chromium_sends_no_header_extension_but_abs_send_time(tmp_path: Path) -> None:
    async with visit(tmp_path) as (_, visitor):
        await asyncio.to_thread(visitor.page.wait_to_see, BLUE, 20.0)
        packets = visitor.leg.received
        extended = [packet for packet in packets if packet[0] & 0x10]
        assert {packet[1] & 0x7F for packet in packets if not packet[0] & 0x10} == {0}
        assert {packet[12:14] for packet in extended} == {b"\xbe\xde"}
        number = visitor.offer.abs_send_time(Kind.VIDEO)
        assert {(packet[16] >> 4, packet[16] & 15, packet[14:16]) for packet in extended} == {(number, 2, b"\0\1")}


@on_loop
async def test_an_ice_restart_keeps_the_same_dtls_and_media(tmp_path: Path) -> None:
    async with visit(tmp_path) as (port, visitor):
        leg, before = visitor.leg, visitor.offer.ufrag
        await asyncio.wait_for(leg.heard.wait(), 20)
        nominated = len(leg.nominations)
        leg.moved.clear()
        visitor.offer = read(await visitor.do(RESTART))
        assert visitor.offer.ufrag != before
        await visitor.take(port.restart(leg), version=2)
        await visitor.connected()
        leg.heard.clear()
        await asyncio.wait_for(leg.heard.wait(), 20)
        await asyncio.wait_for(leg.moved.wait(), 20)
        assert len(leg.nominations) > nominated
        assert leg.unreadable == 0
        assert not leg.ended.done()
