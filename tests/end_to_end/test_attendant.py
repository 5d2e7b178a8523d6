"""The attendant, walked through by keys: languages, PINs, visits, hotlines, and the page that rings."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

from .baresip import Baresip
from .gateway_process import Gateway
from .picture import BLUE
from .stage import BROWSER_TONE, Stage
from .test_policies import parloir

NUMBER, PIN, WRONG = "1001", "4711", "1174"
PEOPLE = {
    "residents.csv": f"number,name,unit,pin\n{NUMBER},Resident One,A,{PIN}\n",
    "visitors.csv": "reference,name\nkin,Ann Doe\ncounsel,Bo Roe\n",
    "relationships.csv": (
        "resident,visitor,kind,state,bar_id\n1001,kin,family,approved,\n1001,counsel,attorney,approved,TX-1\n"
    ),
}
ATTENDANT = {"attendant": {"number": "500", "hotlines": {"9": {"target": "sip:777@127.0.0.1:9"}}}}


def house(stage: Stage, address: str, **facility: Any) -> tuple[Gateway, dict[str, str]]:
    """A gateway with an attendant and people in it; their ids by number and reference."""
    gateway = stage.gateway({"pod-a-1": address}, facility=ATTENDANT | facility, plugins={"contacts": {}})
    for name, text in PEOPLE.items():
        (gateway.home / name).write_text(text)
    parloir(gateway, "people", "import", "--config", str(gateway.file), "--facility", "north", *PEOPLE)
    with closing(sqlite3.connect(gateway.home / "data" / "parloir.sqlite3")) as database:
        ids = dict(database.execute("SELECT number, id FROM residents").fetchall())
        ids |= dict(database.execute("SELECT reference, id FROM visitors").fetchall())
    gateway.api(
        "PUT",
        "/api/v1/plugins/north/contacts/list",
        {"resident": ids[NUMBER], "contacts": [{"visitor": ids["kin"], "name": "Ann Doe", "label": "Ann"}]},
    )
    return gateway, ids


def visit_of(gateway: Gateway, ids: dict[str, str], who: str = "kin") -> dict[str, Any]:
    return gateway.add_visit(resident=ids[NUMBER], visitors=[ids[who]], booked_by="staff", rings=False)


def ring_up(phone: Baresip, gateway: Gateway) -> None:
    phone.dial(f"sip:500@127.0.0.1:{gateway.sip_port}")
    phone.wait_for_event("CALL_ESTABLISHED")


def said_nowhere(gateway: Gateway, *secrets: str) -> None:
    """Nothing that was pressed is in the log or in any timeline."""
    log = gateway.process.log.read_text()
    with closing(sqlite3.connect(gateway.home / "data" / "parloir.sqlite3")) as database:
        events = json.dumps(database.execute("SELECT kind, data FROM events").fetchall())
    for secret in secrets:
        assert f'"{secret}' not in log
        assert secret not in events


def test_a_resident_logs_in_after_a_wrong_pin_and_calls_a_contact_whose_page_rings(stage: Stage) -> None:
    phone = stage.baresip(tone=2400)
    gateway, ids = house(stage, phone.address)
    visit = visit_of(gateway, ids)
    page = stage.page(visit)
    page.join()
    page.wait_for_state("waiting")
    ring_up(phone, gateway)
    phone.press(f"1{NUMBER}#{WRONG}#")
    gateway.process.wait_for_line("attendant.wrong_pin")
    phone.press(f"{NUMBER}#{PIN}#11")
    page.wait_for_state("called")
    assert "Resident One" in page.text()
    page.press("#accept")
    page.wait_for_state("talking")
    page.wait_to_hear(phone.tone)
    phone.wait_to_hear(BROWSER_TONE)
    phone.wait_to_see(BLUE)
    assert phone.heard(BROWSER_TONE).voice > 2, "the phone heard neither menu nor notice"
    call = gateway.call(visit)
    assert call["way_in"] == "inside"
    assert gateway.event(visit, "consented")["data"] == {"terms": ""}
    phone.hang_up()
    page.wait_for_state("ended")
    assert gateway.end_reason(visit) == "PhoneHungUp"
    said_nowhere(gateway, PIN, WRONG)


def test_in_spanish_a_visit_is_chosen_declined_and_then_blocked(stage: Stage) -> None:
    phone = stage.baresip()
    gateway, ids = house(stage, phone.address)
    visit = visit_of(gateway, ids)
    page = stage.page(visit)
    page.join()
    page.wait_for_state("waiting")
    ring_up(phone, gateway)
    phone.press(f"2{NUMBER}#{PIN}#21")
    page.wait_for_state("called")
    page.press("#decline")
    page.wait_for_state("waiting")
    assert gateway.end_reason(visit) == "VisitorDeclined"
    phone.press("21")
    page.wait_for_state("called")
    page.evaluate("window.confirm = () => true")
    page.press("#block")
    page.wait_for_state("ended")
    assert gateway.end_reason(visit) == "VisitorBlocked"

    def kept() -> bool | None:
        blocks = gateway.api("GET", "/api/v1/plugins/north/contacts/self-blocks")["blocks"]
        return [each["resident"] for each in blocks] == [ids[NUMBER]] or None

    gateway.wait_until(kept, "the block")
    phone.hang_up()
    said_nowhere(gateway, PIN)


def test_a_contact_without_a_visit_is_called_by_a_handset_that_encrypts_and_has_no_picture(stage: Stage) -> None:
    phone = stage.baresip(tone=2400, video=False, encryption="srtp-mand")
    gateway, _ = house(stage, phone.address, station_defaults={"srtp": "required"})
    words = ("people", "link", "kin", "--facility", "north", "--config", str(gateway.file))
    page = stage.page({"link": parloir(gateway, *words).strip()})
    page.join()
    page.wait_for_state("waiting")
    ring_up(phone, gateway)
    phone.press(f"1{NUMBER}#{PIN}#11")
    page.wait_for_state("called")
    page.press("#accept")
    page.wait_for_state("talking")
    page.wait_to_hear(phone.tone)
    phone.wait_to_hear(BROWSER_TONE)
    page.hang_up()
    phone.wait_for_event("CALL_CLOSED")
    (call,) = gateway.calls()
    assert call["reason"] == "VisitorLeft"
    page.press("#again")
    page.wait_for_state("waiting")


def test_three_wrong_pins_by_info_end_the_call_and_lock_nobody_out_of_the_hotline(stage: Stage) -> None:
    phone = stage.raw_phone()
    gateway, _ = house(stage, phone.address)
    press = by_info(phone)
    phone.dial(f"sip:500@127.0.0.1:{gateway.sip_port}", phone.sdp())
    phone.acknowledge()
    phone.wait_for_packets("audio", 20)
    press("1")
    for tries in range(1, 4):
        press(f"{NUMBER}#{WRONG}#")
        gateway.wait_until(lambda tries=tries: wrong_pins(gateway) == tries or None, "a wrong PIN")
    assert phone.wait_for("BYE")
    said_nowhere(gateway, WRONG)


def test_a_hotline_key_sends_the_phone_there_and_leaves_no_call_behind(stage: Stage) -> None:
    phone, counsellor = stage.baresip(tone=2400), stage.baresip(tone=700, user="777")
    target = {"9": {"target": counsellor.address}}
    gateway, _ = house(stage, phone.address, attendant={"number": "500", "hotlines": target})
    ring_up(phone, gateway)
    phone.press("9")
    counsellor.wait_for_event("CALL_ESTABLISHED")
    counsellor.wait_to_hear(phone.tone)
    gateway.process.wait_for_line("sip.ended")
    assert gateway.calls() == []
    with closing(sqlite3.connect(gateway.home / "data" / "parloir.sqlite3")) as database:
        assert database.execute("SELECT COUNT(*) FROM events").fetchone() == (0,)
    log = gateway.process.log.read_text()
    assert "777" not in log
    assert "attendant" not in log.split('"ready"')[1]
    counsellor.hang_up()


def wrong_pins(gateway: Gateway) -> int:
    return gateway.process.log.read_text().count("attendant.wrong_pin")


def by_info(phone: Any) -> Callable[[str], None]:
    def press(keys: str) -> None:
        for key in keys:
            answer = phone.request("INFO", f"Signal={key}\r\nDuration=160\r\n", kind="application/dtmf-relay")
            assert answer.status == 200

    return press
