"""A call that is about to be made, or may be, as the facility's policies are shown it."""

from datetime import datetime
from zoneinfo import ZoneInfo

from parloir.calls import parties
from parloir.calls.facilities import Facility
from parloir.calls.stations import Station
from parloir.policy import values
from parloir.store.calls import WayIn
from parloir.store.database import Database
from parloir.store.visits import Visit


async def proposal(
    database: Database,
    facility: Facility,
    station: Station,
    visit: Visit,
    *,
    id: str,
    way_in: WayIn,
    pictured: bool,
    at: datetime,
    identified: str = "visit",
    state: str = "new",
) -> values.Call:
    """The visit's call as it begins at that moment.

    `pictured`: the visitor's browser sends a picture; `identified`: how it is known who is on the phone inside.
    """
    booked = await database.run(
        lambda connection: parties.booked(
            connection, visit, unit=station.unit, media=station.media, now=at, zone=ZoneInfo(facility.timezone)
        )
    )
    return values.Call(
        id=id,
        facility=facility.id,
        timezone=facility.timezone,
        tier=facility.tier,
        way_in=values.WayIn(way_in.value),
        station=station.name,
        unit=station.unit,
        resident=booked.resident,
        identified_by=identified if booked.resident else None,
        visitors=booked.visitors,
        visit=booked,
        media=station.media if pictured else (values.Medium.AUDIO,),
        languages=(facility.language,),
        at=at,
        opened=at,
        state=state,
    )
