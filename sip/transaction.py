"""SIP transactions (RFC 3261 section 17, RFC 6026) without sockets or clocks: time comes in as monotonic seconds."""

from dataclasses import dataclass
from enum import Enum, auto

from parloir.sip.message import CSeq, Request, Response

T1 = 0.5
T2 = 4.0
T4 = 5.0
LONGEST = 64 * T1


class State(Enum):
    """Where a transaction stands; TRYING is CALLING for an INVITE."""

    TRYING = auto()
    PROCEEDING = auto()
    ACCEPTED = auto()
    COMPLETED = auto()
    CONFIRMED = auto()
    TERMINATED = auto()


@dataclass(frozen=True)
class Due:
    """What the passing of time asks for: the last message sent once more, or word that nobody answered."""

    send: bool = False
    timed_out: bool = False


@dataclass
class _Timers:
    """The next retransmission and the end, each in seconds of the caller's clock or None."""

    again: float | None
    end: float | None
    interval: float

    @property
    def due(self) -> float | None:
        """When to ask again, or None."""
        times = [time for time in (self.again, self.end) if time is not None]
        return min(times) if times else None

    def repeat(self, now: float, most: float) -> None:
        """Put the next retransmission off by twice the last interval, `most` at the longest."""
        self.interval = min(self.interval * 2, most)
        self.again = now + self.interval


class ClientTransaction:
    """A request of ours on its way: repeated until heard, given up after 64*T1.

    A `reliable` transport repeats by itself, and brings no repeats of answers to wait for (timers A, D, E, K).
    """

    def __init__(self, invite: bool, now: float, reliable: bool = False) -> None:
        self.invite = invite
        self.reliable = reliable
        self.state = State.TRYING
        self.timers = _Timers(None if reliable else now + T1, now + LONGEST, T1)
        self._last: float | None = None

    def heard(self, status: int, now: float) -> bool:
        """Take in a response; whether it is news (repeats of a refusal are not, every 2xx to an INVITE is)."""
        if self.state in (State.COMPLETED, State.TERMINATED):
            return False
        if status < 200:
            return self._provisional(now)
        if self.state is State.ACCEPTED:
            return status < 300
        self.state = State.ACCEPTED if self.invite and status < 300 else State.COMPLETED
        self.timers = _Timers(None, now + self._lingering(), T1)
        return True

    def _lingering(self) -> float:
        """How long answers may still come, forked 2xx among them (timer M of RFC 6026)."""
        if self.state is State.ACCEPTED:
            return LONGEST
        return 0.0 if self.reliable else LONGEST if self.invite else T4

    def _provisional(self, now: float) -> bool:
        if self.state is State.ACCEPTED:
            return False
        self.state = State.PROCEEDING
        if self.invite:
            self.timers = _Timers(None, self._last, T1)
        elif not self.reliable:
            self.timers.again, self.timers.interval = now + T2, T2
        return True

    def give_up(self) -> bool:
        """Nothing can be sent: over at once; whether anybody still waited for an answer."""
        waiting = self.state in (State.TRYING, State.PROCEEDING)
        self.state = State.TERMINATED
        self.timers = _Timers(None, None, T1)
        return waiting

    def give_up_by(self, end: float) -> None:
        """Wait for a final response no longer than that: it was cancelled (section 9.1)."""
        if self.state in (State.TRYING, State.PROCEEDING):
            self._last = self.timers.end = end

    def elapse(self, now: float) -> Due:
        """What is due at this time."""
        if self.timers.end is not None and now >= self.timers.end:
            waiting = self.state in (State.TRYING, State.PROCEEDING)
            self.state = State.TERMINATED
            self.timers = _Timers(None, None, T1)
            return Due(timed_out=waiting)
        if self.timers.again is not None and now >= self.timers.again:
            self.timers.repeat(now, LONGEST if self.invite else T2)
            return Due(send=True)
        return Due()


class ServerTransaction:
    """A peer's request: its repeats are answered from memory; an INVITE's final response is repeated until its ACK.

    Over a `reliable` transport only a 2xx is repeated (RFC 3261 section 13.3.1.4), and no repeats are waited for
    (timers G, I, J).
    """

    def __init__(self, invite: bool, reliable: bool = False) -> None:
        self.invite = invite
        self.reliable = reliable
        self.state = State.PROCEEDING
        self.timers = _Timers(None, None, T1)

    @property
    def answered(self) -> bool:
        """Whether a final response was sent."""
        return self.state is not State.PROCEEDING

    def respond(self, status: int, now: float) -> bool:
        """Note that a response is sent; False when a final one has been already."""
        if self.answered:
            return False
        if status >= 200:
            self.state = State.ACCEPTED if self.invite and status < 300 else State.COMPLETED
            repeats = self.invite and (status < 300 or not self.reliable)
            lingers = self.invite or not self.reliable
            self.timers = _Timers(now + T1 if repeats else None, now + (LONGEST if lingers else 0.0), T1)
        return True

    def acknowledged(self, now: float) -> None:
        """The ACK has come: nothing more is repeated; late repeats of the INVITE are still absorbed."""
        if self.state in (State.ACCEPTED, State.COMPLETED) and self.invite:
            end = now + (0.0 if self.reliable else T4) if self.state is State.COMPLETED else self.timers.end
            self.state = State.CONFIRMED
            self.timers = _Timers(None, end, T1)

    def elapse(self, now: float) -> Due:
        """What is due at this time; timed_out says that a 2xx was never acknowledged."""
        if self.timers.end is not None and now >= self.timers.end:
            unheard = self.state is State.ACCEPTED
            self.state = State.TERMINATED
            self.timers = _Timers(None, None, T1)
            return Due(timed_out=unheard)
        if self.timers.again is not None and now >= self.timers.again:
            self.timers.repeat(now, T2)
            return Due(send=True)
        return Due()


def cancel_of(request: Request) -> Request:
    """The CANCEL for a request of ours (section 9.1): same branch, number, route and parties."""
    return _same_branch(request, "CANCEL", request.one("To"))


def ack_of(request: Request, refusal: Response) -> Request:
    """The ACK for a refusal of our INVITE (section 17.1.1.3)."""
    return _same_branch(request, "ACK", refusal.one("To"))


def _same_branch(request: Request, method: str, recipient: str) -> Request:
    headers = (
        ("Via", str(request.via)),
        *(("Route", route) for route in request.all("Route")),
        ("Max-Forwards", "70"),
        ("From", request.one("From")),
        ("To", recipient),
        ("Call-ID", request.call_id),
        ("CSeq", str(CSeq(request.cseq.number, method))),
    )
    return Request(headers, b"", method, request.uri)
