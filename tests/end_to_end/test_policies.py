"""A facility's policies in the whole gateway: who may visit whom and when, and what is privileged."""

import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from .gateway_process import ApiError, Gateway, when
from .pace import Lateness
from .stage import BROWSER_TONE, Stage

PEOPLE = {
    "residents.csv": "number,name,unit\n1001,Resident One,A\n",
    "visitors.csv": "reference,name\nkin,Cousin\ncounsel,Attorney\n",
    "relationships.csv": (
        "resident,visitor,kind,state,bar_id\n1001,kin,family,approved,\n1001,counsel,attorney,approved,TX-1\n"
    ),
}


def import_people(gateway: Gateway, people: Mapping[str, str] = PEOPLE) -> dict[str, str]:
    """Take the people in as staff would; the ids of the resident and the visitors."""
    for name, text in people.items():
        (gateway.home / name).write_text(text)
    parloir(gateway, "people", "import", "--config", str(gateway.file), "--facility", "north", *people)
    with closing(sqlite3.connect(gateway.home / "data" / "parloir.sqlite3")) as database:
        found = dict(database.execute("SELECT number, id FROM residents").fetchall())
        return found | dict(database.execute("SELECT reference, id FROM visitors").fetchall())


def parloir(gateway: Gateway, *words: str) -> str:
    """What a command prints."""
    command = [sys.executable, "-m", "parloir.cli", *words]
    return subprocess.run(command, cwd=gateway.home, check=True, capture_output=True, text=True).stdout


def yesterday() -> str:
    """The day of the week that it is nowhere in the facility's zone now."""
    return (datetime.now(ZoneInfo("America/Chicago")) - timedelta(days=1)).strftime("%A").lower()


def lock_down(gateway: Gateway) -> None:
    gateway.api("POST", "/api/v1/plugins/north/scheduling/lockdown", {"why": "a count that does not come out"})


def decided(gateway: Gateway, visit: dict[str, Any]) -> dict[str, Any]:
    """What the policies settled of the visit's newest call."""
    data: dict[str, Any] = gateway.event(visit, "decided")["data"]
    return data


def test_lockdown_ends_a_live_call_and_tells_both_sides(stage: Stage) -> None:
    phone = stage.baresip(tone=2400)
    gateway = stage.gateway({"pod-a-1": phone.address}, plugins={"scheduling": {}})
    visit = gateway.add_visit()
    page = stage.page(visit)
    page.join()
    page.wait_for_state("talking")
    phone.wait_to_hear(BROWSER_TONE)
    lock_down(gateway)
    page.wait_for_state("ended")
    phone.wait_for_event("CALL_CLOSED")
    assert gateway.end_reason(visit) == "PolicyEnded"
    assert phone.heard(BROWSER_TONE).voice_after > 1, "nobody told the phone"
    assert "lockdown" in page.text().lower()


def test_visitor_who_is_denied_reads_why(stage: Stage) -> None:
    phone = stage.baresip()
    hours = {"times": ["00:00-00:05"], "days": [yesterday()]}
    gateway = stage.gateway({"pod-a-1": phone.address}, plugins={"scheduling": {}})
    visit = gateway.add_visit()
    page = stage.page(visit)
    gateway.configure(plugins={"scheduling": {"hours": [hours]}})
    page.join()
    page.wait_for_state("ended")
    assert gateway.end_reason(visit) == "Denied"
    assert gateway.event(visit, "end")["data"]["code"] == "outside_hours"
    assert "not held at this time" in page.text().lower()
    assert not phone.events


def test_visit_rings_by_itself_at_its_start(stage: Stage, late: Lateness) -> None:
    phone = stage.baresip()
    gateway = stage.gateway({"pod-a-1": phone.address}, plugins={"scheduling": {}})
    begins = datetime.now(UTC) + timedelta(seconds=8)
    visit = gateway.add_visit(start=begins)
    page = stage.page(visit)
    page.join()
    page.wait_for_state("waiting")
    assert not phone.events
    phone.wait_for_event("CALL_ESTABLISHED")
    assert abs(when(gateway.event(visit, "start")) - begins.timestamp()) < late.limit(1)
    page.wait_for_state("talking")


def test_third_visit_of_the_week_is_refused_with_its_reason(stage: Stage) -> None:
    phone = stage.raw_phone()
    gateway = stage.gateway({"pod-a-1": phone.address}, plugins={"scheduling": {"weekly_visits": 2}})
    people = import_people(gateway)
    first = datetime.now(UTC) + timedelta(days=14)
    monday = first - timedelta(days=first.weekday())
    monday = monday.replace(hour=18, minute=0, second=0, microsecond=0)
    asked: dict[str, Any] = {"resident": people["1001"], "visitors": [people["kin"]], "booked_by": "visitor"}
    for day in (0, 1):
        gateway.add_visit(start=monday + timedelta(days=day), minutes=30, **asked)
    with pytest.raises(ApiError, match="week") as refused:
        gateway.add_visit(start=monday + timedelta(days=2), minutes=30, **asked)
    assert refused.value.status == 422


@pytest.mark.invariant
@pytest.mark.parametrize("rings", [True, False], ids=["the visitor's side calls", "the resident's side calls"])
def test_attorneys_call_is_privileged_whoever_makes_it(stage: Stage, rings: bool) -> None:
    phone = stage.baresip()
    gateway = stage.gateway({"pod-a-1": phone.address}, plugins={"scheduling": {}, "contacts": {}, "limits": {}})
    people = import_people(gateway)
    visit = gateway.add_visit(
        visitor="Attorney", resident=people["1001"], visitors=[people["counsel"]], booked_by="staff", rings=rings
    )
    page = stage.page(visit)
    page.join()
    if not rings:
        page.wait_for_state("waiting")
        phone.dial(f"sip:{visit['code']}@127.0.0.1:{gateway.sip_port}")
    page.wait_for_state("talking")
    assert gateway.call(visit)["class"] == "privileged"
    facts = decided(gateway, visit)
    assert (facts["record"], facts["monitor"]) == (False, False)
    explained = parloir(gateway, "plugins", "explain", "--config", str(gateway.file), gateway.call(visit)["id"])
    assert "classify_call: privileged" in explained


def test_reload_changes_the_rules_and_touches_no_live_call(stage: Stage) -> None:
    phone, other = stage.raw_phone(), stage.raw_phone(user="1002")
    gateway = stage.gateway({"pod-a-1": phone.address})
    visit = gateway.add_visit()
    visitor = stage.visitor(visit)
    visitor.join()
    phone.talk(phone.wait_for("INVITE").body)
    visitor.wait_for_state("talking")
    hours = {"times": ["00:00-00:05"], "days": [yesterday()]}
    gateway.configure(stations={"pod-a-2": other.address}, plugins={"scheduling": {"hours": [hours]}})
    with pytest.raises(ApiError, match="not held at this time"):
        gateway.add_visit("pod-a-2")
    count = len(phone.audio.received)
    phone.wait_for_packets("audio", count + 50)
    gateway.configure(plugins={"schedulin": {}}, accepted=False)
    with pytest.raises(ApiError, match="not held at this time"):
        gateway.add_visit("pod-a-2")
    assert gateway.calls(visit)[0]["ended"] is None
