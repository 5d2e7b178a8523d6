"""The till: a call's money is set aside before it is connected, and it is charged what its timeline comes to."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from io import StringIO
from pathlib import Path
from random import Random
from secrets import token_hex
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed

from parloir.calls.bookings import Wish
from parloir.calls.quote import Bill, Quote
from parloir.calls.till import Till
from parloir.calls.timeline import Clock, Timelines
from parloir.config.caps import Caps, LegalCap, Row, Status
from parloir.log import json_log
from parloir.policy import price, rates, values
from parloir.policy.answers import CallClass, Cap, CapKind, Ending, Payer, PayerKind, RateStep, Tax
from parloir.policy.decision import Decision, Limit
from parloir.policy.notices import NOTICE
from parloir.policy.participants import Resident
from parloir.policy.policies import Policies
from parloir.policy.price import CENT
from parloir.relay.bodies import Report
from parloir.sip.session import EndKind, SessionEnd
from parloir.store import calls, ledger, ledger_balances, ledger_holds, ledger_payments, residents, timeline, visitors
from parloir.store.ledger_balances import Balance
from parloir.store.ledger_payments import Occasion
from parloir.webrtc.signalling import Cost, Ended, Join, Leave, Warn
from tests.live_scene import BROWSER, PHONE, START, FakePage, Scene
from tests.test_price import reckon

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


@dataclass
class Times:
    """The two times of a gateway: the one on the wall may be set."""

    wall: datetime
    monotonic: int


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

    def ring(self) -> tuple[FakePage, Any]:
        wish = Wish("north", "pod-a-1", "Visitor", START, 20, resident=self.resident, visitors=(self.visitor,))
        page, presence = self.enter(self.do(self.desk.add_visit(wish)))
        presence.receive(Join(sdp=BROWSER))
        return page, presence

    def talk(self, answer: str = PHONE) -> tuple[FakePage, Any]:
        page, presence = self.ring()
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


def test_a_call_is_held_for_and_charged_for_the_seconds_media_flowed(shop: Shop) -> None:
    shop.deposit(10 * DOLLAR)
    shop.decides(taxes=(STATE,))
    _, presence = shop.talk()
    held = price.charge(RATE, 200_000, (STATE,), 1200).total
    assert shop.balance() == Balance(10 * DOLLAR - held, held)
    shop.reactor.advance(400)
    shop.flowed(375_900)
    presence.receive(Leave())
    [charged] = shop.told("charged")
    assert (charged["seconds"], charged["charge"], charged["taxes"]) == (375, 75 * CENT, {"state": 4 * CENT})
    assert (charged["held"], charged["released"]) == (held, held - 79 * CENT)
    assert shop.balance() == Balance(10 * DOLLAR - 79 * CENT, 0)
    assert shop.balance("revenue").available == 75 * CENT


def test_the_policies_see_payer_rate_and_hold_of_a_past_call(shop: Shop) -> None:
    shop.deposit(10 * DOLLAR)
    shop.decides()
    _, presence = shop.talk()
    presence.receive(Leave())
    [decided] = shop.told("decided")
    assert decided["payer"] == {"kind": "visitor", "account": None}
    assert decided["rate"] == [{"from_second": 0, "per_minute": 120_000}]
    assert decided["hold"] == 240 * CENT


def test_a_call_that_nobody_answers_costs_nothing_and_its_hold_is_gone(shop: Shop) -> None:
    shop.deposit(DOLLAR)
    shop.decides()
    page, _ = shop.ring()
    assert shop.balance() == Balance(0, DOLLAR)
    session = shop.phones.session
    session.over = True
    session.events.ended(session, SessionEnd(EndKind.NO_ANSWER, 408))
    assert page.last(Ended).reason == "NoAnswer"
    assert shop.balance() == Balance(DOLLAR, 0)
    assert [each["ending"] for each in shop.told("hold_released")] == ["no_answer"]
    assert shop.told("charged") == []


def test_a_visitor_who_leaves_while_policies_decide_has_nothing_set_aside(shop: Shop) -> None:
    shop.deposit(DOLLAR)
    policies = shop.decides()
    policies.thinking = Deferred()
    page, presence = shop.ring()
    presence.receive(Leave())
    policies.thinking.callback(None)
    assert page.last(Ended).reason == "VisitorLeft"
    assert shop.balance() == Balance(DOLLAR, 0)
    assert shop.told("hold_placed") == []


@pytest.mark.parametrize(
    "decision",
    [
        {"call_class": CallClass.PRIVILEGED, "rate": rates.FREE},
        {"rate": rates.FREE},
        {"rate": None},
        {"payer": Payer(PayerKind.NOBODY), "rate": rates.FREE},
    ],
)
def test_a_free_call_holds_and_costs_nothing(shop: Shop, decision: dict[str, Any]) -> None:
    shop.decides(**decision)
    _, presence = shop.talk()
    shop.flowed(600_000)
    presence.receive(Leave())
    assert shop.told("hold_placed", "charged", "hold_released") == []
    assert shop.in_store(lambda c: ledger.list(c, "north")) == []


def test_too_little_money_denies_the_call_and_the_visitor_reads_it(shop: Shop) -> None:
    shop.deposit(CENT - 1)
    shop.decides()
    page, _ = shop.ring()
    assert page.last(Ended).reason == "Denied"
    assert "not enough money" in page.last(Ended).text
    assert shop.told("end")[0]["code"] == "balance_too_low"
    assert shop.balance() == Balance(CENT - 1, 0)
    assert not shop.phones.offers


def test_minutes_that_are_free_need_no_money(shop: Shop) -> None:
    shop.decides(rate=(RateStep(0, 0), RateStep(300, 120_000)))
    page, _ = shop.talk()
    assert shop.told("hold_placed") == []
    shop.reactor.advance(301)
    assert page.last(Ended).reason == "BalanceUsed"


def test_a_balance_that_runs_out_ends_the_call_after_two_warnings(shop: Shop) -> None:
    shop.deposit(20 * CENT)
    shop.decides()
    page, _ = shop.talk()
    seconds = price.affordable(RATE, 200_000, (), 20 * CENT)
    assert seconds == 104
    said: list[tuple[float, str]] = []
    for second in range(1, seconds + 1):
        before = len(page.heard)
        shop.reactor.advance(1)
        said += [(second, each.text) for each in page.heard[before:] if isinstance(each, Warn)]
    assert [at for at, _ in said] == [seconds - 60, seconds - 10]
    assert "money" in said[0][1]
    assert shop.relay.prompts[-1][0] == "en/balance-low"
    assert page.last(Ended).reason == "BalanceUsed"
    assert not page.last(Ended).again


def test_money_that_lasts_longer_than_the_visit_warns_of_nothing_but_its_end(shop: Shop) -> None:
    shop.deposit(10 * DOLLAR)
    shop.decides()
    page, _ = shop.talk()
    shop.reactor.advance(1200)
    warnings = [each.text for each in page.heard if isinstance(each, Warn)]
    assert warnings == ["One minute is left.", "10 seconds are left."]
    assert page.last(Ended).reason == "LimitReached"


def test_a_limit_asked_for_again_does_not_outlast_the_money() -> None:
    held = Limit(900, "default", (Cap(900, CapKind.POLICY, "default"),)).within(Cap(104, CapKind.HARD, "balance"))
    assert (held.seconds, held.code) == (104, "balance")
    assert Limit().within(Cap(104, CapKind.HARD, "balance")).seconds == 104


def test_the_facility_pays_without_a_hold_and_may_owe(shop: Shop) -> None:
    shop.decides(payer=Payer(PayerKind.FACILITY))
    _, presence = shop.talk()
    shop.flowed(60_000)
    presence.receive(Leave())
    assert shop.balance("facility") == Balance(-12 * CENT, 0)


def test_a_residents_own_account_pays_where_it_is_named(shop: Shop) -> None:
    account = f"resident:{shop.resident}"
    shop.deposit(DOLLAR, account)
    shop.decides(payer=Payer(PayerKind.RESIDENT, account))
    _, presence = shop.talk()
    shop.flowed(60_000)
    presence.receive(Leave())
    assert shop.balance(account) == Balance(88 * CENT, 0)


@pytest.mark.parametrize(
    ("payer", "code"),
    [
        (None, "no_payer"),
        (Payer(PayerKind.VISITOR, "visitor:someone-else"), "wrong_payer"),
        (Payer(PayerKind.RESIDENT, "revenue"), "wrong_payer"),
        (Payer(PayerKind.FACILITY, "tax:state"), "wrong_payer"),
    ],
)
def test_nobody_pays_who_takes_no_part(shop: Shop, payer: Payer | None, code: str) -> None:
    shop.deposit(DOLLAR, "visitor:someone-else")
    shop.decides(payer=payer)
    page, _ = shop.ring()
    assert page.last(Ended).reason == "Denied"
    assert shop.told("end")[0]["code"] == code


def test_a_call_that_ends_in_a_waived_way_costs_nothing(shop: Shop) -> None:
    shop.deposit(10 * DOLLAR)
    shop.decides(waived=(Ending.CANCELLED,))
    shop.talk()
    shop.flowed(120_000)
    shop.do(shop.desk.cancel_visit(shop.call.visit.id, "storm"))
    [released] = shop.told("hold_released")
    assert (released["seconds"], released["ending"], released["waived"]) == (120, "cancelled", True)
    assert shop.balance() == Balance(10 * DOLLAR, 0)


def test_a_call_agreed_without_a_picture_has_the_cap_of_sound(shop: Shop) -> None:
    shop.deposit(10 * DOLLAR)
    shop.decides()
    _, presence = shop.talk(PHONE.partition("m=video")[0])
    shop.flowed(600_000)
    presence.receive(Leave())
    [charged] = shop.told("charged")
    assert (charged["medium"], charged["cap"], charged["charge"]) == ("audio", 90_000, 90 * CENT)


@pytest.mark.parametrize(("offer", "media"), [(BROWSER, 2), (BROWSER.partition("m=video")[0], 1)])
def test_policies_price_a_browser_without_a_picture_as_sound(shop: Shop, offer: str, media: int) -> None:
    policies = shop.decides(rate=rates.FREE)
    _, presence = shop.enter(shop.visit())
    presence.receive(Join(sdp=offer.replace("BUNDLE 0 1", "BUNDLE 0") if media == 1 else offer))
    assert policies.asked.media == (values.Medium.AUDIO, values.Medium.VIDEO)[:media]


def test_a_crash_in_mid_call_is_settled_at_the_next_start(shop: Shop, tmp_path: Path) -> None:
    shop.deposit(10 * DOLLAR)
    shop.decides()
    shop.talk()
    shop.call.media.quality(Report(flowing=30_500, since_join=True))
    again = Shop(tmp_path)
    try:
        again.do(again.desk.start())
        [charged] = again.told("charged")
        assert (charged["seconds"], charged["ending"]) == (30, "facility_fault")
        assert again.balance(shop.account) == Balance(10 * DOLLAR - 6 * CENT, 0)
        again.do(again.desk.start())
        assert again.balance(shop.account) == Balance(10 * DOLLAR - 6 * CENT, 0)
    finally:
        close(again)


def test_a_settlement_that_fails_is_made_up_for_by_the_sweep_and_the_open_page_told(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.deposit(10 * DOLLAR)
    shop.decides()
    page, presence = shop.talk()
    shop.flowed(60_000)
    with monkeypatch.context() as broken:

        def fail(*_: Any, **__: Any) -> None:
            raise OSError("the disk is full")

        broken.setattr(ledger_holds, "settle_all", fail)
        presence.receive(Leave())
    assert "till.failed" in shop.lines
    assert shop.balance().held
    assert page.last(Cost).settling
    told = len(page.heard)
    shop.do(shop.desk.receipts.catch_up())
    assert len(page.heard) == told, "nothing is new"
    shop.do(shop.desk._sweep())
    assert shop.balance() == Balance(10 * DOLLAR - 12 * CENT, 0)
    assert (page.last(Cost).settling, page.last(Cost).calls[0].total) == (False, 12 * CENT)
    told = len(page.heard)
    shop.do(shop.desk.receipts.catch_up())
    assert len(page.heard) == told, "it was told once"


def test_the_sweep_leaves_live_calls_alone(shop: Shop) -> None:
    shop.deposit(10 * DOLLAR)
    shop.decides()
    shop.talk()
    shop.do(shop.desk.till.sweep())
    assert shop.balance().held == 240 * CENT


def test_a_hold_whose_call_was_lost_is_freed_when_its_time_is_over(shop: Shop) -> None:
    shop.deposit(10 * DOLLAR)
    shop.decides()
    shop.talk()
    shop.call.timers.stop_all()
    shop.desk.live.clear()
    shop.do(shop.desk.till.sweep())
    assert shop.balance().held
    shop.reactor.advance(1200 + 3600)
    shop.do(shop.desk.till.sweep())
    assert shop.balance() == Balance(10 * DOLLAR, 0)


def test_the_gateway_does_not_leave_before_its_last_call_is_settled(shop: Shop) -> None:
    shop.deposit(10 * DOLLAR)
    shop.decides()
    shop.talk()
    shop.flowed(60_000)
    left: list[int] = []
    shop.desk.on_idle = lambda: left.append(shop.balance().held)
    shop.desk.end_all()
    assert left
    assert left[0] == 0


def test_terms_and_bills_are_kept_as_they_were() -> None:
    quote = Quote(RATE, None, (STATE,), (Ending.DROPPED, Ending.LOCKDOWN), 900, None, "America/Chicago")
    bill = quote.bill(CAPS, seconds=61, answered=START, video=False, ending=Ending.HUNG_UP)
    assert Quote.of({**quote.facts(), "payer": "facility", "amount": 0}) == quote
    assert Bill.of({**bill.facts(), "total": 0}) == bill
    assert quote.charge(bill).amount <= quote.most.amount


def test_five_hundred_calls_through_the_store_are_settled_without_one_wrong_cent(tmp_path: Path) -> None:
    """Holds, interruptions, rejoins, crashes, clock steps, too little money: what was paid is what fractions say."""
    random = Random(56013)
    shop = Shop(tmp_path)
    wrong = sum(_settled_wrong(shop, f"c{number}", random) for number in range(500))
    held = shop.in_store(lambda c: ledger_holds.list(c))
    moved = shop.in_store(lambda c: sum(sum(entry.moves.values()) for entry in ledger.walk(c)))
    assert (wrong, held, moved) == (0, [], 0)
    close(shop)


def _settled_wrong(shop: Shop, id: str, random: Random) -> int:
    """One call at random, from its decision to its settlement; by how many cents what was paid is wrong."""
    start = START + timedelta(days=random.randrange(300), seconds=random.randrange(86_400))
    clock = Times(start, random.randrange(10**15))
    timelines = Timelines(shop.database, Clock(lambda: clock.wall, lambda: clock.monotonic), json_log(StringIO()))
    live = {id}
    till = Till(timelines, lambda: CAPS, live.__contains__)
    account = f"resident:r{id}"
    if balance := random.choice((0, 1, random.randrange(CENT), random.randrange(5 * DOLLAR), 100 * DOLLAR)):
        shop.deposit(balance, account, f"deposit {id}")
    steps = tuple(
        RateStep(second, random.randrange(90_000)) for second in (0, *sorted(random.sample(range(1, 2_000), 2)))
    )
    taxes = tuple(Tax(f"tax_{number}", random.randrange(200_000)) for number in range(random.randrange(3)))
    waived = tuple(random.sample(list(Ending), random.randrange(3)))
    limit = random.choice((None, random.randrange(1, 3_600)))
    decision = replace(
        PAID, payer=Payer(PayerKind.RESIDENT), rate=steps, taxes=taxes, waived=waived, limit=Limit(limit)
    )
    call = values.Call(
        id=id,
        facility="north",
        timezone="America/Chicago",
        tier="jail",
        way_in=values.WayIn.SCHEDULED,
        station="pod-a-1",
        resident=Resident(id=f"r{id}", name="Resident"),
        at=start,
        opened=start,
    )
    timelines.opened(calls.Call(id, None, "north", "pod-a-1", calls.WayIn.SCHEDULED, calls.CallClass.ORDINARY, start))
    decided = shop.do(till.reserve(call, decision))
    if decided.denial:
        assert price.affordable(steps, 200_000, taxes, balance, limit or 86_400) < (limit or 86_400)
        shop.do(timelines.finished(id, "Denied"))
        return 0
    seconds, reason = _talk(timelines, clock, id, decided.limit.seconds, random)
    crashed = reason == "GatewayRestarted"
    shop.do(timelines.finished(id, reason))
    live.clear()
    for _ in range(random.randrange(1, 4)):
        shop.do(till.sweep() if crashed or random.random() < 0.3 else till.settle(id))
    shop.do(till.settle(id))
    paid: int = balance - shop.in_store(lambda c: ledger_balances.of(c, "north", account)).available
    video = all(
        each.data["video"] for each in shop.in_store(lambda c: timeline.of(c, id)) if each.kind == "media_agreed"
    )
    ending = {"PhoneHungUp": Ending.HUNG_UP, "MediaLost": Ending.DROPPED, "NoAnswer": Ending.NO_ANSWER}
    due = reckon(steps, 200_000 if video else 90_000, taxes, seconds)
    right = 0 if ending.get(reason, Ending.FACILITY_FAULT) in waived else due[0] + sum(due[1])
    return abs(paid - right) // CENT + (1 if (paid - right) % CENT else 0)


def _talk(timelines: Timelines, clock: Times, id: str, most: int, random: Random) -> tuple[int, str]:
    """A call's events: its seconds of two-way media, at most `most`, and why it ended."""

    def passes(seconds: float) -> None:
        step = random.choice((0.0, 0.0, 0.0, random.uniform(-7_200, 7_200)))  # somebody sets the clock
        clock.wall += timedelta(seconds=seconds + step)
        clock.monotonic += int(seconds * 1e9)

    if random.random() < 0.1:
        return 0, "NoAnswer"
    timelines.event(id, "phone_answered", state="joining")
    timelines.event(id, "media_agreed", video=random.random() < 0.7)
    timelines.event(id, "announced", state="active")
    flowing = reported = 0
    while flowing // 1000 < most and random.random() < 0.9:
        flowing = min(most * 1000 + 999, flowing + random.randrange(400_000))
        passes(random.uniform(1, 400))
        kind = random.choice(("quality", "quality", "browser_lost", "held", "page_joined_again"))
        match kind:
            case "quality":
                reported = flowing
                timelines.event(id, "quality", flowing=flowing)
            case "browser_lost":
                timelines.event(id, "browser_lost", state="active")
                passes(20)
                timelines.event(id, "browser_back", state="active")
            case "held":
                timelines.event(id, "held", state="active", by="phone")
                passes(random.uniform(0, 90))
                timelines.event(id, "resumed", state="active", by="phone")
            case _:
                timelines.event(id, "page_joined_again")
                timelines.event(id, "media_agreed", video=random.random() < 0.7)
    if random.random() < 0.2:
        timelines.event(id, "gateway_restarted")
        return reported // 1000, "GatewayRestarted"
    timelines.event(id, "report", flowing=flowing)
    return flowing // 1000, random.choice(("PhoneHungUp", "MediaLost"))
