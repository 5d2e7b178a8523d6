"""One run of `parloir bench`: a relay process, a load process, and the calls between them."""

import json
import math
import os
import socket
import struct
import sys
import tempfile
import time
import wave
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.internet import protocol
from twisted.internet.defer import Deferred, DeferredQueue, gatherResults
from twisted.protocols import amp
from twisted.python.failure import Failure

from parloir.bench_load import AUDIO_TYPE, BROWSER_VIDEO_TYPE, PHONE_VIDEO_TYPE, SEND_TIME
from parloir.bench_result import BenchFailed, Moment, Result, Taps, result
from parloir.relay import commands
from parloir.relay.bodies import (
    BrowserSide,
    BrowserStream,
    ListenerSide,
    ListenerStream,
    ListenerTerms,
    PhoneSide,
    PhoneStream,
    RecordingTerms,
    RelaySettings,
)
from parloir.relay.news import (
    KeyframeWanted,
    LegBack,
    LegLost,
    LegSilent,
    LegUp,
    ListenerGone,
    ListenerUp,
    PhoneStrays,
    PictureRests,
    Quality,
    RecordingOver,
)
from parloir.rtp.description import Address, Kind
from parloir.rtp.flow import Leg

HOST = "127.0.0.1"
NO_TAPS = Taps()
FIRST_PORT, LAST_PORT = 20_000, 27_999
PATIENCE = 90.0
"""Seconds for any one answer of the load process."""
_TICKS = os.sysconf("SC_CLK_TCK")


class Lines(protocol.ProcessProtocol):
    """The load process: a JSON object a line, both ways."""

    def __init__(self) -> None:
        self.ended = False
        self._said: DeferredQueue[dict[str, Any]] = DeferredQueue()
        self._rest = b""

    def tell(self, **what: Any) -> None:
        """Say something to it."""
        process: Any = self.transport
        process.write(json.dumps(what).encode() + b"\n")

    async def hear(self, reactor: Any) -> dict[str, Any]:
        """What it says next. Raises BenchFailed when it has ended or says nothing."""
        said: dict[str, Any] = await self._said.get().addTimeout(PATIENCE, reactor, _too_late)
        if "ended" in said:
            raise BenchFailed(f"the load process ended: {said['ended']}")
        return said

    def end(self) -> None:
        """End it, if it has not ended by itself."""
        process: Any = self.transport
        if not self.ended:
            process.signalProcess("KILL")

    def outReceived(self, data: bytes) -> None:  # noqa: N802
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._said.put(json.loads(line))

    def errReceived(self, data: bytes) -> None:  # noqa: N802
        sys.stderr.write(data.decode(errors="replace"))

    def processEnded(self, reason: Failure) -> None:  # noqa: N802
        self.ended = True
        self._said.put({"ended": reason.getErrorMessage()})


def _too_late(*_: Any) -> Any:
    raise BenchFailed(f"the load process did not answer within {PATIENCE:.0f} s")


class Watcher(amp.AMP):
    """The gateway's end of the relay's connection; its news is of no interest here."""

    async def do(self, command: type[amp.Command], **arguments: Any) -> Any:
        """One command; the only value of its answer."""
        answer = await self.callRemote(command, **arguments)  # type: ignore[no-untyped-call]
        return next(iter(answer.values()), None)

    def leave(self) -> None:
        """Close the connection, which ends the relay."""
        transport: Any = self.transport
        transport.loseConnection()

    @LegUp.responder
    def leg_up(self, bridge: str, leg: str) -> dict[str, Any]:
        """A leg is up."""
        return {}

    @LegLost.responder
    def leg_lost(self, bridge: str, leg: str, why: str) -> dict[str, Any]:
        """A leg was lost."""
        sys.stderr.write(f"{bridge}: {leg} lost: {why}\n")
        return {}

    @LegBack.responder
    def leg_back(self, bridge: str, leg: str) -> dict[str, Any]:
        """A leg is back."""
        return {}

    @LegSilent.responder
    def leg_silent(self, bridge: str, leg: str, silent: bool) -> dict[str, Any]:
        """A leg sends nothing, or again."""
        return {}

    @PhoneStrays.responder
    def phone_strays(self, bridge: str) -> dict[str, Any]:
        return {}

    @KeyframeWanted.responder
    def keyframe_wanted(self, bridge: str) -> dict[str, Any]:
        return {}

    @PictureRests.responder
    def picture_rests(self, bridge: str, rests: bool) -> dict[str, Any]:
        """A picture is withheld, or shown again."""
        return {}

    @RecordingOver.responder
    def recording_over(self, recording: str, chunks: int, octets: int, hash: str, failure: str) -> dict[str, Any]:
        """A journal is closed, or failed."""
        if failure:
            sys.stderr.write(f"recording {recording} failed: {failure}\n")
        return {}

    @ListenerUp.responder
    def listener_up(self, bridge: str, listener: str) -> dict[str, Any]:
        """A listener hears."""
        return {}

    @ListenerGone.responder
    def listener_gone(self, bridge: str, listener: str, why: str) -> dict[str, Any]:
        """A listener was lost."""
        sys.stderr.write(f"{bridge}: listener {listener} lost: {why}\n")
        return {}

    @Quality.responder
    def quality(self, bridge: str, report: Any) -> dict[str, Any]:
        """The figures of a call."""
        return {}


class _RelayOutput(protocol.ProcessProtocol):
    def errReceived(self, data: bytes) -> None:  # noqa: N802
        sys.stderr.write(data.decode(errors="replace"))


def run(
    reactor: Any,
    calls: int,
    seconds: float,
    profile: Path | None,
    say: Callable[[str], None],
    taps: Taps = NO_TAPS,
) -> Result:
    """Measure, running the reactor; with taps a first time without them, to tell what they add. Raises BenchFailed."""
    outcome: list[Any] = []
    measured = Deferred.fromCoroutine(_compare(reactor, calls, seconds, profile, say, taps))
    measured.addBoth(outcome.append).addBoth(lambda _: reactor.stop())
    reactor.run()
    if not outcome:
        raise BenchFailed("interrupted")
    if isinstance(outcome[0], Failure):
        outcome[0].raiseException()
    found: Result = outcome[0]
    return found


async def _compare(
    reactor: Any, calls: int, seconds: float, profile: Path | None, say: Callable[[str], None], taps: Taps
) -> Result:
    if not taps:
        return await _measure(reactor, calls, seconds, profile, say, taps)
    without = await _measure(reactor, calls, seconds, None, say, NO_TAPS)
    say(f"{calls} calls: again, recorded and listened to as asked")
    found = await _measure(reactor, calls, seconds, profile, say, taps)
    return replace(found, added_us_per_packet=round(found.cpu_us_per_packet - without.cpu_us_per_packet, 2))


async def _measure(
    reactor: Any, calls: int, seconds: float, profile: Path | None, say: Callable[[str], None], taps: Taps
) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        _write_notice(Path(folder) / "en" / "notice.wav")
        watcher, relay = _start_relay(reactor, profile)
        load = Lines()
        reactor.spawnProcess(load, sys.executable, [sys.executable, "-m", "parloir.bench_load"], env=os.environ)
        try:
            await watcher.do(commands.Configure, settings=_settings(folder))
            before = _memory(relay.pid)
            load.tell(calls=calls, listeners=taps.listeners)
            told = await load.hear(reactor)
            terms = []
            for number, ports in enumerate(told["phones"]):
                terms.append(await _open(watcher, str(number), ports, tuple(told["fingerprint"])))
            say(f"{calls} calls: connecting")
            load.tell(calls=terms)
            if not (await load.hear(reactor))["connected"]:
                raise BenchFailed("not every browser got its keys within a minute")
            await gatherResults([Deferred.fromCoroutine(_join(watcher, str(number))) for number in range(calls)])
            await _tap(reactor, watcher, load, calls, taps, Path(folder), tuple(told["fingerprint"]))
            load.tell(seconds=seconds + 1)
            first, last, final = await _watch(reactor, load, relay.pid, calls, say)
            found = result(
                calls, first, last, final["sent"] - final["received"], final["delays"], _memory(relay.pid) - before
            )
            return replace(found, heard=final["heard"])
        finally:
            watcher.leave()
            load.end()


async def _tap(
    reactor: Any, watcher: Watcher, load: Lines, calls: int, taps: Taps, folder: Path, fingerprint: tuple[str, str]
) -> None:
    """Record every call, and let its listeners join."""
    for number in range(calls if taps.record else 0):
        terms = RecordingTerms(recording=f"r{number}", path=str(folder / f"{number}.journal"), key=os.urandom(32))
        await watcher.do(commands.StartRecording, bridge=str(number), terms=terms)
    listeners = []
    streams = tuple(
        ListenerStream(party=party, kind=kind, codec=codec, clock=clock, payload_type=number)
        for party in Leg
        for kind, codec, clock, number in (
            (Kind.AUDIO, "PCMU", 8000, AUDIO_TYPE),
            (Kind.VIDEO, "H264", 90_000, BROWSER_VIDEO_TYPE),
        )
    )
    side = ListenerSide(fingerprints=(fingerprint,), streams=streams)
    for bridge in map(str, range(calls)):
        for name in map(str, range(taps.listeners)):
            told: ListenerTerms = await watcher.do(commands.OpenListener, bridge=bridge, listener=name)
            await watcher.do(commands.SetListener, bridge=bridge, listener=name, side=side)
            listeners.append(told.model_dump(mode="json", exclude={"ssrcs"}) | {"cname": "", "ssrcs": {}})
    if listeners:
        load.tell(listeners=listeners)
        if not (await load.hear(reactor))["connected"]:
            raise BenchFailed("not every listener got its keys within a minute")


async def _watch(
    reactor: Any, load: Lines, relay: int, calls: int, say: Callable[[str], None]
) -> tuple[Moment, Moment, dict[str, Any]]:
    """The relay after the first second and after the last, and the load's own last words."""
    moments: list[Moment] = []
    while "delays" not in (told := await load.hear(reactor)):
        moment = Moment(_cpu(relay), told["received"], time.monotonic())
        if moments:
            packets = max(1, moment.forwarded - moments[-1].forwarded)
            each = (moment.cpu - moments[-1].cpu) / packets * 1e6
            lost = told["sent"] - told["received"]
            say(f"{calls} calls: {packets} packets forwarded, {each:.1f} us each, {lost} lost or on the way")
        moments.append(moment)
    if len(moments) < 3:
        raise BenchFailed("the load process stopped too early")
    return moments[0], moments[-2], told


def _start_relay(reactor: Any, profile: Path | None) -> tuple[Watcher, Any]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    profiler = ["-m", "cProfile", "-o", str(profile.absolute())] if profile else []
    watcher = Watcher()  # type: ignore[no-untyped-call]
    with ours, theirs:
        process = reactor.spawnProcess(
            _RelayOutput(),
            sys.executable,
            [sys.executable, *profiler, "-m", "parloir.relay.main"],
            env=os.environ,
            childFDs={0: "w", 1: "r", 2: "r", 3: theirs.fileno()},
        )
        factory = protocol.Factory.forProtocol(lambda: watcher)
        reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, factory)
    return watcher, process


def _settings(prompts: str) -> RelaySettings:
    return RelaySettings(
        rtp_host=HOST,
        rtp_first=FIRST_PORT,
        rtp_last=LAST_PORT,
        webrtc_host=HOST,
        webrtc_port=0,
        public_addresses=(HOST,),
        prompts=prompts,
    )


async def _open(watcher: Watcher, bridge: str, ports: list[int], fingerprint: tuple[str, str]) -> dict[str, Any]:
    """Open one bridge for a phone at these ports; what its parties must be told."""
    audio, audio_rtcp, video, video_rtcp = (Address(HOST, port) for port in ports)
    await watcher.do(commands.OpenBridge, bridge=bridge, privileged=False)
    opened = await watcher.do(commands.OpenPhone, bridge=bridge, video=True)
    phone = PhoneSide(
        streams=(
            _phone_stream(Kind.AUDIO, "PCMU", 8000, AUDIO_TYPE, audio, audio_rtcp),
            _phone_stream(Kind.VIDEO, "H264", 90_000, PHONE_VIDEO_TYPE, video, video_rtcp),
        )
    )
    browser = BrowserSide(
        fingerprints=(fingerprint,),
        streams=(
            BrowserStream(kind=Kind.AUDIO, codec="PCMU", clock=8000, payload_type=AUDIO_TYPE),
            BrowserStream(
                kind=Kind.VIDEO, codec="H264", clock=90_000, payload_type=BROWSER_VIDEO_TYPE, abs_send_time=SEND_TIME
            ),
        ),
    )
    await watcher.do(commands.SetPhone, bridge=bridge, side=phone)
    terms = await watcher.do(commands.OpenBrowser, bridge=bridge)
    await watcher.do(commands.SetBrowser, bridge=bridge, side=browser)
    return {"audio": opened.audio, "video": opened.video, "terms": terms.model_dump(mode="json")}


def _phone_stream(kind: Kind, codec: str, clock: int, number: int, rtp: Address, rtcp: Address) -> PhoneStream:
    return PhoneStream(
        kind=kind, remote=rtp, rtcp=rtcp, codec=codec, clock=clock, send_type=number, receive_type=number
    )


async def _join(watcher: Watcher, bridge: str) -> None:
    await watcher.do(commands.Announce, bridge=bridge, prompt="en/notice", told="record monitor")
    await watcher.do(commands.Join, bridge=bridge)


def _write_notice(path: Path) -> None:
    path.parent.mkdir()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        tone = (int(8000 * math.sin(2 * math.pi * 440 * n / 16_000)) for n in range(1600))
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in tone))


def _cpu(pid: int) -> float:
    """Seconds of CPU that a process has used, its threads and the kernel's part included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _memory(pid: int) -> float:
    """KiB of memory that are this process's own."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return float(line.split()[1])
    return 0.0
