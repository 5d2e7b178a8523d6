"""Calls from inside: the page that rings, who takes the phone, what it comes to, and what is kept of it."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from twisted.internet.defer import Deferred

from parloir.calls.bookings import Wish
from parloir.calls.inside import Inside
from parloir.policy import notices
from parloir.policy.answers import CallClass
from parloir.policy.participants import Contact
from parloir.policy.policies import Policies
from parloir.sip.session import EndKind, SessionEnd
from parloir.store import relationships, visitor_links, visitors, visits
from parloir.store.relationships import RelationshipKind, RelationshipState
from parloir.store.tables import events, happenings
from parloir.store.visitors import VisitorStatus
from parloir.webrtc.signalling import Accept, Block, Decline, Ended, Join, Leave, Status, Welcome
from tests.attended_house import RIGHT, FakeStation, House
from tests.live_scene import BROWSER, PHONE, START, FakePage


@pytest.fixture(name="house")
def opened(tmp_path: Path) -> Iterator[House]:
    with closing(House(tmp_path)) as house:
        yield house


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
    house.relay.finish()
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
    (told,) = house.write(lambda c: c.execute(select(happenings).where(happenings.c.kind == "blocked")).all())
    assert (told.subject, told.data) == (house.resident.id, {"visitor": house.kin.id})


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
    assert house.said == "en/not-here", "a page that has not joined was rung"
    house.relay.finish()
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


def test_a_choice_that_was_taken_back_does_not_spoil_the_next(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    slow: list[Deferred[bool]] = []

    async def connect(self: Inside, handset: Any, entry: Any) -> bool:
        slow.append(Deferred())
        return await slow[-1]

    monkeypatch.setattr(Inside, "connect", connect)
    waiting(house)
    phone = house.dial()
    house.press(phone, f"1{RIGHT}21*21")
    assert house.said == "en/calling"
    slow[0].callback(False)
    assert house.said == "en/calling", "the first visitor's absence was told of the second"
    slow[1].callback(False)
    assert house.said == "en/not-here"
