"""Plays prompts into outgoing streams, all by one clock."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.threads import deferToThreadPool

from parloir.relay.commands import Interrupted
from parloir.relay.prompt import CODECS, FRAME, Encoded, Playback, encode, locate
from parloir.relay.switch import Switch


class Prompts:
    """The prompts of one folder, each encoded once for each codec, in a thread of `reactor`."""

    def __init__(self, reactor: Any, folder: Path) -> None:
        self._reactor = reactor
        self._folder = folder
        self._encoded: dict[tuple[str, str], Encoded] = {}
        self._lock = DeferredLock()

    async def get(self, name: str, codec: str) -> Encoded:
        """A prompt named like "en/notice" for a codec. Raises BadPrompt."""
        known = self._encoded.get((name, codec))
        return known if known is not None else await self._lock.run(self._encode, name, codec)

    async def warm(self, name: str) -> None:
        """Encode a prompt of every language for every codec beforehand."""
        for path in sorted(self._folder.glob(f"*/{name}.wav")):
            for codec in CODECS:
                await self.get(f"{path.parent.name}/{name}", codec)

    def _encode(self, name: str, codec: str) -> "Deferred[Encoded]":
        async def once() -> Encoded:
            if (name, codec) not in self._encoded:
                path = locate(self._folder, name)
                pool = self._reactor.getThreadPool()
                self._encoded[name, codec] = await deferToThreadPool(self._reactor, pool, encode, path, codec)
            return self._encoded[name, codec]

        return Deferred.fromCoroutine(once())


def retyped(packet: bytes, payload_type: int) -> bytes:
    """An RTP packet under another payload type."""
    return packet[:1] + bytes([packet[1] & 0x80 | payload_type]) + packet[2:]


class Sound(Protocol):
    """What can be played: the RTP packets that are due at a time (monotonic ns), and whether it has ended by then."""

    @property
    def milliseconds(self) -> int: ...

    def due(self, now: int) -> list[bytes]: ...

    def ended(self, now: int) -> bool: ...


class Playing:
    """A sound being played into one stream; `done` fires with its milliseconds, or fails with Interrupted.

    `also` are more streams that get the same, each with its payload type.
    """

    def __init__(self, playback: Sound, sink: int, epoch: int, endless: bool) -> None:
        self.playback = playback
        self.sink = sink
        self.epoch = epoch
        self.endless = endless
        self.also: tuple[tuple[int, int], ...] = ()
        self.done: Deferred[int] = Deferred()

    def finish(self) -> None:
        """It was played to its end."""
        if not self.done.called:
            self.done.callback(self.playback.milliseconds)

    def interrupt(self, why: str) -> None:
        """It was cut short."""
        if not self.done.called:
            self.done.errback(Interrupted(why))


class Player:
    """The one clock of all that a relay plays. `later` is the reactor's callLater, `clock` in monotonic ns."""

    def __init__(self, switch: Switch, later: Callable[..., Any], clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._switch = switch
        self._later = later
        self._clock = clock
        self._playing: list[Playing] = []

    def play(self, encoded: Encoded, payload_type: int, times: int, sink: int, epoch: int) -> Playing:
        """Begin to play at once; the epoch must be higher than whatever feeds the stream now."""
        return self.feed(Playback(encoded, payload_type, times, self._clock()), sink, epoch, endless=not times)

    def feed(self, sound: Sound, sink: int, epoch: int, endless: bool = True) -> Playing:
        """The same for a sound that is made as it goes."""
        playing = Playing(sound, sink, epoch, endless)
        self._playing.append(playing)
        if len(self._playing) == 1:
            self._later(0, self._tick)
        return playing

    def _tick(self) -> None:
        now = self._clock()
        for playing in list(self._playing):
            self._advance(playing, now)
        self._playing = [playing for playing in self._playing if not playing.done.called]
        if self._playing:
            self._later(FRAME / 2e9, self._tick)

    def _advance(self, playing: Playing, now: int) -> None:
        if playing.done.called:
            return
        if playing.sink not in self._switch.table.sinks:
            playing.interrupt("the leg it was played to is gone")
            return
        for packet in playing.playback.due(now):
            if not self._switch.inject(playing.sink, playing.epoch, packet):
                playing.interrupt("something else took its place")
                return
            for sink, payload_type in playing.also:
                if sink in self._switch.table.sinks:
                    self._switch.inject(sink, playing.epoch, retyped(packet, payload_type))
        if playing.playback.ended(now):
            playing.finish()
