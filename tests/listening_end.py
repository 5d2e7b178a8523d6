"""A call that is recorded and listened to, and a listener's browser: what the tests of taps share."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_twisted

from parloir.relay import commands
from parloir.relay.bodies import ListenerSide, ListenerStream, ListenerTerms, RecordingTerms
from parloir.relay.journal import Record
from parloir.relay.journal_reader import Journal
from parloir.relay.news import ListenerGone, ListenerUp, RecordingOver
from parloir.rtp.description import Kind
from parloir.rtp.flow import Leg
from parloir.rtp.packet import Packet

from .media_ends import CLOCKS, CODECS, IDENTITY, Browser
from .relay_rig import Call, Gateway, soon, wire

KEY = bytes(range(32))
LISTENER_TYPES = {Kind.AUDIO: 8, Kind.VIDEO: 120}


class Officer(Gateway):
    """A gateway that also hears of recordings and listeners."""

    @RecordingOver.responder
    def recording_over(self, recording: str, chunks: int, octets: int, hash: str, failure: str) -> dict[str, Any]:
        self.said.append(("recorded", recording, failure, chunks, octets, hash))
        return {}

    @ListenerUp.responder
    def listener_up(self, bridge: str, listener: str) -> dict[str, Any]:
        self.said.append(("listener up", listener))
        return {}

    @ListenerGone.responder
    def listener_gone(self, bridge: str, listener: str, why: str) -> dict[str, Any]:
        self.said.append(("listener gone", listener, why))
        return {}


@pytest_twisted.async_yield_fixture(name="call")
async def wired(tmp_path: Path) -> AsyncIterator[Call]:
    """A call whose gateway hears of recordings and listeners, its parties not connected yet."""
    async with wire(Officer(), tmp_path) as call:
        yield call


class ListeningBrowser(Browser):
    """An officer's browser at a call."""

    def __init__(self) -> None:
        super().__init__()
        self.ssrcs: dict[int, tuple[Leg, Kind]] = {}

    def listening(self, who: str = "", **more: Any) -> ListenerSide:
        """What this browser agreed to: everything of both parties."""

        def stream(party: Leg, kind: Kind) -> ListenerStream:
            terms: dict[str, Any] = {"codec": CODECS[kind], "clock": CLOCKS[kind], "payload_type": LISTENER_TYPES[kind]}
            return ListenerStream(party=party, kind=kind, **terms | more)

        streams = tuple(stream(party, kind) for party in Leg for kind in Kind)
        return ListenerSide(fingerprints=(IDENTITY.fingerprint,), streams=streams, who=who)

    def heard(self, party: Leg, kind: Kind) -> list[Packet]:
        """The packets of one party's stream, in the order they came."""
        return [packet for packet in self.rtp if self.ssrcs[packet.ssrc] == (party, kind)]


async def listen(call: Call, browser: ListeningBrowser, name: str = "officer", **more: Any) -> None:
    """Let a listener join, until it has its keys."""
    terms: ListenerTerms = await call.do(commands.OpenListener, listener=name)
    browser.ssrcs = {ssrc: (party, kind) for party, kind, ssrc in terms.ssrcs}
    await call.do(commands.SetListener, listener=name, side=browser.listening(**more))
    browser.transport.call(terms)
    await soon(
        lambda: call.gateway.heard("listener up", name) and browser.transport.keyed, f"the keys of listener {name}"
    )


async def announce(call: Call, told: str) -> None:
    """Play the notice that tells this."""
    await call.do(commands.Announce, prompt="en/notice", told=told)


async def begin(call: Call, told: str = "record monitor") -> None:
    """Bring both up, play the notice that tells this, and let them talk."""
    await call.connect()
    await announce(call, told)
    await call.do(commands.Join)


def terms(folder: Path, recording: str = "r1") -> RecordingTerms:
    """A recording to be made in a folder."""
    return RecordingTerms(recording=recording, path=str(folder / f"{recording}.journal"), key=KEY)


def recorded(path: Path, key: bytes = KEY) -> list[Record]:
    """Everything in a journal that nothing is wrong with."""
    with Journal(path) as journal:
        found = journal.scan()
        assert found.faults == ()
        records = list(journal.records(found, key))
    whole = [each for each in records if isinstance(each, Record)]
    assert len(whole) == len(records)
    return whole
