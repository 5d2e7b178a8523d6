"""A relay over AMP: a whole call's media, and what it refuses."""

import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from itertools import count, pairwise
from pathlib import Path

import pytest
import pytest_twisted
from twisted.logger import LogEvent, LogLevel, globalLogPublisher

from parloir.relay import commands
from parloir.relay.bridge import Bridge
from parloir.relay.commands import Interrupted, NoSuchBridge, NotAnnounced, Refused, Report
from parloir.rtp import rtcp
from parloir.rtp.description import Address, Kind
from parloir.rtp.dtmf import press
from parloir.rtp.packet import Packet

from .relay_rig import (
    AUDIO_TYPE,
    BROWSER_VIDEO_TYPE,
    EVENT_TYPE,
    FEEDBACK,
    VIDEO_TYPE,
    Browser,
    Call,
    Gateway,
    Wire,
    connect,
    outcome,
    over_amp,
    prompts,
    rest,
    settings,
    soon,
)

FIRST = count(20_000, 40)


@pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
async def call(tmp_path: Path) -> AsyncIterator[Call]:
    """A call on a relay of its own, its parties not connected yet."""
    gateway = Gateway()
    relay = connect(gateway)
    first = next(FIRST)
    await gateway.do(commands.Configure, settings=settings(prompts(tmp_path), first, first + 39))
    made = Call(gateway, relay)
    yield made
    made.close()
    gateway.transport.loseConnection()  # type: ignore[union-attr]
    await soon(lambda: relay.ended, "the relay's end")


def sound(number: int, payload: bytes = b"sound") -> Packet:
    return Packet(AUDIO_TYPE, number & 0xFFFF, number * 160 & 0xFFFFFFFF, 77, payload)


def picture(number: int, payload: bytes = b"\x41picture", type_: int = VIDEO_TYPE) -> Packet:
    return Packet(type_, number & 0xFFFF, number * 3000 & 0xFFFFFFFF, 99, payload, marker=True)


async def exchange(call: Call, number: int) -> None:
    """Send one packet of each kind each way."""
    call.phone.send(sound(number, b"from phone"))
    call.phone.send(picture(number, b"\x41from phone"), Kind.VIDEO)
    call.browser.send(sound(number, b"from browser"))
    call.browser.send(picture(number, b"\x41from browser", BROWSER_VIDEO_TYPE))
    await rest(0.02)


@over_amp
async def test_sound_and_picture_cross_unchanged_both_ways(call: Call) -> None:
    await call.connect()
    await call.join()
    sizes = [1, 200, 1200, 1400]
    bodies = [os.urandom(size) for size in sizes]
    await rest(0.05)
    heard = {wire: len(wire.rtp) for wire in (call.browser, call.phone.rtp[Kind.AUDIO], call.phone.rtp[Kind.VIDEO])}
    for number, body in enumerate(bodies):
        call.phone.send(sound(number, body))
        call.phone.send(picture(number, body), Kind.VIDEO)
        call.browser.send(sound(number, body))
        call.browser.send(picture(number, body, BROWSER_VIDEO_TYPE))
    await soon(lambda: len(call.browser.rtp) >= heard[call.browser] + 8, "the phone's media")
    digests = {hashlib.sha256(body).digest() for body in bodies}
    for wire, before in heard.items():
        await soon(lambda wire=wire, before=before: len(wire.rtp) >= before + 4, "media")
        assert {hashlib.sha256(packet.payload).digest() for packet in wire.rtp[before:]} == digests
    ssrcs = {packet.payload_type: packet.ssrc for packet in call.browser.rtp}
    assert call.browser.terms is not None
    assert ssrcs == {
        AUDIO_TYPE: call.browser.terms.ssrcs[Kind.AUDIO],
        BROWSER_VIDEO_TYPE: call.browser.terms.ssrcs[Kind.VIDEO],
    }
    assert {packet.payload_type for packet in call.phone.rtp[Kind.VIDEO].rtp} == {VIDEO_TYPE}


@over_amp
async def test_nothing_crosses_before_the_notice_has_been_heard_by_both(call: Call) -> None:
    await call.connect()
    with pytest.raises(NotAnnounced):
        await call.do(commands.Join)
    announced = call.do(commands.Announce, prompt="en/notice")
    for number in range(3):
        await exchange(call, number)
    await announced
    await exchange(call, 3)
    heard = [p.payload for w in (call.browser, *call.phone.rtp.values()) for p in w.rtp]
    assert heard
    assert not [payload for payload in heard if b"from" in payload]
    await call.do(commands.Join)
    await exchange(call, 4)
    await soon(lambda: b"from phone" in [p.payload for p in call.browser.rtp], "the phone's sound")
    await soon(lambda: b"from browser" in [p.payload for p in call.phone.rtp[Kind.AUDIO].rtp], "the browser's sound")


@over_amp
async def test_numbers_go_on_without_a_step_across_notice_join_hold_and_rejoin(call: Call) -> None:
    await call.connect()
    await call.join()
    for number in range(30_000, 30_005):
        await exchange(call, number)
    await call.do(commands.Part)
    for number in range(30_005, 30_010):
        await exchange(call, number)
    await call.do(commands.Play, prompt="en/notice", to="both", times=1)
    await call.do(commands.Join)
    for number in range(30_010, 30_015):
        await exchange(call, number)
    streams = [
        [p for p in call.browser.rtp if p.payload_type == AUDIO_TYPE],
        [p for p in call.browser.rtp if p.payload_type == BROWSER_VIDEO_TYPE],
        call.phone.rtp[Kind.AUDIO].rtp,
        call.phone.rtp[Kind.VIDEO].rtp,
    ]
    for packets in streams:
        assert len(packets) >= 10
        assert packets[0].sequence < 0x8000
        assert {(after.sequence - before.sequence) & 0xFFFF for before, after in pairwise(packets)} == {1}
        steps = [(after.timestamp - before.timestamp) & 0xFFFFFFFF for before, after in pairwise(packets)]
        assert all(0 < step < 90_000 for step in steps)
        assert len({packet.ssrc for packet in packets}) == 1


@over_amp
async def test_a_stranger_reaches_neither_party(call: Call) -> None:
    await call.connect()
    await call.join()
    stranger = Wire()
    stranger.socket.sendto(sound(1, b"strange").build(), ("127.0.0.1", call.phone.ports[Kind.AUDIO]))
    await exchange(call, 2)
    await soon(lambda: b"from phone" in [p.payload for p in call.browser.rtp], "the phone's sound")
    assert b"strange" not in [p.payload for p in call.browser.rtp]
    stranger.close()


@over_amp
async def test_a_prompt_replaces_the_others_sound_but_not_the_picture(call: Call) -> None:
    await call.connect()
    await call.join()
    await exchange(call, 1)
    await soon(lambda: b"from phone" in [p.payload for p in call.browser.rtp], "the phone's sound")
    before = len(call.browser.rtp)
    played = call.do(commands.Play, prompt="en/notice", to="browser", times=1)
    await soon(lambda: len(call.browser.rtp) > before, "the prompt")
    await exchange(call, 2)
    heard = [p.payload for p in call.browser.rtp[before:]]
    assert b"from phone" not in heard
    assert b"\x41from phone" in heard
    assert b"from browser" in [p.payload for p in call.phone.rtp[Kind.AUDIO].rtp]
    assert await played == 100
    await exchange(call, 3)
    await soon(lambda: b"from phone" in [p.payload for p in call.browser.rtp[before:]], "the phone's sound again")


@over_amp
async def test_an_endless_prompt_plays_until_the_join_and_ends_well(call: Call) -> None:
    await call.connect()
    await call.do(commands.Announce, prompt="en/notice")
    waiting = call.do(commands.Play, prompt="en/please-wait", to="phone", times=0)
    before = len(call.phone.rtp[Kind.AUDIO].rtp)
    await soon(lambda: len(call.phone.rtp[Kind.AUDIO].rtp) > before + 3, "the prompt")
    await call.do(commands.Join)
    assert await waiting > 0


@over_amp
async def test_another_prompt_interrupts_the_first(call: Call) -> None:
    await call.connect()
    first = outcome(call.do(commands.Play, prompt="en/please-wait", to="phone", times=1))
    before = len(call.phone.rtp[Kind.AUDIO].rtp)
    await soon(lambda: len(call.phone.rtp[Kind.AUDIO].rtp) > before, "the prompt")
    await call.do(commands.Play, prompt="en/notice", to="phone", times=1)
    assert isinstance(await first, Interrupted)


@over_amp
async def test_a_notice_that_is_stopped_does_not_count(call: Call) -> None:
    await call.connect()
    notice = outcome(call.do(commands.Announce, prompt="en/please-wait"))
    await soon(lambda: call.browser.rtp, "the notice")
    await call.do(commands.StopPrompts)
    assert isinstance(await notice, Interrupted)
    with pytest.raises(NotAnnounced):
        await call.do(commands.Join)


@over_amp
async def test_a_page_that_reloads_goes_on_with_the_same_stream_to_the_phone(call: Call) -> None:
    await call.connect()
    await call.join()
    await exchange(call, 1)
    again = Browser()
    await call.bring(again)
    call.browser = again
    for number in range(50_000, 50_003):
        await exchange(call, number)
    await soon(lambda: b"from phone" in [p.payload for p in again.rtp], "the phone's sound in the new page")
    packets = call.phone.rtp[Kind.AUDIO].rtp
    assert {(after.sequence - before.sequence) & 0xFFFF for before, after in pairwise(packets)} == {1}
    assert len({packet.ssrc for packet in packets}) == 1
    report: Report = await call.do(commands.GetReport)
    assert [stream.received for stream in report.browser] == [4, 4]


@over_amp
async def test_ice_restart_keeps_keys_and_streams(call: Call) -> None:
    await call.connect()
    await call.join()
    terms = await call.do(commands.RestartIce)
    assert call.browser.terms is not None
    assert terms.ufrag != call.browser.terms.ufrag
    call.browser.call(terms)
    await exchange(call, 1)
    await soon(lambda: b"from browser" in [p.payload for p in call.phone.rtp[Kind.AUDIO].rtp], "the browser's sound")
    assert call.gateway.said.count(("up", "browser", "call")) == 1


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
        blocks = await soon(
            lambda wire=wire, ssrc=ssrc: [
                b for p in wire.rtcp if isinstance(p, rtcp.SenderReport) for b in p.blocks if b.ssrc == ssrc
            ],
            "a report block",
        )
        assert blocks[-1].lost == 0
        names = {p.cname for p in wire.rtcp if isinstance(p, rtcp.SourceDescription)}
        assert call.browser.terms is not None
        assert names == {call.browser.terms.cname}
    remb = [p for p in call.browser.rtcp if isinstance(p, rtcp.Remb)]
    assert {p.ssrcs for p in remb} == {(99,)}


@over_amp
async def test_a_silent_phone_is_told_of_and_so_is_its_return(call: Call) -> None:
    await call.connect()
    await rest(1.1)
    call.relay.skip(11)
    await soon(lambda: call.gateway.heard("silent", "phone", True), "the phone's silence")
    call.phone.send(sound(1))
    await soon(lambda: call.gateway.heard("up", "phone"), "the phone's first packet")
    await soon(lambda: call.gateway.heard("silent", "phone", False), "the end of the silence")


@over_amp
async def test_a_browser_that_checks_no_more_is_lost_until_it_checks_again(call: Call) -> None:
    await call.connect()
    call.relay.skip(9)
    await soon(lambda: call.gateway.heard("lost", "browser"), "the loss")
    call.browser.transport.check()
    await soon(lambda: call.gateway.heard("back", "browser"), "the return")
    await call.join()


@over_amp
async def test_a_browser_that_never_shakes_hands_is_given_up(call: Call) -> None:
    await call.do(commands.OpenBridge, privileged=False)
    await call.do(commands.OpenBrowser)
    await call.do(commands.SetBrowser, side=call.browser.side())
    call.relay.skip(21)
    await soon(lambda: call.gateway.heard("lost", "browser"), "the loss")
    await call.bring(call.browser)


@over_amp
async def test_a_browser_with_another_certificate_is_not_let_in(call: Call) -> None:
    await call.do(commands.OpenBridge, privileged=False)
    terms = await call.do(commands.OpenBrowser)
    side = call.browser.side().model_copy(update={"fingerprints": (("sha-256", ":".join(["00"] * 32)),)})
    await call.do(commands.SetBrowser, side=side)
    call.browser.call(terms)
    (lost,) = await soon(lambda: [said for said in call.gateway.said if said[0] == "lost"], "the refusal")
    assert "fingerprint" in lost[2]


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
    gateway.transport.loseConnection()  # type: ignore[union-attr]
    await soon(lambda: relay.ended, "the relay's end")


@over_amp
async def test_a_browser_that_says_goodbye_is_lost(call: Call) -> None:
    await call.connect()
    call.browser.transport.say_goodbye()
    await soon(lambda: call.gateway.heard("lost", "browser"), "the loss")


@over_amp
async def test_a_phone_that_moves_is_heard_at_its_new_address_alone(call: Call) -> None:
    await call.connect()
    await call.join()
    call.phone.send(sound(1, b"old place"))
    await soon(lambda: b"old place" in [p.payload for p in call.browser.rtp], "sound from the old place")
    elsewhere = Wire()
    old, call.phone.rtp[Kind.AUDIO] = call.phone.rtp[Kind.AUDIO], elsewhere
    await call.do(commands.SetPhone, side=call.phone.side())
    old.socket.sendto(sound(2, b"too late").build(), ("127.0.0.1", call.phone.ports[Kind.AUDIO]))
    call.phone.send(Packet(AUDIO_TYPE, 9, 9, 4242, b"new place"))
    await soon(lambda: b"new place" in [p.payload for p in call.browser.rtp], "sound from the new place")
    assert b"too late" not in [p.payload for p in call.browser.rtp]
    sequences = [p.sequence for p in call.browser.rtp if p.payload_type == AUDIO_TYPE]
    assert {(after - before) & 0xFFFF for before, after in pairwise(sequences)} == {1}
    old.close()


@over_amp
async def test_a_phone_on_hold_at_no_address_is_kept_where_it_was(call: Call) -> None:
    await call.connect()
    await call.do(commands.SetPhone, side=call.phone.side(remote=Address("0.0.0.0", 9)))
    await call.do(commands.SetPhone, side=call.phone.side())
    await call.join()
    await exchange(call, 1)
    await soon(lambda: b"from phone" in [p.payload for p in call.browser.rtp], "the phone's sound")


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


@over_amp
async def test_closed_ports_rest_and_a_closed_bridge_is_gone(call: Call) -> None:
    await call.connect()
    ports = dict(call.phone.ports)
    report: Report = await call.do(commands.CloseBridge)
    assert {stream.kind for stream in report.phone} == {Kind.AUDIO, Kind.VIDEO}
    with pytest.raises(NoSuchBridge):
        await call.do(commands.GetReport)
    await call.do(commands.OpenBridge, privileged=True)
    again = await call.do(commands.OpenPhone, video=True)
    assert {again.audio, again.video}.isdisjoint(ports.values())


@over_amp
async def test_ports_run_out_with_a_reason_and_nothing_left_open(tmp_path: Path) -> None:
    gateway = Gateway()
    relay = connect(gateway)
    first = next(FIRST)
    await gateway.do(commands.Configure, settings=settings(prompts(tmp_path), first, first + 5))
    for name in ("one", "two"):
        await gateway.do(commands.OpenBridge, bridge=name, privileged=False)
    await gateway.do(commands.OpenPhone, bridge="one", video=True)
    with pytest.raises(commands.NoPorts):
        await gateway.do(commands.OpenPhone, bridge="two", video=True)
    gateway.transport.loseConnection()  # type: ignore[union-attr]
    await soon(lambda: relay.ended, "the relay's end")


@over_amp
async def test_what_contradicts_itself_is_refused(call: Call) -> None:
    with pytest.raises(NoSuchBridge):
        await call.do(commands.Join)
    await call.do(commands.OpenBridge, privileged=False)
    for command, arguments in [
        (commands.OpenBridge, {"privileged": True}),
        (commands.SetPhone, {"side": call.phone.side()}),
        (commands.SetBrowser, {"side": call.browser.side()}),
        (commands.RestartIce, {}),
        (commands.Announce, {"prompt": "en/notice"}),
        (commands.Play, {"prompt": "en/notice", "to": "nobody", "times": 1}),
    ]:
        with pytest.raises(Refused):
            await call.do(command, **arguments)
    await call.do(commands.OpenPhone, video=False)
    with pytest.raises(Refused):
        await call.do(commands.SetPhone, side=call.phone.side())


@over_amp
async def test_a_prompt_that_is_not_there_is_refused(call: Call) -> None:
    await call.connect()
    for name in ("en/nothing", "../en/notice", "en"):
        with pytest.raises(Refused):
            await call.do(commands.Play, prompt=name, to="phone", times=1)


@over_amp
async def test_a_page_that_reloads_during_the_notice_must_hear_it_again(call: Call) -> None:
    await call.connect()
    notice = outcome(call.do(commands.Announce, prompt="en/please-wait"))
    await soon(lambda: call.browser.rtp, "the notice")
    await call.bring(Browser())
    assert isinstance(await notice, Interrupted)
    with pytest.raises(NotAnnounced):
        await call.do(commands.Join)
    await call.join()


@over_amp
async def test_a_fault_over_one_call_is_told_and_ends_no_other(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    await call.connect()
    await call.join()
    faults: list[str] = []
    with monkeypatch.context() as patch, logged_faults(faults):
        patch.setattr(Bridge, "part", lambda self: 1 / 0)
        patch.setattr(Bridge, "take", lambda self, punt, party: 1 / 0)
        patch.setattr(Bridge, "attend", lambda self, now, lost: 1 / 0)
        with pytest.raises(Refused, match="Part failed"):
            await call.do(commands.Part)
        call.browser.tell(rtcp.ReceiverReport(1))
        await soon(lambda: len(set(faults)) == 3, "three faults in the log")
    await exchange(call, 1)
    await soon(lambda: b"from phone" in [p.payload for p in call.browser.rtp], "the phone's sound")


@contextmanager
def logged_faults(into: list[str]) -> Iterator[None]:
    def observe(event: LogEvent) -> None:
        if event["log_level"] is LogLevel.critical:
            into.append(event["log_format"])

    globalLogPublisher.addObserver(observe)
    yield
    globalLogPublisher.removeObserver(observe)
