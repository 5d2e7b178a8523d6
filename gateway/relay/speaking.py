"""The officer who speaks at one bridge: comes, is a voice in what is mixed for the parties, and goes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from parloir.relay.bodies import BrowserTerms, SpeakerSide
from parloir.relay.commands import Refused
from parloir.relay.errors import BadPrompt
from parloir.relay.mixer import Incoming
from parloir.relay.recording import Recording
from parloir.relay.seat import HANDSHAKE
from parloir.relay.services import Services
from parloir.relay.speaker import SpeakerLeg
from parloir.rtp.flow import Leg as Party

RING = 1 << 18
"""Octets of sound that may wait between two frames."""


@dataclass
class Speech:
    """One officer's speech: the leg, its sound, and until when it must be up (monotonic seconds)."""

    name: str
    leg: SpeakerLeg
    ring: int
    voice: Incoming | None = None
    due: float | None = None


class Speaking:
    """At most one officer speaks at a bridge.

    `changed` is called when somebody begins to be heard or has gone, `up` and `gone` tell the gateway of it.
    """

    def __init__(
        self,
        bridge: str,
        services: Services,
        changed: Callable[[], None],
        up: Callable[[str], None],
        gone: Callable[[str, str], None],
    ) -> None:
        self._bridge = bridge
        self._services = services
        self._changed = changed
        self._up = up
        self._gone = gone
        self._speech: Speech | None = None

    @property
    def to(self) -> frozenset[Party]:
        """Who hears the officer now."""
        side = self._speech.leg.side if self._speech is not None and self._speech.leg.secured else None
        return frozenset(side.to) if side is not None else frozenset()

    @property
    def who(self) -> str:
        """Whose voice it is."""
        side = self._speech.leg.side if self._speech is not None else None
        return side.who if side is not None else ""

    def voices(self) -> dict[Party, Incoming]:
        """The officer's voice, for those who hear it now."""
        voice = self._speech.voice if self._speech is not None else None
        return dict.fromkeys(self.to, voice) if voice is not None else {}

    def copy(self, recording: Recording | None) -> None:
        """Let what the officer says be mixed, and recorded where the call is."""
        speech, table = self._speech, self._services.switch.table
        if speech is not None and speech.leg.side is not None:
            table.remove_copies(speech.leg.route)
            table.copy_to_ring(speech.leg.route, speech.ring, 0)
            if recording is not None:
                recording.copy_officer(speech.leg.route, speech.leg.side, self.to)
        elif recording is not None:
            recording.spoken(frozenset())

    def open(self, name: str) -> BrowserTerms:
        """Make ready for a speaker. Raises Refused while another speaks."""
        if self._speech is not None:
            raise Refused("somebody speaks to this call already")
        browsers, table = self._services.browsers, self._services.switch.table
        leg = SpeakerLeg(
            f"{self._bridge}#speaker-{name}",
            self._services.switch,
            browsers.fd,
            browsers.certificate,
            lambda: self._came(name),
            lambda why: self._lose(name, why),
        )
        ring = table.add_ring(RING)
        self._speech = Speech(name, leg, ring)
        return browsers.open(leg)

    def set(self, name: str, side: SpeakerSide, now: float) -> None:
        """Let the speaker that was made ready for shake hands. Raises Refused, also for a codec we do not speak."""
        speech = self._named(name)
        if speech is None:
            raise Refused(f"there is no speaker {name!r}")
        try:
            voice = Incoming(side.codec, lambda: self._arrived(speech.ring))
        except BadPrompt as error:
            raise Refused(str(error)) from error
        speech.leg.set(side)
        speech.voice = voice
        speech.due = now + HANDSHAKE

    def close(self, name: str) -> None:
        """Send a speaker away; harmless when it has gone."""
        speech = self._named(name)
        if speech is not None:
            self._speech = None
            self._services.browsers.close(speech.leg)
            self._services.switch.table.remove_ring(speech.ring)
            self._changed()

    def close_all(self) -> None:
        """Send whoever speaks away."""
        if self._speech is not None:
            self.close(self._speech.name)

    def numbers(self) -> Iterator[int]:
        """The numbers by which punts name what is ours."""
        if self._speech is not None:
            yield self._speech.leg.peer
            yield self._speech.leg.source

    def attend(self, now: float, lost: frozenset[str]) -> None:
        """Notice who has gone, or never came."""
        speech = self._speech
        if speech is None:
            return
        if speech.leg.name in lost:
            self._lose(speech.name, "the speaker's browser has stopped answering")
        elif speech.due is not None and now > speech.due:
            self._lose(speech.name, "the speaker's browser did not finish its DTLS handshake in time")

    def _arrived(self, ring: int) -> list[bytes]:
        table = self._services.switch.table
        packets, _ = table.take_ring(ring) if ring in table.rings else ([], 0)
        return [kept.packet for kept in packets]

    def _named(self, name: str) -> Speech | None:
        return self._speech if self._speech is not None and self._speech.name == name else None

    def _came(self, name: str) -> None:
        speech = self._named(name)
        if speech is not None:
            speech.due = None
            self._changed()
            self._up(name)

    def _lose(self, name: str, why: str) -> None:
        if self._named(name) is not None:
            self.close(name)
            self._gone(name, why)
