"""A facility with an attendant, between a fake relay, phone and page."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from parloir.calls.menu import Terms
from parloir.calls.stations import Attending, Station, Stations
from parloir.config.address import SipAddress
from parloir.sip.session import Referred
from parloir.store import participants, residents, visitors, visits
from parloir.store.errors import LockedOut, LoginRefused
from parloir.store.logins import Logins
from parloir.store.residents import Resident
from tests.live_scene import PHONE, START, FakeIncoming, FakeSession, Scene

RIGHT = "1001#4711#"
WRONG = "1001#1174#"
HOTLINE = "sip:777@192.0.2.9"
ATTENDING = Attending("500", False, Terms(hotlines=(("9", "hotline"),)), {"9": HOTLINE})


class FakeLogins(Logins):
    """Knows one resident; locked once told so."""

    def __init__(self, resident: Resident) -> None:
        self.known = resident
        self.locked = False

    async def resident(self, facility: str, number: str, pin: str, now: Any) -> Resident:
        if self.locked:
            raise LockedOut(now)
        if (facility, number, pin) != ("north", "1001", "4711"):
            raise LoginRefused
        return self.known


class Handed(FakeSession):
    """A phone's leg that goes where it is referred to, if it `obeys`."""

    obeys = True
    referred: str = ""

    def refer(self, target: str, heard: Referred) -> None:
        self.referred = target
        heard(self.obeys)


class FakeStation(FakeIncoming):
    """A phone that dials and presses keys."""

    def accept(self, sdp: str, events: Any) -> FakeSession:
        self.answers.append(sdp)
        self.session = Handed(events)
        return self.session


class House(Scene):
    """A facility with an attendant, a resident and somebody to call."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.resident = self.write(lambda c: residents.add(c, facility="north", number="1001", name="Resident One"))
        self.kin = self.write(lambda c: visitors.add(c, facility="north", reference="kin", name="Ann"))
        self.logins = FakeLogins(self.resident)
        self.desk.attendant.logins = self.logins
        self.attend(ATTENDING)

    def attend(self, attending: Attending, *, video: bool = True, **more: Any) -> None:
        """Let the station be attended to so."""
        address = SipAddress("1001", "192.0.2.7")
        station = Station("north", "pod-a-1", "North", "en", video, address, attending=attending, **more)
        self.desk.stations.replace(Stations([station]))

    def write(self, work: Any) -> Any:
        return self.do(self.database.run(work))

    def booked(self, *, rings: bool = False) -> visits.Visit:
        def book(connection: Connection) -> visits.Visit:
            visit = visits.add(
                connection,
                facility="north",
                station="pod-a-1",
                visitor="Ann",
                start=START,
                minutes=20,
                rings=rings,
                resident=self.resident.id,
            )
            participants.put(connection, visit.id, [self.kin.id])
            return visit

        found: visits.Visit = self.write(book)
        return found

    def dial(self, number: str = "500", **more: Any) -> FakeStation:
        phone = FakeStation(number, **more)
        self.desk.incoming(phone)
        if phone.session is not None:
            phone.session.events.answered(phone.session, phone.offer or PHONE)
        return phone

    def press(self, phone: FakeStation, keys: str) -> None:
        """Press keys, told by INFO; after each the fake clock goes on."""
        for key in keys:
            assert phone.session is not None
            phone.session.events.digit(phone.session, key)
            self.reactor.advance(0.1)

    @property
    def said(self) -> str:
        """The prompts that were asked for last."""
        return self.relay.prompts[-1][0]

    def close(self) -> None:
        """End what runs in threads."""
        for thread in self.database._threads:
            thread.stop()
        self.database._engine.dispose()
