"""Phones that register straight at the gateway, and those that only try to."""

from .baresip import Baresip
from .gateway_process import Gateway
from .stage import BROWSER_TONE, Stage

USER, PASSWORD = "pod-a-3", "swordfish-of-pod-a-3"
TONE = 1900


def registered(stage: Stage, gateway: Gateway, transport: str = "udp", **more: str) -> Baresip:
    place = f"127.0.0.1:{gateway.sip_port};transport={transport}"
    return stage.baresip(tone=TONE, user=USER, registrar=place, password=PASSWORD, **more)


def test_a_registered_phone_is_rung_after_a_restart_and_calls(stage: Stage) -> None:
    gateway = stage.gateway({}, logins={USER: PASSWORD})
    phone = registered(stage, gateway)
    phone.wait_to_register()
    gateway.kill()
    gateway.start_again()
    visit = gateway.add_visit(USER)
    page = stage.page(visit)
    page.join()
    page.wait_for_state("talking")
    page.wait_to_hear(TONE)
    phone.wait_to_hear(BROWSER_TONE)
    phone.hang_up()
    page.wait_for_state("ended", timeout=2.0)
    assert gateway.end_reason(visit) == "PhoneHungUp"

    gateway.cancel(visit)
    second = gateway.add_visit(USER, visitor="Bob Roe", rings=False)
    waiting = stage.page(second)
    waiting.join()
    waiting.wait_for_state("waiting")
    phone.dial(f"sip:{second['code']}@127.0.0.1:{gateway.sip_port}")
    waiting.wait_for_state("talking")
    waiting.hang_up()
    phone.wait_for_event("CALL_CLOSED", start=len(phone.events) - 1)
    assert gateway.call(second)["way_in"] == "inside"
