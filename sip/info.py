"""What an INFO of the phone's says: a key pressed, or a picture wanted whole (RFC 6086, RFC 5168). Pure."""

import re
from dataclasses import dataclass

from parloir.sip.errors import MalformedMessage
from parloir.sip.message import Request

KEYFRAME_TYPE = "application/media_control+xml"
RELAY_TYPE = "application/dtmf-relay"
DIGIT_TYPE = "application/dtmf"
ACCEPTED = ", ".join((KEYFRAME_TYPE, RELAY_TYPE, DIGIT_TYPE))

FAST_UPDATE = (
    '<?xml version="1.0" encoding="utf-8"?>'
    "<media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive></media_control>"
)

DIGITS = "0123456789*#ABCD"
LONGEST = 1024
_SIGNAL = re.compile(r"(?im)^[ \t]*signal[ \t]*=[ \t]*(\S{1,2})[ \t]*\r?$")
_FLASH = ("16", "!", "R")


@dataclass(frozen=True)
class Info:
    """What was said: a digit, or that a keyframe is wanted, or neither (a sign of life, a hook flash)."""

    digit: str | None = None
    keyframe: bool = False


def read(request: Request) -> Info | None:
    """What an INFO says; None for a body of a kind that we cannot read. MalformedMessage where no key is in it.

    Keys stand as `Signal=5` lines (dtmf-relay) or bare (dtmf), `*` and `#` also by their event numbers 10 and 11.
    """
    if not request.body.strip():
        return Info()
    text = request.body[:LONGEST].decode(errors="replace")
    match request.content_type:
        case "application/media_control+xml":
            return Info(keyframe="picture_fast_update" in text)
        case "application/dtmf-relay":
            found = _SIGNAL.search(text)
            return _key(found[1] if found else "")
        case "application/dtmf":
            return _key(text.strip())
        case _:
            return None


def _key(name: str) -> Info:
    name = name.upper()
    if name in _FLASH:
        return Info()
    if name.isascii() and name.isdigit() and 10 <= int(name) <= 15:
        return Info(DIGITS[int(name)])
    if len(name) != 1 or name not in DIGITS:
        raise MalformedMessage("INFO body", "no key is named")
    return Info(name)
