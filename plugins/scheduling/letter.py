"""What an invitation to a visit says, in English or Spanish, with the time by the facility's clock."""

from datetime import datetime
from zoneinfo import ZoneInfo

from parloir.api import Facility, Visit, Words

from . import wall
from .invitation import Invitation, Mailbox

SUMMARY = Words(en="Visit at {facility}", es="Visita en {facility}")
TIME = Words(en="{time} by the facility's clock.", es="{time} según el reloj del centro.")
FIRST = Words(
    en="The clock goes back that night and shows this time twice: the first is meant.",
    es="Esa noche el reloj se atrasa y marca esta hora dos veces: vale la primera.",
)
SECOND = Words(
    en="The clock goes back that night and shows this time twice: the second is meant.",
    es="Esa noche el reloj se atrasa y marca esta hora dos veces: vale la segunda.",
)
LINK = Words(
    en="Open this link some minutes before: {link}",
    es="Abra este enlace unos minutos antes: {link}",
)


def letter(
    visit: Visit, facility: Facility, now: datetime, *, sender: str, to: str = "", link: str = "", language: str = "en"
) -> Invitation:
    """The invitation to a visit. It names no resident, for calendars are shared. `sequence` rises by the second."""
    lines = [spoken(visit.start, facility.timezone, language)]
    if link:
        lines.append(LINK.pick(language).format(link=link))
    return Invitation(
        uid=f"{visit.id}.{facility.id}@parloir",
        sequence=max(0, int(now.timestamp()) - int(visit.asked_at.timestamp())),
        made=now,
        start=visit.start,
        end=visit.end,
        summary=SUMMARY.pick(language).format(facility=facility.name),
        description="\n".join(lines),
        location=facility.name,
        link=link,
        organizer=Mailbox(sender, facility.name),
        attendees=(Mailbox(to),) if to else (),
    )


def spoken(moment: datetime, zone: ZoneInfo, language: str) -> str:
    """The time by the clock on the wall; where the clock shows it twice that is said, and which one is meant."""
    local = moment.astimezone(zone)
    text = TIME.pick(language).format(time=f"{local:%Y-%m-%d %H:%M %Z}")
    if not wall.is_shown_twice(moment, zone):
        return text
    return f"{text} {(SECOND if local.fold else FIRST).pick(language)}"
