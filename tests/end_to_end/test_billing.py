"""Billing in the whole gateway: a visitor asks for money back, staff give it on their page, and all of it is told."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

import pytest

from .gateway_process import Gateway
from .stage import Stage
from .test_policies import import_people, parloir

PASSWORD = "correct horse battery"
SECRET = "signed by the sandbox"
BILLING = {
    "billing": {
        "accounts": ["visitor"],
        "rates": [{"per_minute": "0.18"}],
        "prices": {"cpu_hour": "0.05", "gigabyte": "0.09"},
        "payments": {"provider": "sandbox", "sandbox": True, "secret": SECRET},
    }
}
ROUTES = "/api/v1/plugins/north/billing"


def by_link(gateway: Gateway, visit: dict[str, Any], path: str, body: Any) -> Any:
    """What the visit's own page is answered."""
    headers = {
        "X-Parloir": "1",
        "X-Parloir-Visit": visit["link"].rsplit("/", 1)[-1],
        "Content-Type": "application/json",
        "Origin": gateway.url,
    }
    request = urllib.request.Request(f"{gateway.url}{ROUTES}/{path}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def hire(gateway: Gateway) -> None:
    """Let an administrator log in."""
    words = ["staff", "add", "ann", "--name", "Ann Clerk", "--role", "administrator", "--config", str(gateway.file)]
    command = [sys.executable, "-m", "parloir.cli", *words]
    subprocess.run(command, cwd=gateway.home, check=True, input=f"{PASSWORD}\n", capture_output=True, text=True)


def talk(stage: Stage, gateway: Gateway, visit: dict[str, Any], phone: Any) -> str:
    """A visit of some seconds; the id of its call, once it is charged."""
    visitor = stage.visitor(visit)
    visitor.join()
    phone.talk(phone.wait_for("INVITE").body)
    visitor.wait_for_state("talking")
    phone.wait_for_packets("audio", len(phone.audio.received) + 400)
    visitor.leave()
    gateway.event(visit, "charged")
    return str(gateway.call(visit)["id"])


def test_a_visitor_pays_in_asks_for_a_refund_and_staff_give_it_on_their_page(stage: Stage) -> None:
    phone = stage.raw_phone()
    gateway = stage.gateway({"pod-a-1": phone.address}, plugins=BILLING)
    people = import_people(gateway)
    kin = people["kin"]
    visit = gateway.add_visit(resident=people["1001"], visitors=[kin], booked_by="staff")
    payment = by_link(gateway, visit, "payments", {"amount": "20.00"})
    assert by_link(gateway, visit, "sandbox/pay", {"id": payment["id"]})["state"] == "confirmed"
    call = talk(stage, gateway, visit, phone)
    assert by_link(gateway, visit, "refund-requests", {"visit": visit["id"], "words": "No picture"})["call"] == call

    charged = gateway.event(visit, "charged")["data"]

    def carried() -> Any:
        found = gateway.api("GET", f"{ROUTES}/costs")["calls"]
        return next((each for each in found if each["seconds"] == charged["seconds"]), None)

    cost = gateway.wait_until(carried, "the call's last report")
    assert cost["call"] == call
    assert cost["bytes"] > 100_000
    assert cost["cpu_milliseconds"] > 0
    assert charged["total"] > 0
    _staff_give_it_back(stage, gateway)
    parloir(gateway, "ledger", "verify", str(gateway.file))
    _a_stranger_confirms_no_payment(gateway)
    statement = parloir(gateway, "billing", "statement", f"visitor:{kin}", "--config", str(gateway.file))
    assert "Refund, the camera failed" in statement


def _staff_give_it_back(stage: Stage, gateway: Gateway) -> None:
    hire(gateway)
    page = stage.page({"link": f"{gateway.url}/plugins/north/billing/accounts/"})
    page.wait_for_truth("location.pathname === '/login'")
    page.fill("#user", "ann")
    page.fill("#password", PASSWORD)
    page.press("#go")
    page.wait_for_truth("document.querySelector('#costs td:nth-child(7)')")
    assert "No picture" in page.text()
    assert "Cousin" in page.text()
    page.press("#requests button")
    page.fill("#reason", "the camera failed")
    page.press("#do")
    page.wait_for_truth("!document.querySelector('#requests button')")
    [account] = gateway.api("GET", f"{ROUTES}/accounts")["accounts"]
    assert (account["available"], account["held"]) == ("20.00", "0.00")


def _a_stranger_confirms_no_payment(gateway: Gateway) -> None:
    where, signature = f"{gateway.url}{ROUTES}/payments/confirm", {"X-Sandbox-Signature": "0"}
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(where, b'{"payment": "x"}', signature), timeout=10)
    with refused.value as answer:
        assert (answer.code, json.loads(answer.read())["code"]) == (403, "forged")
