"""ICE-lite, DTLS-SRTP and the answer together, against aiortc's whole RTCPeerConnection over loopback."""

import asyncio

from aiortc import RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack
from av import AudioFrame

from parloir.rtp.description import Format, Kind
from parloir.webrtc.sdp import BrowserOffer, Chosen, answer, read

from .browser_port import BrowserPort, Leg
from .dtls_peer import on_loop


def first(offer: BrowserOffer, kind: Kind, name: str) -> Chosen:
    line = offer.description.first(kind)
    assert line is not None
    form = next(each for each in line.formats if each.codec.name == name)
    return Chosen(Format(form.payload_type, form.codec))


async def connect(port: BrowserPort, leg: Leg) -> RTCPeerConnection:
    page = RTCPeerConnection()
    page.addTrack(AudioStreamTrack())
    video = page.addTransceiver(VideoStreamTrack())
    video.setCodecPreferences([c for c in RTCRtpSender.getCapabilities("video").codecs if c.mimeType == "video/H264"])
    await page.setLocalDescription(await page.createOffer())
    offer = read(page.localDescription.sdp)
    sdp = answer(offer, first(offer, Kind.AUDIO, "PCMU"), first(offer, Kind.VIDEO, "H264"), leg.terms)
    port.start(leg, offer)
    await page.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
    return page


@on_loop
async def test_two_visitors_share_a_port_and_their_media_is_told_apart() -> None:
    port = await BrowserPort.bind()
    legs = [port.open("ann"), port.open("ben")]
    pages = [await connect(port, leg) for leg in legs]
    for leg in legs:
        await asyncio.wait_for(leg.heard.wait(), 20)
    assert legs[0].nominations[-1].address != legs[1].nominations[-1].address
    assert [leg.unreadable for leg in legs] == [0, 0]
    assert [page.connectionState for page in pages] == ["connected", "connected"]
    for page in pages:
        await page.close()
    for leg in legs:
        assert await asyncio.wait_for(leg.ended, 5) == "closed by the browser"
    port.close()


@on_loop
async def test_what_is_sent_to_a_visitor_is_heard() -> None:
    port = await BrowserPort.bind()
    leg = port.open("ann")
    leg.echo = True
    page = await connect(port, leg)
    sound = page.getReceivers()[0].track
    frame = await asyncio.wait_for(sound.recv(), 20)
    assert isinstance(frame, AudioFrame)
    assert frame.sample_rate == 8000
    await page.close()
    port.close()
