"""An officer's browser that speaks to a call, and the tones by which its tests know who is heard."""

import math
import time
from array import array
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_twisted

from parloir.relay import commands
from parloir.relay.bodies import BrowserTerms, SpeakerSide
from parloir.relay.mixer import RATE, SAMPLES, Incoming, Outgoing
from parloir.relay.news import SpeakerGone, SpeakerUp
from parloir.rtp.description import Kind
from parloir.rtp.flow import Leg
from parloir.rtp.packet import Packet

from .listening_end import Officer
from .media_ends import IDENTITY, Browser
from .relay_rig import Call, rest, soon, wire

PHONE_TONE, BROWSER_TONE, OFFICER_TONE = 500, 1000, 2000


class Sergeant(Officer):
    """A gateway that also hears of speakers."""

    @SpeakerUp.responder
    def speaker_up(self, bridge: str, speaker: str) -> dict[str, Any]:
        self.said.append(("speaker up", speaker))
        return {}

    @SpeakerGone.responder
    def speaker_gone(self, bridge: str, speaker: str, why: str) -> dict[str, Any]:
        self.said.append(("speaker gone", speaker, why))
        return {}


class SpeakingBrowser(Browser):
    """An officer's browser that speaks."""

    def speaking(self, *to: Leg, **more: Any) -> SpeakerSide:
        """What this browser agreed to."""
        terms: dict[str, Any] = {"codec": "PCMU", "clock": 8000, "payload_type": 0}
        return SpeakerSide(fingerprints=(IDENTITY.fingerprint,), to=to, **terms | more)


async def speak(call: Call, browser: SpeakingBrowser, *to: Leg, name: str = "officer", who: str = "") -> None:
    """Let an officer speak to these parties, until the keys are there."""
    terms: BrowserTerms = await call.do(commands.OpenSpeaker, speaker=name)
    await call.do(commands.SetSpeaker, speaker=name, side=browser.speaking(*to, who=who))
    browser.transport.call(terms)
    await soon(
        lambda: call.gateway.heard("speaker up", name) and browser.transport.keyed, f"the keys of speaker {name}"
    )


class Tone:
    """A tone as RTP payloads of 20 ms in a codec."""

    def __init__(self, hertz: int, codec: str = "PCMU", level: int = 8000) -> None:
        self._hertz = hertz
        self._level = level
        self._at = 0
        self._outgoing = Outgoing(codec, 0)
        self._waiting: list[bytes] = []

    def samples(self) -> "array[int]":
        """The next 20 ms."""
        turn = 2 * math.pi * self._hertz / RATE
        frame = array("h", (int(self._level * math.sin(turn * (self._at + n))) for n in range(SAMPLES)))
        self._at += SAMPLES
        return frame

    def packet(self) -> Packet:
        """The next packet, numbered from 0."""
        while not self._waiting:
            self._waiting += self._outgoing.say(self.samples())
        return Packet.parse(self._waiting.pop(0))

    def packets(self, count: int) -> list[Packet]:
        """The next packets."""
        return [self.packet() for _ in range(count)]


def strength(samples: "array[int]", hertz: int) -> float:
    """How strong a tone is in samples at 16 kHz (Goertzel): its amplitude."""
    turn = 2 * math.pi * hertz / RATE
    real = sum(sample * math.cos(turn * n) for n, sample in enumerate(samples))
    imaginary = sum(sample * math.sin(turn * n) for n, sample in enumerate(samples))
    return 2 * math.hypot(real, imaginary) / max(1, len(samples))


def decoded(packets: list[Packet], codec: str = "PCMU") -> "array[int]":
    """The sound of packets in their order."""
    incoming, sound = Incoming(codec), array("h")
    for packet in packets:
        incoming.hear(packet.build())
        while (frame := incoming.take()) is not None:
            sound.extend(frame)
    return sound


@pytest_twisted.async_yield_fixture(name="call")
async def wired(tmp_path: Path) -> AsyncIterator[Call]:
    """A call whose gateway hears of speakers, its parties not connected yet."""
    async with wire(Sergeant(), tmp_path) as call:
        yield call


class Talk:
    """Both parties send their tones, and the officer theirs, one packet at a time."""

    def __init__(self, call: Call, officer: SpeakingBrowser | None = None) -> None:
        self.call = call
        self.officer = officer
        self.sent = 0
        self._due = 0.0
        self.tones = {"phone": Tone(PHONE_TONE), "browser": Tone(BROWSER_TONE), "officer": Tone(OFFICER_TONE)}

    async def go_on(self, packets: int, officer: bool = False) -> None:
        """So many packets of each, 20 ms apart; what a slow machine was late with follows at once."""
        for _ in range(packets):
            self.call.phone.send(self.tones["phone"].packet())
            self.call.browser.send(self.tones["browser"].packet())
            if officer and self.officer is not None:
                self.officer.send(self.tones["officer"].packet())
            self.sent += 1
            self._due = max(self._due + 0.02, time.monotonic() - 0.1)
            await rest(max(0.0, self._due - time.monotonic()))


def at_phone(call: Call) -> list[Packet]:
    """What the phone has heard."""
    return call.phone.rtp[Kind.AUDIO].rtp


def at_browser(call: Call) -> list[Packet]:
    """What the visitor has heard."""
    return [packet for packet in call.browser.rtp if packet.payload_type == 0]
