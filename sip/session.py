"""What the calls see of SIP: one leg to one phone, and what can happen to it. Bodies are the phones' real SDP."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from parloir.rtp.description import Address


class EndKind(StrEnum):
    """Why a phone's leg is over, in the terms a call's end reason needs."""

    BUSY = "busy"
    DECLINED = "declined"
    NO_ANSWER = "no_answer"
    NOT_ACCEPTABLE = "not_acceptable"
    UNREACHABLE = "unreachable"
    HUNG_UP = "hung_up"
    CANCELLED = "cancelled"
    ENDED_HERE = "ended_here"
    EXPIRED = "expired"
    LINE_LOST = "line_lost"
    FAILED = "failed"


@dataclass(frozen=True)
class SessionEnd:
    """How a leg ended: the kind, and the SIP status and phrase where one was seen."""

    kind: EndKind
    status: int | None = None
    phrase: str = ""


class NotAcceptable(Exception):
    """The offer holds nothing that this call can carry: answered 488 (RFC 3261 section 21.4.26)."""


class NoFreeLine(Exception):
    """Every call slot is taken; raise sip.calls."""


class Session(Protocol):
    """One leg to one phone."""

    id: str

    @property
    def remote(self) -> Address:
        """The address its signalling comes from."""

    def end(self, status: int = 603) -> None:
        """Hang up, cancel or reject, whichever fits the leg's state; harmless when it is over."""

    def ask_keyframe(self) -> None:
        """Send INFO picture_fast_update (RFC 5168)."""

    def refer(self, target: str, heard: "Referred") -> None:
        """Tell the phone to call that SIP address itself (REFER, RFC 3515)."""

    def restate(self) -> None:
        """Offer what is in use, and nothing else, by a re-INVITE (RFC 3264 section 10.2)."""


class SessionEvents(Protocol):
    """What the calls do when a phone's leg moves; called on the reactor thread, never before invite()/accept() ran."""

    def ringing(self, session: Session) -> None: ...

    def answered(self, session: Session, sdp: str) -> None:
        """The leg is confirmed; `sdp` is the phone's answer (outbound, or an ACK's to a delayed offer), or its own
        offer once more where we were the answerer."""

    async def offered(self, session: Session, sdp: str) -> str:
        """A re-INVITE or UPDATE brought this offer: return our answer, or raise NotAcceptable."""

    def current(self, session: Session) -> str:
        """Our description now, as the offer in the 200 to a re-INVITE without a body."""

    def reanswered(self, session: Session, sdp: str) -> None:
        """The phone's answer to that offer."""

    def keyframe_wanted(self, session: Session) -> None: ...

    def digit(self, session: Session, digit: str) -> None:
        """A key was pressed, by INFO: one of 0-9, *, #, A-D. The same press may come as an RTP event too."""

    def transfer_refused(self, session: Session, by: str, target: str) -> None:
        """The phone tried to hand the call on and was refused: `by` "REFER" or "Replaces", `target` what it named."""

    def ended(self, session: Session, end: SessionEnd) -> None:
        """Called exactly once for every session."""


class Incoming(Protocol):
    """An INVITE from a station, already answered 100 Trying, its line reserved.

    `offer` is None for a delayed offer: accept() is then given our offer. `cancelled` fires SessionEvents.ended
    only after accept; before it, use when_cancelled.
    """

    facility: str
    station: str
    dialled: str
    offer: str | None

    @property
    def remote(self) -> Address:
        """The address its signalling comes from."""

    def ring(self) -> None:
        """Send 180 Ringing, once."""

    def accept(self, sdp: str, events: SessionEvents) -> Session:
        """Answer 200 with this SDP."""

    def reject(self, status: int, phrase: str = "") -> None:
        """Refuse it; harmless when it is over."""

    def on_cancel(self, gone: "Gone") -> None:
        """Have `gone` called once if the phone gives up before accept() or reject()."""


class Gone(Protocol):
    """Called when an incoming call is cancelled before it was answered."""

    def __call__(self, end: SessionEnd) -> None: ...


class Referred(Protocol):
    """Called once with what the phone, or its PBX, said to a REFER: whether it goes there."""

    def __call__(self, accepted: bool) -> None: ...


@dataclass(frozen=True)
class Dialog:
    """What it takes to end a dialog whose line or gateway died (RFC 3261 section 12): kept in the store.

    `route` is the phone's route set in the order a request of ours needs; `flow` names listener and peer address.
    """

    session: str
    call_id: str
    local_uri: str
    local_tag: str
    remote_uri: str
    remote_tag: str
    local_cseq: int
    remote_cseq: int
    target: str
    route: tuple[str, ...]
    flow: str


class DialogStore(Protocol):
    """Where dialog records outlive the process; calls return at once and write behind, in order."""

    def save(self, dialog: Dialog) -> None: ...

    def forget(self, session: str) -> None: ...

    async def written(self) -> None:
        """Wait until all that was saved or forgotten before has been written, or failed to be."""

    async def left_over(self) -> list[Dialog]:
        """Those a previous run did not end."""
