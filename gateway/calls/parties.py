"""Who takes part in a visit: what the store keeps, or what somebody asks for, as the value that policies judge."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo

from sqlalchemy import Connection

from parloir.calls import circle
from parloir.calls.circle import Circle
from parloir.policy.answers import CallClass
from parloir.policy.participants import Resident, Visitor
from parloir.policy.values import BookedBy, Medium, SlotSearch, Visit
from parloir.store import residents
from parloir.store import visitors as people
from parloir.store import visits as rows
from parloir.store.errors import NoSuch

BOTH = (Medium.AUDIO, Medium.VIDEO)


def booked(
    connection: Connection,
    visit: rows.Visit,
    *,
    unit: str,
    media: tuple[Medium, ...] = BOTH,
    now: datetime,
    zone: tzinfo = UTC,
) -> Visit:
    """A visit in the store; `unit` and `media` are its station's, `zone` the facility's."""
    people = circle.of_visits(connection, [visit])
    return shown(people, visit, unit=unit, media=media, now=now, zone=zone)


def shown(
    people: Circle, visit: rows.Visit, *, unit: str, media: tuple[Medium, ...] = BOTH, now: datetime, zone: tzinfo
) -> Visit:
    """One of several visits whose people were read at once. They are as they stand at its start, or now if later.

    The store does not keep when it was asked for: that is `now`.
    """
    moment = max(now, visit.start)
    return Visit(
        id=visit.id,
        facility=visit.facility,
        station=visit.station,
        unit=unit,
        resident=people.resident(visit.resident),
        visitors=people.visitors_of(visit.id, visit.resident, moment, zone, visit.visitor),
        start=visit.start,
        end=visit.end,
        asked_at=now,
        booked_by=BookedBy(visit.booked_by),
        call_class=CallClass(visit.call_class) if visit.call_class is not None else None,
        media=media,
        state=visit.state.value,
    )


def proposed(
    connection: Connection,
    *,
    facility: str,
    station: str,
    unit: str,
    start: datetime,
    minutes: int,
    resident: str | None = None,
    visitors: Iterable[str] = (),
    named: str = "",
    booked_by: BookedBy = BookedBy.STAFF,
    call_class: CallClass | None = None,
    media: tuple[Medium, ...] = BOTH,
    now: datetime,
    zone: tzinfo = UTC,
) -> Visit:
    """A visit that is asked for, by a resident and visitors on record (their ids), or with one who is only named.

    Raises NoSuch for someone whom the facility does not know.
    """
    inside = _resident(connection, facility, resident)
    known = _visitors(connection, facility, visitors)
    people = circle.of_people(connection, () if resident is None else (resident,), known, "")
    return Visit(
        facility=facility,
        station=station,
        unit=unit,
        resident=inside,
        visitors=people.visitors_of("", resident, max(now, start), zone, named),
        start=start.astimezone(UTC),
        end=start.astimezone(UTC) + timedelta(minutes=minutes),
        asked_at=now,
        booked_by=booked_by,
        call_class=call_class,
        media=media,
    )


def searching(
    connection: Connection,
    *,
    facility: str,
    stations: tuple[str, ...],
    resident: str | None,
    visitors: Iterable[str],
    after: datetime,
    before: datetime,
    minutes: int,
    now: datetime,
    zone: tzinfo = UTC,
) -> SlotSearch:
    """Times that are asked for, by people on record (their ids), who are shown as they stand at the earliest of them.

    Raises NoSuch for someone whom the facility does not know.
    """
    inside = _resident(connection, facility, resident)
    people = circle.of_people(
        connection, () if resident is None else (resident,), _visitors(connection, facility, visitors), ""
    )
    return SlotSearch(
        facility=facility,
        resident=inside,
        visitors=people.visitors_of("", resident, max(now, after), zone),
        stations=stations,
        after=after.astimezone(UTC),
        before=before.astimezone(UTC),
        minutes=minutes,
    )


def visitor(
    connection: Connection, id: str, *, resident: str | None = None, at: datetime, zone: tzinfo = UTC
) -> Visitor:
    """A visitor at a moment: all that they are to anyone, and whether they may meet that resident. Raises NoSuch."""
    around = circle.of_people(connection, () if resident is None else (resident,), [people.get(connection, id)], "")
    return around.visitors_of("", resident, at, zone)[0]


def resident(connection: Connection, id: str) -> Resident:
    """A resident; raises NoSuch."""
    return circle.resident_of(residents.get(connection, id))


def _resident(connection: Connection, facility: str, id: str | None) -> Resident | None:
    if id is None:
        return None
    found = residents.get(connection, id)
    if found.facility != facility:
        raise NoSuch("resident", id)
    return circle.resident_of(found)


def _visitors(connection: Connection, facility: str, ids: Iterable[str]) -> list[people.Visitor]:
    wanted = list(dict.fromkeys(ids))
    found = people.several(connection, wanted)
    for id in wanted:
        if id not in found or found[id].facility != facility:
            raise NoSuch("visitor", id)
    return [found[id] for id in wanted]
