"""Phones that encrypt their media, those that insist on it, and those whose media comes from elsewhere."""

from .baresip import FAKE_VIDEO
from .picture import BLUE
from .stage import BROWSER_TONE, Stage

CALLED, CALLING = 2400, 1700
REQUIRED = {"srtp": "required"}


def test_baresip_that_insists_on_srtp_is_called_and_another_calls(stage: Stage) -> None:
    called = stage.baresip(tone=CALLED, user="1001", encryption="srtp-mand")
    calling = stage.baresip(tone=CALLING, user="1002", encryption="srtp-mand")
    gateway = stage.gateway({"pod-a-1": called.address, "pod-a-2": calling.address}, defaults=REQUIRED)
    first = gateway.add_visit("pod-a-1", visitor="Ann Doe")
    second = gateway.add_visit("pod-a-2", visitor="Bob Roe", rings=False)

    page = stage.page(first)
    page.join()
    page.wait_for_state("talking")
    page.wait_to_hear(CALLED)
    page.wait_to_see(FAKE_VIDEO)
    called.wait_to_hear(BROWSER_TONE)
    called.wait_to_see(BLUE)

    waiting = stage.page(second)
    waiting.join()
    waiting.wait_for_state("waiting")
    calling.dial(f"sip:{second['code']}@127.0.0.1:{gateway.sip_port}")
    calling.wait_for_event("CALL_ESTABLISHED")
    waiting.wait_for_state("talking")
    waiting.wait_to_hear(CALLING)
    waiting.wait_to_see(FAKE_VIDEO)
    calling.wait_to_hear(BROWSER_TONE)
    calling.wait_to_see(BLUE)

    called.hang_up()
    page.wait_for_state("ended", timeout=2.0)
    assert gateway.end_reason(first) == "PhoneHungUp"
    waiting.hang_up()
    calling.wait_for_event("CALL_CLOSED", timeout=2.0)
    assert gateway.end_reason(second) == "VisitorLeft"
