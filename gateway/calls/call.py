"""The call as one transition table: an event in, the effects to carry out back. Pure.

Holds are a set beside the state: media is joined only in ACTIVE with no hold. Every event that a wire, a timer or a
person can bring is listed for every live state, so an unlisted one is a fault of the caller.
"""

from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto

from parloir.calls.reason import Reason


class State(StrEnum):
    """Where a call stands."""

    NEW = "new"
    AUTHORIZING = "authorizing"
    INVITING = "inviting"
    RINGING = "ringing"
    JOINING = "joining"
    ANNOUNCING = "announcing"
    ACTIVE = "active"
    ENDING = "ending"
    ENDED = "ended"


class Event(StrEnum):
    """What can happen to a call."""

    START = "start"
    ALLOWED = "allowed"
    PHONE_RINGING = "phone_ringing"
    PHONE_ANSWERED = "phone_answered"
    BROWSER_UP = "browser_up"
    BROWSER_LOST = "browser_lost"
    BROWSER_BACK = "browser_back"
    ANNOUNCED = "announced"
    HELD = "held"
    RESUMED = "resumed"
    WARN_DUE = "warn_due"
    CLOSING = "closing"
    END = "end"
    LEGS_CLOSED = "legs_closed"


class Hold(StrEnum):
    """Who keeps media from crossing."""

    PHONE = "phone"
    BROWSER = "browser"
    OFFICER = "officer"
    MONITOR = "monitor"
    FAREWELL = "farewell"


class Recorded(StrEnum):
    """Whether a call is being recorded; FAILED: no more, or not at all, though both were told that it would be."""

    NO = "no"
    YES = "yes"
    FAILED = "failed"


class Do(Enum):
    """What the table asks to be carried out, in order."""

    ASK_POLICIES = auto()
    CONNECT_PHONE = auto()
    TELL_RINGING = auto()
    CONNECT_BROWSER = auto()
    ANNOUNCE = auto()
    JOIN_MEDIA = auto()
    PART_MEDIA = auto()
    ASK_TO_WAIT = auto()
    STOP_WAITING = auto()
    TELL_HELD = auto()
    WARN = auto()
    TELL_CLOSING = auto()
    CLOSE_LEGS = auto()
    SETTLE = auto()


S, E, D = State, Event, Do
LIVE = (S.NEW, S.AUTHORIZING, S.INVITING, S.RINGING, S.JOINING, S.ANNOUNCING, S.ACTIVE)
ANY_TIME = (
    E.PHONE_RINGING,
    E.PHONE_ANSWERED,
    E.BROWSER_UP,
    E.BROWSER_LOST,
    E.BROWSER_BACK,
    E.ANNOUNCED,
    E.HELD,
    E.RESUMED,
    E.WARN_DUE,
    E.CLOSING,
)
Row = tuple[State, tuple[Do, ...]]

TABLE: dict[tuple[State, Event], Row] = {
    **{(s, e): (s, ()) for s in LIVE for e in ANY_TIME},
    (S.NEW, E.START): (S.AUTHORIZING, (D.ASK_POLICIES,)),
    (S.AUTHORIZING, E.ALLOWED): (S.INVITING, (D.CONNECT_PHONE,)),
    (S.INVITING, E.PHONE_RINGING): (S.RINGING, (D.TELL_RINGING,)),
    (S.INVITING, E.PHONE_ANSWERED): (S.JOINING, (D.CONNECT_BROWSER,)),
    (S.RINGING, E.PHONE_ANSWERED): (S.JOINING, (D.CONNECT_BROWSER,)),
    (S.JOINING, E.BROWSER_UP): (S.ANNOUNCING, (D.STOP_WAITING, D.ANNOUNCE)),
    (S.JOINING, E.BROWSER_LOST): (S.JOINING, (D.ASK_TO_WAIT,)),
    (S.JOINING, E.BROWSER_BACK): (S.ANNOUNCING, (D.STOP_WAITING, D.ANNOUNCE)),
    (S.ANNOUNCING, E.BROWSER_UP): (S.ANNOUNCING, (D.ANNOUNCE,)),
    (S.ANNOUNCING, E.BROWSER_LOST): (S.JOINING, (D.ASK_TO_WAIT,)),
    (S.ANNOUNCING, E.ANNOUNCED): (S.ACTIVE, (D.JOIN_MEDIA, D.TELL_HELD)),
    (S.ACTIVE, E.BROWSER_LOST): (S.ACTIVE, (D.PART_MEDIA, D.ASK_TO_WAIT)),
    (S.ACTIVE, E.BROWSER_UP): (S.ACTIVE, (D.STOP_WAITING, D.JOIN_MEDIA, D.TELL_HELD)),
    (S.ACTIVE, E.BROWSER_BACK): (S.ACTIVE, (D.STOP_WAITING, D.JOIN_MEDIA, D.TELL_HELD)),
    (S.ACTIVE, E.HELD): (S.ACTIVE, (D.PART_MEDIA, D.TELL_HELD)),
    (S.ACTIVE, E.RESUMED): (S.ACTIVE, (D.JOIN_MEDIA, D.TELL_HELD)),
    (S.ACTIVE, E.WARN_DUE): (S.ACTIVE, (D.WARN,)),
    **{(s, E.CLOSING): (s, (D.TELL_CLOSING,)) for s in (S.JOINING, S.ANNOUNCING, S.ACTIVE)},
    **{(s, E.END): (S.ENDING, (D.CLOSE_LEGS,)) for s in LIVE},
    (S.ENDING, E.LEGS_CLOSED): (S.ENDED, (D.SETTLE,)),
}

SETS_HOLD = {E.BROWSER_LOST: Hold.BROWSER}
LIFTS_HOLD = {E.BROWSER_UP: Hold.BROWSER, E.BROWSER_BACK: Hold.BROWSER}


class Unexpected(Exception):
    """An event that the table does not list for the state: a fault of the caller."""


@dataclass(frozen=True)
class Step:
    """One event taken: where the call was, what came, where it is."""

    before: State
    event: Event
    after: State


@dataclass
class Call:
    """A call's state, holds and end reason, moved by `step` alone."""

    state: State = State.NEW
    holds: frozenset[Hold] = frozenset()
    reason: Reason | None = None
    trail: list[Step] = field(default_factory=list)

    @property
    def joined(self) -> bool:
        """Whether media may cross now."""
        return self.state is S.ACTIVE and not self.holds

    def step(self, event: Event, *, hold: Hold | None = None, reason: Reason | None = None) -> tuple[Do, ...]:
        """Take one event; return what must now be done, in order. What comes late, while ending, is ignored.

        `hold` goes with HELD and RESUMED, `reason` with END. Raises Unexpected for a fault of the caller.
        """
        if self.state in (S.ENDING, S.ENDED) and (self.state, event) not in TABLE:
            return ()
        if (self.state, event) not in TABLE or (event is E.END) is (reason is None):
            raise Unexpected(self.state, event)
        if event is E.END:
            self.reason = reason
        was_joined = self.joined
        self._hold(event, hold)
        before, (self.state, effects) = self.state, TABLE[self.state, event]
        self.trail.append(Step(before, event, self.state))
        return tuple(e for e in effects if self._due(e, was_joined))

    def _hold(self, event: Event, hold: Hold | None) -> None:
        if (event in (E.HELD, E.RESUMED)) is (hold is None):
            raise Unexpected(self.state, event)
        if set_ := hold if event is E.HELD else SETS_HOLD.get(event):
            self.holds |= {set_}
        if lifted := hold if event is E.RESUMED else LIFTS_HOLD.get(event):
            self.holds -= {lifted}

    def _due(self, effect: Do, was_joined: bool) -> bool:
        match effect:
            case D.JOIN_MEDIA:
                return self.joined and not was_joined
            case D.PART_MEDIA:
                return was_joined and not self.joined
            case D.TELL_HELD:
                return bool(self.holds)
            case _:
                return True
