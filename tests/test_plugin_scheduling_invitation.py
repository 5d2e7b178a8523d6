"""Invitations as iCalendar text: read back by a parser written after RFC 5545, whatever the names hold."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parloir.plugins.scheduling.invitation import Invitation, Mailbox, Method, calendar

START = datetime(2026, 11, 1, 1, 30, tzinfo=ZoneInfo("America/Chicago"))
ANN = Mailbox("ann@example.org", 'Ann "Andy" Doe')


def invitation(**facts: object) -> Invitation:
    given = {
        "uid": "v1.north@parloir",
        "sequence": 2,
        "made": datetime(2026, 10, 1, 12, tzinfo=UTC),
        "start": START,
        "end": START.replace(hour=3, minute=0),
        "summary": "Visit",
        "organizer": Mailbox("visits@example.org", "North"),
        "attendees": (ANN,),
    } | facts
    return Invitation(**given)  # type: ignore[arg-type]


def unfolded(text: str) -> list[str]:
    """The content lines (section 3.1)."""
    assert text.endswith("\r\n")
    lines = text[:-2].split("\r\n")
    assert all(len(line.encode()) <= 75 for line in lines)
    assert not any("\r" in line or "\n" in line for line in lines)
    return text[:-2].replace("\r\n ", "").split("\r\n")


def value(lines: list[str], name: str) -> str:
    """The TEXT value of a property (section 3.3.11)."""
    (line,) = [line for line in lines if line.startswith(f"{name}:")]
    result, escaped = "", False
    for letter in line.removeprefix(f"{name}:"):
        if escaped:
            result += {"n": "\n", "N": "\n"}.get(letter, letter)
        elif letter != "\\":
            assert letter not in ";,"
            result += letter
        escaped = letter == "\\" and not escaped
    return result


def clean(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(letter for letter in lines if letter in "\t\n" or not (ord(letter) < 32 or ord(letter) == 127))


def test_a_request_holds_what_a_calendar_needs() -> None:
    lines = unfolded(calendar(invitation(link="https://visit.example.org/v/abc"), Method.REQUEST))
    assert lines == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Parloir//Scheduling//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:REQUEST",
        "BEGIN:VEVENT",
        "UID:v1.north@parloir",
        "DTSTAMP:20261001T120000Z",
        "SEQUENCE:2",
        "DTSTART:20261101T063000Z",
        "DTEND:20261101T090000Z",
        "SUMMARY:Visit",
        "URL:https://visit.example.org/v/abc",
        'ORGANIZER;CN="North":mailto:visits@example.org',
        "ATTENDEE;CN=\"Ann ^'Andy^' Doe\";ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=FALSE:mailto:ann@example.org",
        "STATUS:CONFIRMED",
        "TRANSP:OPAQUE",
        "END:VEVENT",
        "END:VCALENDAR",
    ]


def test_a_cancellation_says_so_twice_and_keeps_the_uid() -> None:
    lines = unfolded(calendar(invitation(sequence=3), Method.CANCEL))
    assert {"METHOD:CANCEL", "STATUS:CANCELLED", "SEQUENCE:3", "UID:v1.north@parloir"} <= set(lines)
    assert any(line.startswith("ATTENDEE") for line in lines)


def test_what_is_published_names_no_attendee() -> None:
    lines = unfolded(calendar(invitation(), Method.PUBLISH))
    assert not any(line.startswith("ATTENDEE") for line in lines)


def test_a_request_to_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="use PUBLISH"):
        calendar(invitation(attendees=()), Method.REQUEST)


@given(st.text(), st.text(max_size=300), st.text())
def test_any_text_comes_back_as_it_was_but_for_control_characters(
    summary: str, description: str, location: str
) -> None:
    made = invitation(summary=summary, description=f"x{description}", location=f"y{location}")
    lines = unfolded(calendar(made, Method.REQUEST))
    assert value(lines, "SUMMARY") == clean(summary)
    assert value(lines, "DESCRIPTION") == f"x{clean(description)}"
    assert value(lines, "LOCATION") == f"y{clean(location)}"
    assert len(lines) == 20


@given(st.text())
def test_no_name_breaks_out_of_its_quotes(name: str) -> None:
    made = invitation(organizer=Mailbox("visits@example.org", name), attendees=())
    (line,) = [line for line in unfolded(calendar(made, Method.PUBLISH)) if line.startswith("ORGANIZER")]
    assert line.endswith(":mailto:visits@example.org")
    assert line.count('"') == (2 if clean(name) else 0)


@pytest.mark.parametrize("wrong", ["", "a b@example.org", "a@example.org\r\nATTENDEE:mailto:x@y", "a\x00@example.org"])
def test_an_address_that_could_not_stand_in_a_line_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="no spaces"):
        calendar(invitation(attendees=(Mailbox(wrong),)), Method.REQUEST)
