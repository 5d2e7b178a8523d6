"""The till: a call's money is set aside before it is connected, and it is charged what its timeline comes to."""

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from parloir.calls.desk import SWEEP
from parloir.calls.quote import Bill, Quote
from parloir.policy import price, rates, values
from parloir.policy.answers import CallClass, Cap, CapKind, DenialKind, Ending, Payer, PayerKind, RateStep, Tax
from parloir.policy.decision import Denial, Limit
from parloir.policy.price import CENT
from parloir.relay.bodies import Report
from parloir.sip.session import EndKind, SessionEnd
from parloir.store import ledger, ledger_holds
from parloir.store.ledger_balances import Balance
from parloir.webrtc.signalling import Cost, Ended, Join, Leave, Warn
from tests.live_scene import BROWSER, PHONE, START
from tests.shop import CAPS, DOLLAR, RATE, STATE, Shop, close, shop

__all__ = ["shop"]


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
    assert [(each["ending"], each["medium"]) for each in shop.told("hold_released")] == [("no_answer", "audio")]
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


def test_nothing_is_set_aside_for_a_call_that_was_denied(shop: Shop) -> None:
    shop.deposit(DOLLAR)
    shop.decides(denials=(Denial("curfew", DenialKind.SCHEDULE, "too_late"),))
    page, _ = shop.ring()
    assert page.last(Ended).reason == "Denied"
    assert shop.told("hold_placed") == []
    assert shop.balance() == Balance(DOLLAR, 0)


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


def test_seconds_beyond_those_that_were_paid_for_cost_nothing(shop: Shop) -> None:
    shop.deposit(20 * CENT)
    shop.decides()
    _, presence = shop.talk()
    shop.flowed(119_000)
    presence.receive(Leave())
    [charged] = shop.told("charged")
    assert (charged["seconds"], charged["total"]) == (104, 20 * CENT)
    assert shop.balance() == Balance(0, 0)


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


@pytest.mark.parametrize(("waived", "cents"), [((), 6), ((Ending.FACILITY_FAULT,), 0)])
def test_a_crash_in_mid_call_is_settled_at_the_next_start(
    shop: Shop, tmp_path: Path, waived: tuple[Ending, ...], cents: int
) -> None:
    shop.deposit(10 * DOLLAR)
    shop.decides(waived=waived)
    shop.talk()
    shop.call.media.quality(Report(flowing=30_500, since_join=True))
    again = Shop(tmp_path)
    try:
        again.do(again.desk.start())
        [settled] = again.told("charged" if cents else "hold_released")
        assert (settled["seconds"], settled["ending"]) == (30, "facility_fault")
        assert again.balance(shop.account) == Balance(10 * DOLLAR - cents * CENT, 0)
        again.do(again.desk.start())
        assert again.balance(shop.account) == Balance(10 * DOLLAR - cents * CENT, 0)
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


def test_holds_are_freed_at_the_start_and_later_though_other_work_beside_calls_fails(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        raise OSError("the disk is full")

    shop.deposit(10 * DOLLAR)
    shop.decides()
    shop.talk()
    again = Shop(tmp_path)
    try:
        monkeypatch.setattr(again.desk.bookings, "close_overdue", fail)
        again.do(again.desk.start())
        assert again.balance(shop.account) == Balance(10 * DOLLAR, 0)
        assert "store.failed" in again.lines
        before = again.lines.count("store.failed")
        again.reactor.advance(SWEEP)
        assert again.lines.count("store.failed") == before + 1, "it goes on"
    finally:
        close(again)


def test_the_sweep_leaves_live_calls_alone(shop: Shop) -> None:
    shop.deposit(10 * DOLLAR)
    shop.decides()
    shop.talk()
    shop.do(shop.desk.till.sweep())
    assert shop.balance().held == 240 * CENT
    shop.call.timers.stop_all()
    shop.reactor.advance(1200 + 3600)
    shop.do(shop.desk.till.sweep())
    assert shop.balance().held == 240 * CENT, "its hold's time is over, but the call goes on"


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
    assert [each["ending"] for each in shop.told("hold_released")] == ["facility_fault"]


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


def test_nothing_is_charged_before_the_end_is_stored_and_the_gateway_waits_for_both(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.deposit(10 * DOLLAR)
    shop.decides()
    shop.talk()
    shop.flowed(60_000)
    stored: Deferred[None] = Deferred()
    finished = shop.desk.timelines.finished

    def slowly(call: str, reason: str) -> Deferred[None]:
        return stored.addCallback(lambda _: finished(call, reason))

    monkeypatch.setattr(shop.desk.timelines, "finished", slowly)
    left: list[int] = []
    shop.desk.on_idle = lambda: left.append(shop.balance().held)
    shop.desk.end_all()
    assert not shop.desk.live
    assert (left, shop.told("charged", "hold_released")) == ([], [])
    stored.callback(None)
    assert left
    assert left[0] == 0
    assert [each["ending"] for each in shop.told("charged")] == ["facility_fault"]


def test_terms_and_bills_are_kept_as_they_were() -> None:
    quote = Quote(RATE, None, (STATE,), (Ending.DROPPED, Ending.LOCKDOWN), 900, None, "America/Chicago")
    bill = quote.bill(CAPS, seconds=61, answered=START, video=False, ending=Ending.HUNG_UP)
    assert Quote.of({**quote.facts(), "payer": "facility", "amount": 0}) == quote
    assert Bill.of({**bill.facts(), "total": 0}) == bill
    assert quote.charge(bill).amount <= quote.most.amount


def test_what_a_balance_pays_includes_the_taxes() -> None:
    half, balance = (Tax("half", 500_000),), 20 * CENT
    seconds = price.affordable(RATE, None, half, balance)
    assert price.charge(RATE, None, half, seconds).total <= balance
    assert price.charge(RATE, None, half, seconds + 1).total > balance
    assert seconds < price.affordable(RATE, None, (), balance)
