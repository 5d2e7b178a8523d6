"""The attendant between a fake relay, phone and page: what is played, what is asked for, and who takes the phone."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from parloir.calls.bookings import Wish
from parloir.calls.menu import Terms
from parloir.calls.stations import Attending, Station, Stations
from parloir.config.address import SipAddress
from parloir.policy import notices
from parloir.policy.answers import CallClass
from parloir.policy.participants import Contact
from parloir.policy.policies import Policies
from parloir.sip.session import EndKind, Referred, SessionEnd
from parloir.store import happenings, participants, relationships, residents, visitor_links, visitors, visits
from parloir.store.errors import LockedOut, LoginRefused
from parloir.store.relationships import RelationshipKind, RelationshipState
from parloir.store.residents import Resident
from parloir.store.tables import events
from tests.attended_house import ATTENDING, HOTLINE, RIGHT, WRONG, Handed, House
from tests.live_scene import PHONE


class FakeLogins:
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
        self.desk.attendant.logins = self.logins  # type: ignore[assignment]
        self.attend(Attending("500", False, Terms(hotlines=(("9", "hotline"),)), {"9": "sip:777@192.0.2.9"}))

    def attend(self, attending: Attending, **more: Any) -> None:
        """Let the station be attended to so."""
        address = SipAddress("1001", "192.0.2.7")
        station = Station("north", "pod-a-1", "North", "en", True, address, attending=attending, **more)
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
            phone.session.events.answered(phone.session, PHONE)
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


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    for thread in made.database._threads:
        thread.stop()
    made.database._engine.dispose()


def waiting(house: House) -> tuple[FakePage, Any]:
    page, presence = house.enter(house.booked())
    presence.receive(Join(sdp=BROWSER))
    assert page.states[-1] == "waiting"
    return page, presence


def called(house: House) -> tuple[FakeStation, FakePage, Any]:
    """A phone whose resident has chosen the day's visit, whose page rings."""
    page, presence = waiting(house)
    phone = house.dial()
    house.press(phone, f"1{RIGHT}21")
    assert page.states[-1] == "called"
    return phone, page, presence


def test_the_phone_is_answered_on_a_bridge_that_nobody_can_listen_to(house: House) -> None:
    house.dial()
    opened = house.relay.arguments[house.relay.done.index("OpenBridge")]
    assert opened["privileged"] is True
    assert "OpenBrowser" not in house.relay.done
    assert house.said.splitlines()[0] == "en/choose-language"


def test_another_number_is_no_attendant(house: House) -> None:
    assert house.dial("501").answers == [404]


def test_any_number_that_is_no_code_leads_there_where_a_facility_wants_that(house: House) -> None:
    house.attend(Attending("", True, Terms()))
    assert house.dial("0").session is not None
    assert house.dial("123456").answers == [404]


def test_the_facilitys_own_recordings_take_the_place_of_ours(house: House) -> None:
    own = {"en/choose-language": "/srv/own/choose-language.wav"}
    house.attend(Attending("500", False, Terms()), prompts=own)
    house.dial()
    assert house.said.splitlines()[:2] == ["/srv/own/choose-language.wav", "en/n-1"]


def test_a_relay_that_ends_takes_the_menu_with_it(house: House) -> None:
    phone = house.dial()
    house.relays.went_down(0)
    assert phone.session is not None
    assert phone.session.over
    assert house.desk.attendant.busy == 0


def test_the_page_says_what_both_will_be_told_and_consent_to_that_is_kept(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide = Policies.decide

    async def recorded(self: Policies, call: Any) -> Any:
        decision = await decide(self, call)
        told = notices.core(CallClass.ORDINARY, True, False)
        return replace(decision, record=True, announcements=told)

    monkeypatch.setattr(Policies, "decide", recorded)
    _, page, presence = called(house)
    assert page.last(Status).terms == "This call is recorded."
    presence.receive(Accept())
    house.reactor.advance(0)
    kept = house.write(lambda c: c.execute(select(events.c.data).where(events.c.kind == "consented")).scalar_one())
    assert kept == {"terms": "This call is recorded."}


def test_a_call_to_counsel_is_privileged_before_the_phone_comes_to_it(house: House) -> None:
    attorney = RelationshipKind.ATTORNEY
    tie = relationships.Relationship(
        "t1", house.resident.id, house.kin.id, attorney, RelationshipState.APPROVED, "TX-1"
    )
    house.write(lambda c: relationships.put(c, [tie]))
    _, _, presence = called(house)
    presence.receive(Accept())
    house.reactor.advance(0)
    opened = [a for name, a in zip(house.relay.done, house.relay.arguments, strict=True) if name == "OpenBridge"]
    assert [each["privileged"] for each in opened] == [True, True]


def test_an_ordinary_call_is_on_a_bridge_of_its_own(house: House) -> None:
    _, _, presence = called(house)
    presence.receive(Accept())
    house.reactor.advance(0)
    opened = [a for name, a in zip(house.relay.done, house.relay.arguments, strict=True) if name == "OpenBridge"]
    assert [each["privileged"] for each in opened] == [True, False]
    assert opened[0]["bridge"] != opened[1]["bridge"]


def test_a_wrong_pin_is_said_and_the_right_one_lets_in(house: House) -> None:
    phone = house.dial()
    house.press(phone, f"2{WRONG}")
    assert house.said == "es/wrong-pin\nes/enter-number"
    house.press(phone, RIGHT)
    assert house.said.splitlines()[0] == "es/menu-call"


def test_wrong_pins_pause_the_station_over_several_calls(house: House) -> None:
    for _ in range(2):
        phone = house.dial()
        house.press(phone, f"1{WRONG}{WRONG}{WRONG}")
    assert house.said == "en/locked"
    phone = house.dial()
    house.press(phone, f"1{RIGHT}")
    assert house.said == "en/locked"
    house.reactor.advance(house.desk.attendant.pins.pause)
    phone = house.dial()
    house.press(phone, f"1{RIGHT}")
    assert house.said.splitlines()[0] == "en/menu-call"


def test_a_locked_resident_hears_so(house: House) -> None:
    house.logins.locked = True
    phone = house.dial()
    house.press(phone, f"1{RIGHT}")
    assert house.said == "en/locked"


def test_a_press_that_is_told_in_media_and_signalling_counts_once(house: House) -> None:
    phone = house.dial()
    (media,) = house.relays.up[0].bridges.values()
    for key in f"1{RIGHT}":
        media.digit(key)
        house.press(phone, key)
    assert house.said.splitlines()[0] == "en/menu-call"


def test_nothing_that_was_pressed_is_in_the_log_or_a_timeline(house: House) -> None:
    told: list[Any] = []
    house.desk.attendant.log = lambda event, **fields: told.append((event, fields))  # type: ignore[assignment]
    phone = house.dial()
    house.press(phone, f"1{WRONG}{RIGHT}")
    assert "4711" not in str(told)
    assert "1174" not in str(told)
    assert not house.write(lambda connection: connection.execute(select(events)).all())


def test_the_page_rings_and_the_call_takes_the_phone_once_it_is_accepted(house: House) -> None:
    phone, page, presence = called(house)
    assert "Resident One" in page.last(Status).text
    assert "TakePhone" not in house.relay.done
    presence.receive(Accept())
    house.reactor.advance(0)
    assert page.states[-1] == "connecting"
    taken = house.relay.arguments[house.relay.done.index("TakePhone")]
    assert taken["source"].startswith("menu-")
    assert len([answer for answer in phone.answers if isinstance(answer, str)]) == 1, "the phone was answered once"
    house.call.media.leg_up("browser")
    house.relay.finish()
    assert page.states[-1] == "talking"
    kinds = [row.kind for row in house.write(lambda connection: connection.execute(select(events)).all())]
    assert "consented" in kinds


def test_a_call_that_is_declined_leads_back_to_the_menu_and_leaves_the_page_waiting(house: House) -> None:
    phone, page, presence = called(house)
    presence.receive(Decline())
    assert house.said.splitlines()[0] == "en/declined"
    assert page.states[-1] == "waiting"
    assert house.reason() == "VisitorDeclined"
    presence.receive(Accept())
    assert not house.desk.live
    house.press(phone, "21")
    assert page.states[-1] == "called"


def test_a_page_that_nobody_answers_stops_ringing(house: House) -> None:
    _, page, _ = called(house)
    house.reactor.advance(46)
    assert house.reason() == "VisitorAway"
    assert page.states[-1] == "waiting"
    assert house.said.splitlines()[0] == "en/declined"


def test_star_takes_a_call_back(house: House) -> None:
    phone, page, _ = called(house)
    house.press(phone, "*")
    assert page.states[-1] == "waiting"
    assert house.said.splitlines()[0] == "en/menu-call"
    assert house.reason() == "PhoneHungUp"


def test_the_phone_hangs_up_while_the_page_rings(house: House) -> None:
    phone, page, _ = called(house)
    assert phone.session is not None
    phone.session.over = True
    phone.session.events.ended(phone.session, SessionEnd(EndKind.HUNG_UP))
    assert page.states[-1] == "waiting"
    assert house.reason() == "PhoneHungUp"
    assert house.desk.attendant.busy == 0
    assert not house.relays.up[0].bridges


def test_a_block_is_told_to_plugins_and_ends_the_visit(house: House) -> None:
    family = RelationshipKind.FAMILY
    house.write(lambda c: relationships.add(c, resident=house.resident.id, visitor=house.kin.id, kind=family))
    _, page, presence = called(house)
    assert page.last(Status).may_block
    presence.receive(Block())
    assert page.last(Ended).reason == "VisitorBlocked"
    (told,) = house.write(
        lambda c: c.execute(select(happenings.happenings).where(happenings.happenings.c.kind == "blocked")).all()
    )
    assert (told.subject, told.data) == (house.resident.id, {"visitor": house.kin.id})


def test_a_visitor_who_is_not_there_is_waited_for_and_then_said_to_be_away(house: House) -> None:
    house.booked()
    phone = house.dial()
    house.press(phone, f"1{RIGHT}21")
    assert house.said == "en/calling"
    house.reactor.advance(46)
    assert house.said.splitlines()[0] == "en/not-here"


def test_a_visitor_who_comes_while_the_phone_waits_is_rung(house: House) -> None:
    visit = house.booked(rings=True)
    phone = house.dial()
    house.press(phone, f"1{RIGHT}21")
    page, presence = house.enter(visit)
    presence.receive(Join(sdp=BROWSER))
    assert page.states[-1] == "called"
    assert not house.phones.offers, "the station that waits was rung"


def test_a_contact_is_called_at_the_visit_whose_page_waits(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def contacts_of(self: Policies, resident: Any) -> tuple[Contact, ...]:
        return (Contact(visitor=house.kin.id, name="Ann", label="Sis"),)

    monkeypatch.setattr(Policies, "contacts_of", contacts_of)
    page, _ = waiting(house)
    phone = house.dial()
    house.press(phone, f"1{RIGHT}1")
    assert house.said.splitlines()[2:6] == ["en/for", "en/letter-s", "en/letter-i", "en/letter-s"]
    house.press(phone, "1")
    assert page.states[-1] == "called"


@pytest.fixture
def lounge(house: House, monkeypatch: pytest.MonkeyPatch) -> tuple[FakePage, Any]:
    """A visitor on the resident's list who waits at a link of their own."""

    async def contacts_of(self: Policies, resident: Any) -> tuple[Contact, ...]:
        return (Contact(visitor=house.kin.id, name="Ann"),)

    monkeypatch.setattr(Policies, "contacts_of", contacts_of)
    family = relationships.Relationship("t1", house.resident.id, house.kin.id, RelationshipKind.FAMILY)
    house.write(lambda c: relationships.put(c, [replace(family, state=RelationshipState.APPROVED)]))
    token = house.write(lambda c: visitor_links.make(c, house.kin.id, by="cli:test", now=START))
    page = FakePage()
    presence = house.do(house.desk.enter(token, page))
    assert page.last(Welcome).station == ""
    return page, presence


def test_a_contact_without_a_visit_is_called_where_they_wait(house: House, lounge: tuple[FakePage, Any]) -> None:
    page, presence = lounge
    phone = house.dial()
    house.press(phone, f"1{RIGHT}11")
    assert house.said.splitlines()[0] == "en/not-here", "a page that has not joined was rung"
    presence.receive(Join(sdp=BROWSER))
    assert page.states[-1] == "waiting"
    house.press(phone, "11")
    assert page.states[-1] == "called"
    presence.receive(Accept())
    house.reactor.advance(0)
    house.call.media.leg_up("browser")
    house.relay.finish()
    assert page.states[-1] == "talking"
    visit = house.call.visit
    assert (visit.minutes, visit.resident, visit.booked_by.value) == (15, house.resident.id, "resident")
    presence.receive(Leave())
    assert page.last(Ended).reason == "VisitorLeft"
    assert house.write(lambda c: visits.get(c, visit.id)).state is visits.VisitState.DONE
    presence.receive(Join(sdp=BROWSER))
    assert page.states[-1] == "waiting"
    again = house.dial()
    house.press(again, f"1{RIGHT}11")
    assert page.states[-1] == "called"


def test_a_call_without_a_visit_ends_before_the_stations_next_one(house: House, lounge: tuple[FakePage, Any]) -> None:
    _, presence = lounge
    presence.receive(Join(sdp=BROWSER))
    house.do(house.desk.add_visit(Wish("north", "pod-a-1", "Cy", START + timedelta(minutes=6), 10)))
    phone = house.dial()
    house.press(phone, f"1{RIGHT}11")
    assert house.call.visit.minutes == 5


def test_a_link_ends_when_another_is_made_or_the_visitor_is_kept_out(house: House) -> None:
    first = house.write(lambda c: visitor_links.make(c, house.kin.id, by="cli:test", now=START))
    second = house.write(lambda c: visitor_links.make(c, house.kin.id, by="cli:test", now=START))
    assert house.do(house.desk.enter(first, FakePage())) is None
    assert house.do(house.desk.enter(second, FakePage())) is not None
    house.write(lambda c: visitors.change(c, replace(house.kin, status=VisitorStatus.BLOCKED)))
    assert house.do(house.desk.enter(second, FakePage())) is None


def test_the_balance_of_the_residents_own_account_is_said(house: House) -> None:
    phone = house.dial()
    house.press(phone, f"1{RIGHT}3")
    assert house.said.splitlines()[:3] == ["en/balance-is", "en/n-0", "en/dollars"]


def test_a_hotline_needs_no_pin_and_leaves_nothing(house: House) -> None:
    phone = house.dial()
    house.press(phone, "9")
    house.relay.finish()
    assert isinstance(phone.session, Handed)
    assert phone.session.referred == "sip:777@192.0.2.9"
    house.reactor.advance(15)
    assert phone.session.over
    assert house.lines == []
    assert not house.write(lambda connection: connection.execute(select(events)).all())


def test_a_phone_that_will_not_go_to_the_hotline_hears_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Handed, "obeys", False)
    phone = house.dial()
    house.press(phone, "9")
    house.relay.finish()
    assert house.said.splitlines()[0] == "en/hotline-failed"


def test_silence_ends_the_menu(house: House) -> None:
    phone = house.dial()
    for _ in range(3):
        house.relay.finish()
        house.reactor.advance(6.1)
    assert house.said == "en/farewell"
    house.relay.finish()
    assert phone.session is not None
    assert phone.session.over
    assert house.desk.attendant.busy == 0


def test_a_gateway_that_closes_hangs_up_on_the_menu(house: House) -> None:
    phone = house.dial()
    house.desk.drain()
    assert phone.session is not None
    assert phone.session.over
    assert house.dial().answers == [503]


def test_a_phone_that_has_no_codec_in_common_is_refused(house: House) -> None:
    offer = PHONE.replace("RTP/AVP 0", "RTP/AVP 18")
    assert house.dial(offer=offer).answers == [488]
    assert house.desk.attendant.busy == 0


def test_a_browser_with_another_codec_has_the_phone_told_so(house: House) -> None:
    page, presence = house.enter(house.booked())
    presence.receive(Join(sdp=BROWSER))
    phone = FakeStation("500", offer=PHONE.replace("RTP/AVP 0\r\n", "RTP/AVP 9 0\r\n"))
    house.desk.incoming(phone)
    assert phone.session is not None
    phone.session.events.answered(phone.session, phone.offer or "")
    house.press(phone, f"1{RIGHT}21")
    presence.receive(Accept())
    house.reactor.advance(0)
    assert page.states[-1] == "connecting"
    assert "PCMU" in phone.session.restated[-1]
    assert "G722" not in phone.session.restated[-1]
