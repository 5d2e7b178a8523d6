"""What is answered to a request by its looks alone, before any call hears of it. Pure."""

from dataclasses import dataclass

from parloir.sip.errors import MalformedMessage
from parloir.sip.flow import ALLOW
from parloir.sip.message import Header, Request
from parloir.sip.uri import Uri

LONGEST_SDP = 16_384
LONGEST_NUMBER = 64
EXTENSIONS = {"100rel"}

ABLE: tuple[Header, ...] = (("Allow", ALLOW), ("Accept", "application/sdp"), ("Supported", "100rel"))


@dataclass(frozen=True)
class Verdict:
    """A final response: status and headers."""

    status: int
    headers: tuple[Header, ...] = ()


def outside(request: Request) -> Verdict | None:
    """The answer to a station's request outside any dialog; None for an INVITE that may become a call."""
    match request.method:
        case "INVITE":
            return Verdict(403) if request.has("Replaces") else unfit(request)
        case "OPTIONS":
            return Verdict(200, ABLE)
        case "REFER":
            return Verdict(403)
        case "SUBSCRIBE" | "NOTIFY" | "PUBLISH":
            return Verdict(489)
        case "BYE" | "INFO" | "UPDATE" | "PRACK":
            return Verdict(481)
        case _:
            return Verdict(405, (("Allow", ALLOW),))


def inside(request: Request) -> Verdict | None:
    """The answer to a request in a dialog that no call needs to hear of; None for the others."""
    match request.method:
        case "OPTIONS":
            return Verdict(200, ABLE)
        case "REFER":
            return Verdict(403)
        case "SUBSCRIBE" | "NOTIFY":
            return Verdict(489)
        case "INVITE" | "UPDATE" | "PRACK":
            return unfit(request)
        case "INFO":
            return unknown_info(request)
        case "BYE":
            return None
        case _:
            return Verdict(405, (("Allow", ALLOW),))


def unfit(request: Request) -> Verdict | None:
    """Why a request's extensions or body cannot be served (RFC 3261 sections 8.2.2.3 and 8.2.3), or None."""
    unknown = sorted(request.tokens("Require") - EXTENSIONS)
    if unknown:
        return Verdict(420, tuple(("Unsupported", name[:64]) for name in unknown[:8]))
    if not request.body:
        return None
    if request.has("Content-Encoding"):
        return Verdict(415, (("Accept-Encoding", "identity"),))
    if request.content_type != "application/sdp":
        return Verdict(415, (("Accept", "application/sdp"),))
    return Verdict(413) if len(request.body) > LONGEST_SDP else None


def unknown_info(request: Request) -> Verdict | None:
    """INFO: an empty one is a sign of life, one about pictures is for the call (RFC 5168), others we cannot read."""
    if not request.body:
        return Verdict(200)
    if request.content_type != "application/media_control+xml":
        return Verdict(415, (("Accept", "application/media_control+xml"),))
    return None


def dialled(request: Request) -> str:
    """What the phone dialled: the Request-URI's user without its parameters; MalformedMessage when it is no sip URI."""
    user = Uri.parse(request.uri).user.partition(":")[0].partition(";")[0]
    if len(user) > LONGEST_NUMBER:
        raise MalformedMessage("Request-URI", "number too long")
    return user
