"""How long the parties of a call talked, and how long it was held, read off its timeline."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from parloir.calls.call import LIFTS_HOLD, SETS_HOLD, Event, State
from parloir.store import nodes
from parloir.store.timeline import Entry

FLOWS = ("report", "quality")
"""Events that say how long media has flowed both ways so far, in `flowing` (ms): the last one, and those before."""
CUT_OFF = {"gateway_restarted": "GatewayRestarted", nodes.LOST: nodes.REASON}
"""Events of a call whose gateway went down with it, and what they say of its end."""
ENDS = ("ended", *CUT_OFF)
AGREED = "media_agreed"
"""The event that says what the two sides agreed to exchange: `video` or not."""


@dataclass
class Talk:
    """Takes a call's events in their order. `answered` is when the phone was, UTC; `end` the name of why it ended.

    `video` is whether there was a picture as often as the two sides agreed what to exchange; None: they never did.
    """

    state: str = State.NEW.value
    answered: datetime | None = None
    ended: datetime | None = None
    end: str | None = None
    video: bool | None = None
    _flowing: int = 0
    _held: timedelta = timedelta()
    _holds: frozenset[str] = frozenset()
    _last: Entry | None = None

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> "Talk":
        """What these events come to."""
        talk = cls()
        for entry in entries:
            talk.take(entry)
        return talk

    @property
    def seconds(self) -> int:
        """Whole seconds in which media flowed both ways. A crash costs those after the last quality report."""
        return self._flowing // 1000

    def held(self, at: datetime) -> int:
        """Whole seconds for which the call was on hold, up to its last event, or to `at` for one that goes on."""
        going_on = self._pausing and self._last is not None
        tail = max(timedelta(), at - self._last.wall) if going_on and self._last else timedelta()
        return int((self._held + tail).total_seconds())

    def take(self, entry: Entry) -> None:
        """One more event."""
        if self._pausing and self._last is not None and entry.kind not in ENDS:
            self._held += timedelta(microseconds=max(0, entry.monotonic - self._last.monotonic) // 1000)
        self._last = entry
        self.state = str(entry.data.get("state", self.state))
        self._hold(entry)
        if entry.kind in FLOWS:
            self._flowing = max(self._flowing, int(entry.data.get("flowing", 0)))
        elif entry.kind == Event.PHONE_ANSWERED and self.answered is None:
            self.answered = entry.wall
        elif entry.kind == AGREED:
            self.video = entry.data.get("video") is True and self.video is not False
        elif entry.kind in ENDS:
            self.state, self.ended = State.ENDED.value, entry.wall
            self.end = CUT_OFF.get(entry.kind) or str(entry.data.get("reason", ""))

    @property
    def _pausing(self) -> bool:
        return bool(self._holds) and self.state == State.ACTIVE

    def _hold(self, entry: Entry) -> None:
        try:
            event = Event(entry.kind)
        except ValueError:
            return
        if set_ := entry.data.get("by") if event is Event.HELD else SETS_HOLD.get(event):
            self._holds |= {set_}
        if lifted := entry.data.get("by") if event is Event.RESUMED else LIFTS_HOLD.get(event):
            self._holds -= {lifted}
