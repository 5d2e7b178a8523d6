"""Packets that have no business in a call stay out, and those that have come out as they went in."""

import socket
import struct
import time
from collections.abc import Sequence
from typing import Any

import pytest

from .gateway_process import Gateway, when
from .pace import Lateness
from .packets import Received, clock, gaps, is_ours
from .raw_phone import RawPhone
from .stage import Stage
from .visitor import Visitor

LATE = 0.8
"""Seconds by which a packet may be late; a clock that stood still while the notice played is off by more."""


def talking(stage: Stage, phone: RawPhone) -> tuple[Gateway, dict[str, Any], Visitor]:
    gateway = stage.gateway({"pod-a-1": phone.address})
    visit = gateway.add_visit()
    visitor = stage.visitor(visit)
    visitor.join()
    phone.talk(phone.wait_for("INVITE").body)
    visitor.wait_for_state("talking")
    return gateway, visit, visitor


def streams(phone: RawPhone, visitor: Visitor) -> dict[str, tuple[Sequence[Received], list[bytes]]]:
    """What each side received of each kind, with what the other sent."""
    assert phone.video is not None
    return {
        "phone audio": (phone.audio.received, visitor.tracks["audio"].sent),
        "phone video": (phone.video.received, visitor.tracks["video"].sent),
        "visitor audio": (visitor.received["audio"], phone.audio.sent),
        "visitor video": (visitor.received["video"], phone.video.sent),
    }


def even(kind: str, packets: Sequence[Received], late: Lateness) -> None:
    """No step in sequence numbers, and timestamps that run with the wall clock, as far as they came in time."""
    assert gaps(packets) == []
    assert len({packet.ssrc for packet in packets}) == 1
    first = packets[0]
    for packet in packets:
        ran = (packet.timestamp - first.timestamp & 0xFFFFFFFF) / clock(kind)
        assert abs(ran - (packet.at - first.at)) < late.limit(LATE), (kind, packet.sequence)


@pytest.mark.invariant
def test_media_from_a_stranger_never_reaches_the_visitor(stage: Stage, late: Lateness) -> None:
    phone = stage.raw_phone()
    gateway, visit, visitor = talking(stage, phone)
    assert phone.audio.remote is not None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        for number in range(100):
            header = struct.pack("!BBHII", 0x80, 0, len(phone.audio.sent) + number & 0xFFFF, 0, phone.audio.ssrc)
            stranger.sendto(header + b"stranger".ljust(160), phone.audio.remote)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere:
        elsewhere.bind(("127.0.0.9", 0))
        elsewhere.sendto(header + b"stranger".ljust(160), phone.audio.remote)
    visitor.wait_for_packets("audio", len(visitor.received["audio"]) + 100)
    assert not [p for p in visitor.received["audio"] if p.payload.startswith(b"stranger")]
    even("audio", visitor.received["audio"], late)
    visitor.leave()
    dropped = gateway.event(visit, "report")["data"]["dropped"]
    assert sum(dropped.values()) >= 100, dropped


@pytest.mark.invariant
def test_nothing_crosses_before_the_notice_has_ended(stage: Stage, late: Lateness) -> None:
    phone = stage.raw_phone()
    gateway, visit, visitor = talking(stage, phone)
    announced = when(gateway.event(visit, "announced"))
    for name, (received, sent) in streams(phone, visitor).items():
        wait_until_ours(received)
        packets = list(received)
        first = next(i for i, p in enumerate(packets) if is_ours(p.payload))
        assert packets[first].at >= announced - 0.01, name
        assert packets[first].at <= announced + late.limit(1.0), name
        assert sent.index(packets[first].payload) > 15, f"{name}: the sender had not sent before the notice's end"
        if "audio" in name:
            assert first > 200, f"{name}: the notice was not played"


def wait_until_ours(received: Sequence[Received], timeout: float = 30.0) -> None:
    deadline = time.monotonic() + timeout
    while not any(is_ours(packet.payload) for packet in list(received)):
        assert time.monotonic() < deadline, "nothing crossed"
        time.sleep(0.02)


def test_payloads_come_out_as_they_went_in_even_the_largest(stage: Stage) -> None:
    phone = stage.raw_phone(large=True)
    _, _, visitor = talking(stage, phone)
    visitor.wait_for_packets("video", 60)
    phone.wait_for_packets("video", 60)
    for name, (received, sent) in streams(phone, visitor).items():
        came = [packet.payload for packet in list(received) if is_ours(packet.payload)]
        start = sent.index(came[0])
        assert came == sent[start : start + len(came)], name
    assert max(len(p.payload) for p in visitor.received["video"]) == 1388


def test_streams_have_no_step_across_notice_hold_and_rejoin(stage: Stage, late: Lateness) -> None:
    phone = stage.raw_phone()
    gateway, visit, visitor = talking(stage, phone)
    visitor.wait_for_packets("audio", len(visitor.received["audio"]) + 50)
    held_from = len(visitor.messages)
    assert phone.request("INVITE", phone.sdp(direction="sendonly")).status == 200
    visitor.wait_for("status", start=held_from, state="held", why="phone")
    at_hold = len(phone.audio.received)
    assert phone.request("INVITE", phone.sdp()).status == 200
    visitor.wait_for("status", start=held_from, state="talking")
    phone.wait_for_packets("audio", at_hold + 50)
    for kind in ("audio", "video"):
        even(kind, list(visitor.received[kind]), late)

    visitor.vanish()
    gateway.event(visit, "browser_lost")
    again = stage.visitor(visit)
    again.join()
    again.wait_for_state("talking")
    again.wait_for_packets("video", 30)
    assert phone.video is not None
    even("audio", list(phone.audio.received), late)
    even("video", list(phone.video.received), late)
    for kind in ("audio", "video"):
        even(kind, list(again.received[kind]), late)
