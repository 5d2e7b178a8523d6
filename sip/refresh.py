"""Session timers (RFC 4028): what is asked and agreed, who refreshes, and when a session that nobody refreshes ends.

Pure: headers in, headers out; time comes in as monotonic seconds.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto

from parloir.sip.errors import MalformedMessage
from parloir.sip.message import Header, Message, Request, Response

LEAST = 90
"""The shortest interval we agree to, in seconds: the RFC's own lower bound."""
USUAL = 1800
LONGEST = 86_400
FLOOR = 30
"""What a peer that names less is taken to mean: refreshing more often helps nobody."""
RETRY = 10.0
MARGIN = 32.0
_VALUE = re.compile(r"([0-9]{1,10})[ \t]*(;.*)?")
_REFRESHER = re.compile(r";[ \t]*refresher[ \t]*=[ \t]*(uac|uas)[ \t]*(?:;|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Expires:
    """A Session-Expires header: seconds, and who is to refresh ("uac", "uas", None where it is left open)."""

    seconds: int
    refresher: str | None = None

    @classmethod
    def of(cls, message: Message) -> "Expires | None":
        """What a message says; None where it says nothing. Raises MalformedMessage."""
        if not message.has("Session-Expires"):
            return None
        found = _VALUE.fullmatch(message.one("Session-Expires"))
        if found is None or int(found[1]) == 0:
            raise MalformedMessage("Session-Expires", "not a number of seconds")
        named = _REFRESHER.search(found[2] or "")
        return cls(min(int(found[1]), LONGEST), named[1].lower() if named else None)

    def __str__(self) -> str:
        return f"{self.seconds};refresher={self.refresher}" if self.refresher else str(self.seconds)


@dataclass(frozen=True)
class Agreed:
    """What holds in a dialog: the interval in seconds, and whether the refreshing is ours to do."""

    seconds: int
    ours: bool


def too_brief(request: Request) -> tuple[Header, ...] | None:
    """The headers of a 422 for an interval below ours (section 9), None where there is no reason for one.

    A peer that does not know timers cannot understand that refusal, so it gets none. Raises MalformedMessage.
    """
    wanted, _ = Expires.of(request), least_of(request)
    if wanted is None or wanted.seconds >= LEAST or "timer" not in request.tokens("Supported"):
        return None
    return (("Min-SE", str(LEAST)),)


def answer(request: Request, usual: int = USUAL) -> tuple[Agreed, tuple[Header, ...]] | None:
    """What we agree to as the one asked, and what our 2xx says of it (section 9); None for no timer.

    A peer that knows timers and asks for none gets one of `usual` seconds, which we refresh; 0 asks for none.
    """
    wanted = Expires.of(request)
    knows = "timer" in request.tokens("Supported")
    if wanted is None:
        if not knows or not usual:
            return None
        wanted = Expires(max(usual, least_of(request)))
    theirs = knows and wanted.refresher == "uac"
    said = Expires(max(wanted.seconds, FLOOR), "uac" if theirs else "uas")
    required: tuple[Header, ...] = (("Require", "timer"),) if knows else ()
    return Agreed(said.seconds, not theirs), (*required, ("Session-Expires", str(said)))


def ask(seconds: int, least: int = 0, ours: bool = True) -> tuple[Header, ...]:
    """What a request of ours says: the interval we want, and that we would refresh; `least` is what a 422 asked for."""
    if not seconds:
        return ()
    more: tuple[Header, ...] = (("Min-SE", str(least)),) if least else ()
    said = Expires(max(seconds, least), "uac" if ours else "uas")
    return (("Session-Expires", str(said)), *more)


def settled(response: Response) -> Agreed | None:
    """What the peer's 2xx to our request agreed to (section 7.2); None where it wants no timer."""
    said = Expires.of(response)
    return None if said is None else Agreed(max(said.seconds, FLOOR), said.refresher != "uas")


def least_of(message: Message) -> int:
    """The Min-SE that a message names, 0 for none. Raises MalformedMessage."""
    if not message.has("Min-SE"):
        return 0
    found = _VALUE.fullmatch(message.one("Min-SE"))
    if found is None or int(found[1]) > LONGEST:
        raise MalformedMessage("Min-SE", "not a number of seconds, or over a day")
    return int(found[1])


class Due(Enum):
    """What the passing of time asks for."""

    NOTHING = auto()
    REFRESH = auto()
    END = auto()


class Watch:
    """One dialog's timer: a refresher refreshes at half the interval, both end what was not refreshed (section 10)."""

    def __init__(self, agreed: Agreed, now: float) -> None:
        self.agreed = agreed
        self._refresh = now + agreed.seconds / 2 if agreed.ours else None
        self._end = now + agreed.seconds - min(MARGIN, agreed.seconds / 3)

    @property
    def due(self) -> float:
        """When to ask again."""
        return self._end if self._refresh is None else min(self._refresh, self._end)

    def elapse(self, now: float) -> Due:
        """What is due at this time; a refresh that does not succeed is due again a little later."""
        if now >= self._end:
            return Due.END
        if self._refresh is not None and now >= self._refresh:
            self._refresh = now + RETRY
            return Due.REFRESH
        return Due.NOTHING
