"""A relay over AMP: keys, keyframes, retransmission, reports and bitrates."""

from functools import partial
from itertools import pairwise
from pathlib import Path

from parloir.relay import commands
from parloir.relay.bodies import Report
from parloir.rtp import rtcp
from parloir.rtp.description import Kind
from parloir.rtp.dtmf import press
from parloir.rtp.packet import Packet

from .media_ends import BROWSER_VIDEO_TYPE, EVENT_TYPE, FEEDBACK, Wire
from .relay_rig import (
    FIRST,
    Call,
    Gateway,
    connect,
    exchange,
    over_amp,
    picture,
    prompts,
    rest,
    settings,
    soon,
    sound,
    wired,  # noqa: F401
)


@over_amp
async def test_key_presses_are_told_once_each_and_never_reach_the_browser(call: Call) -> None:
    await call.connect()
    await call.join()
    number = 100
    call.phone.send(sound(99))
    for digit in "5#":
        stamp = number * 160
        for payload, marker in press(digit, clock=8000, milliseconds=60):
            call.phone.send(Packet(EVENT_TYPE, number, stamp, 77, payload, marker))
            number += 1
    call.phone.send(sound(number))
    await soon(lambda: call.gateway.heard("digit", "#"), "the second key")
    await soon(lambda: len([p for p in call.browser.rtp if p.payload == b"sound"]) == 2, "the sound around the keys")
    assert [said[1] for said in call.gateway.said if said[0] == "digit"] == ["5", "#"]
    sequences = [p.sequence for p in call.browser.rtp]
    assert {(after - before) & 0xFFFF for before, after in pairwise(sequences)} == {1}


@over_amp
async def test_a_keyframe_is_asked_for_at_the_join_and_when_the_other_side_asks(call: Call) -> None:
    await call.connect()
    await exchange(call, 1)
    await call.join()
    asked = call.phone.rtcp[Kind.VIDEO].rtcp
    await soon(lambda: [p for p in asked if isinstance(p, rtcp.PictureLoss)], "a PLI to the phone")
    await soon(lambda: [p for p in asked if isinstance(p, rtcp.FullIntra)], "a FIR to the phone")
    await soon(lambda: [p for p in call.browser.rtcp if isinstance(p, rtcp.PictureLoss)], "a PLI to the browser")
    await rest(0.6)
    before = len([p for p in asked if isinstance(p, rtcp.PictureLoss)])
    assert call.browser.terms is not None
    for _ in range(5):
        call.browser.tell(rtcp.PictureLoss(1, call.browser.terms.ssrcs[Kind.VIDEO]))
    await soon(lambda: len([p for p in asked if isinstance(p, rtcp.PictureLoss)]) > before, "a PLI passed on")
    await rest(0.1)
    assert len([p for p in asked if isinstance(p, rtcp.PictureLoss)]) == before + 1
    assert {p.media for p in asked if isinstance(p, rtcp.PictureLoss)} == {99}


@over_amp
async def test_a_nack_is_answered_with_the_very_bytes_that_were_sent(call: Call) -> None:
    await call.connect()
    await call.join()
    await exchange(call, 1)
    await soon(lambda: [p for p in call.browser.rtp if p.payload_type == BROWSER_VIDEO_TYPE], "the phone's picture")
    (lost,) = [p for p in call.browser.rtp if p.payload_type == BROWSER_VIDEO_TYPE]
    (original,) = [d for d in call.browser.datagrams if d[1] & 0x7F == BROWSER_VIDEO_TYPE]
    call.browser.tell(rtcp.Nack(1, lost.ssrc, (lost.sequence,)))
    await soon(lambda: call.browser.datagrams.count(original) == 2, "the packet again")


def blocks(wire: Wire, ssrc: int) -> list[rtcp.Block]:
    """What sender reports have told of one stream."""
    reports = [packet for packet in wire.rtcp if isinstance(packet, rtcp.SenderReport)]
    return [block for report in reports for block in report.blocks if block.ssrc == ssrc]


@over_amp
async def test_each_leg_gets_reports_of_its_own_in_one_time(call: Call) -> None:
    await call.connect()
    await call.join()
    for number in range(60):
        await exchange(call, number)
    for wire, ssrc in [
        (call.browser, 77),
        (call.browser, 99),
        (call.phone.rtcp[Kind.AUDIO], 77),
        (call.phone.rtcp[Kind.VIDEO], 99),
    ]:
        told = await soon(partial(blocks, wire, ssrc), "a report block")
        assert told[-1].lost == 0
        names = {p.cname for p in wire.rtcp if isinstance(p, rtcp.SourceDescription)}
        assert call.browser.terms is not None
        assert names == {call.browser.terms.cname}
    remb = [p for p in call.browser.rtcp if isinstance(p, rtcp.Remb)]
    assert {p.ssrcs for p in remb} == {(99,)}


@over_amp
async def test_the_figures_are_told_by_themselves(tmp_path: Path) -> None:
    gateway = Gateway()
    relay = connect(gateway)
    first = next(FIRST)
    terms = settings(prompts(tmp_path), first, first + 39, quality_interval=0.5)
    await gateway.do(commands.Configure, settings=terms)
    call = Call(gateway, relay)
    await call.connect()
    await call.join()
    for number in range(50):
        await exchange(call, number)
    reports = [said[1] for said in gateway.said if said[0] == "quality"]
    await soon(lambda: gateway.heard("quality"), "the figures")
    latest: Report = await call.do(commands.GetReport)
    phone, browser = ({stream.kind: stream for stream in side} for side in (latest.phone, latest.browser))
    assert phone[Kind.AUDIO].received == phone[Kind.VIDEO].received == 50
    assert browser[Kind.AUDIO].sent >= 50
    assert browser[Kind.VIDEO].sent == 50
    assert (phone[Kind.AUDIO].lost, phone[Kind.AUDIO].mos is not None, phone[Kind.VIDEO].mos) == (0, True, None)
    assert all(later.flowing >= earlier.flowing for earlier, later in pairwise(reports))
    call.close()
    gateway.transport.loseConnection()
    await soon(lambda: relay.ended, "the relay's end")


@over_amp
async def test_parameter_sets_of_the_phones_sdp_go_before_its_keyframes(call: Call) -> None:
    await call.connect(parameter_sets=(b"\x67\xff\x00sps", b"\x68\xfe\x01pps"))
    await call.join()
    call.phone.send(picture(1, b"\x65idr"), Kind.VIDEO)
    await soon(lambda: b"\x65idr" in [p.payload for p in call.browser.rtp], "the keyframe")
    seen = [p.payload for p in call.browser.rtp if p.payload_type == BROWSER_VIDEO_TYPE]
    assert seen == [b"\x67\xff\x00sps", b"\x68\xfe\x01pps", b"\x65idr"]


@over_amp
async def test_a_phone_that_obeys_tmmbr_is_told_what_the_browser_can_take(call: Call) -> None:
    await call.connect(feedback=FEEDBACK | {"ccm tmmbr"}, bitrate=1_000_000)
    await call.join()
    await exchange(call, 1)
    assert call.browser.terms is not None
    call.browser.tell(rtcp.ReceiverReport(1), rtcp.Remb(1, 300_000, (call.browser.terms.ssrcs[Kind.VIDEO],)))
    asked = await soon(
        lambda: [p for p in call.phone.rtcp[Kind.VIDEO].rtcp if isinstance(p, rtcp.BitrateRequest)], "a TMMBR"
    )
    ((ssrc, bitrate, _),) = asked[0].limits
    assert ssrc == 99
    assert 0.98 * 300_000 <= bitrate <= 300_000


async def too_much(call: Call) -> None:
    """Let a browser whose way bears 1 kb/s be sent a picture until it says that it has had enough."""
    assert call.browser.terms is not None
    ours = call.browser.terms.ssrcs[Kind.VIDEO]
    for number in range(1, 500):
        await exchange(call, number)
        call.browser.tell(rtcp.Remb(1, 1_000, (ours,)))
        if call.gateway.heard("picture rests"):
            return


@over_amp
async def test_a_picture_too_much_for_the_browser_is_withheld_and_the_sound_goes_on(call: Call) -> None:
    await call.connect()
    await call.join()
    await too_much(call)
    assert call.gateway.heard("picture rests", True)
    await rest(0.1)

    def came(payload: bytes) -> int:
        return len([p for p in call.browser.rtp if p.payload == payload])

    pictures, sounds = came(b"\x41from phone"), came(b"from phone")
    for number in range(500, 510):
        await exchange(call, number)
    await soon(lambda: came(b"from phone") == sounds + 10, "the sound")
    assert came(b"\x41from phone") == pictures


@over_amp
async def test_a_phone_that_can_be_told_to_send_less_keeps_its_picture(call: Call) -> None:
    await call.connect(feedback=FEEDBACK | {"ccm tmmbr"})
    await call.join()
    assert call.browser.terms is not None
    for number in range(1, 350):
        await exchange(call, number)
        call.browser.tell(rtcp.Remb(1, 1_000, (call.browser.terms.ssrcs[Kind.VIDEO],)))
    assert not call.gateway.heard("picture rests")
