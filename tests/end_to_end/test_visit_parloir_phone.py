"""A visit between Chromium and the simulated phone: rung, announced, seen and heard both ways, ended."""

import time

import pytest

from .gateway_process import when
from .pace import Lateness
from .picture import BLUE, RED, Colour
from .stage import BROWSER_TONE, Stage

TONE = 2400


@pytest.mark.long
def test_visitor_and_phone_see_and_hear_one_another_for_a_minute(stage: Stage, late: Lateness) -> None:
    phone = stage.phone(tone=TONE, colour=RED)
    gateway = stage.gateway({"pod-a-1": phone.address})
    visit = gateway.add_visit()
    page = stage.page(visit)
    page.join()
    page.wait_for_state("notice")
    assert "courteous" in page.text()
    page.wait_for_state("talking")
    announced = when(gateway.event(visit, "announced"))
    heard, seen = page.wait_to_hear(TONE), page.wait_to_see(RED)
    assert announced - 0.1 <= heard.at <= announced + late.limit(1)
    assert announced - 0.1 <= seen.at <= announced + late.limit(1)
    assert heard.playing
    report = phone.wait_to_know(tone=BROWSER_TONE, colour=BLUE)
    assert report["at"] >= announced - 0.1
    assert report["at"] <= announced + late.limit(2.1), "the phone reports once a second"

    time.sleep(max(0.0, announced + 60 - time.time()))
    last_seen = page.samples()[-40:]
    assert sum(s.hears(TONE) for s in last_seen) > 30
    assert all(s.colour is not None and s.colour.near(RED) for s in last_seen)
    last = [report for report in phone.reports() if report["event"] == "report"][-3:]
    assert all(abs((report["tone"] or 0) - BROWSER_TONE) < 40 for report in last)
    assert all(Colour.parse(report["colour"]).near(BLUE) for report in last)

    left = time.time()
    page.hang_up()
    over = phone.wait_for(lambda r: r["at"] >= left and r["state"] == "idle", "the end of the call")
    assert over["at"] - left <= late.limit(1)
    page.wait_for_state("ended")
    assert gateway.end_reason(visit) == "VisitorLeft"


def test_phone_hangs_up_and_the_visitor_reads_so(stage: Stage) -> None:
    phone = stage.phone(tone=TONE, colour=RED)
    gateway = stage.gateway({"pod-a-1": phone.address})
    visit = gateway.add_visit()
    page = stage.page(visit, width=360, height=740)
    page.join()
    page.wait_for_state("talking")
    phone.hang_up()
    page.wait_for_state("ended")
    assert "hung up" in page.text()
    assert gateway.end_reason(visit) == "PhoneHungUp"
