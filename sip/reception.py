"""What is answered to a request by its looks alone, before any call hears of it. Pure."""

import re
from dataclasses import dataclass

from parloir.sip.errors import MalformedMessage
from parloir.sip.flow import ALLOW, SUPPORTED, Face
from parloir.sip.info import ACCEPTED
from parloir.sip.message import Header, Request, Via
from parloir.sip.refresh import too_brief
from parloir.sip.uri import Uri, parameters

LONGEST_SDP = 16_384
LONGEST_NUMBER = 64
LONGEST_TARGET = 200
EXTENSIONS = {"100rel", "timer"}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
SCHEMES = ("sip", "sips", "tel")
READABLE = {"application/sdp", "application/*", "*/*"}
KNOWN = ("INVITE", "OPTIONS", "REFER", "SUBSCRIBE", "NOTIFY", "PUBLISH", "BYE", "INFO", "UPDATE", "PRACK")

ABLE: tuple[Header, ...] = (("Allow", ALLOW), ("Accept", "application/sdp"), ("Supported", SUPPORTED))


@dataclass(frozen=True)
class Verdict:
    """A final response: status and headers."""

    status: int
    headers: tuple[Header, ...] = ()


def looped(request: Request, face: Face) -> Verdict | None:
    """The answer to a request that has come round: through us before (482), or over too many hops (483).

    A hop count of 0 keeps a call from being taken on (RFC 7332); what ends here is answered all the same.
    """
    places = [(via.host, via.port or 5060) for via in map(Via.parse, request.all("Via"))]
    if (face.host, face.port) in places:
        return Verdict(482)
    return Verdict(483) if request.method == "INVITE" and hops(request) == 0 else None


def hops(request: Request) -> int:
    """The Max-Forwards of a request, 70 where it has none; MalformedMessage when it is no number."""
    if not request.has("Max-Forwards"):
        return 70
    value = request.one("Max-Forwards")
    if not (value.isascii() and value.isdigit() and int(value[:9]) <= 255):
        raise MalformedMessage("Max-Forwards", "not a number up to 255")
    return int(value)


def outside(request: Request) -> Verdict | None:
    """The answer to a station's request outside any dialog; None for an INVITE that may become a call."""
    if not _SCHEME.match(request.uri):
        raise MalformedMessage("Request-URI", "no scheme")
    if request.uri.partition(":")[0].lower() not in SCHEMES:
        return Verdict(416)
    if request.method in KNOWN and (lacking := _lacking(request)):
        return lacking
    match request.method:
        case "INVITE":
            return Verdict(403) if request.has("Replaces") else unfit(request) or _unanswerable(request)
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
            return Verdict(403) if request.has("Replaces") else unfit(request)
        case "BYE" | "INFO":
            return None
        case _:
            return Verdict(405, (("Allow", ALLOW),))


def unfit(request: Request) -> Verdict | None:
    """Why a request's extensions or body cannot be served (RFC 3261 sections 8.2.2.3 and 8.2.3), or None."""
    if lacking := _lacking(request):
        return lacking
    brief = too_brief(request) if request.method in ("INVITE", "UPDATE") else None
    if brief is not None:
        return Verdict(422, brief)
    if not request.body:
        return None
    if request.has("Content-Encoding"):
        return Verdict(415, (("Accept-Encoding", "identity"),))
    if request.content_type != "application/sdp":
        return Verdict(415, (("Accept", "application/sdp"),))
    return Verdict(413) if len(request.body) > LONGEST_SDP else None


def _lacking(request: Request) -> Verdict | None:
    """An extension that a request requires and we do not know."""
    unknown = sorted(request.tokens("Require") - EXTENSIONS)
    return Verdict(420, tuple(("Unsupported", name[:64]) for name in unknown[:8])) if unknown else None


def _unanswerable(request: Request) -> Verdict | None:
    """A caller that reads no SDP cannot be answered (RFC 3261 section 21.4.7)."""
    read = {value.partition(";")[0].strip() for value in request.tokens("Accept")}
    return None if not request.has("Accept") or read & READABLE else Verdict(406)


def transfer(request: Request) -> tuple[str, str] | None:
    """How a request tries to hand a call on, and to whom it says; None for one that does not."""
    name = "Refer-To" if request.method == "REFER" else "Replaces"
    if not request.has(name):
        return ("REFER", "") if request.method == "REFER" else None
    target = request.all(name)[0].partition("?")[0]
    return "REFER" if request.method == "REFER" else "Replaces", target[:LONGEST_TARGET]


def replaced(request: Request) -> tuple[str, str]:
    """The dialog that a request wants to take over, or to hand on, by Call-ID and our tag; empty where it names none.

    Replaces names it (RFC 3891), and Target-Dialog (RFC 4538).
    """
    for name, tag in (("Replaces", "to-tag"), ("Target-Dialog", "local-tag")):
        if request.has(name):
            call_id, semicolon, rest = request.all(name)[0].partition(";")
            return call_id.strip(), dict(parameters(semicolon + rest)).get(tag) or ""
    return "", ""


NOT_AN_INFO = Verdict(415, (("Accept", ACCEPTED),))
"""The answer to an INFO of a kind that we cannot read."""


def dialled(request: Request) -> str:
    """What the phone dialled: the Request-URI's user without its parameters; MalformedMessage when it is no sip URI."""
    uri = Uri.parse(request.uri)
    if uri.headers:
        raise MalformedMessage("Request-URI", "headers in it")
    user = uri.user.partition(":")[0].partition(";")[0]
    if len(user) > LONGEST_NUMBER:
        raise MalformedMessage("Request-URI", "number too long")
    return user
