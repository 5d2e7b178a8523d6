"""What parties hear while an officer speaks: the sounds added up, and the streams of a bridge around it."""

from array import array
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from parloir.relay import commands
from parloir.relay.bodies import Withheld
from parloir.relay.commands import NotAnnounced, Refused
from parloir.relay.errors import BadPrompt
from parloir.relay.mixer import (
    BENEATH,
    HELD,
    LOUDEST,
    MOST,
    SAMPLES,
    Incoming,
    Mixer,
    Outgoing,
    mixed,
    together,
)
from parloir.relay.prompt import FRAME
from parloir.rtp.description import Kind
from parloir.rtp.flow import Leg
from parloir.rtp.packet import Packet

from .listening_end import ListeningBrowser, announce, begin, listen
from .relay_rig import Call, continuous, exchange, over_amp, picture, rest, soon
from .speaking_end import (
    BROWSER_TONE,
    OFFICER_TONE,
    PHONE_TONE,
    SpeakingBrowser,
    Talk,
    Tone,
    at_browser,
    at_phone,
    decoded,
    speak,
    strength,
    wired,  # noqa: F401
)

frames = st.binary(min_size=2 * SAMPLES, max_size=2 * SAMPLES).map(lambda each: array("h", each))
LOWEST, HIGHEST = array("h", [-32_768] * SAMPLES), array("h", [32_767] * SAMPLES)


@example(LOWEST, LOWEST)
@example(HIGHEST, HIGHEST)
@given(frames, frames)
def test_sum_of_two_sounds_is_never_louder_than_can_be(one: "array[int]", other: "array[int]") -> None:
    for sample in mixed(one, other):
        assert -LOUDEST <= sample <= LOUDEST


@example(LOWEST, LOWEST)
@example(HIGHEST, HIGHEST)
@given(frames, frames)
def test_several_voices_are_added_up_as_far_as_there_are_any(one: "array[int]", other: "array[int]") -> None:
    assert together([None, None]) is None
    assert together([None, one]) == one
    assert together([one, other]) == array(
        "h", [max(-LOUDEST, min(LOUDEST, a + b)) for a, b in zip(one, other, strict=True)]
    )


def test_party_is_as_loud_as_before_while_the_officer_is_silent() -> None:
    tone = Tone(PHONE_TONE).samples()
    assert mixed(None, tone) == tone
    assert mixed(tone, None) == tone
    assert set(mixed(None, None)) == {0}
    beneath = mixed(array("h", bytes(2 * SAMPLES)), tone)
    assert strength(beneath, PHONE_TONE) == pytest.approx(strength(tone, PHONE_TONE) / BENEATH, rel=0.05)


@pytest.mark.parametrize("codec", ["PCMU", "PCMA", "G722", "opus"])
def test_every_codec_comes_out_as_it_went_in(codec: str) -> None:
    tone = Tone(PHONE_TONE, codec)
    packets = tone.packets(40)
    assert all((after.sequence - before.sequence) == 1 for before, after in pairwise(packets))
    sound = decoded(packets, codec)[10 * SAMPLES :]
    assert strength(sound, PHONE_TONE) == pytest.approx(8000, rel=0.15)
    assert strength(sound, OFFICER_TONE) < 400


def test_codec_that_the_relay_does_not_speak_is_refused() -> None:
    with pytest.raises(BadPrompt):
        Incoming("speex")
    with pytest.raises(BadPrompt):
        Outgoing("speex", 0)


def test_broken_late_and_repeated_packets_are_left_out() -> None:
    incoming, tone = Incoming("PCMU"), Tone(PHONE_TONE)
    packets = tone.packets(HELD)
    incoming.hear(b"no packet")
    incoming.hear(b"")
    for packet in (*packets, *packets, packets[0]):
        incoming.hear(packet.build())
    taken = 0
    while incoming.take() is not None:
        taken += 1
    assert taken <= len(packets)


def test_sender_that_begins_anew_is_heard_whatever_its_numbers() -> None:
    incoming = Incoming("PCMU")
    for first, ssrc in ((40_000, 1), (7, 2)):
        for packet in Tone(PHONE_TONE).packets(HELD + 1):
            incoming.hear(Packet(0, first + packet.sequence, 0, ssrc, packet.payload).build())
        assert incoming.take() is not None


def test_sound_that_comes_too_fast_is_held_no_longer_than_a_moment() -> None:
    incoming, tone = Incoming("PCMU"), Tone(PHONE_TONE)
    for packet in tone.packets(100):
        incoming.hear(packet.build())
    held = 0
    while incoming.take() is not None:
        held += 1
    assert held == MOST


class Arriving:
    """Packets that have come and that nobody has taken yet."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []

    def take(self) -> list[bytes]:
        packets, self.packets = self.packets, []
        return packets


def test_mixer_makes_a_packet_every_20_ms_whatever_comes() -> None:
    spoken, said = Arriving(), Arriving()
    mixer = Mixer(0)
    ear = mixer.ear("PCMU", 8)
    ear.over, ear.beneath = [Incoming("PCMU", spoken.take)], Incoming("PCMU", said.take)
    officer, party = Tone(OFFICER_TONE), Tone(PHONE_TONE)
    heard: list[Packet] = []
    for tick in range(50):
        spoken.packets.append(officer.packet().build())
        packet = party.packet().build()
        if tick % 5:  # a fifth is lost
            said.packets.append(packet)
        heard += map(Packet.parse, ear.due(tick * FRAME))
        assert not ear.ended(tick * FRAME)
    assert len(heard) >= 48
    assert all(after.sequence - before.sequence == 1 for before, after in pairwise(heard))
    assert all(after.timestamp - before.timestamp == 160 for before, after in pairwise(heard))
    sound = decoded(heard)[10 * SAMPLES :]
    assert strength(sound, OFFICER_TONE) > 6000
    assert 500 < strength(sound, PHONE_TONE) < 3000


def test_mixer_leaves_out_what_a_long_pause_of_the_process_missed() -> None:
    mixer = Mixer(0)
    ear = mixer.ear("PCMU", 0)
    ear.due(0)
    assert len(ear.due(10_000 * FRAME)) <= MOST + 1
    assert ear.milliseconds <= (MOST + 2) * 20


@over_amp
async def test_both_hear_the_officer_above_the_other_and_then_each_other_as_before(call: Call) -> None:
    await begin(call)
    officer = SpeakingBrowser()
    talk = Talk(call, officer)
    await talk.go_on(10)
    await speak(call, officer, *Leg)
    begun = (len(at_phone(call)), len(at_browser(call)))
    await talk.go_on(60, officer=True)
    ended = (len(at_phone(call)), len(at_browser(call)))
    for packets, other, start, stop in (
        (at_phone(call), BROWSER_TONE, begun[0], ended[0]),
        (at_browser(call), PHONE_TONE, begun[1], ended[1]),
    ):
        heard = decoded(packets[start + 15 : stop])
        assert strength(heard, OFFICER_TONE) > 4 * strength(heard, other) / BENEATH
        assert strength(heard, other) > 500
    await call.do(commands.CloseSpeaker, speaker="officer")
    await rest(0.05)
    before = len(at_browser(call))
    await talk.go_on(10)
    await soon(lambda: len(at_browser(call)) >= before + 10, "the phone's sound")
    # passed through again: the very payloads, and nobody mixes any more
    payloads = [packet.payload for packet in Tone(PHONE_TONE).packets(80)]
    assert [packet.payload for packet in at_browser(call)[before:]] == payloads[70:80]
    for packets in (at_phone(call), at_browser(call)):
        assert continuous(packets)
        assert len({packet.ssrc for packet in packets}) == 1
        steps = [after.timestamp - before.timestamp & 0xFFFFFFFF for before, after in pairwise(packets)]
        assert all(0 < step < 8000 for step in steps)
    assert call.relay.relay.switch.table.rings == {}
    officer.close()


@over_amp
async def test_whisper_is_heard_by_the_phone_alone(call: Call) -> None:
    await begin(call)
    officer = SpeakingBrowser()
    talk = Talk(call, officer)
    await talk.go_on(5)
    await speak(call, officer, Leg.PHONE)
    begun = len(at_phone(call))
    await talk.go_on(50, officer=True)
    heard = decoded(at_phone(call)[begun + 15 :])
    assert strength(heard, OFFICER_TONE) > 4000
    payloads = [packet.payload for packet in Tone(PHONE_TONE).packets(55)]
    await soon(lambda: len(at_browser(call)) >= 55, "the phone's sound")
    assert [packet.payload for packet in at_browser(call)][-55:] == payloads
    officer.close()


@over_amp
async def test_officer_is_heard_by_parties_who_are_kept_apart(call: Call) -> None:
    await begin(call)
    officer = SpeakingBrowser()
    talk = Talk(call, officer)
    await call.do(commands.Part)
    await speak(call, officer, *Leg)
    begun = len(at_phone(call))
    await talk.go_on(40, officer=True)
    heard = decoded(at_phone(call)[begun + 10 :])
    assert strength(heard, OFFICER_TONE) > 4000
    assert strength(heard, BROWSER_TONE) < 200
    officer.close()


@over_amp
async def test_prompt_goes_before_the_officer_who_is_heard_again_after_it(call: Call) -> None:
    await begin(call)
    officer = SpeakingBrowser()
    talk = Talk(call, officer)
    await speak(call, officer, *Leg)
    await talk.go_on(20, officer=True)
    await call.do(commands.Play, prompt="en/notice", to="both", times=1)
    before = len(at_phone(call))
    await talk.go_on(50, officer=True)
    assert strength(decoded(at_phone(call)[before + 15 :]), OFFICER_TONE) > 4000
    assert continuous(at_phone(call))
    officer.close()


@over_amp
async def test_one_officer_speaks_at_a_time_and_may_be_followed_by_another(call: Call) -> None:
    await begin(call)
    officer = SpeakingBrowser()
    await speak(call, officer, *Leg)
    with pytest.raises(Refused, match="already"):
        await call.do(commands.OpenSpeaker, speaker="another")
    with pytest.raises(Refused):
        await call.do(commands.SetSpeaker, speaker="nobody", side=officer.speaking(*Leg))
    await call.do(commands.CloseSpeaker, speaker="another")
    await call.do(commands.CloseSpeaker, speaker="officer")
    await call.do(commands.CloseSpeaker, speaker="officer")
    await call.do(commands.OpenSpeaker, speaker="another")
    with pytest.raises(Refused, match="speex"):
        await call.do(commands.SetSpeaker, speaker="another", side=officer.speaking(*Leg, codec="speex"))
    officer.close()


@over_amp
async def test_speaker_whose_browser_goes_silent_is_let_go_and_the_parties_hear_each_other(call: Call) -> None:
    await begin(call)
    officer = SpeakingBrowser()
    await speak(call, officer, *Leg)
    call.relay.skip(9)
    await soon(lambda: call.gateway.heard("speaker gone", "officer"), "the speaker's end")
    assert call.relay.relay.switch.table.rings == {}
    officer.close()


@over_amp
async def test_nobody_speaks_before_the_notice(call: Call) -> None:
    await call.connect()
    with pytest.raises(NotAnnounced):
        await call.do(commands.OpenSpeaker, speaker="officer")


@over_amp
async def test_what_is_withheld_of_a_party_nobody_gets(call: Call) -> None:
    await begin(call)
    listener = ListeningBrowser()
    await listen(call, listener, "listener")
    await exchange(call, 0)
    await soon(lambda: len(listener.rtp) == 4, "four packets")
    muted = Withheld(streams=((Leg.PHONE, Kind.AUDIO), (Leg.BROWSER, Kind.VIDEO)))
    await call.do(commands.Withhold, streams=muted)
    at = len(call.browser.rtp), len(at_phone(call)), len(call.phone.rtp[Kind.VIDEO].rtp), len(listener.rtp)
    for number in range(1, 4):
        await exchange(call, number)
    assert {packet.payload for packet in call.browser.rtp[at[0] :]} == {b"\x41from phone"}
    assert {packet.payload for packet in at_phone(call)[at[1] :]} == {b"from browser"}
    assert call.phone.rtp[Kind.VIDEO].rtp[at[2] :] == []
    assert {packet.payload for packet in listener.rtp[at[3] :]} == {b"\x41from phone", b"from browser"}
    await call.do(commands.Withhold, streams=Withheld())
    await exchange(call, 4)
    await soon(lambda: len(call.phone.rtp[Kind.VIDEO].rtp) > at[2], "the browser's picture")
    listener.close()


@over_amp
async def test_privileged_bridge_knows_no_officer(call: Call) -> None:
    await call.do(commands.OpenBridge, privileged=True)
    call.phone.opened(await call.do(commands.OpenPhone, video=True))
    await call.do(commands.SetPhone, side=call.phone.side())
    await call.bring(call.browser)
    await announce(call, "record monitor")
    await call.do(commands.Join)
    officer = SpeakingBrowser()
    for command, more in (
        (commands.OpenSpeaker, {"speaker": "officer"}),
        (commands.SetSpeaker, {"speaker": "officer", "side": officer.speaking(*Leg)}),
        (commands.CloseSpeaker, {"speaker": "officer"}),
        (commands.Withhold, {"streams": Withheld(streams=((Leg.PHONE, Kind.AUDIO),))}),
    ):
        with pytest.raises(Refused, match="privileged"):
            await call.do(command, **more)
    officer.close()


@over_amp
async def test_thumbnails_are_keyframes_alone_without_a_gap_between(call: Call) -> None:
    await begin(call)
    wall = ListeningBrowser()
    terms = await call.do(commands.OpenListener, listener="wall")
    wall.ssrcs = {ssrc: (party, kind) for party, kind, ssrc in terms.ssrcs}
    side = wall.listening().model_copy(update={"sparse": True})
    await call.do(commands.SetListener, listener="wall", side=side)
    wall.transport.call(terms)
    await soon(lambda: call.gateway.heard("listener up", "wall") and wall.transport.keyed, "the wall's keys")
    shown = [b"\x67parameters", b"\x65key"]
    for number in range(12):
        payload = shown[number % 6] if number % 6 < 2 else b"\x41between"
        moment = number - number % 6 % 2 if number % 6 < 2 else number
        call.phone.send(Packet(97, number, moment * 3000, 99, payload, marker=True), Kind.VIDEO)
        await rest(0.01)
    await soon(lambda: len(wall.heard(Leg.PHONE, Kind.VIDEO)) == 4, "two keyframes")
    heard = wall.heard(Leg.PHONE, Kind.VIDEO)
    assert [packet.payload for packet in heard] == shown * 2
    assert continuous(heard)
    assert picture(0).payload not in {packet.payload for packet in heard}
    wall.close()
