"""Visits between Chromium and a phone that is not ours, called and calling, side by side for a minute."""

import time

import pytest

from .baresip import FAKE_VIDEO, Baresip
from .browser import Page
from .gateway_process import when
from .pace import Lateness
from .picture import BLUE
from .stage import BROWSER_TONE, Stage

CALLED, CALLING = 2400, 1700


def identified(page: Page, phone: Baresip, announced: float, late: Lateness) -> None:
    """Each side's own tone and picture at the other, within a second of the notice's end and not before."""
    heard, seen = page.wait_to_hear(phone.tone), page.wait_to_see(FAKE_VIDEO)
    assert announced - 0.1 <= heard.at <= announced + late.limit(1)
    assert announced - 0.1 <= seen.at <= announced + late.limit(1)
    at_phone = phone.wait_to_hear(BROWSER_TONE)
    assert at_phone.voice > 2, "the phone heard no notice"
    assert at_phone.voice_end is not None
    assert at_phone.first is not None
    assert 0.0 <= at_phone.first - at_phone.voice_end <= late.limit(1)
    phone.wait_to_see(BLUE)


def still_there(page: Page, phone: Baresip) -> None:
    last = page.samples()[-40:]
    assert sum(s.hears(phone.tone) for s in last) > 20
    assert all(s.colour is not None and s.colour.near(FAKE_VIDEO) for s in last)
    heard = phone.heard(BROWSER_TONE)
    assert heard.last is not None
    assert heard.length > 55
    assert heard.length - heard.last < 2
    phone.wait_to_see(BLUE)


@pytest.mark.long
def test_baresip_is_called_and_another_calls_each_for_a_minute(stage: Stage, late: Lateness) -> None:
    called = stage.baresip(tone=CALLED, user="1001")
    calling = stage.baresip(tone=CALLING, user="1002")
    gateway = stage.gateway({"pod-a-1": called.address, "pod-a-2": calling.address})
    first = gateway.add_visit("pod-a-1", visitor="Ann Doe")
    second = gateway.add_visit("pod-a-2", visitor="Bob Roe", rings=False)

    page = stage.page(first)
    page.join()
    page.wait_for_state("talking")
    identified(page, called, when(gateway.event(first, "announced")), late)

    waiting = stage.page(second)
    waiting.join()
    waiting.wait_for_state("waiting")
    calling.dial(f"sip:{second['code']}@127.0.0.1:{gateway.sip_port}")
    calling.wait_for_event("CALL_ESTABLISHED")
    waiting.wait_for_state("talking")
    announced = when(gateway.event(second, "announced"))
    identified(waiting, calling, announced, late)
    assert gateway.call(second)["way_in"] == "inside"

    time.sleep(max(0.0, announced + 60 - time.time()))
    still_there(page, called)
    still_there(waiting, calling)

    called.hang_up()
    page.wait_for_state("ended")
    assert gateway.end_reason(first) == "PhoneHungUp"
    waiting.hang_up()
    calling.wait_for_event("CALL_CLOSED")
    assert gateway.end_reason(second) == "VisitorLeft"
