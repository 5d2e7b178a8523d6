"""The relays that are up, who is on each, and the way from their news to the call it concerns."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.protocols import amp
from twisted.python.failure import Failure

from parloir.errors import ParloirError
from parloir.relay import news
from parloir.relay.bodies import Report
from parloir.relay.journal import End


class NoRelay(ParloirError):
    """No relay process is up to carry media; the log says why they ended."""


class BridgeEvents(Protocol):
    """What a call hears from the relay that carries its media."""

    def leg_up(self, leg: str) -> None: ...

    def leg_lost(self, leg: str, why: str) -> None: ...

    def leg_back(self, leg: str) -> None: ...

    def leg_silent(self, leg: str, silent: bool) -> None: ...

    def digit(self, digit: str) -> None: ...

    def keyframe_wanted(self) -> None: ...

    def phone_strays(self) -> None: ...

    def picture_rests(self, rests: bool) -> None: ...

    def quality(self, report: Report) -> None: ...

    def relay_lost(self) -> None: ...


class RecordingNews(Protocol):
    """Who hears how recordings end."""

    def over(self, recording: str, end: End, failure: str) -> None: ...

    def relay_lost(self, index: int) -> None: ...


class ListeningNews(Protocol):
    """Who hears of listeners."""

    def listener_up(self, call: str, listener: str) -> None: ...

    def listener_gone(self, call: str, listener: str, why: str) -> None: ...


class SpeakingNews(Protocol):
    """Who hears of officers that speak."""

    def speaker_up(self, call: str, speaker: str) -> None: ...

    def speaker_gone(self, call: str, speaker: str, why: str) -> None: ...


@dataclass
class Relay:
    """One relay process: the AMP connection while it is up, and the bridges it carries by call id."""

    index: int
    protocol: amp.AMP
    bridges: dict[str, BridgeEvents] = field(default_factory=dict)

    async def do(self, command: type[amp.Command], **arguments: Any) -> Any:
        """One command; the answer's only value, or None. Raises the command's own errors, or ConnectionError."""
        answer = await self.protocol.callRemote(command, **arguments)  # type: ignore[no-untyped-call]
        return next(iter(answer.values()), None)


class RelayLocator(amp.CommandLocator):
    """Answers one relay's news by handing it to the call; news of a call that is over is dropped.

    What fails here is logged: told to the relay, it would end the connection, and every call of it.
    """

    log = Logger()

    def __init__(self, relays: "Relays", index: int) -> None:
        super().__init__()
        self.relays = relays
        self.index = index

    def locateResponder(self, name: bytes) -> Callable[[amp.AmpBox], "Deferred[amp.AmpBox]"] | None:  # noqa: N802
        """What answers the command of that name, if anything does."""
        respond = super().locateResponder(name)  # type: ignore[no-untyped-call]
        if respond is None:
            return None

        def failed(failure: Failure) -> amp.AmpBox:
            self.log.failure(
                "{news} of relay {index} could not be dealt with", failure, news=name.decode(), index=self.index
            )
            return amp.AmpBox()  # type: ignore[no-untyped-call]

        def answer(box: amp.AmpBox) -> "Deferred[amp.AmpBox]":
            answered: Deferred[amp.AmpBox] = respond(box)
            return answered.addErrback(failed)

        return answer

    def _call(self, bridge: str) -> BridgeEvents | None:
        relay = self.relays.up.get(self.index)
        return relay.bridges.get(bridge) if relay else None

    @news.LegUp.responder
    def leg_up(self, bridge: str, leg: str) -> dict[str, Any]:
        """A leg's media path is up."""
        if call := self._call(bridge):
            call.leg_up(leg)
        return {}

    @news.LegLost.responder
    def leg_lost(self, bridge: str, leg: str, why: str) -> dict[str, Any]:
        """A leg is gone, for now."""
        if call := self._call(bridge):
            call.leg_lost(leg, why)
        return {}

    @news.LegBack.responder
    def leg_back(self, bridge: str, leg: str) -> dict[str, Any]:
        """A lost leg is back."""
        if call := self._call(bridge):
            call.leg_back(leg)
        return {}

    @news.LegSilent.responder
    def leg_silent(self, bridge: str, leg: str, silent: bool) -> dict[str, Any]:
        """A leg sends nothing, or sends again."""
        if call := self._call(bridge):
            call.leg_silent(leg, silent)
        return {}

    @news.Digit.responder
    def digit(self, bridge: str, digit: str) -> dict[str, Any]:
        """A key was pressed on the phone."""
        if call := self._call(bridge):
            call.digit(digit)
        return {}

    @news.PhoneStrays.responder
    def phone_strays(self, bridge: str) -> dict[str, Any]:
        """The phone sends another format than the one in use."""
        if call := self._call(bridge):
            call.phone_strays()
        return {}

    @news.KeyframeWanted.responder
    def keyframe_wanted(self, bridge: str) -> dict[str, Any]:
        """The phone is to make a keyframe, and has to be asked by signalling."""
        if call := self._call(bridge):
            call.keyframe_wanted()
        return {}

    @news.PictureRests.responder
    def picture_rests(self, bridge: str, rests: bool) -> dict[str, Any]:
        """The phone's picture is withheld from the browser, or shown again."""
        if call := self._call(bridge):
            call.picture_rests(rests)
        return {}

    @news.RecordingOver.responder
    def recording_over(self, recording: str, chunks: int, octets: int, hash: str, failure: str) -> dict[str, Any]:
        """A journal is closed, or was given up."""
        if self.relays.news:
            self.relays.news[0].over(recording, End(chunks, octets, hash), failure)
        return {}

    @news.ListenerUp.responder
    def listener_up(self, bridge: str, listener: str) -> dict[str, Any]:
        """A listener hears."""
        if self.relays.news:
            self.relays.news[1].listener_up(bridge, listener)
        return {}

    @news.ListenerGone.responder
    def listener_gone(self, bridge: str, listener: str, why: str) -> dict[str, Any]:
        """A listener is gone."""
        if self.relays.news:
            self.relays.news[1].listener_gone(bridge, listener, why)
        return {}

    @news.SpeakerUp.responder
    def speaker_up(self, bridge: str, speaker: str) -> dict[str, Any]:
        """A speaker is heard."""
        if self.relays.news:
            self.relays.news[2].speaker_up(bridge, speaker)
        return {}

    @news.SpeakerGone.responder
    def speaker_gone(self, bridge: str, speaker: str, why: str) -> dict[str, Any]:
        """A speaker is gone."""
        if self.relays.news:
            self.relays.news[2].speaker_gone(bridge, speaker, why)
        return {}

    @news.Quality.responder
    def quality(self, bridge: str, report: Report) -> dict[str, Any]:
        """How both legs fare."""
        if call := self._call(bridge):
            call.quality(report)
        return {}


class Relays:
    """The relays by index; a call is put on the one that carries fewest. `news` is who hears of recordings, of
    listeners, and of officers who speak."""

    def __init__(self) -> None:
        self.up: dict[int, Relay] = {}
        self.news: tuple[RecordingNews, ListeningNews, SpeakingNews] | None = None

    def came_up(self, index: int, protocol: amp.AMP) -> None:
        """A relay is configured and ready."""
        self.up[index] = Relay(index, protocol)

    def went_down(self, index: int) -> None:
        """A relay's process ended: every call it carried hears of it once."""
        relay = self.up.pop(index, None)
        for call in list(relay.bridges.values()) if relay else ():
            call.relay_lost()
        if self.news:
            self.news[0].relay_lost(index)

    def place(self, bridge: str, events: BridgeEvents) -> Relay:
        """Take the least busy relay for a call; raises NoRelay."""
        if not self.up:
            raise NoRelay("no relay process is up")
        relay = min(self.up.values(), key=lambda r: (len(r.bridges), r.index))
        relay.bridges[bridge] = events
        return relay
