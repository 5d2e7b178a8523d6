"""A relay under test, commanded over AMP as by the gateway; its phones and browsers are sockets of the test's."""

import asyncio
import functools
import math
import os
import socket
import struct
import time
import wave
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest_twisted
from twisted.internet import protocol, reactor
from twisted.internet.defer import Deferred
from twisted.protocols import amp

from parloir.relay import commands
from parloir.relay.bodies import RelaySettings
from parloir.relay.news import (
    Digit,
    KeyframeWanted,
    LegBack,
    LegLost,
    LegSilent,
    LegUp,
    PhoneStrays,
    PictureRests,
    Quality,
)
from parloir.relay.protocol import GatewayProtocol
from parloir.rtp.description import Kind
from parloir.rtp.packet import Packet

from .media_ends import AUDIO_TYPE, BROWSER_VIDEO_TYPE, VIDEO_TYPE, Browser, Phone


def over_amp(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., "Deferred[None]"]:
    """Run a coroutine that awaits Deferreds as a test on the reactor."""

    @functools.wraps(test)
    def run(*arguments: Any, **named: Any) -> "Deferred[None]":
        return Deferred.fromCoroutine(test(*arguments, **named))

    return run


def rest(seconds: float) -> "Deferred[None]":
    """Let the reactor go on for a while."""
    return Deferred.fromFuture(asyncio.ensure_future(asyncio.sleep(seconds)))


def outcome(answer: "Deferred[Any]") -> "Deferred[Any]":
    """An answer that is awaited later: its value or its error, for AMP gives up on errors that nobody takes."""
    return answer.addErrback(lambda failure: failure.value)


async def soon(what: Callable[[], Any], awaited: str, seconds: float = 10.0) -> Any:
    """Wait until `what` gives something true; a limit only against waiting for ever."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, f"waited in vain for {awaited}"
        await rest(0.01)
    return found


def write_tone(path: Path, seconds: float) -> None:
    """A WAV like those of the prompts: 16 kHz, 16 bit, one channel."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = (int(9000 * math.sin(2 * math.pi * 440 * n / 16_000)) for n in range(int(16_000 * seconds)))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))


def prompts(folder: Path, notice: float = 0.1) -> str:
    """A folder of prompts: the notice and a long one."""
    write_tone(folder / "en" / "notice.wav", notice)
    write_tone(folder / "en" / "please-wait.wav", 5)
    return str(folder)


def settings(folder: str, first: int, last: int, **more: Any) -> RelaySettings:
    """A relay on loopback whose browsers' port is any that is free."""
    terms: dict[str, Any] = {
        "rtp_host": "127.0.0.1",
        "rtp_first": first,
        "rtp_last": last,
        "webrtc_host": "127.0.0.1",
        "webrtc_port": 0,
        "public_addresses": ("127.0.0.1",),
        "prompts": folder,
    }
    return RelaySettings(**terms | more)


class Gateway(amp.AMP):
    """The gateway's end of the connection; `said` is what the relay has told, in order."""

    transport: Any

    def __init__(self) -> None:
        super().__init__()
        self.said: list[tuple[Any, ...]] = []
        self.gone = False

    def connectionLost(self, reason: Any = protocol.connectionDone) -> None:  # noqa: N802
        super().connectionLost(reason)
        self.gone = True

    def do(self, command: type[amp.Command], **arguments: Any) -> "Deferred[Any]":
        """One command, sent at once; the only value of its answer."""
        answer: Deferred[Any] = self.callRemote(command, **arguments)
        return answer.addCallback(lambda values: next(iter(values.values()), None))

    def heard(self, *wanted: Any) -> bool:
        """Whether the relay has said something that begins so."""
        return any(said[: len(wanted)] == wanted for said in self.said)

    @LegUp.responder
    def leg_up(self, bridge: str, leg: str) -> dict[str, Any]:
        self.said.append(("up", leg, bridge))
        return {}

    @LegLost.responder
    def leg_lost(self, bridge: str, leg: str, why: str) -> dict[str, Any]:
        self.said.append(("lost", leg, why))
        return {}

    @LegBack.responder
    def leg_back(self, bridge: str, leg: str) -> dict[str, Any]:
        self.said.append(("back", leg))
        return {}

    @LegSilent.responder
    def leg_silent(self, bridge: str, leg: str, silent: bool) -> dict[str, Any]:
        self.said.append(("silent", leg, silent))
        return {}

    @Digit.responder
    def digit(self, bridge: str, digit: str) -> dict[str, Any]:
        self.said.append(("digit", digit))
        return {}

    @PhoneStrays.responder
    def phone_strays(self, bridge: str) -> dict[str, Any]:
        self.said.append(("strays", bridge))
        return {}

    @KeyframeWanted.responder
    def keyframe_wanted(self, bridge: str) -> dict[str, Any]:
        self.said.append(("keyframe", bridge))
        return {}

    @PictureRests.responder
    def picture_rests(self, bridge: str, rests: bool) -> dict[str, Any]:
        self.said.append(("picture rests", rests))
        return {}

    @Quality.responder
    def quality(self, bridge: str, report: Any) -> dict[str, Any]:
        self.said.append(("quality", report))
        return {}


class Relay(GatewayProtocol):
    """The relay's end, in this process."""

    def __init__(self) -> None:
        self.ended = False
        self.ahead = 0
        super().__init__(reactor, self._end, lambda: time.monotonic_ns() + self.ahead)

    def skip(self, seconds: float) -> None:
        """Let the relay's clock jump ahead."""
        self.ahead += int(seconds * 1e9)

    def _end(self) -> None:
        self.ended = True


def connect(gateway: Gateway) -> Relay:
    """Put a relay of this process at the other end of a gateway's connection."""
    relay = Relay()
    factories = (protocol.Factory.forProtocol(lambda: gateway), protocol.Factory.forProtocol(lambda: relay))
    for end, factory in zip(socket.socketpair(), factories, strict=True):
        end.setblocking(False)
        with end:
            reactor.adoptStreamConnection(end.fileno(), socket.AF_UNIX, factory)
    return relay


class Call:
    """One bridge with a phone and a browser at it, through the steps of a call."""

    def __init__(self, gateway: Gateway, relay: Relay, name: str = "call", video: bool = True) -> None:
        self.gateway = gateway
        self.relay = relay
        self.name = name
        self.video = video
        self.phone = Phone(video)
        self.browser = Browser(video)
        self._browsers = [self.browser]

    def do(self, command: type[amp.Command], **arguments: Any) -> "Deferred[Any]":
        """A command about this bridge, sent at once."""
        return self.gateway.do(command, bridge=self.name, **arguments)

    async def connect(self, **phone: Any) -> None:
        """Open the bridge and bring both legs up."""
        await self.do(commands.OpenBridge, privileged=False)
        self.phone.opened(await self.do(commands.OpenPhone, video=self.video))
        await self.do(commands.SetPhone, side=self.phone.side(**phone))
        await self.bring(self.browser)

    async def bring(self, browser: Browser) -> None:
        """Let a browser take its seat."""
        if browser not in self._browsers:
            self._browsers.append(browser)
        before = self.gateway.said.count(("up", "browser", self.name))
        terms = await self.do(commands.OpenBrowser)
        await self.do(commands.SetBrowser, side=browser.side())
        browser.call(terms)
        await soon(
            lambda: self.gateway.said.count(("up", "browser", self.name)) > before and browser.transport.keyed,
            "the browser's keys",
        )

    async def join(self) -> None:
        """Play the notice and let media cross."""
        await self.do(commands.Announce, prompt="en/notice")
        await self.do(commands.Join)

    def close(self) -> None:
        """Close the test's sockets."""
        ends: tuple[Phone | Browser, ...] = (self.phone, *self._browsers)
        for end in ends:
            end.close()


FIRST = count(20_000 + os.getpid() % 40 * 200, 40)
"""The first of each relay's ports; other runs of the tests on this machine mostly have others."""


@asynccontextmanager
async def wire(gateway: Gateway, folder: Path) -> AsyncIterator[Call]:
    """A call of this gateway on a relay of its own, its parties not connected yet; prompts are made in the folder."""
    relay = connect(gateway)
    first = next(FIRST)
    await gateway.do(commands.Configure, settings=settings(prompts(folder), first, first + 39))
    made = Call(gateway, relay)
    yield made
    made.close()
    gateway.transport.loseConnection()
    await soon(lambda: relay.ended, "the relay's end")


@pytest_twisted.async_yield_fixture(name="call")
async def wired(tmp_path: Path) -> AsyncIterator[Call]:
    """A call whose gateway hears of its parties."""
    async with wire(Gateway(), tmp_path) as call:
        yield call


def sound(number: int, payload: bytes = b"sound") -> Packet:
    return Packet(AUDIO_TYPE, number & 0xFFFF, number * 160 & 0xFFFFFFFF, 77, payload)


def picture(number: int, payload: bytes = b"\x41picture", type_: int = VIDEO_TYPE) -> Packet:
    return Packet(type_, number & 0xFFFF, number * 3000 & 0xFFFFFFFF, 99, payload, marker=True)


def continuous(packets: list[Packet]) -> bool:
    """Whether the numbers go on by one each time."""
    return all((after.sequence - before.sequence) & 0xFFFF == 1 for before, after in pairwise(packets))


async def exchange(call: Call, number: int) -> None:
    """Send one packet of each kind each way."""
    call.phone.send(sound(number, b"from phone"))
    call.phone.send(picture(number, b"\x41from phone"), Kind.VIDEO)
    call.browser.send(sound(number, b"from browser"))
    call.browser.send(picture(number, b"\x41from browser", BROWSER_VIDEO_TYPE))
    await rest(0.02)
