"""What a visit's page is told of money: before its call what that may cost, and after it what it did cost."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from parloir.calls.bookings import Wish
from parloir.policy import rates, values
from parloir.policy.answers import CallClass, DenialKind, Payer, PayerKind, RateStep
from parloir.policy.collections import REFUND_REQUESTS, VISIT, Reply, Route
from parloir.policy.decision import CORE, Decision, Denial, Limit
from parloir.policy.policies import Additions, Policies
from parloir.policy.price import CENT
from parloir.store import ledger_payments
from parloir.store.errors import VisitOver
from parloir.store.ledger_payments import Occasion
from parloir.webrtc.signalling import Cost, Ended, Join, Leave, Price, PriceStep, TaxPaid, TaxRate
from tests.live_scene import BROWSER, PHONE, START, FakePage
from tests.shop import DOLLAR, PAID, RATE, STATE, Shop, close

SOUND = BROWSER.partition("m=video")[0]


class Priced(Policies):
    """Policies that have priced every call already."""

    rates_calls = True

    def __init__(self, before: Policies, decision: Decision) -> None:
        self.__dict__.update(before.__dict__)
        self.decision = decision
        self.asked: list[values.Call] = []
        self.thinking: Deferred[None] | None = None

    async def decide(self, call: values.Call) -> Decision:
        return self.decision

    async def price(self, call: values.Call) -> Decision:
        self.asked.append(call)
        if self.thinking is not None:
            await self.thinking
        return self.decision


class Counter(Shop):
    """A gateway whose calls cost something, and a visitor who looks at the price."""

    def prices(self, **fields: Any) -> Priced:
        facility = self.desk.facilities.get("north")
        policies = Priced(facility.policies, replace(PAID, **fields))
        self.desk.facilities.replace({"north": replace(facility, policies=policies)})
        return policies

    def book(self, *, after: int = 0, rings: bool = True, known: bool = True) -> Any:
        wish = Wish("north", "pod-a-1", "Visitor", START + timedelta(seconds=after), 20, rings)
        if known:
            wish = replace(wish, resident=self.resident, visitors=(self.visitor,))
        return self.do(self.desk.add_visit(wish))

    def look(self, **booked: Any) -> FakePage:
        return self.enter(self.book(**booked))[0]


def told(page: FakePage, kind: type) -> list[Any]:
    return [message for message in page.heard if isinstance(message, kind)]


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    made = Counter(tmp_path)
    yield made
    close(made)


def test_before_joining_the_page_knows_price_and_payer_and_what_the_visit_may_cost(counter: Counter) -> None:
    counter.deposit(10 * DOLLAR)
    steps = (RateStep(0, 120_000), RateStep(600, 60_000))
    counter.prices(rate=steps, taxes=(STATE,))
    page = counter.look()
    [price] = told(page, Price)
    assert price == Price(
        state="expected",
        payer="visitor",
        steps=(PriceStep(from_second=0, per_minute=120_000), PriceStep(from_second=600, per_minute=60_000)),
        taxes=(TaxRate(code="state", ppm=62_500),),
        most=180 * CENT + 11 * CENT,
        seconds=1200,
    )
    assert counter.balance().held == 0


def test_the_time_that_the_money_lasts_is_told_where_it_ends_the_call(counter: Counter) -> None:
    counter.deposit(6 * CENT)
    counter.prices()
    [price] = told(counter.look(), Price)
    assert (price.most, price.seconds, price.sooner) == (6 * CENT, 34, True)
    assert counter.balance().available == 6 * CENT


def test_without_money_the_page_says_so_before_anything_is_tried(counter: Counter) -> None:
    counter.prices()
    [price] = told(counter.look(), Price)
    assert price == Price(state="refused")


def test_a_privileged_call_is_told_to_be_free_and_private(counter: Counter) -> None:
    counter.prices(call_class=CallClass.PRIVILEGED, rate=rates.FREE, payer=None)
    [price] = told(counter.look(), Price)
    assert (price.steps, price.most, price.private, price.payer) == ((), 0, True, "nobody")


def test_what_the_facility_pays_needs_no_balance(counter: Counter) -> None:
    counter.prices(payer=Payer(PayerKind.FACILITY))
    [price] = told(counter.look(), Price)
    assert (price.payer, price.most, price.sooner) == ("facility", 240 * CENT, False)


def test_nothing_is_said_of_money_where_no_plugin_rates_calls(counter: Counter) -> None:
    counter.prices(rate=None)
    assert told(counter.look(), Price) == []


def test_nobody_is_promised_a_price_where_no_plugin_rates_calls(counter: Counter) -> None:
    policies = counter.prices(denials=(Denial(CORE, DenialKind.FACILITY, "policy_failed"),), rate=None)
    policies.rates_calls = False
    assert told(counter.look(), Price) == []


@pytest.mark.parametrize("kind", [DenialKind.FACILITY, DenialKind.ORDER])
def test_what_keeps_the_price_from_being_known_is_not_told(counter: Counter, kind: DenialKind) -> None:
    counter.prices(denials=(Denial(CORE, kind, "policy_failed"),), rate=None)
    assert told(counter.look(), Price) == [Price(state="unknown")]


def test_a_plugin_that_was_late_is_asked_again(counter: Counter) -> None:
    policies = counter.prices(denials=(Denial(CORE, DenialKind.FACILITY, "policy_failed"),), rate=None)
    page = counter.look()
    policies.decision = replace(PAID, rate=rates.FREE)
    counter.reactor.advance(2)
    assert [each.state for each in told(page, Price)] == ["unknown", "expected"]
    assert len(policies.asked) == 2


def test_a_price_that_never_comes_is_asked_for_no_more_in_the_end(counter: Counter) -> None:
    policies = counter.prices(denials=(Denial(CORE, DenialKind.FACILITY, "policy_failed"),), rate=None)
    counter.look()
    for _ in range(10):
        counter.reactor.advance(2)
    assert len(policies.asked) == 3


def test_the_policies_are_asked_about_the_call_as_it_will_be(counter: Counter) -> None:
    policies = counter.prices(rate=rates.FREE)
    counter.look(after=3600, rings=False)
    [call] = policies.asked
    assert (call.at, call.state, call.way_in) == (START + timedelta(hours=1), "expected", values.WayIn.INSIDE)
    assert call.media == (values.Medium.AUDIO, values.Medium.VIDEO)
    assert [each.id for each in call.visitors] == [counter.visitor]


def test_a_browser_without_a_picture_is_told_the_price_of_sound(counter: Counter) -> None:
    policies = counter.prices(rate=rates.FREE)
    _, presence = counter.enter(counter.book(after=3600))
    presence.receive(Join(sdp=SOUND))
    assert [len(call.media) for call in policies.asked] == [2, 1]


def test_the_price_of_a_picture_is_not_told_to_one_who_joins_by_sound(counter: Counter) -> None:
    policies = counter.prices(rate=rates.FREE)
    first = policies.thinking = Deferred()
    page, presence = counter.enter(counter.book(after=3600))
    policies.thinking = None
    presence.receive(Join(sdp=SOUND))
    assert len(told(page, Price)) == 1
    first.callback(None)
    assert len(told(page, Price)) == 1


def test_a_page_that_comes_back_is_told_again_without_asking_for_a_while(counter: Counter) -> None:
    policies, visit = counter.prices(rate=rates.FREE), counter.book()
    for wait, asked in ((0, 1), (2, 1), (5, 2)):
        counter.reactor.advance(wait)
        page, presence = counter.enter(visit)
        assert (len(told(page, Price)), len(policies.asked)) == (1, asked)
        presence.left()


def test_policies_that_take_their_time_hold_up_nobody(counter: Counter) -> None:
    policies, visit = counter.prices(rate=rates.FREE), counter.book()
    policies.thinking = Deferred()
    page, presence = counter.enter(visit)
    presence.left()
    page, _ = counter.enter(visit)
    assert len(policies.asked) == 1
    counter.reactor.advance(3)
    assert told(page, Price) == [Price(state="unknown")]
    policies.thinking.callback(None)
    assert [each.state for each in told(page, Price)] == ["unknown", "expected"]


def test_a_fault_shows_no_price(counter: Counter) -> None:
    policies = counter.prices()
    policies.thinking = Deferred()
    page = counter.look()
    policies.thinking.errback(RuntimeError("broken"))
    assert told(page, Price) == [Price(state="unknown")]
    assert "estimate.failed" in counter.lines


def test_the_agreed_price_comes_before_the_phone_rings_and_again_to_a_page_that_comes_back(counter: Counter) -> None:
    counter.deposit(10 * DOLLAR)
    counter.prices()
    visit = counter.book()
    page, presence = counter.enter(visit)
    presence.receive(Join(sdp=BROWSER))
    agreed = told(page, Price)[-1]
    assert (agreed.state, agreed.most) == ("agreed", counter.balance().held)
    presence.left()
    page, _ = counter.enter(visit)
    assert told(page, Price) == [agreed]


@pytest.mark.parametrize("cents", [1, 6, 50, 239, 240, 255, 1000])
def test_what_is_expected_is_what_is_agreed_if_nothing_changes(counter: Counter, cents: int) -> None:
    counter.deposit(cents * CENT)
    counter.prices(taxes=(STATE,), rate=(RateStep(0, 120_000), RateStep(601, 77_777)))
    page, presence = counter.enter(counter.book())
    presence.receive(Join(sdp=BROWSER))
    expected, *_, agreed = told(page, Price)
    assert agreed == expected.model_copy(update={"state": "agreed"})
    assert counter.balance().held == agreed.most <= cents * CENT


def test_an_estimate_that_comes_after_the_call_began_is_not_told(counter: Counter) -> None:
    policies, visit = counter.prices(rate=rates.FREE), counter.book()
    policies.thinking = Deferred()
    page, presence = counter.enter(visit)
    presence.receive(Join(sdp=BROWSER))
    policies.thinking.callback(None)
    assert [each.state for each in told(page, Price)] == ["agreed"]


def end(counter: Counter, page: FakePage, presence: Any) -> Cost:
    presence.receive(Leave())
    session = counter.phones.session
    session.end()
    cost: Cost = told(page, Cost)[-1]
    return cost


def test_after_the_call_the_page_is_told_what_the_ledger_charged(counter: Counter) -> None:
    counter.deposit(10 * DOLLAR)
    counter.prices(taxes=(STATE,))
    counter.flowed(90_500)
    page, presence = counter.talk()
    cost = end(counter, page, presence)
    [call] = cost.calls
    assert (call.seconds, call.charge, call.total) == (90, 18 * CENT, 19 * CENT)
    assert call.taxes == (TaxPaid(code="state", amount=CENT),)
    assert counter.balance().available == 10 * DOLLAR - call.total
    assert (cost.settling, cost.refunds) == (False, "")
    kinds = [type(each) for each in page.heard]
    assert kinds.index(Ended) < kinds.index(Cost)


def test_a_free_call_is_told_to_have_cost_nothing(counter: Counter) -> None:
    counter.prices(rate=rates.FREE, payer=None)
    counter.flowed(30_000)
    page, presence = counter.talk()
    [call] = end(counter, page, presence).calls
    assert (call.seconds, call.total) == (30, 0)


def test_a_call_that_nobody_answered_is_told_to_have_cost_nothing(counter: Counter) -> None:
    counter.deposit(10 * DOLLAR)
    counter.prices()
    page, presence = counter.ring()
    [call] = end(counter, page, presence).calls
    assert (call.seconds, call.total) == (0, 0)


def test_of_a_denied_call_no_cost_is_told(counter: Counter) -> None:
    counter.prices()
    page, _ = counter.ring()
    assert page.last(Ended).reason == "Denied"
    assert told(page, Cost) == []


def test_whoever_opens_the_link_later_is_told_too_and_what_was_given_back(counter: Counter) -> None:
    counter.deposit(10 * DOLLAR)
    counter.prices()
    counter.flowed(60_000)
    visit = counter.book()
    page, presence = counter.enter(visit)
    presence.receive(Join(sdp=BROWSER))
    _talk(counter)
    cost = end(counter, page, presence)
    presence.left()
    page, presence = counter.enter(visit)
    assert told(page, Cost) == [cost]
    presence.left()
    _refund(counter, cost.calls[0].call)
    counter.reactor.advance(1300)
    late = FakePage()
    with pytest.raises(VisitOver):
        counter.do(counter.desk.enter(visit.token, late))
    [again] = told(late, Cost)
    assert again.calls[0].refunded == 2 * CENT


def _refund(counter: Counter, call: str) -> None:
    occasion = Occasion(facility="north", event="r1", by="clerk", at=START, reason="echo")
    counter.in_store(lambda c: ledger_payments.refund(c, occasion, call=call, amount=2 * CENT))


@pytest.mark.parametrize(
    ("route", "known", "address"),
    [
        (("POST", REFUND_REQUESTS, (VISIT,)), True, "plugins/north/money/refund-requests"),
        (("POST", f"/{REFUND_REQUESTS}", ("visitor", VISIT)), True, "plugins/north/money/refund-requests"),
        (("POST", REFUND_REQUESTS, (VISIT,)), False, ""),
        (("POST", REFUND_REQUESTS, ("visitor",)), True, ""),
        (("GET", REFUND_REQUESTS, (VISIT,)), True, ""),
    ],
)
def test_a_refund_is_offered_where_a_plugin_takes_requests_for_people_on_record(
    counter: Counter, route: tuple[str, str, tuple[str, ...]], known: bool, address: str
) -> None:
    payer = Payer(PayerKind.FACILITY)
    policies = counter.prices(payer=payer)
    policies.additions = (Additions("money", routes=(Route(*route, lambda request: Reply({})),)),)
    counter.flowed(60_000)
    page, presence = counter.enter(counter.book(known=known))
    presence.receive(Join(sdp=BROWSER))
    _talk(counter)
    assert end(counter, page, presence).refunds == address


def _talk(counter: Counter) -> None:
    session = counter.phones.session
    session.events.answered(session, PHONE)
    counter.call.media.leg_up("browser")
    counter.relay.finish()


def test_a_call_that_is_not_settled_yet_is_said_to_be_reckoned(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter.deposit(10 * DOLLAR)
    counter.prices()
    page, presence = counter.talk()

    async def fails(call: str) -> None:
        return None

    monkeypatch.setattr(counter.desk.till, "settle", fails)
    cost = end(counter, page, presence)
    assert (cost.calls, cost.settling) == ((), True)


def test_a_limit_without_end_has_its_cost_for_the_longest_call(counter: Counter) -> None:
    counter.prices(payer=Payer(PayerKind.FACILITY), limit=Limit(), rate=RATE)
    [price] = told(counter.look(), Price)
    assert (price.seconds, price.most) == (None, 1440 * 12 * CENT)
