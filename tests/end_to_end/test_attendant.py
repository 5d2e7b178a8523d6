"""The attendant, walked through by keys: languages, PINs, visits, hotlines, and the page that rings."""

import json
import resource
import sqlite3
from contextlib import closing
from typing import Any

from parloir.export.verify import verify
from parloir.relay.journal_reader import scan

from .baresip import Baresip
from .browser import Page
from .gateway_process import Gateway
from .picture import BLUE
from .sound import write_tone
from .stage import BROWSER_TONE, Stage
from .test_policies import parloir
from .test_recording import folder, journals, made, recording
from .twinkle import Twinkle

NUMBER, PIN, WRONG = "1001", "47110815", "51801174"
PEOPLE = {
    "residents.csv": f"number,name,unit,pin\n{NUMBER},Resident One,A,{PIN}\n",
    "visitors.csv": "reference,name\nkin,Ann Doe\ncounsel,Bo Roe\n",
    "relationships.csv": (
        "resident,visitor,kind,state,bar_id\n1001,kin,family,approved,\n1001,counsel,attorney,approved,TX-1\n"
    ),
}
ATTENDANT = {"number": "500", "hotlines": {"9": {"target": "sip:777@127.0.0.1:9"}}}
SAID = {
    "en/choose-language": 1600,
    "en/enter-number": 1700,
    "en/wrong-pin": 1800,
    "en/menu-call": 1900,
    "en/n-12": 2000,
    "es/choose-language": 2100,
    "es/enter-number": 2200,
    "es/wrong-pin": 2300,
    "es/menu-call": 2500,
    "es/declined": 2600,
    "es/locked": 2700,
    "en/cannot-record": 2800,
}
"""The facility's own recordings of prompts: tones, by which a test hears what is said."""
COULD_NOT = "The visit could not be recorded and had to end."
REMINDER = 1400
"""The tone by which both are reminded that they are recorded."""


def house(
    stage: Stage, address: str, plugins: dict[str, Any] | None = None, records: bool = False, **facility: Any
) -> tuple[Gateway, dict[str, str]]:
    """A gateway with an attendant and people in it; their ids by number and reference."""
    folder = stage.home / "prompts"
    for prompt, hertz in SAID.items():
        (folder / prompt).parent.mkdir(parents=True, exist_ok=True)
        write_tone(folder / f"{prompt}.wav", hertz, seconds=1)
    gateway = stage.gateway(
        {"pod-a-1": address},
        facility={"attendant": ATTENDANT, "prompts": str(folder)} | facility,
        plugins={"contacts": {}, **(plugins or {})},
        records=records,
    )
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


class Ear:
    """What a phone is told in a call to the attendant, which begins with that."""

    def __init__(self, phone: Baresip | Twinkle, gateway: Gateway) -> None:
        self._phone = phone
        self._gateway = gateway
        self._last = 0.0
        phone.dial(f"sip:500@127.0.0.1:{gateway.sip_port}")

    def hears(self, *prompts: str) -> None:
        """Wait for these prompts, one after another, and after what was waited for before."""
        for prompt in prompts:

            def later(prompt: str = prompt) -> float | None:
                last = self._phone.heard(SAID[prompt]).last
                return last if last is not None and last > self._last else None

            self._last = self._gateway.wait_until(later, f"{prompt} in the phone's ear")


def said_nowhere(gateway: Gateway, *secrets: str) -> None:
    """Nothing that was pressed is in the log or in any timeline."""
    log = gateway.process.log.read_text()
    with closing(sqlite3.connect(gateway.home / "data" / "parloir.sqlite3")) as database:
        events = json.dumps(database.execute("SELECT kind, data FROM events").fetchall())
    for secret in secrets:
        assert f'"{secret}' not in log
        assert secret not in events


def test_a_resident_logs_in_after_a_wrong_pin_hears_the_balance_and_calls_a_contact_whose_page_rings(
    stage: Stage,
) -> None:
    phone = stage.baresip(tone=2400)
    plugins = {
        "billing": {"accounts": ["resident"], "rates": [{"per_minute": "0.06"}]},
        "recording": {"record": "ordinary", "export": ["administrator"]},
    }
    reminded = {"on_failure": "end", "tone": 1}
    gateway, ids = house(stage, phone.address, plugins, records=True, recording=reminded)
    deposit = {"holder": "resident", "number": NUMBER, "amount": "12.00", "reference": "r1"}
    gateway.api("POST", "/api/v1/plugins/north/billing/deposits", deposit)
    visit = visit_of(gateway, ids)
    page = stage.page(visit)
    page.join()
    page.wait_for_state("waiting")
    ear = Ear(phone, gateway)
    ear.hears("en/choose-language")
    phone.press(f"1{NUMBER}#{WRONG}#")
    ear.hears("en/wrong-pin", "en/enter-number")
    phone.press(f"{NUMBER}#{PIN}#3")
    ear.hears("en/n-12", "en/menu-call")
    phone.press("11")
    page.wait_for_state("called")
    assert "Resident One" in page.text()
    page.press("#accept")
    page.wait_for_state("talking")
    page.wait_to_hear(phone.tone)
    phone.wait_to_hear(BROWSER_TONE)
    phone.wait_to_see(BLUE)
    assert phone.heard(BROWSER_TONE).voice > 2, "the phone heard neither menu nor notice"
    phone.wait_to_hear(REMINDER)
    assert gateway.event(visit, "consented")["data"] == {"terms": "This call is recorded."}
    call = gateway.call(visit)
    assert call["way_in"] == "inside"
    is_ended_for_want_of_a_recording(gateway, phone, page, visit)
    said_nowhere(gateway, PIN, WRONG)


def is_ended_for_want_of_a_recording(gateway: Gateway, phone: Baresip, page: Page, visit: dict[str, Any]) -> None:
    """The disk is full, and the facility wants no call unrecorded: all are told, and what was recorded is kept."""
    (journal,), (relay,) = journals(gateway), gateway.relays()
    full = journal.stat().st_size
    resource.prlimit(relay, resource.RLIMIT_FSIZE, (full + 1, full + 1))
    page.wait_until(lambda: COULD_NOT in page.text() or None, "the warning")
    page.wait_to_hear(SAID["en/cannot-record"])
    page.wait_for_state("ended")
    phone.wait_to_hear(SAID["en/cannot-record"])
    assert gateway.end_reason(visit) == "RecordingFailed"
    (failed,) = (event["data"] for event in gateway.timeline(visit) if event["kind"] == "recording_failed")
    assert failed["ends_call"]
    alerts = gateway.api("GET", "/api/v1/alerts?facility=north")["alerts"]
    assert [(each["severity"], failed["why"] in each["text"]) for each in alerts] == [("critical", True)]
    kept = recording(gateway, "failed")
    found = scan(journal)
    assert (found.faults, found.end.octets, found.end.hash) == ((), kept["octets"], kept["hash"])
    made(gateway, kept["id"], "bundle")
    verdict = verify(folder(gateway) / "made" / kept["id"] / f"{kept['id']}.parloir")
    assert verdict.faults == ()
    assert verdict.manifest.journal["hash"] == kept["hash"]


def test_in_spanish_a_visit_is_chosen_declined_and_then_blocked(stage: Stage) -> None:
    phone = stage.baresip()
    gateway, ids = house(stage, phone.address)
    visit = visit_of(gateway, ids)
    page = stage.page(visit)
    page.join()
    page.wait_for_state("waiting")
    ear = Ear(phone, gateway)
    ear.hears("es/choose-language")
    phone.press(f"2{NUMBER}#{PIN}#21")
    page.wait_for_state("called")
    page.press("#decline")
    page.wait_for_state("waiting")
    assert gateway.end_reason(visit) == "VisitorDeclined"
    ear.hears("es/declined", "es/menu-call")
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
    Ear(phone, gateway).hears("en/choose-language")
    phone.press(f"1{NUMBER}#{PIN}#11")
    page.wait_for_state("called")
    page.press("#accept")
    page.wait_for_state("talking")
    page.wait_to_hear(phone.tone)
    phone.wait_to_hear(BROWSER_TONE)
    page.hang_up()
    phone.wait_for_event("CALL_CLOSED")
    gateway.wait_until(lambda: [call["reason"] for call in gateway.calls()] == ["VisitorLeft"] or None, "the end")
    page.press("#again")
    page.wait_for_state("waiting")


def test_in_spanish_and_by_info_a_visit_is_talked_through_then_wrong_pins_lock_nobody_out_of_the_hotline(
    stage: Stage,
) -> None:
    phone, counsellor = stage.twinkle(tone=2400), stage.baresip(tone=700, user="777")
    hotlines = {"9": {"target": counsellor.address}}
    gateway, ids = house(stage, phone.address, attendant={"number": "500", "hotlines": hotlines})
    visit = visit_of(gateway, ids)
    page = stage.page(visit)
    page.join()
    page.wait_for_state("waiting")
    ear = Ear(phone, gateway)
    ear.hears("es/choose-language")
    phone.press(f"2{NUMBER}#{WRONG}#")
    ear.hears("es/wrong-pin", "es/enter-number")
    phone.press(f"{NUMBER}#{PIN}#21")
    page.wait_for_state("called")
    page.press("#accept")
    page.wait_for_state("talking")
    page.wait_to_hear(phone.tone)
    phone.wait_to_hear(BROWSER_TONE)
    phone.hang_up()
    page.wait_for_state("ended")
    assert gateway.end_reason(visit) == "PhoneHungUp"

    locks_itself_out(phone, gateway)
    reaches_the_hotline(phone, gateway, counsellor)
    said_nowhere(gateway, PIN, WRONG)


def locks_itself_out(phone: Twinkle, gateway: Gateway) -> None:
    """Three wrong PINs in one call; the phone is hung up on."""
    ear = Ear(phone, gateway)
    ear.hears("es/choose-language")
    phone.press("2")
    for _ in range(2):
        ear.hears("es/enter-number")
        phone.press(f"{NUMBER}#{WRONG}#")
        ear.hears("es/wrong-pin")
    ear.hears("es/enter-number")
    phone.press(f"{NUMBER}#{WRONG}#")
    ear.hears("es/locked")
    phone.wait_to_be_hung_up_on()


def reaches_the_hotline(phone: Twinkle, gateway: Gateway, counsellor: Baresip) -> None:
    """A locked resident's phone calls the counsellor, who hears it; nothing of that is kept."""
    before, lines = written(gateway), len(gateway.process.lines)
    Ear(phone, gateway).hears("es/choose-language")
    phone.press("9")
    counsellor.wait_for_event("CALL_ESTABLISHED")
    counsellor.wait_to_hear(phone.tone)
    gateway.process.wait_for_line("sip.ended", start=lines)
    assert written(gateway) == before, "a call to the hotline left something"
    log = "".join(gateway.process.lines[lines:])
    assert "777" not in log
    assert "attendant" not in log
    counsellor.hang_up()


def written(gateway: Gateway) -> tuple[int, int]:
    """How many calls and events the store has."""
    with closing(sqlite3.connect(gateway.home / "data" / "parloir.sqlite3")) as database:
        (events,) = database.execute("SELECT COUNT(*) FROM events").fetchone()
    return len(gateway.calls()), events
