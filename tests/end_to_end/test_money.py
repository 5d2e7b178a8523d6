"""Money in the whole gateway: a call is charged the seconds that media flowed both ways, and nothing else."""

import math
import sqlite3
import time
from contextlib import closing
from typing import Any

import pytest

from .gateway_process import Gateway, when
from .packets import is_ours
from .raw_phone import RawPhone
from .stage import BROWSER_TONE, Stage
from .test_policies import PEOPLE, import_people, parloir
from .visitor import Visitor

CENT = 10_000
PER_MINUTE = 180_000
BILLING = {"billing": {"accounts": ["visitor"], "rates": [{"per_minute": "0.18"}], "waived": []}}
FAMILY = PEOPLE | {
    "visitors.csv": "reference,name\nkin,Cousin\naunt,Aunt\nuncle,Uncle\ncounsel,Attorney\n",
    "relationships.csv": "resident,visitor,kind,state,bar_id\n1001,kin,family,approved,\n1001,aunt,family,approved,\n"
    "1001,uncle,family,approved,\n1001,counsel,attorney,approved,TX-1\n",
}


class Customers:
    """The people of a facility that bills, and the cents that each of them has."""

    def __init__(self, gateway: Gateway, **cents: int) -> None:
        self.gateway = gateway
        self.ids = import_people(gateway, FAMILY)
        rows = [f"{who},visitor,{who},{has // 100}.{has % 100:02}\n" for who, has in cents.items()]
        (gateway.home / "kiosk.csv").write_text("reference,holder,number,amount\n" + "".join(rows))
        parloir(gateway, "billing", "topup", "--config", str(gateway.file), "kiosk.csv")
        assert {who: self.balance(who) for who in cents} == {who: has * CENT for who, has in cents.items()}

    def visit(self, who: str = "kin", **more: Any) -> dict[str, Any]:
        return self.gateway.add_visit(resident=self.ids["1001"], visitors=[self.ids[who]], booked_by="staff", **more)

    def account(self, who: str) -> str:
        return f"visitor:{self.ids[who]}"

    def balance(self, who: str = "kin") -> int:
        """What somebody has."""
        return self.posted(self.account(who))

    def held(self, visit: dict[str, Any] | None = None) -> int:
        """What is set aside for the visit's call, or for all calls."""
        return self.posted(f"held:{self.gateway.call(visit)['id']}" if visit else "held:%")

    def posted(self, account: str) -> int:
        """What the postings to an account come to, by the database itself."""
        with closing(sqlite3.connect(self.gateway.home / "data" / "parloir.sqlite3")) as database:
            query = "SELECT COALESCE(SUM(amount), 0) FROM ledger_postings WHERE account LIKE ?"
            found: int = database.execute(query, (account,)).fetchone()[0]
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


def counted(gateway: Gateway, visit: dict[str, Any]) -> int:
    """The milliseconds of two-way media that the relay has told so far."""
    told = [event["data"]["flowing"] for event in gateway.timeline(visit) if event["kind"] == "quality"]
    return max(told, default=0)


def talk(stage: Stage, visit: dict[str, Any], phone: RawPhone) -> Visitor:
    """A call without a browser, where both talk."""
    visitor = stage.visitor(visit)
    visitor.join()
    phone.talk(phone.wait_for("INVITE").body)
    visitor.wait_for_state("talking")
    return visitor


@pytest.mark.invariant
@pytest.mark.long
def test_a_call_costs_the_seconds_that_media_crossed_and_ends_with_the_money(stage: Stage) -> None:
    """One call drops for 20 s; meanwhile another's money runs out, one is of counsel, and one is never answered."""
    phone, short, private = stage.baresip(tone=2400), stage.raw_phone(), stage.raw_phone()
    deaf = stage.raw_phone(ring=60)
    phones = {"pod-a-1": phone.address, "pod-a-2": short.address, "pod-a-3": deaf.address, "pod-a-4": private.address}
    gateway = stage.gateway(phones, plugins=BILLING, ring_timeout=10)
    people = Customers(gateway, kin=500, aunt=6, uncle=500, counsel=500)
    visit, browser = people.visit(), stage.own_browser()
    page = stage.page(visit, browser=browser)
    page.join()
    page.wait_for_state("talking")
    phone.wait_to_hear(BROWSER_TONE)
    assert people.held(visit) > 0
    scarce = people.visit("aunt", station="pod-a-2")
    aunt = talk(stage, scarce, short)
    _counsel_talks_for_nothing(stage, people, private)

    gateway.wait_until(lambda: counted(gateway, visit) or None, "media counted before the drop")
    browser.freeze()
    gone = time.time()
    _nobody_answers_and_the_hold_is_gone(stage, people)
    time.sleep(max(0.0, gone + 20 - time.time()))
    browser.thaw()
    away = time.time() - gone
    gateway.event(visit, "browser_back", timeout=20)
    _money_runs_out_after_a_warning(people, scarce, aunt, short)
    before = counted(gateway, visit)
    gateway.wait_until(lambda: counted(gateway, visit) > before or None, "media counted after the drop")
    page.hang_up()

    charged = gateway.event(visit, "charged")["data"]
    seconds = flowed(gateway, visit)
    assert (charged["seconds"], charged["charge"]) == (seconds, cents_for(seconds) * CENT)
    talked = when(gateway.event(visit, "end")) - when(gateway.event(visit, "announced"))
    assert 2 < seconds < talked - away + 2, "the drop was charged"
    assert people.balance() == 500 * CENT - charged["charge"]
    spent = gateway.event(scarce, "charged")["data"]["charge"]
    assert (people.posted("revenue"), people.held()) == (charged["charge"] + spent, 0)
    people.verify()


def _counsel_talks_for_nothing(stage: Stage, people: Customers, phone: RawPhone) -> None:
    gateway, visit = people.gateway, people.visit("counsel", station="pod-a-4")
    visitor = talk(stage, visit, phone)
    phone.wait_for_packets("audio", len(phone.audio.received) + 150)
    visitor.leave()
    assert gateway.end_reason(visit) == "VisitorLeft"
    assert flowed(gateway, visit) > 1
    assert gateway.call(visit)["class"] == "privileged"
    kinds = {event["kind"] for event in gateway.timeline(visit)}
    assert not kinds & {"hold_placed", "charged", "hold_released"}
    assert (people.balance("counsel"), people.held(visit), people.posted("revenue")) == (500 * CENT, 0, 0)


def _nobody_answers_and_the_hold_is_gone(stage: Stage, people: Customers) -> None:
    visit = people.visit("uncle", station="pod-a-3")
    visitor = stage.visitor(visit)
    visitor.join()
    visitor.wait_for_state("ringing")
    assert 9 * 18 * CENT < people.held(visit) <= 10 * 18 * CENT
    assert visitor.wait_for("ended", 60)[1]["reason"] == "NoAnswer"
    people.gateway.event(visit, "hold_released")
    assert (people.balance("uncle"), people.held(visit)) == (500 * CENT, 0)


def _money_runs_out_after_a_warning(
    people: Customers, visit: dict[str, Any], visitor: Visitor, phone: RawPhone
) -> None:
    warned, warning = visitor.wait_for("warn", 60)
    assert "money" in warning["text"]
    at, ended = visitor.wait_for("ended", 60)
    assert ended["reason"] == "BalanceUsed"
    phone.wait_for("BYE", 10.0)
    for received in (phone.audio.received, visitor.received["audio"]):
        spoken = [p for p in received if warned < p.at < at and not is_ours(p.payload)]
        assert len(spoken) > 50, "the warning was not spoken"
    charged = people.gateway.event(visit, "charged")["data"]
    assert charged["seconds"] == 23, "the next would complete the seventh cent"
    assert flowed(people.gateway, visit) >= 23
    assert (people.balance("aunt"), people.held(visit)) == (6 * CENT - charged["charge"], 0) == (0, 0)


@pytest.mark.invariant
def test_a_gateway_killed_in_mid_call_settles_it_when_it_is_back(stage: Stage) -> None:
    phone = stage.raw_phone()
    gateway = stage.gateway({"pod-a-1": phone.address}, own=True, plugins=BILLING)
    people = Customers(gateway, kin=500)
    visit = people.visit()
    talk(stage, visit, phone)
    assert people.held() > 0
    gateway.event(visit, "quality", timeout=60)
    gateway.kill()
    assert people.held() > 0
    gateway.start_again()
    assert gateway.end_reason(visit) == "GatewayRestarted"
    settled = gateway.event(visit, "charged")["data"]
    assert settled["seconds"] == counted(gateway, visit) // 1000 > 0
    assert settled["charge"] == cents_for(settled["seconds"]) * CENT
    assert (people.balance(), people.held()) == (500 * CENT - settled["charge"], 0)
    people.verify()
