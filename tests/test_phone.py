"""`parloir phone`: two of them call one another over loopback; its media, without SIP, does what a phone's should."""

import argparse
import contextlib
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from parloir import phone
from parloir.phone_call import Abilities, PhoneCall
from parloir.phone_flow import Ports
from parloir.phone_picture import PictureSink, PictureSource
from parloir.phone_report import StreamReport
from parloir.phone_sound import SoundSink, SoundSource, UnreadableMedia
from parloir.phone_streams import Show
from parloir.rtp import rtcp
from parloir.rtp.codecs import AUDIO
from parloir.rtp.description import Codec, Kind
from parloir.rtp.packet import Packet
from parloir.rtp.sdp import parse
from parloir.rtp.tone import dominant, sine

PATIENCE = 20.0
RED, BLUE = (220, 30, 30), (30, 30, 220)


class Program:
    """One `parloir phone --json` on a free port."""

    def __init__(self, *options: str) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [sys.executable, "-m", "parloir.cli", "phone", "--json", "--seconds", "60"]
        command += ["--listen", f"127.0.0.1:{self.port}", *options]
        self._keyboard, terminal = pty.openpty()
        self._process = subprocess.Popen(command, stdin=terminal, stdout=subprocess.PIPE, text=True)
        os.close(terminal)
        self.said: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.wait(lambda said: said["event"] == "listening")

    @property
    def uri(self) -> str:
        return f"sip:1001@127.0.0.1:{self.port}"

    def _read(self) -> None:
        assert self._process.stdout is not None
        self.said.extend(json.loads(line) for line in self._process.stdout)

    def wait(self, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = next((said for said in list(self.said) if fits(said)), None)
            if found:
                return found
            time.sleep(0.02)
        raise TimeoutError(f"never said, but: {self.said[-3:]}")

    def wait_state(self, state: str) -> dict[str, Any]:
        return self.wait(lambda said: said["event"] == "state" and said["state"] == state)

    def type(self, keys: str) -> None:
        os.write(self._keyboard, keys.encode())

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def finish(self) -> int:
        """Its exit status."""
        status = self._process.wait(PATIENCE)
        self._reader.join()
        assert self._process.stdout is not None
        if not self._process.stdout.closed:
            self._process.stdout.close()
            os.close(self._keyboard)
        return status


@pytest.fixture
def programs() -> Iterator[Callable[..., Program]]:
    with contextlib.ExitStack() as stack:

        def start(*options: str) -> Program:
            program = Program(*options)

            def end() -> None:
                program.stop()
                program.finish()

            stack.callback(end)
            return program

        yield start


def near(colour: str | None, meant: tuple[int, int, int]) -> bool:
    return colour is not None and all(
        abs(got - want) < 24 for got, want in zip(bytes.fromhex(colour[1:]), meant, strict=True)
    )


def perceives(tone: int, colour: tuple[int, int, int], said: dict[str, Any]) -> bool:
    return abs((said.get("tone") or 0) - tone) < 10 and near(said.get("colour"), colour)


def test_two_phones_hear_and_see_one_another(programs: Callable[..., Program]) -> None:
    inside = programs("--color", "red", "--tone", "700", "--answer-after", "0", "--large-packets")
    outside = programs("--color", "blue", "--tone", "500", "--codec", "G722", "--dial", inside.uri)
    for program, tone, colour in ((inside, 500, BLUE), (outside, 700, RED)):
        report = program.wait(partial(perceives, tone, colour))
        assert report["audio"]["codec"] == "G722"
        assert report["audio"]["lost"] == report["video"]["lost"] == 0
        assert report["video"]["size"] == [352, 288]
        assert report["video"]["regressions"] == 0
    assert outside.said[-1]["video"]["largest"] == 1400
    outside.stop()
    assert inside.wait_state("idle")["status"] == 200, "it said BYE"
    assert outside.finish() == 0


def test_its_keys_answer_dial_and_hang_up(programs: Callable[..., Program]) -> None:
    inside = programs("--ring-only", "--no-video")
    outside = programs("--dial", inside.uri)
    outside.wait_state("ringing")
    inside.type("aa")
    outside.wait_state("talking")
    inside.wait_state("talking")
    inside.type("12#")
    outside.wait(lambda said: said["event"] == "report" and said["audio"].get("digits") == "12#")
    inside.type("h")
    assert outside.wait_state("idle")["status"] == 200


def test_a_handset_without_a_camera_has_an_audio_call(programs: Callable[..., Program]) -> None:
    inside = programs("--no-video", "--answer-after", "0")
    outside = programs("--dial", inside.uri, "--hangup-after", "1.5")
    report = outside.wait(lambda said: said["event"] == "report")
    assert report["audio"]["packets"] > 0
    assert "video" not in report
    assert outside.finish() == 0


@pytest.mark.parametrize(("option", "status"), [("--decline", 603), ("--busy", 486)])
def test_a_phone_that_refuses_says_why(programs: Callable[..., Program], option: str, status: int) -> None:
    inside = programs(option)
    outside = programs("--dial", inside.uri)
    assert outside.wait_state("idle")["status"] == status
    assert outside.finish() == 1


def test_a_phone_stops_ringing_when_the_caller_gives_up(programs: Callable[..., Program]) -> None:
    inside = programs("--ring-only")
    outside = programs("--dial", inside.uri)
    outside.wait_state("ringing")
    outside.stop()
    assert inside.wait_state("idle")["status"] == 487
    assert outside.finish() == 1


def test_codecs_that_differ_make_no_call(programs: Callable[..., Program]) -> None:
    inside = programs("--codec", "PCMA")
    outside = programs("--codec", "PCMU", "--dial", inside.uri)
    assert outside.wait_state("idle")["status"] == 488


@pytest.fixture
def pair() -> Iterator[tuple[PhoneCall, PhoneCall]]:
    """Two calls that have agreed without SIP, before their media runs."""
    ours = Abilities(("PCMU",), True, Show(tone=500, colour=BLUE))
    theirs = Abilities(("PCMA", "PCMU"), True, Show(tone=700, colour=RED))
    one, other = PhoneCall(ours, "127.0.0.1"), PhoneCall(theirs, "127.0.0.1")
    one.described(other.describe(one.describe("")))
    yield one, other
    one.close()
    other.close()


def reported(call: PhoneCall, fits: Callable[[dict[Kind, StreamReport]], bool]) -> dict[Kind, StreamReport]:
    assert call.media is not None
    while True:
        report = call.media.reports.get(timeout=PATIENCE)
        if fits(report):
            return report


def test_a_key_is_heard_once(pair: tuple[PhoneCall, PhoneCall]) -> None:
    one, other = pair
    one.start()
    other.start()
    assert one.media is not None
    for digit in "42#":
        one.media.dial(digit)
    found = reported(other, lambda report: len(report[Kind.AUDIO].digits or "") >= 3)
    assert found[Kind.AUDIO].digits == "42#"


def test_a_phone_that_joins_late_asks_for_a_keyframe(pair: tuple[PhoneCall, PhoneCall]) -> None:
    one, other = pair
    one.start()
    reported(one, lambda report: report[Kind.VIDEO].sent > 20)
    other.start()
    found = reported(other, lambda report: report[Kind.VIDEO].frames > 5)
    assert near(found[Kind.VIDEO].colour, BLUE)


def test_a_hold_silences_and_goes_on_with_the_same_numbers(pair: tuple[PhoneCall, PhoneCall]) -> None:
    one, other = pair
    one.start()
    other.start()
    reported(other, lambda report: report[Kind.AUDIO].seen.packets > 0)
    held = one.describe("").replace("a=sendrecv", "a=sendonly")
    other.describe(held)
    while_held = reported(one, lambda report: report[Kind.AUDIO].tone is None)[Kind.AUDIO].seen.packets
    other.describe(held.replace("a=sendonly", "a=sendrecv"))
    after = reported(one, lambda report: report[Kind.AUDIO].tone is not None)[Kind.AUDIO].seen
    assert after.packets > while_held
    assert (after.sources, after.gaps, after.regressions) == (1, 0, 0)


def test_an_offer_names_what_the_phone_can_do() -> None:
    call = PhoneCall(Abilities(("G722", "PCMU"), True, Show(size=(176, 144), bitrate=128_000)), "127.0.0.1")
    audio, video = parse(call.describe("")).media
    call.close()
    assert [f.codec.name for f in audio.formats] == ["G722", "PCMU", "telephone-event"]
    assert video.bandwidth == 128_000
    assert dict(video.formats[0].codec.parameters)["profile-level-id"] == "42e00b"
    assert audio.rtp is not None
    assert audio.rtp.port % 2 == 0


def test_an_offer_with_nothing_for_it_is_not_acceptable() -> None:
    call = PhoneCall(Abilities(("PCMU",), False, Show()), "127.0.0.1")
    assert not call.acceptable("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n")
    assert not call.acceptable("garbage")


def test_ports_are_a_pair() -> None:
    ports = Ports("127.0.0.1")
    assert ports.number % 2 == 0
    assert ports.rtcp.getsockname()[1] == ports.number + 1
    ports.close()


def test_a_full_intra_request_counts_once(pair: tuple[PhoneCall, PhoneCall]) -> None:
    one, _ = pair
    one.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        assert one.media is not None
        flow = one.media.streams[1].flow
        for _ in range(3):
            sender.sendto(rtcp.build(rtcp.FullIntra(1, ((flow.ssrc, 7),))), ("127.0.0.1", flow.ports.number + 1))
    found = reported(one, lambda report: bool(report[Kind.VIDEO].asked))
    assert found[Kind.VIDEO].asked == 1


@pytest.mark.parametrize("codec", AUDIO, ids=lambda codec: codec.name)
def test_a_tone_survives_every_codec(codec: Codec) -> None:
    source, sink = SoundSource(codec, 20, 523.0, None), SoundSink(codec)
    for _ in range(20):
        sink.take(source.next())
    tone = sink.tone()
    assert tone is not None
    assert tone.hz == pytest.approx(523, abs=4)
    assert sink.tone() is None, "what was asked for once is not heard again"


@pytest.mark.parametrize("hz", [60.0, 440.0, 1234.5, 3600.0])
def test_a_tone_is_found_to_the_hertz(hz: float) -> None:
    found = dominant(sine(hz, 8000, 0, 2000), 8000)
    assert found is not None
    assert found.hz == pytest.approx(hz, abs=1)
    assert found.level == pytest.approx(-15.3, abs=0.2)


def test_silence_has_no_tone() -> None:
    assert dominant([0] * 2000, 8000) is None
    assert dominant([9] * 2000, 8000) is None
    assert dominant([9000] * 100, 8000) is None


def test_pictures_keep_their_colour_and_stay_under_a_bound() -> None:
    source, sink = PictureSource((176, 144), 15, 128_000, RED, None, most=500), PictureSink()
    for number in range(5):
        units = source.next(keyframe=number == 0)
        assert max(len(unit) for unit in units) <= 500
        assert sink.take(b"".join(b"\x00\x00\x01" + unit for unit in units))
    assert near(sink.colour(), RED)
    assert sink.size == (176, 144)


def test_garbage_is_undecodable_not_fatal() -> None:
    pictures, sounds = PictureSink(), SoundSink(AUDIO[3])
    assert not pictures.take(b"\x00\x00\x01\x65garbage")
    sounds.take(b"\xff\xff\xff")
    assert pictures.colour() is None


def test_a_file_that_cannot_be_played_is_named(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.wav"
    with pytest.raises(UnreadableMedia) as caught:
        SoundSource(AUDIO[0], 20, 440, nothing)
    assert caught.value.path == nothing
    nothing.write_bytes(b"no media at all")
    with pytest.raises(UnreadableMedia):
        PictureSource((176, 144), 15, 128_000, RED, nothing)


@pytest.mark.parametrize(
    "words",
    [
        ["--listen", "5090"],
        ["--color", "mauve"],
        ["--size", "351x288"],
        ["--codec", "GSM"],
        ["--bitrate", "fast"],
        ["--busy", "--decline"],
    ],
)
def test_wrong_options_are_explained(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    phone.add_arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(words)
    assert words[0] in capsys.readouterr().err


def test_a_stray_packet_is_counted_and_not_decoded(pair: tuple[PhoneCall, PhoneCall]) -> None:
    one, _ = pair
    one.start()
    assert one.media is not None
    flow = one.media.streams[0].flow
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for data in (Packet(77, 1, 2, 3, b"x").build(), b"no rtp"):
            sender.sendto(data, ("127.0.0.1", flow.ports.number))
    seen = reported(one, lambda report: report[Kind.AUDIO].seen.strays > 0)[Kind.AUDIO].seen
    assert (seen.packets, seen.strays) == (0, 2)
