"""A gateway whose calls cost something, and a visitor with money, for the tests of the till."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed

from parloir.calls.bookings import Wish
from parloir.calls.till import Till
from parloir.config.caps import Caps, LegalCap, Row, Status
from parloir.policy import values
from parloir.policy.answers import CallClass, Payer, PayerKind, RateStep, Tax
from parloir.policy.decision import Decision, Limit
from parloir.policy.notices import NOTICE
from parloir.policy.policies import Policies
from parloir.policy.price import CENT
from parloir.relay.bodies import Report
from parloir.store import ledger_balances, ledger_payments, residents, visitors
from parloir.store.ledger_balances import Balance
from parloir.store.ledger_payments import Occasion
from parloir.webrtc.signalling import Join
from tests.live_scene import BROWSER, PHONE, START, FakePage, Scene

DOLLAR = 100 * CENT
RATE = (RateStep(0, 120_000),)
STATE = Tax("state", 62_500)
SINCE = date(2026, 1, 1)


def cap(medium: str, per_minute: int) -> Row:
    return Row("jail", medium, SINCE, None, per_minute, 0, Status.IN_FORCE, "An order", SINCE, "")


CAPS = Caps((cap("audio", 90_000), cap("video", 200_000)))
PAID = Decision(
    CallClass.ORDINARY,
    "family",
    payer=Payer(PayerKind.VISITOR),
    rate=RATE,
    cap=LegalCap(200_000, "jail", "video"),
    limit=Limit(1200, "slot_end"),
    announcements=(NOTICE,),
)


class Tariffed(Policies):
    """Policies that have decided already."""

    def __init__(self, before: Policies, decision: Decision) -> None:
        self.__dict__.update(before.__dict__)
        self.decision = decision
        self.thinking: Deferred[None] = succeed(None)

    async def decide(self, call: values.Call) -> Decision:
        self.asked = call
        await self.thinking
        return self.decision


class Shop(Scene):
    """A gateway whose calls cost something, and a visitor with money."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.desk.till = Till(self.desk.timelines, lambda: CAPS, self.desk.live.__contains__)
        self.relay.clock = self.reactor.seconds
        number = token_hex(4)
        self.resident = self.in_store(lambda c: residents.add(c, facility="north", number=number, name="Resident").id)
        self.visitor = self.in_store(lambda c: visitors.add(c, facility="north", name="Visitor").id)
        self.account = f"visitor:{self.visitor}"

    def in_store(self, work: Any) -> Any:
        return self.do(self.database.run(work))

    def decides(self, **fields: Any) -> Tariffed:
        facility = self.desk.facilities.get("north")
        policies = Tariffed(facility.policies, replace(PAID, **fields))
        self.desk.facilities.replace({"north": replace(facility, policies=policies)})
        return policies

    def deposit(self, amount: int, account: str | None = None, event: str = "d1") -> None:
        occasion, whose = Occasion(facility="north", event=event, by="clerk", at=START), account or self.account
        self.in_store(lambda c: ledger_payments.deposit(c, occasion, account=whose, amount=amount, provider="kiosk"))

    def balance(self, account: str | None = None) -> Balance:
        found: Balance = self.in_store(lambda c: ledger_balances.of(c, "north", account or self.account))
        return found

    def ring(self, start: datetime = START) -> tuple[FakePage, Any]:
        wish = Wish("north", "pod-a-1", "Visitor", start, 20, resident=self.resident, visitors=(self.visitor,))
        page, presence = self.enter(self.do(self.desk.add_visit(wish)))
        presence.receive(Join(sdp=BROWSER))
        return page, presence

    def talk(self, answer: str = PHONE, *, start: datetime = START) -> tuple[FakePage, Any]:
        page, presence = self.ring(start)
        session = self.phones.session
        session.events.answered(session, answer)
        self.call.media.leg_up("browser")
        self.relay.finish()
        assert page.states[-1] == "talking"
        return page, presence

    def flowed(self, milliseconds: int) -> None:
        """What the relay counts of two-way media up to the end."""
        self.relay.report = Report(flowing=milliseconds, since_join=True)

    def told(self, *kinds: str) -> list[dict[str, Any]]:
        """What the newest call's timeline says of such events."""
        call = self.do(self.desk.list_calls())[0].call.id
        return [dict(each.data) for each in self.do(self.desk.timeline(call)) if each.kind in kinds]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    close(made)


def close(shop: Shop) -> None:
    for thread in shop.database._threads:
        thread.stop()
    shop.database._engine.dispose()
