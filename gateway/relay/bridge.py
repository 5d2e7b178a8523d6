"""A bridge: one call's two legs, and what may cross between them."""

import secrets
from collections.abc import Iterator

from parloir.relay.bodies import BrowserSide, BrowserTerms, PhonePorts, PhoneSide, Report
from parloir.relay.commands import Interrupted, NotAnnounced, Refused
from parloir.relay.downlink import Downlink
from parloir.relay.entries import Punt, PuntKind
from parloir.relay.feeds import OTHER, Feeds
from parloir.relay.leg import Leg
from parloir.relay.mixer import Voice
from parloir.relay.mixing import Mixing
from parloir.relay.phone import PhoneLeg
from parloir.relay.prompting import Prompting
from parloir.relay.seat import Seat
from parloir.relay.services import News, Services
from parloir.relay.tally import tally
from parloir.relay.watch import Sight, Watch
from parloir.rtp.description import Kind
from parloir.rtp.flow import Leg as Party

BEATS = 4
"""How many times a second a bridge is attended to."""


class Bridge:
    """A privileged call's is of this class, which has nothing by which it could be recorded or listened to.

    Nothing crosses before both parties have heard the notice to its end (invariant 3): `join` refuses. `slot` is
    its owner's, who attends to its bridges in turn.
    """

    def __init__(self, name: str, slot: int, services: Services, news: News) -> None:
        self.name = name
        self.slot = slot
        self._beat = 0
        self._spent = 0
        self._quality_beats = max(1, round(services.settings.quality_interval * BEATS))
        self._services = services
        self._news = news
        self._cname = secrets.token_hex(8)
        self._phone: PhoneLeg | None = None
        self._phone_heard = False
        self._had_browser = False
        self._losses = 0
        self._seat = Seat(name, self._cname, services, self._browser_up, self._browser_lost, self._browser_back)
        self._feeds = Feeds(services.switch.table)
        self._prompting = Prompting(services, self._feeds, self._legs, self._arrange)
        self._mixing = Mixing(services, self._feeds, self._legs)
        self._watch = Watch(services.settings.media_timeout)
        self._announced = False
        self._told: frozenset[str] = frozenset()
        self._joined = False
        self._has_joined = False
        self._sights: dict[Party, int] = {}
        self._video_lost = 0
        self._downlink = Downlink()

    def open_phone(self, video: bool) -> PhonePorts:
        """Bind the phone's ports. Raises NoPorts, or Refused the second time."""
        if self._phone is not None:
            raise Refused("the phone leg is open already")
        services = self._services
        leg = PhoneLeg(
            services.switch,
            services.ntp,
            self._cname,
            services.ports,
            services.settings.rtp_host,
            lambda: self._news.keyframe_wanted(self.name),
            services.later,
        )
        ports = leg.open(video, self._seconds())
        self._phone = leg
        return ports

    def set_phone(self, side: PhoneSide) -> None:
        """Hear what the phone agreed to, and nothing else. Raises Refused."""
        if self._phone is None:
            raise Refused("the phone leg is not open")
        codec = self._phone.codec
        self._phone.set(side)
        if codec is not None and self._phone.codec != codec:
            self._prompting.leave(Party.PHONE)
        self._arrange()

    def give_phone(self) -> tuple[PhoneLeg, int]:
        """Part with the phone's leg, and the epoch of what was played to it, for another bridge to take.

        Raises Refused where there is none, or where it could have been heard by anybody: a bridge that was made ready
        for a browser keeps its class and its parties to its end.
        """
        phone = self._phone
        if phone is None or not phone.streams:
            raise Refused("there is no phone to hand on")
        if self._had_browser:
            raise Refused("only a phone that has had no other party yet is handed on")
        self._prompting.stop()
        self._prompting.leave(Party.PHONE)
        self._phone = None
        return phone, self._feeds.next_epoch()

    def take_phone(self, phone: PhoneLeg, epoch: int) -> None:
        """Go on with a phone that another bridge has given. Raises Refused where there is one already."""
        if self._phone is not None:
            raise Refused("the phone leg is open already")
        phone.ask_by_signalling = lambda: self._news.keyframe_wanted(self.name)
        self._feeds.go_on_from(epoch)
        self._phone, self._phone_heard = phone, True
        self._arrange()

    @property
    def has_phone(self) -> bool:
        """Whether there is a phone leg."""
        return self._phone is not None

    def open_browser(self) -> BrowserTerms:
        """Make ready for a browser, the first or one that takes the place of it."""
        self._had_browser = True
        return self._seat.open()

    def set_browser(self, side: BrowserSide) -> None:
        """Shake hands with the browser made ready for. Raises Refused."""
        self._seat.set(side, self._seconds())

    def restart_ice(self) -> BrowserTerms:
        """New ICE credentials for the browser that is there. Raises Refused if none is."""
        return self._seat.restart()

    async def announce(self, prompt: str, told: frozenset[str] = frozenset()) -> int:
        """Play the notice to both parties; its milliseconds when both have heard it out. Raises Interrupted.

        `told` is what they have been told by then; the first notice that is heard out settles it.
        """
        if self._phone is None or not self._phone.streams or not self._seat.occupied:
            raise Refused("the notice needs both legs up")
        losses = self._losses
        played = await self._prompting.play(prompt, list(Party), times=1)
        if self._losses != losses:
            raise Interrupted("the browser went away before the notice was heard out")
        if not self._announced:
            self._announced, self._told = True, told
        return played

    async def play(self, prompt: str, to: str, times: int, interrupt: bool = False, over: bool = False) -> int:
        """Play a prompt to "phone", "browser" or "both", as far as they are there: in place of what they hear, or over.

        A privileged call's warnings are mixed as any other's: see parloir.relay.mixing for why nobody else hears them.
        """
        if to not in (*Party, "both") or times < 0 or (over and times != 1):
            raise Refused(f"no party {to!r}, or {times} times")
        present = [party for party in Party if party in self._legs() and to in (party, "both")]
        return await self._prompting.play(prompt, present, times, interrupt, over) if present else 0

    def stop_prompts(self) -> None:
        """Silence all prompts."""
        self._prompting.stop()

    def join(self) -> None:
        """Let media cross. Raises NotAnnounced before the notice was heard by both."""
        if not self._announced:
            raise NotAnnounced("the notice has not been played to both parties")
        self._prompting.stop(endless_only=True)
        self._joined = self._has_joined = True
        self._watch.flow.join(self._milliseconds())
        self._arrange()

    def part(self) -> None:
        """Let nothing cross; both legs stay up."""
        if self._joined:
            self._look()
            self._joined = False
            self._watch.flow.part(self._milliseconds())
        self._arrange()

    def ask_keyframe(self, party: str) -> None:
        """Ask a party for a keyframe, throttled. Raises Refused for an unknown party."""
        if party not in list(Party):
            raise Refused(f"no party {party!r}")
        leg = self._legs().get(Party(party))
        if leg is not None:
            leg.ask_keyframe(self._services.clock())

    def report(self) -> Report:
        """The figures since the call began."""
        dropped: dict[str, int] = {}
        for leg in (self._phone, self._seat.leg):
            for why, count in leg.dropped().items() if leg else ():
                dropped[why] = dropped.get(why, 0) + count
        return Report(
            phone=tuple(tally(self._phone, {}).values()) if self._phone else (),
            browser=tuple(self._seat.tally().values()),
            flowing=self._watch.flow.milliseconds,
            dropped=dropped,
            since_join=self._has_joined,
            cpu=self._spent // 1_000_000,
        )

    @property
    def carried(self) -> int:
        """How many packets it has taken from its parties that are there, and sent to them."""
        table = self._services.switch.table
        streams = [stream for leg in self._legs().values() for stream in leg.streams.values()]
        return sum(table.source(each.source).received + table.sink(each.sink).packets for each in streams)

    def spend(self, nanoseconds: int) -> None:
        """So much processor time was its."""
        self._spent += nanoseconds

    def close(self) -> Report:
        """End it; the ports rest."""
        self.part()
        report = self.report()
        self._prompting.stop()
        for party in Party:
            self._prompting.leave(party)
        self._mixing.arrange({})
        self._seat.close()
        if self._phone is not None:
            self._phone.close(self._seconds())
            self._phone = None
        return report

    def numbers(self) -> Iterator[tuple[int, str]]:
        """The numbers by which punts name what is ours: sources, sinks and the peers that speak RTCP."""
        for party, leg in self._legs().items():
            for stream in leg.streams.values():
                yield stream.source, party
                yield stream.sink, party
            for session in leg.sessions:
                yield session.peer, party

    def take(self, punt: Punt, whose: str) -> None:
        """Deal with what the switch has handed up about one of our streams or peers, as `numbers` names them."""
        party = Party(whose)
        leg = self._legs().get(party)
        if leg is None:
            return
        match punt.kind:
            case PuntKind.RTCP if leg.hear(punt.subject, punt.data, punt.arrival):
                self._ask_other(party, punt.arrival)
            case PuntKind.EVENT if self._phone is not None:
                digit = self._phone.digit(punt.data)
                if digit is not None:
                    self._news.digit(self.name, digit)
            case PuntKind.STARTED if party is Party.PHONE and not self._phone_heard:
                self._phone_heard = True
                self._news.leg_up(self.name, Party.PHONE)
            case PuntKind.EPOCH:
                leg.report(punt.arrival, lambda kind: self._origin(party, kind))

    def alive(self, leg: str) -> None:
        """A browser's leg, by name, has made a valid check."""
        self._seat.alive(leg)

    def attend(self, now: int, lost: frozenset[str]) -> None:
        """What is due BEATS times a second, and, on one of them, RTCP; `lost` names the browser legs ICE misses."""
        self._beat += 1
        self._seat.attend(now / 1e9, lost)
        if self._seat.leg is not None:
            self._seat.leg.estimate()
        for leg in self._legs().values():
            leg.keyframe_due(now)
        if self._beat % BEATS == 0:
            self._speak_rtcp(now)
            self._look()
        if self._beat % self._quality_beats == 0:
            self._news.quality(self.name, self.report())

    def _speak_rtcp(self, now: int) -> None:
        """Reports to both, the browser's bitrate and the phone's, and help for a phone that cannot ask itself."""
        for party, leg in self._legs().items():
            leg.report(now, lambda kind, party=party: self._origin(party, kind))  # type: ignore[misc]
        browser = self._seat.leg
        if browser is not None and browser.secured:
            browser.tell_bitrate()
            session = browser.session(Kind.VIDEO)
            if session is not None and session.reporter.bitrate and self._phone is not None:
                self._phone.ask_bitrate(session.reporter.bitrate)
            browser.limit(self._phone.heed_bitrate() if self._phone is not None else None)
            self._spare(browser, now)
        self._help_phone(now)
        if self._phone is not None and self._phone.strays():
            self._news.phone_strays(self.name)

    def _spare(self, browser: Leg, now: int) -> None:
        """A phone that cannot be told to send less costs a slow browser its picture, so that the sound goes on."""
        phone, session = self._phone, browser.session(Kind.VIDEO)
        if phone is None or session is None or not self._joined or Kind.VIDEO not in phone.streams:
            return
        if phone.obeys_bitrate:
            return
        octets = self._services.switch.table.source(phone.streams[Kind.VIDEO].source).octets
        before = self._downlink.paused
        if self._downlink.look(octets, session.reporter.bitrate, now / 1e9) is not before:
            self._picture_rests()

    def _picture_rests(self) -> None:
        self._news.picture_rests(self.name, self._downlink.paused)
        self._arrange()

    def _help_phone(self, now: int) -> None:
        """A phone that knows no feedback cannot ask for a keyframe: ask in its place when a packet was lost."""
        browser, phone = self._seat.leg, self._phone
        if browser is None or phone is None or Kind.VIDEO not in browser.streams or Kind.VIDEO not in phone.streams:
            return
        if phone.asks_for_keyframes:
            return
        lost = browser.lost(Kind.VIDEO)
        if lost > self._video_lost:
            browser.ask_keyframe(now)
        self._video_lost = lost

    def _look(self) -> None:
        now = self._services.clock()
        for party, leg in self._legs().items():
            alive = leg.rtcp_heard > self._sights.get(party, -1)
            self._sights[party] = now
            change = self._watch.see(party, Sight(leg.received(), alive), now / 1e9)
            if change is not None:
                self._news.leg_silent(self.name, party, change)

    def _browser_up(self) -> None:
        if self._downlink.paused:
            self._downlink = Downlink()
            self._picture_rests()
        self._prompting.leave(Party.BROWSER)
        self._arrange()
        self._news.leg_up(self.name, Party.BROWSER)

    def _browser_lost(self, why: str) -> None:
        self._losses += 1
        self._prompting.leave(Party.BROWSER)
        self._news.leg_lost(self.name, Party.BROWSER, why)

    def _browser_back(self) -> None:
        self._news.leg_back(self.name, Party.BROWSER)

    def _arrange(self) -> None:
        now, legs = self._services.clock(), self._legs()
        prompted, withheld = self._prompting.prompted(), self._withheld()
        voices = {
            party: said for party, said in self._voices().items() if party not in prompted and self._mixing.can(party)
        }
        for party, kind in self._feeds.arrange(legs, self._joined, prompted, withheld, frozenset(voices)):
            if kind is Kind.VIDEO:
                legs[party].ask_keyframe(now)
        self._mixing.arrange(voices)

    def _withheld(self) -> frozenset[tuple[Party, Kind]]:
        """What of the parties does not cross though they are joined."""
        return frozenset({(Party.PHONE, Kind.VIDEO)} if self._downlink.paused else ())

    def _voices(self) -> dict[Party, tuple[Voice, ...]]:
        """Who hears whom else above the other party."""
        return {party: (said,) for party, said in self._prompting.utterances().items()}

    def _ask_other(self, party: Party, now: int) -> None:
        other = self._legs().get(OTHER[party])
        if other is not None and self._joined:
            other.ask_keyframe(now)

    def _origin(self, party: Party, kind: Kind) -> Leg | None:
        """Whose stream of that kind is forwarded to a party now; None while a prompt or nothing is."""
        other = self._legs().get(OTHER[party])
        stream = other.streams.get(kind) if other else None
        return other if stream is not None and self._feeds.crosses(stream) else None

    def _legs(self) -> dict[Party, Leg]:
        legs: dict[Party, Leg] = {}
        if self._phone is not None and self._phone.streams:
            legs[Party.PHONE] = self._phone
        if self._seat.leg is not None:
            legs[Party.BROWSER] = self._seat.leg
        return legs

    def _seconds(self) -> float:
        return self._services.clock() / 1e9

    def _milliseconds(self) -> int:
        return self._services.clock() // 1_000_000
