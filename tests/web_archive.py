"""An archive for the web's tests: three recorded calls, of three stations, people, days and notes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection
from twisted.internet import reactor

from parloir.calls.expiry import Expiry
from parloir.calls.facilities import Facilities
from parloir.calls.recording import Place
from parloir.calls.shelf import Shelf
from parloir.calls.stations import Stations
from parloir.calls.timeline import Clock, Timelines
from parloir.store import call_notes, calls, recording_marks, recordings, residents, vault, visits
from parloir.store.calls import Call, CallClass, WayIn
from parloir.store.database import Database
from parloir.store.recordings import Ending, State
from parloir.store.vault import Vault
from parloir.web.recordings import Archive

BEGAN = datetime(2026, 3, 1, 18, 0, tzinfo=UTC)
"""When the first was made; the others are a day later each."""
MADE = (
    ("r0", "north", "pod-a-1", "Sam Roe", "Ann Doe", "spoke of a case"),
    ("r1", "north", "pod-a-2", "Max Poe", "Eve Moe", "a complaint"),
    ("r2", "south", "pod-z-9", "Kai Loe", "Ida Noe", "nothing much"),
)


def archive(home: Path) -> Callable[[Database, Facilities], Archive]:
    """What makes one, of a web server's database and facilities."""
    vault.create(home / "keys", "first")
    place = Place(home / "recordings", Vault.open(home / "keys", home / "recordings"))

    def make(database: Database, facilities: Facilities) -> Archive:
        timelines = Timelines(database, Clock(lambda: BEGAN, lambda: 0), lambda event, /, **fields: None)
        around = (reactor, timelines, facilities, Stations([]), place)
        shelf = Shelf(*around)
        return Archive(shelf, Expiry(*around, shelf.forget), None)  # type: ignore[arg-type]

    return make


def stock(connection: Connection) -> None:
    """Write the recordings down."""
    for number, (id, facility, station, resident, visitor, note) in enumerate(MADE):
        began = BEGAN + timedelta(days=number)
        known = residents.add(connection, facility=facility, number=f"100{number}", name=resident)
        visit = visits.add(
            connection,
            facility=facility,
            station=station,
            visitor=visitor,
            start=began,
            minutes=20,
            resident=known.id,
        )
        call = Call(f"c{number}", visit.id, facility, station, WayIn.SCHEDULED, CallClass.ORDINARY, began, began, "x")
        calls.add(connection, call)
        recordings.add(connection, id, call.id, facility, began)
        recordings.end(connection, id, began + timedelta(minutes=5), Ending(State.WHOLE, 3, 900, "ab" * 32))
        recording_marks.add(connection, id, None, note, began, "kim")
    call_notes.add(connection, "c1", "raised voices", BEGAN + timedelta(days=1, minutes=2), "lee")
