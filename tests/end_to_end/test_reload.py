"""A page that is loaded again, a network that changes, a visitor who vanishes: the call waits for them."""

import time

import pytest

from .gateway_process import when
from .pace import Lateness
from .packets import is_ours
from .stage import BROWSER_TONE, Stage


def test_reloaded_page_is_back_in_the_same_call(stage: Stage) -> None:
    phone = stage.baresip(tone=2400)
    gateway = stage.gateway({"pod-a-1": phone.address})
    visit = gateway.add_visit()
    page = stage.page(visit)
    page.join()
    page.wait_for_state("talking")
    phone.wait_to_hear(BROWSER_TONE)
    page.reload()
    page.wait_for_state("talking")
    page.wait_to_hear(2400)
    length = phone.heard(BROWSER_TONE).length
    time.sleep(1.5)
    heard = phone.heard(BROWSER_TONE)
    assert heard.last is not None
    assert heard.last > length
    assert len(gateway.calls(visit)) == 1
    assert len([e for e in gateway.timeline(visit) if e["kind"] == "announced"]) == 1


def test_ice_restart_after_a_network_change_keeps_the_call(stage: Stage) -> None:
    phone = stage.baresip(tone=2400)
    gateway = stage.gateway({"pod-a-1": phone.address})
    visit = gateway.add_visit()
    page = stage.page(visit)
    page.join()
    page.wait_for_state("talking")
    page.wait_to_hear(2400)
    before = page.ufrag()
    page.set_offline(True)
    time.sleep(1)
    page.set_offline(False)
    gateway.event(visit, "ice_restart")
    page.wait_until(lambda: page.ufrag() != before or None, "new ICE credentials")
    packets = page.stats()["inbound-rtp audio"]["packetsReceived"]
    page.wait_until(lambda: page.stats()["inbound-rtp audio"]["packetsReceived"] > packets + 100 or None, "sound")
    page.wait_for_state("talking")
    assert page.evaluate("window.__probe.connections.length") == 1
    length = phone.heard(BROWSER_TONE).length
    time.sleep(1.5)
    assert (phone.heard(BROWSER_TONE).last or 0) > length
    assert [e["kind"] for e in gateway.timeline(visit) if e["kind"] == "browser_lost"] == []


def test_vanished_visitor_is_lost_then_the_phone_waits_and_the_call_ends(stage: Stage, late: Lateness) -> None:
    phone = stage.raw_phone()
    gateway = stage.gateway({"pod-a-1": phone.address}, rejoin_window=6)
    visit = gateway.add_visit()
    visitor = stage.visitor(visit)
    visitor.join()
    phone.talk(phone.wait_for("INVITE").body)
    visitor.wait_for_state("talking")
    phone.wait_for_packets("audio", 400)
    vanished = time.time()
    visitor.vanish()
    lost = when(gateway.event(visit, "browser_lost"))
    assert lost - vanished <= late.limit(15)
    phone.wait_for("BYE")
    assert gateway.end_reason(visit) == "MediaLost"
    ended = when(gateway.event(visit, "end"))
    assert ended - lost == pytest.approx(6, abs=late.limit(0.5))
    waiting = [p for p in phone.audio.received if lost + 0.5 < p.at < ended]
    assert len(waiting) > 200, "the phone was not asked to wait"
    assert not any(is_ours(p.payload) for p in waiting)


def test_frozen_browser_is_lost_and_comes_back_on_its_own(stage: Stage, late: Lateness) -> None:
    phone = stage.raw_phone()
    gateway = stage.gateway({"pod-a-1": phone.address})
    visit = gateway.add_visit()
    browser = stage.own_browser()
    page = stage.page(visit, browser=browser)
    page.join()
    phone.talk(phone.wait_for("INVITE").body)
    page.wait_for_state("talking")
    frozen = time.time()
    browser.freeze()
    lost = when(gateway.event(visit, "browser_lost"))
    assert lost - frozen <= late.limit(15)
    browser.thaw()
    page.wait_for_state("talking")
    count = len(phone.audio.received)
    phone.wait_for_packets("audio", count + 50)
    assert gateway.calls(visit)[0]["ended"] is None
