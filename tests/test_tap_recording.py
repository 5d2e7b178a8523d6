"""A call through a relay onto the disk and out again: flash and beep together, with a network that loses packets."""

from functools import partial
from pathlib import Path

import pytest

from parloir.export.mkv import make
from parloir.relay import commands
from parloir.relay.journal import Record, RecordKind
from parloir.rtp import rtcp
from parloir.rtp.description import Kind
from parloir.rtp.packet import Packet

from .listening_end import (
    KEY,
    announce,
    terms,
    wired,  # noqa: F401
)
from .media_ends import BROWSER_VIDEO_TYPE
from .recorded_call import Network, beeps, flashes, party, spans
from .relay_rig import Call, over_amp, rest, soon

SECONDS = 20
OFFSET = 0.08


def send(call: Call, record: Record) -> None:
    """Send what a party sends, from its own socket."""
    inside, kind = record.stream <= 2, Kind.AUDIO if record.stream % 2 else Kind.VIDEO
    if record.kind is RecordKind.RTCP:
        (report,) = rtcp.parse(record.data)
        if inside:
            call.phone.tell(report, kind=Kind.AUDIO)
        else:
            call.browser.tell(report)
        return
    packet = Packet.parse(record.data)
    if inside:
        call.phone.send(packet, kind)
    elif kind is Kind.AUDIO:
        call.browser.send(packet)
    else:
        video = Packet(
            BROWSER_VIDEO_TYPE, packet.sequence, packet.timestamp, packet.ssrc, packet.payload, packet.marker
        )
        call.browser.send(video)


@over_amp
async def test_lossy_call_is_recorded_whole_with_sound_and_picture_together(call: Call, tmp_path: Path) -> None:
    await call.connect()
    await announce(call, "record")
    await call.do(commands.StartRecording, terms=terms(tmp_path))
    await call.do(commands.Join)
    bad = partial(Network, jitter=0.02, reordered=0.05, loss=0.02)
    inside = party(1, SECONDS, bad(0.02, 0.14, seed=5), 0.0)
    visitor = party(3, SECONDS, bad(0.12, 0.03, seed=6), 0.0)
    everything = sorted(inside + visitor, key=lambda record: record.arrival)
    start = call.relay._clock()
    for number, record in enumerate(everything):
        ahead = start + record.arrival - call.relay._clock()
        if ahead > 0:
            if ahead > 4_000_000:
                await rest(0)
            call.relay.ahead += ahead
        if record.arrival // 1_000_000_000 % 2 and record.kind is RecordKind.RTCP:
            call.browser.transport.check()
        send(call, record)
        await rest(0 if number % 4 else 0.002)  # no more at once than a relay's sockets hold
    await rest(0.1)
    await call.do(commands.CloseBridge)
    await soon(lambda: call.gateway.heard("recorded", "r1", ""), "the recording's end")
    found = make(tmp_path / "r1.journal", KEY, tmp_path / "r1.mkv")
    assert found.faults == ()
    sent = len([record for record in everything if record.kind is RecordKind.RTP])
    assert found.packets == pytest.approx(sent, rel=0.005)  # a few came too late to be forwarded
    tracks = spans(tmp_path / "r1.mkv")
    assert len(tracks) == 4
    for _, first, last in tracks:
        assert last - first == pytest.approx(SECONDS, abs=0.15)
    for number in (0, 1):
        light, sound = flashes(tmp_path / "r1.mkv", number), beeps(tmp_path / "r1.mkv", number)
        assert len(light) == len(sound) == 5
        assert max(abs(seen - heard) for seen, heard in zip(light, sound, strict=True)) < OFFSET
