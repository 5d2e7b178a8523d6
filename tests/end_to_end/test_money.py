"""Money in the whole gateway: a call is charged the seconds that media flowed both ways, and nothing else."""

import math
import sqlite3
import time
from contextlib import closing
from typing import Any

import pytest

from .gateway_process import Gateway, when
from .packets import is_ours
from .stage import BROWSER_TONE, Stage
from .test_policies import import_people, parloir

CENT = 10_000
PER_MINUTE = 180_000
BILLING = {"billing": {"accounts": ["visitor"], "rates": [{"per_minute": "0.18"}], "waived": []}}


class Customers:
    """The people of a facility that bills, and their money."""

    def __init__(self, gateway: Gateway, cents: int) -> None:
        self.gateway = gateway
        self.ids = import_people(gateway)
        self.account = f"visitor:{self.ids['kin']}"
        (gateway.home / "kiosk.csv").write_text(
            f"reference,holder,number,amount\nk1,visitor,kin,{cents // 100}.{cents % 100:02}\n"
        )
        parloir(gateway, "billing", "topup", "--config", str(gateway.file), "kiosk.csv")
        assert self.balance() == cents * CENT

    def visit(self, who: str = "kin", **more: Any) -> dict[str, Any]:
        return self.gateway.add_visit(resident=self.ids["1001"], visitors=[self.ids[who]], booked_by="staff", **more)

    def balance(self, account: str | None = None) -> int:
        """What the postings to an account come to, by the database itself."""
        with closing(sqlite3.connect(self.gateway.home / "data" / "parloir.sqlite3")) as database:
            query = "SELECT COALESCE(SUM(amount), 0) FROM ledger_postings WHERE account = ?"
            found: int = database.execute(query, (account or self.account,)).fetchone()[0]
            return found

    def held(self) -> int:
        """What is set aside for calls."""
        with closing(sqlite3.connect(self.gateway.home / "data" / "parloir.sqlite3")) as database:
            query = "SELECT COALESCE(SUM(amount), 0) FROM ledger_postings WHERE account LIKE 'held:%'"
            found: int = database.execute(query).fetchone()[0]
            return found

    def verify(self) -> None:
        """The ledger, the timelines and the calls' records agree."""
        parloir(self.gateway, "ledger", "verify", str(self.gateway.file))


def cents_for(seconds: int) -> int:
    """Whole cents for whole seconds."""
    return math.floor(PER_MINUTE * seconds / 60 / CENT)


def flowed(gateway: Gateway, visit: dict[str, Any]) -> int:
    """The seconds of two-way media in the timeline's last report."""
    report: dict[str, Any] = gateway.event(visit, "report")["data"]
    return int(report["flowing"]) // 1000


@pytest.mark.long
def test_a_visit_that_drops_for_twenty_seconds_is_charged_for_the_media_that_crossed(stage: Stage) -> None:
    phone = stage.baresip(tone=2400)
    gateway = stage.gateway({"pod-a-1": phone.address}, plugins=BILLING)
    people = Customers(gateway, 500)
    visit, browser = people.visit(), stage.own_browser()
    page = stage.page(visit, browser=browser)
    page.join()
    page.wait_for_state("talking")
    phone.wait_to_hear(BROWSER_TONE)
    assert people.held() > 0
    time.sleep(8)
    browser.freeze()
    time.sleep(20)
    browser.thaw()
    gateway.event(visit, "browser_back")
    time.sleep(8)
    page.hang_up()
    charged = gateway.event(visit, "charged")["data"]
    seconds = flowed(gateway, visit)
    assert (charged["seconds"], charged["charge"]) == (seconds, cents_for(seconds) * CENT)
    joined = when(gateway.event(visit, "announced"))
    ended = when(gateway.event(visit, "end"))
    assert ended - joined - 20 - 8 < seconds < ended - joined - 18
    assert (people.balance(), people.held()) == (500 * CENT - charged["charge"], 0)
    assert people.balance("revenue") == charged["charge"]
    people.verify()


def test_a_balance_that_runs_out_ends_the_call_with_a_warning(stage: Stage) -> None:
    phone = stage.raw_phone()
    gateway = stage.gateway({"pod-a-1": phone.address}, plugins=BILLING)
    people = Customers(gateway, 6)
    visit = people.visit()
    visitor = stage.visitor(visit)
    visitor.join()
    phone.talk(phone.wait_for("INVITE").body)
    joined = visitor.wait_for_state("talking")
    warned, warning = visitor.wait_for("warn", 30)
    assert "money" in warning["text"]
    at, ended = visitor.wait_for("ended", 30)
    assert ended["reason"] == "BalanceUsed"
    assert 22 < at - joined < 25  # 23 seconds: the next would complete the seventh cent
    assert 9 < at - warned < 11
    phone.wait_for("BYE", 2.0)
    for received in (phone.audio.received, visitor.received["audio"]):
        spoken = [p for p in received if warned < p.at < warned + 5 and not is_ours(p.payload)]
        assert len(spoken) > 50, "the warning was not spoken"
    charged = gateway.event(visit, "charged")["data"]
    assert charged["charge"] == cents_for(charged["seconds"]) * CENT
    assert (people.balance(), people.held()) == (6 * CENT - charged["charge"], 0)
    people.verify()


def test_a_call_the_phone_never_answered_costs_nothing_and_its_hold_is_gone(stage: Stage) -> None:
    phone = stage.raw_phone(ring=60)
    gateway = stage.gateway({"pod-a-1": phone.address}, plugins=BILLING, ring_timeout=4)
    people = Customers(gateway, 500)
    visit = people.visit()
    visitor = stage.visitor(visit)
    visitor.join()
    visitor.wait_for_state("ringing")
    assert 9 * 18 * CENT < people.held() <= 10 * 18 * CENT
    assert visitor.wait_for("ended", 15)[1]["reason"] == "NoAnswer"
    gateway.event(visit, "hold_released")
    assert (people.balance(), people.held()) == (500 * CENT, 0)
    people.verify()


def test_a_privileged_call_costs_nothing(stage: Stage) -> None:
    phone = stage.raw_phone()
    gateway = stage.gateway({"pod-a-1": phone.address}, plugins=BILLING)
    people = Customers(gateway, 500)
    visit = people.visit("counsel")
    visitor = stage.visitor(visit)
    visitor.join()
    phone.talk(phone.wait_for("INVITE").body)
    visitor.wait_for_state("talking")
    time.sleep(5)
    visitor.leave()
    assert gateway.end_reason(visit) == "VisitorLeft"
    assert flowed(gateway, visit) > 2
    kinds = {event["kind"] for event in gateway.timeline(visit)}
    assert gateway.call(visit)["class"] == "privileged"
    assert not kinds & {"hold_placed", "charged", "hold_released"}
    assert (people.balance(), people.balance("revenue"), people.held()) == (500 * CENT, 0, 0)
    people.verify()


@pytest.mark.parametrize("waived", [(), ("facility_fault",)], ids=["charged", "waived"])
def test_a_gateway_killed_in_mid_call_settles_it_when_it_is_back(stage: Stage, waived: tuple[str, ...]) -> None:
    phone = stage.raw_phone()
    plugins = {"billing": BILLING["billing"] | {"waived": list(waived)}}
    gateway = stage.gateway({"pod-a-1": phone.address}, plugins=plugins)
    people = Customers(gateway, 500)
    visit = people.visit()
    visitor = stage.visitor(visit)
    visitor.join()
    phone.talk(phone.wait_for("INVITE").body)
    visitor.wait_for_state("talking")
    assert people.held() > 0
    gateway.event(visit, "quality")
    gateway.kill()
    assert people.held() > 0
    gateway.start_again()
    assert gateway.end_reason(visit) == "GatewayRestarted"
    kind = "hold_released" if waived else "charged"
    settled = gateway.event(visit, kind)["data"]
    reports = [event["data"]["flowing"] for event in gateway.timeline(visit) if event["kind"] == "quality"]
    assert settled["seconds"] == max(reports) // 1000 > 0
    assert settled["charge"] == (0 if waived else cents_for(settled["seconds"]) * CENT)
    assert (people.balance(), people.held()) == (500 * CENT - settled["charge"], 0)
    people.verify()
