"""The bridge of an ordinary call: the one kind that can be recorded and listened to, if the notice said so."""

from collections.abc import Iterator
from time import time

from parloir.relay.bodies import BrowserTerms, ListenerSide, ListenerTerms, RecordingTerms, Report, SpeakerSide
from parloir.relay.bridge import BEATS, Bridge
from parloir.relay.commands import NotAnnounced, Refused
from parloir.relay.entries import Punt, PuntKind
from parloir.relay.feeds import OTHER
from parloir.relay.listener import Origin
from parloir.relay.listeners import Listeners
from parloir.relay.mixer import Voice
from parloir.relay.mixing import Overheard
from parloir.relay.recording import Recording
from parloir.relay.services import News, Services
from parloir.relay.speaking import Speaking
from parloir.rtp.description import Kind
from parloir.rtp.flow import Leg as Party

RECORD, MONITOR = "record", "monitor"
"""What a notice may have told the parties."""
SPEAKER = "speaker"
THUMBNAIL = 4
"""Seconds from one thumbnail to the next."""


class OrdinaryBridge(Bridge):
    """A bridge with taps: copies of what is forwarded, which touch neither party's stream; and with officers' acts.

    What a party says while it cannot be heard by the other (before the notice, on hold, under a prompt) is heard by
    nobody else either.
    """

    def __init__(self, name: str, slot: int, services: Services, news: News) -> None:
        super().__init__(name, slot, services, news)
        self._mixing = self._overheard = Overheard(services, self._feeds, self._legs)
        self._beneath: Party | None = None
        self._recording: Recording | None = None
        self._listeners = Listeners(
            name,
            services,
            self._arrange,
            self._listener_up,
            lambda listener, why: news.listener_gone(name, listener, why),
        )
        self._officer_withholds: frozenset[tuple[Party, Kind]] = frozenset()
        self._speaking = Speaking(
            name,
            services,
            self._arrange,
            lambda speaker: news.speaker_up(name, speaker),
            lambda speaker, why: news.speaker_gone(name, speaker, why),
        )

    def record(self, terms: RecordingTerms) -> None:
        """Begin to record. Raises NotAnnounced, or Refused where the notice did not say so, or it is recorded."""
        self._must_have_told(RECORD)
        if self._recording is not None:
            raise Refused("this call is recorded already")
        self._recording = Recording(terms, self._services, time(), self._news.recording_over)
        self._arrange()
        for party in Party:
            self.ask_keyframe(party)

    def stop_recording(self) -> None:
        """End the recording, if there is one."""
        if self._recording is not None:
            recording, self._recording = self._recording, None
            recording.close("stopped")
            self._arrange()

    def open_listener(self, name: str) -> ListenerTerms:
        """Make ready for a listener. Raises NotAnnounced, or Refused where the notice did not say so."""
        self._must_have_told(MONITOR)
        return self._listeners.open(name)

    def set_listener(self, name: str, side: ListenerSide) -> None:
        """Shake hands with a listener that was made ready for. Raises Refused."""
        self._must_have_told(MONITOR)
        self._listeners.set(name, side, self._seconds())

    def close_listener(self, name: str) -> None:
        """Send a listener away."""
        self._listeners.close(name)

    def withhold(self, streams: frozenset[tuple[Party, Kind]]) -> None:
        """Let exactly these streams not cross."""
        self._officer_withholds = streams
        if self._recording is not None:
            self._recording.note("withheld", streams=sorted(f"{party} {kind}" for party, kind in streams))
        self._arrange()

    def open_speaker(self, name: str) -> BrowserTerms:
        """Make ready for an officer who will speak. Raises NotAnnounced, or Refused while another speaks."""
        if not self._announced:
            raise NotAnnounced("the notice has not been played to both parties")
        return self._speaking.open(name)

    def set_speaker(self, name: str, side: SpeakerSide) -> None:
        """Shake hands with a speaker that was made ready for. Raises Refused."""
        self._speaking.set(name, side, self._seconds())
        self._arrange()

    def close_speaker(self, name: str) -> None:
        """Send a speaker away."""
        self._speaking.close(name)

    async def play(self, prompt: str, to: str, times: int, interrupt: bool = False, over: bool = False) -> int:
        """Play a prompt, and write down that it was played."""
        if self._recording is not None:
            self._recording.note("prompt", prompt=prompt, to=to, times=times, over=over)
        return await super().play(prompt, to, times, interrupt, over)

    def join(self) -> None:
        """Let media cross, and write that down."""
        super().join()
        if self._recording is not None:
            self._recording.note("joined")

    def part(self) -> None:
        """Let nothing cross, and write that down."""
        if self._recording is not None and self._joined:
            self._recording.note("parted")
        super().part()

    def close(self) -> Report:
        """End it, and all that listens."""
        self._listeners.close_all()
        self._speaking.close_all()
        report = super().close()
        if self._recording is not None:
            recording, self._recording = self._recording, None
            recording.close("the call ended")
        return report

    def numbers(self) -> Iterator[tuple[int, str]]:
        """The numbers of the parties', of the listeners', and of whoever speaks."""
        yield from super().numbers()
        yield from ((number, SPEAKER) for number in self._speaking.numbers())
        yield from ((number, f"listener {name}") for number, name in self._listeners.numbers())

    def take(self, punt: Punt, whose: str) -> None:
        """Deal with what the switch has handed up about a party or a listener."""
        if whose in list(Party):
            self._keep_rtcp(punt, Party(whose))
            super().take(punt, whose)
            return
        if whose == SPEAKER:
            return
        for party in self._listeners.take(punt, whose.removeprefix("listener "), self._source):
            self.ask_keyframe(party)

    def attend(self, now: int, lost: frozenset[str]) -> None:
        """What is due for the parties, for the listeners, and for the journal."""
        super().attend(now, lost)
        self._listeners.attend(now / 1e9, lost)
        self._speaking.attend(now / 1e9, lost)
        if self._beat % BEATS == 0:
            self._listeners.report(now, self._source)
        if self._beat % (BEATS * THUMBNAIL) == 0 and self._listeners.sparse:
            for party in Party:
                self.ask_keyframe(party)
        if self._recording is not None:
            self._recording.flush()
            if self._recording.failed:
                self._recording.abandon()
                self._recording = None

    def _must_have_told(self, what: str) -> None:
        if not self._announced:
            raise NotAnnounced("the notice has not been played to both parties")
        if what not in self._told:
            raise Refused(f"the notice of this call did not tell the parties: {what}")

    def _listener_up(self, listener: str) -> None:
        for party in Party:
            self.ask_keyframe(party)
        self._news.listener_up(self.name, listener)

    def _arrange(self) -> None:
        super()._arrange()
        table = self._services.switch.table
        instead = self._let_overhear()
        for party, leg in self._legs().items():
            for stream in leg.streams.values():
                for route in (stream.route, *stream.events):
                    table.remove_copies(route)
                if self._recording is not None:
                    self._recording.copy(party, stream)
                mixed = party is self._beneath and stream.kind is Kind.AUDIO
                self._listeners.copy(party, stream, but_to=instead if mixed else frozenset())
        self._speaking.copy(self._recording)

    def _let_overhear(self) -> frozenset[str]:
        """Let listeners hear an officer: they get what one who hears the officer does, in place of whom that one hears.

        Which listeners those are; the speaker's own page is none of them.
        """
        spoken_to = next(
            (party for party in Party if party in self._speaking.to and self._overheard.hears(party)), None
        )
        self._beneath = OTHER[spoken_to] if spoken_to is not None else None
        if spoken_to is None:
            self._overheard.share(Party.PHONE, ())
            return frozenset()
        heard = self._legs()[spoken_to].streams[Kind.AUDIO]
        streams = self._listeners.instead(OTHER[spoken_to], heard, self._speaking.who)
        self._overheard.share(spoken_to, tuple(streams.values()))
        return frozenset(streams)

    def _withheld(self) -> frozenset[tuple[Party, Kind]]:
        return super()._withheld() | self._officer_withholds

    def _voices(self) -> dict[Party, tuple[Voice, ...]]:
        voices = super()._voices()
        for party, officer in self._speaking.voices().items():
            voices[party] = (officer, *voices.get(party, ()))
        return voices

    def _keep_rtcp(self, punt: Punt, party: Party) -> None:
        leg = self._legs().get(party)
        if self._recording is not None and leg is not None and punt.kind is PuntKind.RTCP and self._joined:
            self._recording.heard(party, leg, punt.data, punt.arrival)

    def _source(self, party: Party, kind: Kind) -> Origin | None:
        leg = self._legs().get(party)
        stream = leg.streams.get(kind) if leg else None
        if leg is None or stream is None or (party is self._beneath and kind is Kind.AUDIO):
            return None
        return Origin(leg.clock, self._services.switch.table.source(stream.source).ssrc)
