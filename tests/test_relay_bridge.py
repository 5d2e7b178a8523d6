"""A relay over AMP: what crosses a bridge and when, and what is refused."""

import hashlib
import os
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import LogLevel, capturedLogs
from twisted.protocols.amp import Command

from parloir.relay import commands
from parloir.relay.bodies import Report
from parloir.relay.bridge import Bridge
from parloir.relay.commands import Interrupted, NoSuchBridge, NotAnnounced, Refused
from parloir.rtp import rtcp
from parloir.rtp.description import Kind

from .media_ends import AUDIO_TYPE, BROWSER_VIDEO_TYPE, VIDEO_TYPE, Browser, Wire
from .relay_rig import (
    FIRST,
    Call,
    Gateway,
    connect,
    exchange,
    outcome,
    over_amp,
    picture,
    prompts,
    rest,
    settings,
    soon,
    sound,
    wired,  # noqa: F401
)


def has_heard(wire: Wire, packets: int) -> bool:
    return len(wire.rtp) >= packets


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
        await soon(partial(has_heard, wire, before + 4), "media")
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
async def test_nothing_crosses_while_the_parties_are_parted(call: Call) -> None:
    await call.connect()
    await call.join()
    await exchange(call, 1)
    await soon(lambda: b"from phone" in [p.payload for p in call.browser.rtp], "the phone's sound")
    await soon(lambda: b"from browser" in [p.payload for p in call.phone.rtp[Kind.AUDIO].rtp], "the browser's sound")
    await call.do(commands.Part)
    for number in range(2, 5):
        call.phone.send(sound(number, b"apart"))
        call.phone.send(picture(number, b"\x41apart"), Kind.VIDEO)
        call.browser.send(sound(number, b"apart"))
        call.browser.send(picture(number, b"\x41apart", BROWSER_VIDEO_TYPE))
        await rest(0.02)
    await call.do(commands.Play, prompt="en/notice", to="both", times=1)
    heard = [packet.payload for end in (call.browser, *call.phone.rtp.values()) for packet in end.rtp]
    assert not [payload for payload in heard if b"apart" in payload]


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
    await call.do(commands.Play, prompt="en/notice", to="phone", times=1, interrupt=True)
    assert isinstance(await first, Interrupted)


@over_amp
async def test_a_prompt_waits_for_the_one_before_it(call: Call) -> None:
    await call.connect()
    ended: list[str] = []
    first = call.do(commands.Announce, prompt="en/notice").addCallback(lambda _: ended.append("notice"))
    warning = call.do(commands.Play, prompt="en/notice", to="both", times=1).addCallback(lambda _: ended.append("warn"))
    await first
    await warning
    assert ended == ["notice", "warn"]
    await call.do(commands.Join)


@over_amp
async def test_several_prompts_are_one_and_stop_ends_what_waits_too(call: Call) -> None:
    await call.connect()
    assert await call.do(commands.Play, prompt="en/notice\nen/notice", to="phone", times=1) >= 200
    playing = outcome(call.do(commands.Play, prompt="en/please-wait", to="phone", times=1))
    waiting = outcome(call.do(commands.Play, prompt="en/notice", to="phone", times=1))
    await call.do(commands.StopPrompts)
    assert isinstance(await playing, Interrupted)
    assert isinstance(await waiting, Interrupted)


@over_amp
async def test_prompts_that_pile_up_are_refused(call: Call) -> None:
    await call.connect()
    first = outcome(call.do(commands.Play, prompt="en/please-wait", to="phone", times=1))
    more = [outcome(call.do(commands.Play, prompt="en/notice", to="phone", times=1)) for _ in range(8)]
    assert isinstance(await more[-1], Refused)
    await call.do(commands.StopPrompts)
    assert isinstance(await first, Interrupted)


@over_amp
async def test_a_phone_that_heard_a_menu_goes_on_in_its_call_without_a_step(call: Call) -> None:
    menu = Call(call.gateway, call.relay, "menu", video=False)
    await menu.do(commands.OpenBridge, privileged=True)
    menu.phone.opened(await menu.do(commands.OpenPhone, video=False))
    await menu.do(commands.SetPhone, side=menu.phone.side())
    await menu.do(commands.Play, prompt="en/notice", to="phone", times=1)
    await call.do(commands.OpenBridge, privileged=False)
    await call.do(commands.TakePhone, source="menu")
    with pytest.raises(Refused):
        await call.do(commands.TakePhone, source="menu")
    await menu.do(commands.CloseBridge)
    call.browser = Browser(video=False)
    await call.bring(call.browser)
    await call.join()
    menu.phone.send(sound(1, b"from phone"))
    await soon(lambda: b"from phone" in [p.payload for p in call.browser.rtp], "the phone's sound")
    heard = menu.phone.rtp[Kind.AUDIO].rtp
    assert {(after.sequence - before.sequence) & 0xFFFF for before, after in pairwise(heard)} == {1}
    assert len({packet.ssrc for packet in heard}) == 1
    assert len(heard) >= 10
    menu.close()


@over_amp
async def test_a_phone_that_had_another_party_is_handed_to_nobody(call: Call) -> None:
    await call.connect()
    other = Call(call.gateway, call.relay, "tapped", video=False)
    await other.do(commands.OpenBridge, privileged=False)
    with pytest.raises(Refused):
        await other.do(commands.TakePhone, source=call.name)
    await call.join()
    other.close()


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
async def test_ports_run_out_with_a_reason_and_rest_when_they_were_closed(tmp_path: Path) -> None:
    gateway = Gateway()
    relay = connect(gateway)
    first = next(FIRST)
    await gateway.do(commands.Configure, settings=settings(prompts(tmp_path), first, first + 5))
    for name in ("one", "two"):
        await gateway.do(commands.OpenBridge, bridge=name, privileged=False)
    closed = await gateway.do(commands.OpenPhone, bridge="one", video=True)
    with pytest.raises(commands.NoPorts):
        await gateway.do(commands.OpenPhone, bridge="two", video=True)
    await gateway.do(commands.CloseBridge, bridge="one")
    with pytest.raises(commands.NoPorts):
        await gateway.do(commands.OpenPhone, bridge="two", video=True)
    relay.skip(30)
    again = await gateway.do(commands.OpenPhone, bridge="two", video=True)
    assert {again.audio, again.video} & {closed.audio, closed.video}
    gateway.transport.loseConnection()
    await soon(lambda: relay.ended, "the relay's end")


@over_amp
async def test_what_contradicts_itself_is_refused(call: Call) -> None:
    with pytest.raises(NoSuchBridge):
        await call.do(commands.Join)
    await call.do(commands.OpenBridge, privileged=False)
    refused: list[tuple[type[Command], dict[str, Any]]] = [
        (commands.OpenBridge, {"privileged": True}),
        (commands.SetPhone, {"side": call.phone.side()}),
        (commands.SetBrowser, {"side": call.browser.side()}),
        (commands.RestartIce, {}),
        (commands.Announce, {"prompt": "en/notice"}),
        (commands.Play, {"prompt": "en/notice", "to": "nobody", "times": 1}),
    ]
    for command, arguments in refused:
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
async def test_a_fault_over_one_call_is_told_and_ends_no_other(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    await call.connect()
    await call.join()
    with monkeypatch.context() as patch, capturedLogs() as events:

        def faults() -> set[str]:
            return {event["log_format"] for event in events if event["log_level"] is LogLevel.critical}

        patch.setattr(Bridge, "part", lambda self: 1 / 0)
        patch.setattr(Bridge, "take", lambda self, punt, party: 1 / 0)
        patch.setattr(Bridge, "attend", lambda self, now, lost: 1 / 0)
        with pytest.raises(Refused, match="Part failed"):
            await call.do(commands.Part)
        call.browser.tell(rtcp.ReceiverReport(1))
        await soon(lambda: len(faults()) == 3, "three faults in the log")
    await exchange(call, 1)
    await soon(lambda: b"from phone" in [p.payload for p in call.browser.rtp], "the phone's sound")
