"""Parts of the relay on their own: ports, prompts, the bandwidth estimate, what is watched."""

import io
import itertools
import socket
import wave
from pathlib import Path

import av
import pytest
from aiortc.rate import RateCounter
from hypothesis import given
from hypothesis import strategies as st

from parloir.relay.bandwidth import LEAST, Throughput, Uplink
from parloir.relay.bodies import PhoneStream
from parloir.relay.commands import NoPorts
from parloir.relay.entries import FrameSample
from parloir.relay.errors import BadKey, BadPrompt
from parloir.relay.ports import Ports, bind, bind_pair
from parloir.relay.prompt import CODECS, FRAME, PAUSE, Encoded, Playback, encode, locate
from parloir.relay.send_time import abs_send_time
from parloir.relay.srtp import Workbench
from parloir.relay.watch import Sight, Watch
from parloir.rtp.description import Address, Kind
from parloir.rtp.flow import Leg
from parloir.rtp.packet import Packet, payload_span

from .relay_rig import write_tone

NS = 1_000_000_000


def test_ports_are_pairs_and_a_closed_one_rests() -> None:
    ports = Ports(30_001, 30_006, rest=30)
    assert [ports.take(0), ports.take(0)] == [30_002, 30_004]
    with pytest.raises(NoPorts):
        ports.take(0)
    ports.give_back(30_002, now=10)
    with pytest.raises(NoPorts, match="1 rest"):
        ports.take(39.9)
    assert ports.take(40) == 30_002


def test_the_port_used_longest_ago_is_taken_first() -> None:
    ports = Ports(30_000, 30_007, rest=1)
    first = ports.take(0)
    ports.give_back(first, 0)
    assert [ports.take(5) for _ in range(4)][-1] == first


def test_a_pair_of_which_a_stranger_holds_one_port_is_passed_over() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 23_901))
        port, rtp, rtcp = bind_pair(Ports(23_900, 23_909, rest=1), "127.0.0.1", 0)
        socket.close(rtp)
        socket.close(rtcp)
        assert port == 23_902
        with pytest.raises(NoPorts):
            bind_pair(Ports(23_900, 23_901, rest=1), "127.0.0.1", 0)
    with pytest.raises(OSError, match="assign"):
        bind("203.0.113.1", 23_910)


@pytest.mark.parametrize("codec", CODECS)
def test_a_prompt_is_encoded_in_payloads_of_20_ms(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "en" / "notice.wav"
    write_tone(path, 0.5)
    encoded = encode(path, codec)
    assert 500 <= encoded.milliseconds <= 540
    assert encoded.step == (960 if codec == "opus" else 160)
    if codec != "opus":
        assert {len(payload) for payload in encoded.payloads} == {160}


def test_what_is_encoded_sounds_like_the_wav(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    write_tone(path, 0.5)
    encoded = encode(path, "PCMU")
    decoder = av.CodecContext.create("pcm_mulaw", "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.sample_rate, decoder.layout = 8000, "mono"
    sound = b"".join(
        bytes(frame.planes[0])[: 2 * frame.samples]
        for payload in encoded.payloads[2:22]
        for frame in decoder.decode(av.Packet(payload))
    )
    samples = memoryview(sound).cast("h")
    crossings = sum(1 for one, two in itertools.pairwise(samples) if (one < 0) != (two < 0))
    assert abs(crossings / 2 / 0.4 - 440) < 10


@pytest.mark.parametrize("name", ["en/none", "en/../en/notice", "/etc/passwd", "notice", "en/notice.wav"])
def test_a_prompt_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    write_tone(tmp_path / "en" / "notice.wav", 0.1)
    with pytest.raises(BadPrompt, match="prompt "):
        locate(tmp_path, name)


def test_a_plugins_own_sound_is_found_by_its_whole_path(tmp_path: Path) -> None:
    write_tone(tmp_path / "own.wav", 0.1)
    assert locate(tmp_path / "prompts", str(tmp_path / "own.wav")) == tmp_path / "own.wav"
    with pytest.raises(BadPrompt):
        locate(tmp_path / "prompts", str(tmp_path / "other.wav"))


@pytest.mark.parametrize("content", [b"", b"RIFF", b"no sound at all" * 100])
def test_a_prompt_that_is_broken_is_told_of(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.wav").write_bytes(content)
    with pytest.raises(BadPrompt):
        encode(tmp_path / "broken.wav", "PCMU")


def test_a_prompt_without_a_sample_and_an_unknown_codec_are_told_of(tmp_path: Path) -> None:
    empty = io.BytesIO()
    with wave.open(empty, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(b"")
    (tmp_path / "empty.wav").write_bytes(empty.getvalue())
    for codec in ("PCMU", "GSM"):
        with pytest.raises(BadPrompt):
            encode(tmp_path / "empty.wav", codec)


@given(st.lists(st.integers(0, 5 * FRAME), max_size=100), st.integers(1, 3))
def test_a_prompt_is_played_by_the_clock_however_late_the_ticks(pauses: list[int], times: int) -> None:
    encoded = Encoded(tuple(bytes([n]) for n in range(10)), 160)
    playback = Playback(encoded, 8, times, started=0)
    now, sent = 0, []
    for pause in pauses:
        now += pause
        sent += playback.due(now)
        assert len(sent) == len([n for n in range(now // FRAME + 1) if n % (10 + PAUSE) < 10 and n < times * 60 - 50])
    sent += playback.due(10**12)
    packets = [Packet.parse(data) for data in sent]
    assert [p.sequence for p in packets] == list(range(10 * times))
    assert [p.timestamp for p in packets] == [(n + 60 * r) * 160 for r in range(times) for n in range(10)]
    assert [p.payload for p in packets] == list(encoded.payloads) * times
    assert playback.ended(10**12)


def test_an_endless_prompt_has_no_end() -> None:
    playback = Playback(Encoded((b"x",), 160), 0, times=0, started=0)
    assert len(playback.due(1000 * 51 * FRAME)) == 1001
    assert not playback.ended(10**15)


def frames(count: int, interval_ms: float, queue_ms: float = 0.0, octets: int = 4000) -> list[FrameSample]:
    """Frames sent at an interval, each delayed by `queue_ms` more than the one before."""
    return [
        FrameSample(
            int(n * (interval_ms + queue_ms) * 1e6), int(n * interval_ms / 1000 * 262_144) & 0xFFFFFF, octets, 7
        )
        for n in range(count)
    ]


def test_before_anything_is_known_the_browser_may_send_what_the_phone_takes() -> None:
    assert Uplink(768_000).bitrate() == 768_000


def test_a_clear_way_is_not_held_back_but_by_the_phone() -> None:
    uplink = Uplink(768_000)
    uplink.feed(frames(300, 33))
    assert uplink.bitrate() == 768_000


def test_a_growing_queue_brings_the_bitrate_down_at_once() -> None:
    uplink = Uplink(2_000_000)
    uplink.feed(frames(150, 33))
    before = uplink.tell()
    uplink.feed(
        [f._replace(arrival=f.arrival + 5 * NS, send_time=f.send_time + 5 * 262_144) for f in frames(90, 33, 20)]
    )
    assert uplink.fell()
    assert LEAST <= uplink.bitrate() < before


@given(st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 5000)), min_size=1, max_size=60))
def test_the_throughput_is_what_the_estimators_own_counter_says(frames: list[tuple[int, int]]) -> None:
    ours, theirs, now = Throughput(), RateCounter(1000, 8000), 0
    for pause, octets in frames:
        now += pause
        ours.add(octets, now)
        theirs.add(octets, now)
        assert ours.rate(now) == theirs.rate(now)


def test_silence_is_told_once_and_so_is_its_end() -> None:
    watch = Watch(timeout=10)
    told = [watch.see(Leg.PHONE, Sight(packets, True), now) for now, packets in enumerate([0] * 12 + [5, 6, 7])]
    assert [now for now, change in enumerate(told) if change is True] == [10]
    assert [now for now, change in enumerate(told) if change is False] == [12]


def test_media_that_flows_both_ways_is_counted_while_joined() -> None:
    watch = Watch(timeout=10)
    for now in range(5):
        if now == 1:
            watch.flow.join(1000)
        for leg in Leg:
            watch.see(leg, Sight(now + 1, True), now)
    assert watch.flow.milliseconds == 3000


@pytest.mark.parametrize(
    ("extensions", "expected"),
    [
        (((3, b"\x01\x02\x03"),), 0x010203),
        (((1, b"\x00"), (3, b"\xff\x00\x01")), 0xFF0001),
        (((4, b"\x01\x02\x03"),), -1),
        (((3, b"\x01\x02"),), -1),
        ((), -1),
    ],
)
def test_the_send_time_is_found_among_other_extensions(
    extensions: tuple[tuple[int, bytes], ...], expected: int
) -> None:
    data = Packet(96, 1, 2, 3, b"payload", csrcs=(7,), extensions=extensions).build()
    start, _ = payload_span(data)
    assert abs_send_time(memoryview(data), data[0], start, 3) == expected


@given(st.binary(min_size=13, max_size=80))
def test_no_extension_however_broken_does_harm(data: bytes) -> None:
    broken = b"\x91" + data
    end = min(len(broken), 12 + 4 + 4 + 4 * 5)
    assert -1 <= abs_send_time(memoryview(broken + bytes(30)), broken[0], end, 3) < 1 << 24


def test_keys_that_fit_no_profile_are_refused_without_being_shown() -> None:
    bench = Workbench()
    for profile, key in (("AEAD_AES_128_GCM", b"secret"), ("NULL", bytes(16))):
        with pytest.raises(BadKey) as refused:
            bench.add(profile, key, b"", "send")
        assert "secret" not in str(refused.value)
    assert bench.seal(99, 0, 100) == 0
    assert bench.open(99, 100) == 0
    assert bench.control(99, bytes(8), "send") is None


def test_a_stream_of_a_phone_crosses_amp_with_any_bytes_in_its_parameter_sets() -> None:
    stream = PhoneStream(
        kind=Kind.VIDEO,
        remote=Address("127.0.0.1", 4000),
        codec="H264",
        clock=90_000,
        send_type=97,
        receive_type=97,
        parameter_sets=(bytes(range(256)),),
    )
    assert PhoneStream.model_validate_json(stream.model_dump_json()) == stream
