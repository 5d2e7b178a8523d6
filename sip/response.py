"""Responses as we build them (RFC 3261 section 8.2.6), and what their status codes are called."""

from dataclasses import replace

from parloir.sip.flow import ALLOW, SUPPORTED, Face
from parloir.sip.message import Header, Request, Response

PHRASES = {
    100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK", 202: "Accepted", 300: "Multiple Choices",
    301: "Moved Permanently", 302: "Moved Temporarily", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
    404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required",
    408: "Request Timeout", 410: "Gone", 413: "Request Entity Too Large", 415: "Unsupported Media Type",
    416: "Unsupported URI Scheme", 420: "Bad Extension", 422: "Session Interval Too Small",
    480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected",
    483: "Too Many Hops", 484: "Address Incomplete", 486: "Busy Here", 487: "Request Terminated",
    488: "Not Acceptable Here", 489: "Bad Event", 491: "Request Pending", 500: "Server Internal Error",
    501: "Not Implemented", 503: "Service Unavailable", 504: "Server Time-out", 505: "Version Not Supported",
    600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere", 606: "Not Acceptable",
}  # fmt: skip


def phrase_of(status: int) -> str:
    """The standard phrase."""
    return PHRASES.get(status, "Refused" if status >= 300 else "OK")


def response(request: Request, status: int, face: Face, *more: Header, tag: str = "", phrase: str = "") -> Response:
    """The response to a request; `tag` is put on a To that has none, and `more` follows the usual headers."""
    recipient = request.recipient
    if status > 100 and tag and recipient.tag is None:
        recipient = replace(recipient, parameters=(*recipient.parameters, ("tag", tag)))
    makes_dialog = request.method == "INVITE" and 100 < status < 300
    recorded = request.all("Record-Route") if makes_dialog else []
    headers: list[Header] = [
        *(("Via", via) for via in request.all("Via")),
        *(("Record-Route", route) for route in recorded),
        ("From", request.one("From")),
        ("To", str(recipient)),
        ("Call-ID", request.call_id),
        ("CSeq", request.one("CSeq")),
    ]
    if makes_dialog or (request.method == "UPDATE" and status < 300):
        headers += [("Contact", face.contact(request.uri)), ("Allow", ALLOW), ("Supported", SUPPORTED)]
    if status > 100:
        headers.append(("Server", face.product))
    clean = "".join(c for c in phrase if c.isprintable())[:80]
    return Response((*headers, *more), b"", status, clean or phrase_of(status))
