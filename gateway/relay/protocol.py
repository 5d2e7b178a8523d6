"""The relay's end of its AMP connection with the gateway."""

import time
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.protocol import connectionDone
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.protocols import amp
from twisted.python.failure import Failure

from parloir.relay import commands
from parloir.relay.bodies import (
    BrowserSide,
    ListenerSide,
    PhoneSide,
    RecordingTerms,
    RelaySettings,
    Report,
    SpeakerSide,
    Withheld,
)
from parloir.relay.news import (
    Digit,
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
    SpeakerGone,
    SpeakerUp,
)
from parloir.relay.pump import Pump
from parloir.relay.recorder import Outcome
from parloir.relay.relay import BEAT, Relay

Answer = dict[str, Any]


class Voice:
    """Tells the gateway what happens on the bridges; nothing waits for its answers."""

    def __init__(self, gateway: amp.AMP) -> None:
        self._gateway = gateway

    def leg_up(self, bridge: str, leg: str) -> None:
        """A leg's media path is up."""
        self._say(LegUp, bridge=bridge, leg=leg)

    def leg_lost(self, bridge: str, leg: str, why: str) -> None:
        """A leg is gone."""
        self._say(LegLost, bridge=bridge, leg=leg, why=why[:500])

    def leg_back(self, bridge: str, leg: str) -> None:
        """A lost leg is back."""
        self._say(LegBack, bridge=bridge, leg=leg)

    def leg_silent(self, bridge: str, leg: str, silent: bool) -> None:
        """A leg sends nothing, or sends again."""
        self._say(LegSilent, bridge=bridge, leg=leg, silent=silent)

    def digit(self, bridge: str, digit: str) -> None:
        """A key was pressed on the phone."""
        self._say(Digit, bridge=bridge, digit=digit)

    def phone_strays(self, bridge: str) -> None:
        """The phone sends another format than the one in use."""
        self._say(PhoneStrays, bridge=bridge)

    def keyframe_wanted(self, bridge: str) -> None:
        """The phone is to make a keyframe, and has to be asked by signalling."""
        self._say(KeyframeWanted, bridge=bridge)

    def picture_rests(self, bridge: str, rests: bool) -> None:
        """The phone's picture is withheld, or shown again."""
        self._say(PictureRests, bridge=bridge, rests=rests)

    def quality(self, bridge: str, report: Report) -> None:
        """The figures of a bridge."""
        self._say(Quality, bridge=bridge, report=report)

    def recording_over(self, outcome: Outcome) -> None:
        """A journal is closed, or failed."""
        chunks, octets, last = outcome.end
        self._say(
            RecordingOver,
            recording=outcome.recording,
            chunks=chunks,
            octets=octets,
            hash=last,
            failure=outcome.failure[:500],
        )

    def listener_up(self, bridge: str, listener: str) -> None:
        """A listener hears."""
        self._say(ListenerUp, bridge=bridge, listener=listener)

    def listener_gone(self, bridge: str, listener: str, why: str) -> None:
        """A listener is gone."""
        self._say(ListenerGone, bridge=bridge, listener=listener, why=why[:500])

    def speaker_up(self, bridge: str, speaker: str) -> None:
        """A speaker is heard."""
        self._say(SpeakerUp, bridge=bridge, speaker=speaker)

    def speaker_gone(self, bridge: str, speaker: str, why: str) -> None:
        """A speaker is gone."""
        self._say(SpeakerGone, bridge=bridge, speaker=speaker, why=why[:500])

    def _say(self, command: type[amp.Command], **arguments: Any) -> None:
        said = self._gateway.callRemote(command, **arguments)  # type: ignore[no-untyped-call]
        said.addErrback(lambda failure: None)


def answers(command: type[amp.Command]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a method answer a command; an error that the command does not know is logged and told as Refused.

    AMP itself would close the connection over it, and end every call of this relay for a fault in one.
    """

    def register(method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def answer(self: "GatewayProtocol", **arguments: Any) -> "Deferred[Answer]":
            return maybeDeferred(method, self, **arguments).addErrback(self.translate, command.__name__)

        registered: Callable[..., Any] = command.responder(answer)
        return registered

    return register


class GatewayProtocol(amp.AMP):
    """Answers the gateway's commands with one relay; `ended` is called when the connection is gone.

    `reactor` is Twisted's asyncio reactor: the switch is pumped by its loop. `clock` gives monotonic nanoseconds.
    """

    def __init__(self, reactor: Any, ended: Callable[[], None], clock: Callable[[], int] = time.monotonic_ns) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._reactor = reactor
        self._ended = ended
        self._clock = clock
        self._relay: Relay | None = None
        self._pump: Pump | None = None
        self._heart = LoopingCall(self._beat)
        self._heart.clock = reactor
        self._log = Logger()

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802
        """The gateway is gone: so are its calls."""
        super().connectionLost(reason)  # type: ignore[no-untyped-call]
        if self._heart.running:
            self._heart.stop()
        if self._pump is not None:
            self._pump.stop()
        if self._relay is not None:
            self._relay.close()
        self._relay = self._pump = None
        self._ended()

    def translate(self, failure: Failure, command: str) -> Failure:
        """Known errors as they are; any other is a fault of ours, and goes to the log."""
        if isinstance(failure.value, tuple(commands.ERRORS)):
            return failure
        self._log.failure("{command} failed", failure, command=command)
        raise commands.Refused(f"{command} failed in the relay; its log says why")

    @property
    def relay(self) -> Relay:
        """The relay. Raises Refused before it is configured."""
        if self._relay is None:
            raise commands.Refused("the relay is not configured yet")
        return self._relay

    @answers(commands.Configure)
    def configure(self, settings: RelaySettings) -> Answer:
        """Bind the browsers' socket and begin."""
        if self._relay is not None:
            raise commands.Refused("the relay is configured already")
        try:
            self._relay = relay = Relay(self._reactor, settings, Voice(self), self._clock)
        except OSError as error:
            raise commands.Refused(f"UDP {settings.webrtc_host}:{settings.webrtc_port}: {error}") from error
        self._pump = Pump(self._reactor._asyncioEventloop, relay.switch, self._handle_punts)
        self._heart.start(BEAT, now=False)
        Deferred.fromCoroutine(relay.warm()).addErrback(lambda failure: self._log.failure("notice", failure))
        return {}

    @answers(commands.OpenBridge)
    def open_bridge(self, bridge: str, privileged: bool) -> Answer:
        """Make a bridge of that class, for good."""
        self.relay.open(bridge, privileged)
        return {}

    @answers(commands.OpenPhone)
    def open_phone(self, bridge: str, video: bool) -> Answer:
        """Bind the phone's ports."""
        return {"ports": self.relay.bridge(bridge).open_phone(video)}

    @answers(commands.TakePhone)
    def take_phone(self, bridge: str, source: str) -> Answer:
        """Go on with another bridge's phone."""
        self.relay.hand_on(source, bridge)
        return {}

    @answers(commands.SetPhone)
    def set_phone(self, bridge: str, side: PhoneSide) -> Answer:
        """Hear what the phone agreed to."""
        self.relay.bridge(bridge).set_phone(side)
        return {}

    @answers(commands.OpenBrowser)
    def open_browser(self, bridge: str) -> Answer:
        """Make ready for a browser."""
        return {"terms": self.relay.bridge(bridge).open_browser()}

    @answers(commands.SetBrowser)
    def set_browser(self, bridge: str, side: BrowserSide) -> Answer:
        """Shake hands with it."""
        self.relay.bridge(bridge).set_browser(side)
        return {}

    @answers(commands.RestartIce)
    def restart_ice(self, bridge: str) -> Answer:
        """New ICE credentials."""
        return {"terms": self.relay.bridge(bridge).restart_ice()}

    @answers(commands.Announce)
    def announce(self, bridge: str, prompt: str, told: str | None = None) -> "Deferred[Answer]":
        """Play the notice."""
        return self._played(self.relay.bridge(bridge).announce(prompt, frozenset((told or "").split())))

    @answers(commands.Play)
    def play(
        self,
        bridge: str,
        prompt: str,
        to: str,
        times: int,
        interrupt: bool | None = None,
        over: bool | None = None,
    ) -> "Deferred[Answer]":
        """Play a prompt."""
        return self._played(self.relay.bridge(bridge).play(prompt, to, times, bool(interrupt), bool(over)))

    @answers(commands.StopPrompts)
    def stop_prompts(self, bridge: str) -> Answer:
        """Silence the prompts."""
        self.relay.bridge(bridge).stop_prompts()
        return {}

    @answers(commands.Join)
    def join(self, bridge: str) -> Answer:
        """Let media cross."""
        self.relay.bridge(bridge).join()
        return {}

    @answers(commands.Part)
    def part(self, bridge: str) -> Answer:
        """Let nothing cross."""
        self.relay.bridge(bridge).part()
        return {}

    @answers(commands.AskKeyframe)
    def ask_keyframe(self, bridge: str, leg: str) -> Answer:
        """Ask for a keyframe."""
        self.relay.bridge(bridge).ask_keyframe(leg)
        return {}

    @answers(commands.GetReport)
    def get_report(self, bridge: str) -> Answer:
        """The figures now."""
        return {"report": self.relay.bridge(bridge).report()}

    @answers(commands.CloseBridge)
    def close_bridge(self, bridge: str) -> Answer:
        """End a bridge."""
        report = self.relay.bridge(bridge).close()
        self.relay.forget(bridge)
        return {"report": report}

    @answers(commands.StartRecording)
    def start_recording(self, bridge: str, terms: RecordingTerms) -> Answer:
        """Begin a journal."""
        self.relay.open_to_taps(bridge).record(terms)
        return {}

    @answers(commands.StopRecording)
    def stop_recording(self, bridge: str) -> Answer:
        """End it."""
        self.relay.open_to_taps(bridge).stop_recording()
        return {}

    @answers(commands.OpenListener)
    def open_listener(self, bridge: str, listener: str) -> Answer:
        """Make ready for a listener."""
        return {"terms": self.relay.open_to_taps(bridge).open_listener(listener)}

    @answers(commands.SetListener)
    def set_listener(self, bridge: str, listener: str, side: ListenerSide) -> Answer:
        """Shake hands with it."""
        self.relay.open_to_taps(bridge).set_listener(listener, side)
        return {}

    @answers(commands.CloseListener)
    def close_listener(self, bridge: str, listener: str) -> Answer:
        """Send it away."""
        self.relay.open_to_taps(bridge).close_listener(listener)
        return {}

    @answers(commands.Withhold)
    def withhold(self, bridge: str, streams: Withheld) -> Answer:
        """Let streams not cross."""
        self.relay.open_to_taps(bridge).withhold(frozenset(streams.streams))
        return {}

    @answers(commands.OpenSpeaker)
    def open_speaker(self, bridge: str, speaker: str) -> Answer:
        """Make ready for a speaker."""
        return {"terms": self.relay.open_to_taps(bridge).open_speaker(speaker)}

    @answers(commands.SetSpeaker)
    def set_speaker(self, bridge: str, speaker: str, side: SpeakerSide) -> Answer:
        """Shake hands with it."""
        self.relay.open_to_taps(bridge).set_speaker(speaker, side)
        return {}

    @answers(commands.CloseSpeaker)
    def close_speaker(self, bridge: str, speaker: str) -> Answer:
        """Send it away."""
        self.relay.open_to_taps(bridge).close_speaker(speaker)
        return {}

    def _played(self, prompt: Awaitable[int]) -> "Deferred[Answer]":
        async def answer() -> Answer:
            return {"milliseconds": await prompt}

        return Deferred.fromCoroutine(answer())

    def _handle_punts(self) -> None:
        if self._relay is not None:
            self._relay.handle_punts()

    def _beat(self) -> None:
        if self._relay is not None:
            self._relay.beat()
