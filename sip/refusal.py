"""The answer to a request that cannot be read: as much of it as can be, given back with 400 or 505. Pure."""

import re

from parloir.sip.errors import MalformedMessage
from parloir.sip.response import phrase_of
from parloir.sip.uri import NameAddr

LONGEST_LINE = 1024
MOST_VIAS = 70
_START = re.compile(r"([A-Za-z0-9\-.!%*_+`'~]{1,64})[ \t]+\S.*[ \t]SIP/([0-9]{1,3})\.([0-9]{1,3})[ \t]*", re.IGNORECASE)
_COPIED = {
    "via": "Via", "v": "Via", "from": "From", "f": "From", "to": "To", "t": "To", "call-id": "Call-ID", "i": "Call-ID",
    "cseq": "CSeq",
}  # fmt: skip
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def refusal(data: bytes, product: str) -> bytes | None:
    """The answer to a datagram that parse() refused (RFC 3261 sections 8.2.7, 21.4.1, 21.5.6).

    None for what is no request, has no Via to answer by, or is an ACK, which is never answered.
    """
    head = data.partition(b"\r\n\r\n")[0].decode(errors="replace")
    start, *lines = re.sub(r"\r\n[ \t]+", " ", head.lstrip("\r\n")).split("\r\n")
    found = _START.fullmatch(start)
    if found is None or found[1].upper() == "ACK":
        return None
    headers = _copied(lines)
    if not any(name == "Via" for name, _ in headers):
        return None
    status = 400 if (int(found[2]), int(found[3])) == (2, 0) else 505
    said = [f"SIP/2.0 {status} {phrase_of(status)}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join((*said, f"Server: {product}", "Content-Length: 0", "", "")).encode()


def _copied(lines: list[str]) -> list[tuple[str, str]]:
    """What a response gives back: every Via, and the first of each of the others."""
    kept: list[tuple[str, str]] = []
    for line in lines:
        name, colon, value = line.partition(":")
        name, value = _COPIED.get(name.strip(" \t").lower(), ""), value.strip(" \t")
        if not name or not colon or len(line) > LONGEST_LINE or _UNPRINTABLE.search(value):
            continue
        if name == "Via" and len(kept) >= MOST_VIAS:
            continue
        if name == "Via" or name not in (other for other, _ in kept):
            kept.append((name, _tagged(value) if name == "To" else value))
    return kept


def _tagged(recipient: str) -> str:
    """A To with a tag, where it can be read so far."""
    try:
        return recipient if NameAddr.parse(recipient).tag is not None else f"{recipient};tag=refused"
    except MalformedMessage:
        return recipient
