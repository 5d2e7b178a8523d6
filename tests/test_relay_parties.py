"""A relay over AMP: parties that move, reload, fall silent, leave and come back."""

from itertools import pairwise
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from parloir.relay import commands
from parloir.relay.bodies import Report
from parloir.relay.commands import Interrupted, NotAnnounced
from parloir.rtp.description import Address, Kind
from parloir.rtp.packet import Packet

from .media_ends import AUDIO_TYPE, Browser, Wire
from .relay_rig import (
    Call,
    exchange,
    outcome,
    over_amp,
    rest,
    soon,
    sound,
    wired,  # noqa: F401
)


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


async def waiting_notice(call: Call, words: int) -> tuple[Deferred[Any], Deferred[Any]]:
    """So many prompts that the phone hears, and the notice that waits for their end."""
    before = call.do(commands.Play, prompt="\n".join(["en/please-wait"] * words), to="phone", times=1)
    notice = outcome(call.do(commands.Announce, prompt="en/notice"))
    await soon(lambda: call.phone.rtp[Kind.AUDIO].rtp, "what is before it")
    return before, notice


async def does_not_count(call: Call, notice: Deferred[Any]) -> None:
    """The notice was interrupted, and without one nothing is joined."""
    assert isinstance(await notice, Interrupted)
    with pytest.raises(NotAnnounced):
        await call.do(commands.Join)


@over_amp
async def test_a_page_that_reloads_during_the_notice_must_hear_it_again(call: Call) -> None:
    await call.connect()
    notice = outcome(call.do(commands.Announce, prompt="en/please-wait"))
    await soon(lambda: call.browser.rtp, "the notice")
    await call.bring(Browser())
    await does_not_count(call, notice)
    await call.join()


@over_amp
async def test_a_notice_that_waits_while_the_browser_goes_does_not_count(call: Call) -> None:
    await call.connect()
    before, notice = await waiting_notice(call, 10)
    call.browser.transport.say_goodbye()
    await soon(lambda: call.gateway.heard("lost", "browser"), "the loss")
    call.relay.skip(60)
    await before
    await does_not_count(call, notice)


@over_amp
async def test_a_notice_whose_browser_was_lost_and_came_back_does_not_count(call: Call) -> None:
    await call.connect()
    before, notice = await waiting_notice(call, 3)
    call.relay.skip(9)
    await soon(lambda: call.gateway.heard("lost", "browser"), "the loss")
    call.browser.transport.check()
    await soon(lambda: call.gateway.heard("back", "browser"), "its return")
    call.relay.skip(5)
    await before
    await does_not_count(call, notice)
