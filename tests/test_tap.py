"""Taps on a bridge: who may have one, what comes out of it, and that the parties' streams do not notice."""

from itertools import pairwise
from pathlib import Path

import pytest

from parloir.relay import commands
from parloir.relay.bridge import Bridge
from parloir.relay.commands import NotAnnounced, Refused
from parloir.relay.journal import RecordKind
from parloir.relay.journal_reader import facts
from parloir.rtp import rtcp
from parloir.rtp.description import Kind
from parloir.rtp.flow import Leg
from parloir.rtp.packet import Packet

from .listening_end import (
    LISTENER_TYPES,
    ListeningBrowser,
    announce,
    begin,
    listen,
    recorded,
    terms,
    wired,  # noqa: F401
)
from .media_ends import EVENT_TYPE
from .relay_rig import Call, continuous, exchange, over_amp, rest, soon, sound


def journals(folder: Path) -> list[Path]:
    return list(folder.glob("*.journal"))


@over_amp
async def test_listener_gets_both_parties_sound_and_picture_as_they_were_sent(call: Call) -> None:
    await begin(call)
    browser = ListeningBrowser()
    await listen(call, browser)
    for number in range(5):
        await exchange(call, number)
    await soon(lambda: len(browser.rtp) == 20, "twenty packets")
    for party in Leg:
        sounds, pictures = browser.heard(party, Kind.AUDIO), browser.heard(party, Kind.VIDEO)
        assert {packet.payload for packet in sounds} == {f"from {party}".encode()}
        assert {packet.payload for packet in pictures} == {f"\x41from {party}".encode()}
        assert continuous(sounds)
        assert continuous(pictures)
        assert {packet.payload_type for packet in sounds} == {LISTENER_TYPES[Kind.AUDIO]}
        assert {packet.payload_type for packet in pictures} == {LISTENER_TYPES[Kind.VIDEO]}
        assert {after.timestamp - before.timestamp for before, after in pairwise(sounds)} == {160}
    browser.close()


@over_amp
async def test_parties_packets_stay_as_they_are_while_listeners_come_and_go(call: Call, tmp_path: Path) -> None:
    await begin(call)
    first, second = ListeningBrowser(), ListeningBrowser()
    for number in range(60):
        if number == 10:
            await listen(call, first, "first")
        if number == 20:
            await call.do(commands.StartRecording, terms=terms(tmp_path))
        if number == 30:
            await listen(call, second, "second")
        if number == 40:
            await call.do(commands.CloseListener, listener="first")
        if number == 50:
            await call.do(commands.CloseListener, listener="second")
        call.phone.send(sound(number, b"phone %d" % number))
        call.browser.send(sound(number, b"browser %d" % number))
        await rest(0.005)
    to_browser = call.browser
    await soon(lambda: len(to_browser.rtp) >= 60, "the phone's packets")
    await soon(lambda: len(call.phone.rtp[Kind.AUDIO].rtp) >= 60, "the browser's packets")
    for name, packets in (("phone", to_browser.rtp), ("browser", call.phone.rtp[Kind.AUDIO].rtp)):
        heard = [packet for packet in packets if packet.payload.startswith(name.encode())]
        assert [packet.payload for packet in heard] == [b"%s %d" % (name.encode(), n) for n in range(60)]
        assert continuous(heard)
        assert {after.timestamp - before.timestamp for before, after in pairwise(heard)} == {160}
    first.close()
    second.close()


@over_amp
async def test_listener_s_numbers_have_no_gap_where_a_key_was_pressed(call: Call) -> None:
    await begin(call)
    browser = ListeningBrowser()
    await listen(call, browser)
    for number in range(3):
        call.phone.send(sound(number))
    await rest(0.02)
    call.phone.send(Packet(EVENT_TYPE, 3, 480, 77, b"\x05\x0a\x00\xa0"))
    await rest(0.02)
    for number in range(4, 7):
        call.phone.send(sound(number))
    await soon(lambda: len(browser.heard(Leg.PHONE, Kind.AUDIO)) == 6, "six packets of sound")
    assert continuous(browser.heard(Leg.PHONE, Kind.AUDIO))
    browser.close()


@over_amp
async def test_listener_s_request_for_a_keyframe_reaches_the_party(call: Call) -> None:
    await begin(call)
    await exchange(call, 0)
    browser = ListeningBrowser()
    await listen(call, browser)
    call.relay.skip(1)
    await exchange(call, 1)
    await soon(lambda: browser.heard(Leg.PHONE, Kind.VIDEO), "the phone's picture")
    before = len(call.phone.rtcp[Kind.VIDEO].rtcp)
    ssrc = browser.heard(Leg.PHONE, Kind.VIDEO)[0].ssrc
    call.relay.skip(1)
    browser.tell(rtcp.ReceiverReport(1), rtcp.PictureLoss(1, ssrc))
    await soon(
        lambda: any(isinstance(each, rtcp.PictureLoss) for each in call.phone.rtcp[Kind.VIDEO].rtcp[before:]),
        "the request at the phone",
    )
    browser.close()


@over_amp
async def test_lost_picture_is_sent_to_the_listener_again(call: Call) -> None:
    await begin(call)
    browser = ListeningBrowser()
    await listen(call, browser)
    await exchange(call, 0)
    await soon(lambda: browser.heard(Leg.PHONE, Kind.VIDEO), "the phone's picture")
    first = browser.heard(Leg.PHONE, Kind.VIDEO)[0]
    sealed = [datagram for datagram in browser.datagrams if datagram[8:12] == first.ssrc.to_bytes(4, "big")]
    browser.tell(rtcp.ReceiverReport(1), rtcp.Nack(1, first.ssrc, (first.sequence,)))
    await soon(lambda: browser.datagrams.count(sealed[0]) == 2, "the very bytes again")
    browser.close()


@over_amp
async def test_listener_is_told_each_party_s_clock(call: Call) -> None:
    await begin(call)
    browser = ListeningBrowser()
    await listen(call, browser)
    await exchange(call, 0)
    reports = await soon(
        lambda: [each for each in browser.rtcp if isinstance(each, rtcp.SenderReport)], "sender reports"
    )
    assert {report.ssrc for report in reports} <= set(browser.ssrcs)
    browser.close()


@over_amp
async def test_listener_whose_browser_goes_silent_is_let_go(call: Call) -> None:
    await begin(call)
    browser = ListeningBrowser()
    await listen(call, browser)
    call.relay.skip(9)
    await soon(lambda: call.gateway.heard("listener gone", "officer"), "the listener's end")
    await call.do(commands.CloseListener, listener="officer")
    browser.close()


@over_amp
async def test_nobody_listens_or_records_before_the_notice(call: Call, tmp_path: Path) -> None:
    await call.connect()
    with pytest.raises(NotAnnounced):
        await call.do(commands.OpenListener, listener="officer")
    with pytest.raises(NotAnnounced):
        await call.do(commands.StartRecording, terms=terms(tmp_path))
    assert journals(tmp_path) == []


@pytest.mark.parametrize("told", ["", "record", "monitor"])
@over_amp
async def test_only_what_this_call_s_notice_told_is_done(call: Call, tmp_path: Path, told: str) -> None:
    await begin(call, told)
    await announce(call, "record monitor")  # a later notice tells nothing new
    if told != "monitor":
        with pytest.raises(Refused, match="did not tell"):
            await call.do(commands.OpenListener, listener="officer")
    if told != "record":
        with pytest.raises(Refused, match="did not tell"):
            await call.do(commands.StartRecording, terms=terms(tmp_path))


@over_amp
async def test_privileged_bridge_has_no_way_to_a_tap(call: Call, tmp_path: Path) -> None:
    await call.do(commands.OpenBridge, privileged=True)
    call.phone.opened(await call.do(commands.OpenPhone, video=True))
    await call.do(commands.SetPhone, side=call.phone.side())
    await call.bring(call.browser)
    await announce(call, "record monitor")
    await call.do(commands.Join)
    browser = ListeningBrowser()
    for _ in range(2):
        with pytest.raises(Refused, match="privileged"):
            await call.do(commands.OpenListener, listener="officer")
        with pytest.raises(Refused, match="privileged"):
            await call.do(commands.SetListener, listener="officer", side=browser.listening())
        with pytest.raises(Refused, match="privileged"):
            await call.do(commands.StartRecording, terms=terms(tmp_path))
        with pytest.raises(Refused):  # nor does it become another by being opened again
            await call.do(commands.OpenBridge, privileged=False)
        await exchange(call, 1)
    assert browser.rtp == []
    assert journals(tmp_path) == []
    table = call.relay.relay.switch.table
    assert table.rings == {}
    assert not any(route.copies for peer in table.peers.values() for route in peer.routes.values())
    browser.close()


def test_class_of_privileged_bridges_names_nothing_to_tap() -> None:
    assert not [name for name in dir(Bridge) if "record" in name or "listen" in name or "copy" in name]


@over_amp
async def test_journal_holds_what_crossed_as_it_came_in(call: Call, tmp_path: Path) -> None:
    await begin(call)
    await call.do(commands.StartRecording, terms=terms(tmp_path))
    for number in range(10):
        await exchange(call, number)
    call.phone.send(Packet(EVENT_TYPE, 10, 1600, 77, b"\x05\x0a\x00\xa0"))
    call.phone.tell(rtcp.SenderReport(99, 1 << 40, 3000, 10, 100), kind=Kind.VIDEO)
    await rest(0.05)
    await call.do(commands.Part)
    await exchange(call, 20)
    await call.do(commands.CloseBridge)
    await soon(lambda: call.gateway.heard("recorded", "r1", ""), "the recording's end")
    records = recorded(tmp_path / "r1.journal")
    media = [record for record in records if record.kind is RecordKind.RTP]
    assert len(media) == 40
    for stream, payload in ((1, b"from phone"), (2, b"\x41from phone"), (3, b"from browser"), (4, b"\x41from browser")):
        packets = [Packet.parse(record.data) for record in media if record.stream == stream]
        assert [packet.sequence for packet in packets] == list(range(10))
        assert {packet.payload for packet in packets} == {payload}
    assert [record.stream for record in records if record.kind is RecordKind.RTCP] == [1]
    said = [facts(record)["fact"] for record in records if record.kind is RecordKind.FACT]
    assert said == ["began", "codec", "codec", "codec", "codec", "parted", "ended"]
    arrivals = [record.arrival for record in media]
    assert arrivals == sorted(arrivals)


@over_amp
async def test_recording_that_cannot_be_written_is_told_and_the_call_goes_on(call: Call, tmp_path: Path) -> None:
    await begin(call)
    await call.do(commands.StartRecording, terms=terms(tmp_path / "missing"))
    await soon(lambda: call.gateway.heard("recorded", "r1", "No such file or directory"), "the failure")
    await exchange(call, 0)
    await soon(lambda: call.phone.rtp[Kind.AUDIO].rtp, "the browser's sound at the phone")
    table = call.relay.relay.switch.table
    await soon(lambda: table.rings == {}, "the end of copying")
    assert not any(route.copies for peer in table.peers.values() for route in peer.routes.values())
    await call.do(commands.CloseBridge)
    assert len([said for said in call.gateway.said if said[0] == "recorded"]) == 1


@over_amp
async def test_what_crossed_more_than_a_moment_ago_is_in_the_file_already(call: Call, tmp_path: Path) -> None:
    await begin(call)
    await call.do(commands.StartRecording, terms=terms(tmp_path))
    await exchange(call, 0)
    await soon(
        lambda: any(record.kind is RecordKind.RTP for record in recorded(tmp_path / "r1.journal")), "the packets"
    )
