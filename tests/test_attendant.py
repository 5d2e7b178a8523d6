"""The attendant between a fake relay and phone: who is led to it, what is said, and who is let in."""

import inspect
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from parloir.calls.menu import Terms
from parloir.calls.stations import Attending
from parloir.policy.policies import Policies
from parloir.store.tables import events
from tests.attended_house import ATTENDING, HOTLINE, RIGHT, WRONG, Handed, House
from tests.live_scene import PHONE, InstantDatabase


@pytest.fixture(name="house")
def opened(tmp_path: Path) -> Iterator[House]:
    with closing(House(tmp_path)) as house:
        yield house


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


def test_a_wrong_pin_is_said_and_the_right_one_lets_in(house: House) -> None:
    phone = house.dial()
    house.press(phone, f"2{WRONG}")
    assert house.said == "es/wrong-pin"
    house.press(phone, WRONG)
    house.relay.finish()
    assert house.said == "es/enter-number", "keys counted before it was said that the PIN was wrong"
    house.press(phone, RIGHT)
    assert house.said.splitlines()[0] == "es/menu-call"


def test_wrong_pins_pause_the_station_over_several_calls(house: House) -> None:
    for _ in range(2):
        phone = house.dial()
        house.press(phone, f"1{WRONG}")
        while house.said == "en/wrong-pin":
            house.relay.finish()
            house.press(phone, WRONG)
    assert house.said == "en/locked"
    phone = house.dial()
    house.press(phone, f"1{RIGHT}")
    assert house.said == "en/locked"
    assert_hotline(house)
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
    house.desk.attendant.log = lambda event, /, **fields: told.append((event, fields))
    phone = house.dial()
    house.press(phone, f"1{WRONG}{RIGHT}")
    assert "4711" not in str(told)
    assert "1174" not in str(told)
    assert not house.write(lambda connection: connection.execute(select(events)).all())


def test_the_balance_of_the_residents_own_account_is_said(house: House) -> None:
    phone = house.dial()
    house.press(phone, f"1{RIGHT}3")
    assert house.said.splitlines()[:3] == ["en/balance-is", "en/n-0", "en/dollars"]


def assert_hotline(house: House, **more: Any) -> None:
    """The hotline's key sends a phone there, whatever else does not work."""
    phone = house.dial(**more)
    house.press(phone, "9")
    house.relay.finish()
    assert isinstance(phone.session, Handed)
    assert phone.session.referred == HOTLINE
    house.reactor.advance(15)
    assert phone.session.over


def test_a_hotline_needs_no_pin_and_leaves_nothing(house: House) -> None:
    assert_hotline(house)
    assert house.lines == []
    assert not house.write(lambda connection: connection.execute(select(events)).all())


def test_a_hotline_needs_no_picture(house: House) -> None:
    house.attend(ATTENDING, video=False)
    assert_hotline(house, offer=PHONE[: PHONE.index("m=video")])
    assert house.relay.arguments[house.relay.done.index("OpenPhone")]["video"] is False


def test_a_hotline_asks_no_plugin_and_no_database(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    async def down(self: Any, *what: Any, **more: Any) -> Any:
        asked.append(self)
        raise RuntimeError("down")

    for name in [each for each in vars(Policies) if inspect.iscoroutinefunction(getattr(Policies, each))]:
        monkeypatch.setattr(Policies, name, down)
    monkeypatch.setattr(InstantDatabase, "run", down)
    assert_hotline(house)
    assert not asked


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
