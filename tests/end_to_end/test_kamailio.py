"""A facility whose phones are behind a PBX: the gateway registers at Kamailio, and visits go through it."""

from .baresip import FAKE_VIDEO, Baresip
from .gateway_process import Gateway
from .kamailio import Kamailio
from .picture import BLUE
from .stage import BROWSER_TONE, Stage

TONE = 2100


def behind(stage: Stage, pbx: Kamailio, transport: str = "udp") -> tuple[Gateway, Baresip]:
    """A gateway that is registered at the PBX by that transport, and a phone that is, too."""
    login = {"user": "gw", "password": pbx.password}
    address = f"{pbx.address};transport={transport}"
    trunk = {"address": address, "register": True, "login": login, "options": 1.0}
    stations = {"pod-b-2": {"trunk": "pbx", "number": "1002"}}
    gateway = stage.gateway({}, trunks={"pbx": trunk}, behind=stations, transports=[transport])
    phone = stage.baresip(tone=TONE, user="1002", registrar=f"127.0.0.1:{pbx.port}", password=pbx.password)
    phone.wait_to_register()
    gateway.logged("sip.trunk_up")
    return gateway, phone


def test_a_phone_behind_the_pbx_visits_holds_and_hangs_up_and_the_pbx_comes_back(stage: Stage) -> None:
    pbx = stage.kamailio()
    gateway, phone = behind(stage, pbx)
    visit = gateway.add_visit("pod-b-2")
    page = stage.page(visit)
    page.join()
    page.wait_for_state("talking")
    page.wait_to_hear(TONE)
    page.wait_to_see(FAKE_VIDEO)
    phone.wait_to_hear(BROWSER_TONE)
    phone.wait_to_see(BLUE)
    phone.command("hold")
    gateway.event(visit, "held")
    phone.command("resume")
    gateway.event(visit, "resumed")
    page.wait_for_state("talking")
    phone.hang_up()
    page.wait_for_state("ended")
    assert gateway.end_reason(visit) == "PhoneHungUp"

    pbx.stop()
    gateway.logged("sip.trunk_down")
    assert 'parloir_trunk_up{facility="north",trunk="pbx"} 0' in gateway.metrics()
    stage.kamailio(port=pbx.port)
    gateway.logged("sip.trunk_up", 2)
    assert 'parloir_trunk_up{facility="north",trunk="pbx"} 1' in gateway.metrics()


def test_a_phone_behind_the_pbx_dials_and_the_visitor_hangs_up(stage: Stage) -> None:
    """The gateway is registered at this PBX by TCP."""
    pbx = stage.kamailio()
    gateway, phone = behind(stage, pbx, "tcp")
    visit = gateway.add_visit("pod-b-2", rings=False)
    page = stage.page(visit)
    page.join()
    page.wait_for_state("waiting")
    phone.dial(f"sip:{visit['code']}@127.0.0.1:{pbx.port}")
    page.wait_for_state("talking")
    page.wait_to_hear(TONE)
    page.hang_up()
    phone.wait_for_event("CALL_CLOSED")
    assert gateway.end_reason(visit) == "VisitorLeft"
    assert gateway.call(visit)["way_in"] == "inside"
