"""What is mixed on a bridge beside an officer's speech: warnings while the parties talk, and who else hears of it."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

from twisted.internet.defer import Deferred

from parloir.export import mkv
from parloir.relay import commands
from parloir.relay.commands import Interrupted, Refused
from parloir.relay.entries import Verb
from parloir.relay.journal import RecordKind
from parloir.relay.journal_reader import facts
from parloir.relay.mixer import BENEATH
from parloir.relay.mixing import Mixing
from parloir.relay.utterance import Utterance
from parloir.rtp.description import Kind
from parloir.rtp.flow import Leg
from parloir.rtp.packet import Packet

from .listening_end import KEY, LISTENER_TYPES, ListeningBrowser, announce, begin, listen, recorded, terms
from .relay_rig import Call, continuous, outcome, over_amp, soon, write_tone
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

WARNING_TONE = 440
LOUD = 8000
"""How strong the parties' tones are as they are sent."""


def warn(call: Call, **more: object) -> "Deferred[object]":
    """Begin to say the warning over what both hear."""
    given: dict[str, object] = {"prompt": "en/warning", "to": "both", "times": 1, "over": True}
    return outcome(call.do(commands.Play, **given | more))


def payloads(hertz: int, packets: int) -> list[bytes]:
    """What somebody sends whose tone this is."""
    return [packet.payload for packet in Tone(hertz).packets(packets)]


def assert_beneath(packets: list[Packet], over: int, beneath: int) -> None:
    """One tone is heard well, and another is lowered and not gone."""
    heard = decoded(packets)
    assert strength(heard, over) > 4000
    assert 200 < strength(heard, beneath) < 1.3 * LOUD / BENEATH


async def comes(heard: Callable[[], list[Packet]], wanted: list[bytes]) -> None:
    """Wait until the last that was heard is exactly this."""
    await soon(
        lambda: [packet.payload for packet in heard()][-len(wanted) :] == wanted, "what was said, as it was said"
    )


async def hears_officer(talk: Talk, heard: Callable[[], list[Packet]], beneath: int) -> None:
    """Let everybody talk on until the officer is heard well, and the party beneath is lowered and not gone."""
    for _ in range(50):
        await talk.go_on(10, officer=True)
        sound = decoded(heard()[-25:])
        if strength(sound, OFFICER_TONE) > 4000 and 200 < strength(sound, beneath) < 1.3 * LOUD / BENEATH:
            return
    raise AssertionError("the officer was not heard")


def assert_one_run(packets: list[Packet]) -> None:
    """The numbers go on by one each time, and the timestamps always on."""
    assert continuous(packets)
    assert len({packet.ssrc for packet in packets}) == 1
    steps = [(after.timestamp - before.timestamp) & 0xFFFFFFFF for before, after in pairwise(packets)]
    assert all(0 < step < 16_000 for step in steps)


async def until(talk: Talk, said: "Deferred[object]", officer: bool = False) -> None:
    """Let everybody go on until the warning has been said."""
    while not said.called:
        await talk.go_on(1, officer)


@over_amp
async def test_warning_is_heard_by_both_while_they_talk_and_then_all_passes_as_before(
    call: Call, tmp_path: Path
) -> None:
    write_tone(tmp_path / "en" / "warning.wav", 0.8)
    await begin(call)
    listener = ListeningBrowser()
    await listen(call, listener)
    talk = Talk(call)
    await talk.go_on(5)
    begun = len(at_phone(call)), len(at_browser(call))
    said = warn(call)
    await until(talk, said)
    assert await said == 800
    ended = len(at_phone(call)), len(at_browser(call))
    assert_beneath(at_phone(call)[begun[0] + 5 : ended[0]], WARNING_TONE, BROWSER_TONE)
    assert_beneath(at_browser(call)[begun[1] + 5 : ended[1]], WARNING_TONE, PHONE_TONE)
    await talk.go_on(5)
    # nobody decodes any more, and listeners have heard the parties alone and whole
    for party, tone, hears in ((Leg.BROWSER, BROWSER_TONE, at_phone), (Leg.PHONE, PHONE_TONE, at_browser)):
        spoken = payloads(tone, talk.sent)
        await comes(partial(hears, call), spoken[-5:])
        await comes(partial(listener.heard, party, Kind.AUDIO), spoken)
        for packets in (hears(call), listener.heard(party, Kind.AUDIO)):
            assert_one_run(packets)
    assert not [sink for sink in call.relay.relay.switch.table.sinks.values() if sink.beneath]
    listener.close()


@over_amp
async def test_warning_on_a_privileged_call_is_mixed_and_makes_no_tap(call: Call, tmp_path: Path) -> None:
    write_tone(tmp_path / "en" / "warning.wav", 0.8)
    await call.do(commands.OpenBridge, privileged=True)
    call.phone.opened(await call.do(commands.OpenPhone, video=True))
    await call.do(commands.SetPhone, side=call.phone.side())
    await call.bring(call.browser)
    await announce(call, "")
    await call.do(commands.Join)
    bridge, table = call.relay.relay.bridge("call"), call.relay.relay.switch.table
    assert type(bridge._mixing) is Mixing
    assert not hasattr(bridge._mixing, "share")
    peers, sinks = set(table.peers), set(table.sinks)
    talk, begun = Talk(call), len(at_phone(call))
    said = warn(call)
    mixed = 0
    while not said.called:
        await talk.go_on(1)
        assert table.rings == {}
        assert set(table.peers) == peers
        assert set(table.sinks) == sinks
        routes = [route for peer in table.peers.values() for route in peer.routes.values()]
        assert not any(route.copies for route in routes)
        # what is not forwarded waits at the very stream that it would have been forwarded to, and goes out there alone
        for party, leg in bridge._legs().items():
            for route in routes:
                if route.verb is Verb.MIX and route.source.id == leg.streams[Kind.AUDIO].source:
                    assert route.sink is not None
                    assert (
                        route.sink.id
                        == bridge._legs()[Leg.BROWSER if party is Leg.PHONE else Leg.PHONE].streams[Kind.AUDIO].sink
                    )
                    mixed += 1
        assert all(playing.also == () for playing in call.relay.relay._services.player._playing)
    assert mixed
    assert_beneath(at_phone(call)[begun + 5 : -1], WARNING_TONE, BROWSER_TONE)
    await call.do(commands.Part)
    assert not [sink for sink in table.sinks.values() if sink.beneath]


@over_amp
async def test_warning_and_officer_are_heard_together_and_either_goes_on_alone(call: Call, tmp_path: Path) -> None:
    write_tone(tmp_path / "en" / "warning.wav", 0.8)
    await begin(call)
    officer = SpeakingBrowser()
    talk = Talk(call, officer)
    await speak(call, officer, *Leg)
    await talk.go_on(5, officer=True)
    begun = len(at_phone(call))
    said = warn(call)
    await until(talk, said, officer=True)
    heard = decoded(at_phone(call)[begun + 5 :])
    assert strength(heard, WARNING_TONE) > 4000
    assert strength(heard, OFFICER_TONE) > 1000
    begun = len(at_phone(call))
    await talk.go_on(10, officer=True)
    await hears_officer(talk, partial(at_phone, call), BROWSER_TONE)
    assert strength(decoded(at_phone(call)[begun + 5 :]), WARNING_TONE) < 400
    said = warn(call)
    await talk.go_on(2, officer=True)
    await call.do(commands.CloseSpeaker, speaker="officer")
    begun = len(at_phone(call))
    await until(talk, said)
    assert strength(decoded(at_phone(call)[begun + 5 : -2]), WARNING_TONE) > 4000
    assert_one_run(at_phone(call))
    officer.close()


@over_amp
async def test_warning_to_parties_who_are_kept_apart_lets_nothing_cross(call: Call, tmp_path: Path) -> None:
    write_tone(tmp_path / "en" / "warning.wav", 0.4)
    await call.connect()
    talk = Talk(call)
    for heard in (False, True):  # before the notice, and on hold
        if heard:
            await announce(call, "record monitor")
            await call.do(commands.Join)
            await talk.go_on(2)
            await call.do(commands.Part)
        begun = len(at_phone(call)), len(at_browser(call))
        said = warn(call)
        await until(talk, said)
        for packets, tone in ((at_phone(call)[begun[0] :], BROWSER_TONE), (at_browser(call)[begun[1] :], PHONE_TONE)):
            assert strength(decoded(packets), WARNING_TONE) > 4000
            assert strength(decoded(packets), tone) < 200


@over_amp
async def test_warning_gives_way_and_ends_as_any_prompt(call: Call, tmp_path: Path) -> None:
    write_tone(tmp_path / "en" / "warning.wav", 5)
    await begin(call)
    talk = Talk(call)
    said = warn(call)
    await talk.go_on(3)
    assert await call.do(commands.Play, prompt="en/notice", to="both", times=1, interrupt=True) == 100
    assert isinstance(await said, Interrupted)
    said = warn(call)
    await talk.go_on(3)
    await call.do(commands.StopPrompts)
    assert isinstance(await said, Interrupted)
    said = warn(call)
    await call.bring(call.browser.__class__())  # a page that reloads does not hear it out
    assert isinstance(await said, Interrupted)
    for wrong in ({"times": 0}, {"times": 2}, {"prompt": "en/none"}):
        assert isinstance(await warn(call, **wrong), Refused)
    said = warn(call)
    await call.do(commands.CloseBridge)
    assert isinstance(await said, Interrupted)


@over_amp
async def test_other_listeners_hear_the_officer_and_the_speaker_hears_no_echo(call: Call) -> None:
    await begin(call)
    colleague, own, officer = ListeningBrowser(), ListeningBrowser(), SpeakingBrowser()
    await listen(call, colleague, "colleague", who="lee")
    await listen(call, own, "own", who="kim")
    talk = Talk(call, officer)
    await talk.go_on(5)
    await speak(call, officer, *Leg, who="kim")
    await hears_officer(talk, lambda: colleague.heard(Leg.BROWSER, Kind.AUDIO), BROWSER_TONE)
    late = ListeningBrowser()
    await listen(call, late, "late", who="max")
    await hears_officer(talk, lambda: late.heard(Leg.BROWSER, Kind.AUDIO), BROWSER_TONE)
    await call.do(commands.CloseSpeaker, speaker="officer")
    await talk.go_on(5)
    last = payloads(BROWSER_TONE, talk.sent)[-5:]
    for listener in (colleague, late):
        await comes(partial(listener.heard, Leg.BROWSER, Kind.AUDIO), last)
        heard = listener.heard(Leg.BROWSER, Kind.AUDIO)
        assert {packet.payload_type for packet in heard} == {LISTENER_TYPES[Kind.AUDIO]}
        assert_one_run(heard)
    # the party inside comes as it is to everybody, and so does all to the one who speaks
    for listener, party, tone in (
        (colleague, Leg.PHONE, PHONE_TONE),
        (own, Leg.PHONE, PHONE_TONE),
        (own, Leg.BROWSER, BROWSER_TONE),
    ):
        await comes(partial(listener.heard, party, Kind.AUDIO), payloads(tone, talk.sent))
        assert_one_run(listener.heard(party, Kind.AUDIO))
    for end in (colleague, own, late, officer):
        end.close()


@over_amp
async def test_officer_is_recorded_in_a_stream_of_their_own(call: Call, tmp_path: Path) -> None:
    await begin(call)
    await call.do(commands.StartRecording, terms=terms(tmp_path))
    officer = SpeakingBrowser()
    talk = Talk(call, officer)
    await talk.go_on(5)
    await speak(call, officer, Leg.PHONE)
    await talk.go_on(30, officer=True)
    sources = call.relay.relay.switch.table.sources.values()
    await soon(lambda: 30 in [source.received for source in sources], "all that the officer said")
    await call.do(commands.CloseSpeaker, speaker="officer")
    await talk.go_on(5)
    await comes(partial(at_browser, call), payloads(PHONE_TONE, 40))
    await comes(partial(at_phone, call), payloads(BROWSER_TONE, 40)[-5:])
    await call.do(commands.CloseBridge)
    await soon(lambda: call.gateway.heard("recorded", "r1", ""), "the recording's end")
    records = recorded(tmp_path / "r1.journal")
    for stream, tone, packets in ((1, PHONE_TONE, 40), (3, BROWSER_TONE, 40), (5, OFFICER_TONE, 30)):
        kept = [Packet.parse(each.data) for each in records if each.kind is RecordKind.RTP and each.stream == stream]
        assert [packet.payload for packet in kept] == payloads(tone, packets)
    said = [facts(record) for record in records if record.kind is RecordKind.FACT]
    assert [each["to"] for each in said if each["fact"] == "officer"] == [["phone"], []]
    found = mkv.make(tmp_path / "r1.journal", KEY, tmp_path / "r1.mkv")
    assert [track.name for track in found.tracks.values()] == ["inside audio", "visitor audio", "officer audio"]
    officer.close()


def test_utterance_is_over_when_all_has_been_said() -> None:
    said = Utterance([bytes(640), bytes(640)], 20_000_000)
    assert said.due(0) == []
    assert [said.take() is None for _ in range(2)] == [False, False]
    assert not said.ended(0)
    assert said.take() is None
    assert said.ended(0)
    assert said.milliseconds == 40


@over_amp
async def test_listeners_hear_what_is_said_to_the_visitor_alone_too(call: Call) -> None:
    await begin(call)
    listener, officer = ListeningBrowser(), SpeakingBrowser()
    await listen(call, listener)
    talk = Talk(call, officer)
    await speak(call, officer, Leg.BROWSER)
    await hears_officer(talk, lambda: listener.heard(Leg.PHONE, Kind.AUDIO), PHONE_TONE)
    await comes(partial(listener.heard, Leg.BROWSER, Kind.AUDIO), payloads(BROWSER_TONE, talk.sent))
    listener.close()
    officer.close()
