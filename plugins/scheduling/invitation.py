"""An invitation to a visit as iCalendar text, for calendars and mail. Pure.

Times are in UTC, so that no calendar needs to know the facility's zone or guess at its changes of clock.
RFC 5545 (text, folding, escaping), RFC 5546 (what each method must hold), RFC 6868 (names in parameters).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

FOLD = 75
_TEXT = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})
_PARAMETER = str.maketrans({"^": "^^", '"': "^'", "\n": "^n"})


class Method(StrEnum):
    """REQUEST invites, or tells of a new time; CANCEL calls off; PUBLISH is for reading, where no address is known."""

    REQUEST = "REQUEST"
    CANCEL = "CANCEL"
    PUBLISH = "PUBLISH"


@dataclass(frozen=True)
class Mailbox:
    """An address such as ann@example.org, with a name to show."""

    address: str
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """One visit. `uid` stays the same all its life; `sequence` rises with each change of it. Aware times."""

    uid: str
    sequence: int
    made: datetime
    start: datetime
    end: datetime
    summary: str
    description: str = ""
    location: str = ""
    link: str = ""
    organizer: Mailbox
    attendees: tuple[Mailbox, ...] = ()


def calendar(invitation: Invitation, method: Method) -> str:
    """The text, lines ended by CRLF. Raises ValueError for an address or link that could not stand in a line."""
    if method is Method.REQUEST and not invitation.attendees:
        raise ValueError("a request needs somebody to ask: use PUBLISH")
    status = "CANCELLED" if method is Method.CANCEL else "CONFIRMED"
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Parloir//Scheduling//EN",
        "CALSCALE:GREGORIAN",
        f"METHOD:{method}",
        "BEGIN:VEVENT",
        f"UID:{_text(invitation.uid)}",
        f"DTSTAMP:{_moment(invitation.made)}",
        f"SEQUENCE:{invitation.sequence}",
        f"DTSTART:{_moment(invitation.start)}",
        f"DTEND:{_moment(invitation.end)}",
        f"SUMMARY:{_text(invitation.summary)}",
        *([f"DESCRIPTION:{_text(invitation.description)}"] if invitation.description else []),
        *([f"LOCATION:{_text(invitation.location)}"] if invitation.location else []),
        *([f"URL:{_plain(invitation.link)}"] if invitation.link else []),
        _who("ORGANIZER", invitation.organizer, ""),
        *_attendees(invitation.attendees, method),
        f"STATUS:{status}",
        "TRANSP:OPAQUE",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(_folded(line) + "\r\n" for line in lines)


def _attendees(attendees: tuple[Mailbox, ...], method: Method) -> list[str]:
    asked = ";ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=FALSE" if method is Method.REQUEST else ""
    return [] if method is Method.PUBLISH else [_who("ATTENDEE", each, asked) for each in attendees]


def _who(role: str, mailbox: Mailbox, parameters: str) -> str:
    name = _clean(mailbox.name).translate(_PARAMETER)
    shown = f';CN="{name}"' if name else ""
    return f"{role}{shown}{parameters}:mailto:{_plain(mailbox.address)}"


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _text(text: str) -> str:
    return _clean(text).translate(_TEXT)


def _clean(text: str) -> str:
    """The text with one kind of line end and no control characters, none of which iCalendar can hold."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(letter for letter in lines if letter in "\n\t" or (letter >= " " and letter != "\x7f"))


def _plain(value: str) -> str:
    if not value or any(letter <= " " or letter == "\x7f" for letter in value):
        raise ValueError("an address or link may hold no spaces and no control characters")
    return value


def _folded(line: str) -> str:
    """The line in pieces of at most 75 octets, none of which breaks a character."""
    pieces, piece, size = [], "", 0
    for letter in line:
        octets = len(letter.encode())
        if size + octets > FOLD:
            pieces.append(piece)
            piece, size = " ", 1
        piece, size = piece + letter, size + octets
    return "\r\n".join([*pieces, piece])
