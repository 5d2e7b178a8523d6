"""Why a call ended: typed, for the timeline, for staff, and in plain words for the visitor."""

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from parloir.policy.answers import Ending
from parloir.sip.session import EndKind, SessionEnd


@dataclass(frozen=True)
class Reason:
    """Base of all ends. `again` says whether the visitor may simply try once more."""

    again: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """The name that the timeline, the API and the page know this end by."""
        return type(self).__name__

    def facts(self) -> dict[str, Any]:
        """Its fields, for the timeline; not what was only said to the visitor."""
        return {name: value for name, value in asdict(self).items() if name != "said"}


@dataclass(frozen=True)
class Busy(Reason):
    """The phone is in use (486, 600)."""

    again: ClassVar[bool] = True


@dataclass(frozen=True)
class Declined(Reason):
    """Somebody at the phone refused the call (603, 403)."""

    again: ClassVar[bool] = True


@dataclass(frozen=True)
class NoAnswer(Reason):
    """The phone rang for sip.ring_timeout and nobody answered."""

    again: ClassVar[bool] = True


@dataclass(frozen=True)
class CodecMismatch(Reason):
    """The phone and the browser have no way of encoding sound in common (488)."""

    detail: str = ""


@dataclass(frozen=True)
class Unreachable(Reason):
    """The phone does not answer at its address, or refused with this SIP status."""

    again: ClassVar[bool] = True
    status: int | None = None


@dataclass(frozen=True)
class PhoneHungUp(Reason):
    """The phone ended the call (BYE, or CANCEL of a call it made)."""

    again: ClassVar[bool] = True


@dataclass(frozen=True)
class VisitorLeft(Reason):
    """The visitor hung up, or closed the page before the call was answered."""

    again: ClassVar[bool] = True


@dataclass(frozen=True)
class VisitorDeclined(Reason):
    """The visitor's page rang, and the visitor did not want the call."""

    again: ClassVar[bool] = True


@dataclass(frozen=True)
class VisitorBlocked(Reason):
    """The visitor's page rang, and the visitor wants no calls from this resident any more."""


@dataclass(frozen=True)
class VisitorAway(Reason):
    """The visitor's page rang, and nobody answered."""

    again: ClassVar[bool] = True


@dataclass(frozen=True)
class MediaLost(Reason):
    """A leg is gone and did not come back: the browser's media within gateway.rejoin_window, or the phone, which no
    longer refreshes its session (RFC 4028)."""

    leg: str = "browser"
    again: ClassVar[bool] = True


@dataclass(frozen=True)
class LimitReached(Reason):
    """The visit's time is over."""


@dataclass(frozen=True)
class BalanceUsed(Reason):
    """What the account could pay for is used up."""


@dataclass(frozen=True)
class VisitCancelled(Reason):
    """Staff cancelled the visit."""

    why: str = ""


@dataclass(frozen=True)
class OfficerEnded(Reason):
    """Staff ended the call, with their reason."""

    by: str
    why: str


@dataclass(frozen=True)
class Denied(Reason):
    """A policy did not allow the call; `said` is what the visitor reads."""

    plugin: str
    code: str
    kind: str = ""
    said: str = field(default="", repr=False)


@dataclass(frozen=True)
class PolicyEnded(Reason):
    """A plugin ended the call or cancelled the visit, as for a lockdown, at the word of `by`; `said` is what the
    visitor reads."""

    plugin: str
    code: str
    by: str
    said: str = field(default="", repr=False)


@dataclass(frozen=True)
class LineLost(Reason):
    """The process that held this call's SIP signalling ended."""

    again: ClassVar[bool] = True


@dataclass(frozen=True)
class RelayLost(Reason):
    """The process that held this call's media ended."""

    again: ClassVar[bool] = True


@dataclass(frozen=True)
class RecordingFailed(Reason):
    """The call could not be recorded (on), and the facility wants none unrecorded (its recording.on_failure)."""

    again: ClassVar[bool] = True


@dataclass(frozen=True)
class NoCapacity(Reason):
    """Every call slot or every RTP port is taken: raise sip.calls or widen sip.rtp_ports."""

    again: ClassVar[bool] = True


@dataclass(frozen=True)
class ServiceClosing(Reason):
    """The gateway is being stopped."""

    again: ClassVar[bool] = True


@dataclass(frozen=True)
class Failed(Reason):
    """The gateway could not carry the call on; the log has the fault under the call's id."""

    what: str
    again: ClassVar[bool] = True


MISSED = (Denied, PhoneHungUp, VisitorDeclined, VisitorAway)
"""How a call from inside ends that leaves the visitor whose page rang, or did not even ring, where they were."""

ENDINGS: dict[str, Ending] = {
    "Busy": Ending.NO_ANSWER,
    "Declined": Ending.NO_ANSWER,
    "NoAnswer": Ending.NO_ANSWER,
    "CodecMismatch": Ending.NO_ANSWER,
    "Unreachable": Ending.NO_ANSWER,
    "Denied": Ending.NO_ANSWER,
    "PhoneHungUp": Ending.HUNG_UP,
    "VisitorLeft": Ending.HUNG_UP,
    "VisitorDeclined": Ending.NO_ANSWER,
    "VisitorBlocked": Ending.NO_ANSWER,
    "VisitorAway": Ending.NO_ANSWER,
    "MediaLost": Ending.DROPPED,
    "LimitReached": Ending.LIMIT,
    "BalanceUsed": Ending.LIMIT,
    "VisitCancelled": Ending.CANCELLED,
    "OfficerEnded": Ending.OFFICER,
    "PolicyEnded": Ending.LOCKDOWN,
    "LineLost": Ending.FACILITY_FAULT,
    "RelayLost": Ending.FACILITY_FAULT,
    "RecordingFailed": Ending.FACILITY_FAULT,
    "NoCapacity": Ending.FACILITY_FAULT,
    "ServiceClosing": Ending.FACILITY_FAULT,
    "GatewayRestarted": Ending.FACILITY_FAULT,
    "GatewayLost": Ending.FACILITY_FAULT,
    "Failed": Ending.FACILITY_FAULT,
}
"""What each reason's name means for the price of a call."""


def of_phone(end: SessionEnd) -> Reason:
    """The call's reason where the phone's leg ended by itself."""
    match end.kind:
        case EndKind.BUSY:
            return Busy()
        case EndKind.DECLINED:
            return Declined()
        case EndKind.NO_ANSWER:
            return NoAnswer()
        case EndKind.NOT_ACCEPTABLE:
            return CodecMismatch(end.phrase)
        case EndKind.UNREACHABLE:
            return Unreachable(end.status)
        case EndKind.HUNG_UP | EndKind.CANCELLED:
            return PhoneHungUp()
        case EndKind.EXPIRED:
            return MediaLost("phone")
        case EndKind.LINE_LOST:
            return LineLost()
        case _:
            return Failed(f"SIP {end.kind} {end.status or ''}".strip())
