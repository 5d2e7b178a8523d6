"""What the relay sees of a call's media (calls.relays.BridgeEvents)."""

from typing import TYPE_CHECKING

from parloir.calls import reason as reasons
from parloir.calls import words
from parloir.calls.call import Event
from parloir.calls.keys import Way
from parloir.relay.bodies import Report
from parloir.webrtc.signalling import Hint, Warn

if TYPE_CHECKING:
    from parloir.calls.live import LiveCall

GOOD, FAIR = 3.6, 2.8
"""From which estimated opinion score (1 to 4.5) on the page calls the line so."""


class MediaSide:
    """Hears the relay, and feeds its call."""

    def __init__(self, live: "LiveCall") -> None:
        self._live = live

    def leg_up(self, leg: str) -> None:
        """A leg's media path is up."""
        self._live.note("leg_up", leg=leg)
        if leg == "browser":
            self._live.feed(Event.BROWSER_UP)

    def leg_lost(self, leg: str, why: str) -> None:
        """A leg is gone, for now."""
        self._live.note("leg_lost", leg=leg, why=why)
        if leg == "browser":
            self._live.feed(Event.BROWSER_LOST)

    def leg_back(self, leg: str) -> None:
        """A lost leg is back on the same connection."""
        self._live.note("leg_back", leg=leg)
        if leg == "browser":
            self._live.feed(Event.BROWSER_BACK)

    def leg_silent(self, leg: str, silent: bool) -> None:
        """A leg sends nothing for media_timeout, or sends again."""
        self._live.note("leg_silent" if silent else "leg_heard", leg=leg)

    def digit(self, digit: str) -> None:
        """A key on the phone, told in its media."""
        self._live.phone.pressed(Way.MEDIA, digit)

    def phone_strays(self) -> None:
        """The phone kept several formats in its answer and sends another than its first: say which one is meant."""
        if self._live.session is not None and self._live.bridge.open_ended:
            self._live.note("codec_locked")
            self._live.session.restate()

    def keyframe_wanted(self) -> None:
        """The phone knows no RTCP feedback: ask it for a keyframe by SIP INFO (RFC 5168)."""
        if self._live.session is not None:
            self._live.session.ask_keyframe()

    def picture_rests(self, rests: bool) -> None:
        """The visitor's connection cannot bear the phone's picture, which cannot be made smaller; or it can again."""
        self._live.note("picture_paused" if rests else "picture_resumed", leg="phone")
        text = words.PICTURE_PAUSED if rests else words.PICTURE_BACK
        self._live.page.say(Warn(text=words.pick(text, self._live.terms.language)))

    def quality(self, report: Report) -> None:
        """How both legs fare, for the timeline and the page's hint."""
        self._live.note("quality", **report.model_dump(mode="json"))
        self._live.time.counted(report)
        scores = [s.mos for s in (*report.phone, *report.browser) if s.mos is not None]
        if scores:
            worst = min(scores)
            self._live.page.say(Hint(quality="good" if worst >= GOOD else "fair" if worst >= FAIR else "poor"))

    def relay_lost(self) -> None:
        """The relay's process ended."""
        self._live.end(reasons.RelayLost())
